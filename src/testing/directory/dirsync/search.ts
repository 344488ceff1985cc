import { BerError, Fields, integer, octets, sequence, tags, toInteger } from "../ber.js";
import { parentOf } from "../entries/dn.js";
import { type Entry, type GivenAttribute, isInScope, selectAttributes } from "../entries/entry.js";
import { evaluate } from "../entries/filter.js";
import { normalizedDnOf, type Tree } from "../entries/tree.js";
import { DirectoryError, ResultCode } from "../errors.js";
import {
  encodeEntry,
  type RequestControl,
  responseControl,
  type SearchOperation,
} from "../session/message.js";
import type { SearchContext } from "../session/search-context.js";
import { type Domain, guidBytes } from "./domain.js";
import { domainOids, serviceName } from "./root-dse.js";

const adminLimitExceeded = 11;

/** Answers searches as a domain controller does. */
export class DomainSearch {
  readonly #operation: SearchOperation;
  readonly #context: SearchContext;
  readonly #domain: Domain;
  readonly #tree: Tree;
  readonly #controls: ReadonlyMap<string, RequestControl>;

  constructor(
    operation: SearchOperation,
    controls: readonly RequestControl[],
    context: SearchContext,
    domain: Domain,
  ) {
    this.#operation = operation;
    this.#context = context;
    this.#domain = domain;
    this.#tree = context.service.tree;
    this.#controls = new Map(controls.map((control) => [control.oid, control]));
  }

  async answer(): Promise<readonly Buffer[]> {
    const dirSync = this.#controls.get(domainOids.dirSync);
    if (dirSync !== undefined) return await this.#dirSync(dirSync.value ?? Buffer.alloc(0));
    if (this.#controls.has(domainOids.notification)) return await this.#notify();
    const { base } = this.#operation;
    if (base === serviceName(this.#context.service.suffix)) return await this.#sendService();
    if (/^<WKGUID=18E2EA80684F11D2B9AA00C04F79F805,/i.test(base))
      return await this.#sendContainer();
    return await this.#search();
  }

  async #search(): Promise<readonly Buffer[]> {
    const { scope, filter, attributes } = this.#operation;
    const base = this.#base();
    const all = [...this.#tree.search(base, scope), ...this.#deleted(base)];
    const paged = this.#controls.get(domainOids.pagedResults)?.value;
    const { maxPageSize = 1_000 } = this.#domain.options;
    const { size, after } = readPage(paged, maxPageSize);
    // By name, as by an index: what is renamed meanwhile may come twice, or not at all.
    const found = all
      .filter((entry) => entry.normalizedDn > after && this.#matches(filter, entry))
      .sort((one, other) => (one.normalizedDn < other.normalizedDn ? -1 : 1));
    const page = found.slice(0, size);
    for (const entry of page) {
      const selected = this.#inRanges(selectAttributes(entry.all(), plainTypes(attributes), false));
      await this.#send(entry, selected);
      if (this.#context.signal.aborted) return [];
    }
    const hasMore = found.length > page.length;
    if (paged === undefined) {
      if (hasMore) throw new DirectoryError(ResultCode.sizeLimitExceeded, "");
      return [];
    }
    const cookie = hasMore ? (page.at(-1)?.normalizedDn ?? "") : "";
    return [responseControl(domainOids.pagedResults, sequence(integer(0), octets(cookie)))];
  }

  #matches(filter: SearchOperation["filter"], entry: Entry): boolean {
    return evaluate(filter, entry, (key) => this.#tree.isKnown(key)) === true;
  }

  #base(): string {
    const [, guid] = /^<GUID=([\da-f-]{36})>$/i.exec(this.#operation.base) ?? [];
    if (guid === undefined) return this.#tree.resolve(this.#operation.base).normalizedDn;
    const entry = this.#tree.withUuid(guid.toLowerCase());
    if (entry === undefined) throw new DirectoryError(ResultCode.noSuchObject, "");
    return entry.normalizedDn;
  }

  #deleted(base: string): readonly Entry[] {
    if (!this.#controls.has(domainOids.showDeleted) || !this.#seesDeleted) return [];
    const entries = this.#domain.tombstones.map(({ entry }) => entry);
    return entries.filter((entry) => isInScope(entry, base, this.#operation.scope));
  }

  get #seesDeleted(): boolean {
    return this.#domain.seesDeleted(this.#context.boundDn);
  }

  /** What has changed since the cookie, an object at a time, each as a whole or in part. */
  async #dirSync(value: Buffer): Promise<readonly Buffer[]> {
    if (this.#base() !== this.#tree.suffix) {
      throw new DirectoryError(ResultCode.unwillingToPerform, "not a naming context");
    }
    const since = readCookie(value);
    if (since === undefined) {
      throw new DirectoryError(ResultCode.unavailableCriticalExtension, "unusable cookie");
    }
    const refusal = since.attributes > 0 ? this.#context.service.faults.takeRefusal() : undefined;
    if (refusal !== undefined) throw new DirectoryError(refusal, "");
    const until = this.#domain.highestUsn;
    const { dirSyncPage = Number.POSITIVE_INFINITY } = this.#domain.options;
    const changed: { entry: Entry; usn: number; attributes: readonly GivenAttribute[] }[] = [];
    const buried = this.#seesDeleted ? this.#domain.tombstones : [];
    for (const entry of [...this.#tree.entries, ...buried.map((tombstone) => tombstone.entry)]) {
      if (!this.#matches(this.#operation.filter, entry)) continue;
      const { usn, attributes } = this.#changed(entry, since.attributes);
      if (usn > since.objects) changed.push({ entry, usn, attributes });
    }
    changed.sort((one, other) => one.usn - other.usn);
    const page = changed.slice(0, dirSyncPage);
    // No object is sent before its attributes, whatever the order in which they were written.
    for (const { entry, attributes } of page.toReversed()) {
      await this.#send(entry, [
        ...attributes,
        { type: "objectGUID", values: [guidBytes(entry.uuid)] },
        { type: "instanceType", values: [Buffer.from("4")] },
      ]);
    }
    const hasMore = page.length < changed.length;
    // Until all pages were taken, an attribute is compared with the number from which they began.
    const cookie = hasMore
      ? printCookie(since.attributes, page.at(-1)?.usn ?? 0)
      : printCookie(until, until);
    const control = sequence(integer(hasMore ? 1 : 0), integer(0), octets(cookie));
    return [responseControl(domainOids.dirSync, control)];
  }

  #changed(
    entry: Entry,
    since: number,
  ): { readonly usn: number; readonly attributes: readonly GivenAttribute[] } {
    const { attributes, links } = this.#domain.changesOf(entry.uuid);
    const wanted = new Map(this.#operation.attributes.map((name) => [name.toLowerCase(), name]));
    const found: GivenAttribute[] = [];
    let latest = 0;
    for (const [key, usn] of attributes) {
      const name = wanted.get(key);
      if (usn <= since || name === undefined || key === "objectguid" || links.has(key)) continue;
      latest = Math.max(latest, usn);
      found.push({ type: name, values: this.#valuesOf(entry, key) });
    }
    for (const [key, values] of links) {
      const name = wanted.get(key);
      if (name === undefined) continue;
      for (const isThere of [true, false]) {
        const changed = values.filter((link) => link.usn > since && link.isThere === isThere);
        const targets = changed.flatMap(({ target }) => this.#tree.withUuid(target) ?? []);
        if (targets.length === 0) continue;
        latest = Math.max(latest, ...changed.map(({ usn }) => usn));
        const range = isThere ? "1-1" : "0-0";
        const dns = targets.map(({ dn }) => Buffer.from(dn));
        found.push({ type: `${name};range=${range}`, values: dns });
      }
    }
    return { usn: latest, attributes: found };
  }

  #valuesOf(entry: Entry, key: string): readonly Buffer[] {
    if (key === "name") return [Buffer.from(entry.dn.split(",")[0]?.split("=")[1] ?? "")];
    if (key === "parentguid") {
      const parent = this.#tree.get(parentOf(entry.normalizedDn) ?? "");
      return parent === undefined ? [] : [guidBytes(parent.uuid)];
    }
    return entry.attributes.get(key)?.values ?? [];
  }

  /** Sends each object that is written, for as long as the client wants. */
  async #notify(): Promise<readonly Buffer[]> {
    const { filter } = this.#operation;
    if (filter.kind !== "present" || filter.type.toLowerCase() !== "objectclass") {
      throw new DirectoryError(ResultCode.unwillingToPerform, "only (objectClass=*)");
    }
    const { maxNotifications = 5 } = this.#domain.options;
    const { notifications, signal } = this.#context;
    if (notifications.size >= maxNotifications) {
      throw new DirectoryError(adminLimitExceeded, "too many notifications");
    }
    const stop = this.#domain.listen((entry, isDeleted) => {
      if (isDeleted && !this.#seesDeleted) return;
      void this.#send(entry, [{ type: "objectGUID", values: [guidBytes(entry.uuid)] }]);
    });
    notifications.add(this);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve());
    });
    stop();
    notifications.delete(this);
    return [];
  }

  async #sendService(): Promise<readonly Buffer[]> {
    const values = [guidBytes(this.#domain.invocationId)];
    const { messageId, send } = this.#context;
    await send(encodeEntry(messageId, this.#operation.base, [{ type: "invocationId", values }]));
    return [];
  }

  /** The container of what was deleted is found by its name, and is without attributes to an account that may not read it. */
  async #sendContainer(): Promise<readonly Buffer[]> {
    const { messageId, send, service } = this.#context;
    const values = [guidBytes("9ed5a3ca-0000-4000-8000-000000000001")];
    const attributes = this.#seesDeleted ? [{ type: "objectGUID", values }] : [];
    await send(encodeEntry(messageId, `CN=Deleted Objects,${service.suffix}`, attributes));
    return [];
  }

  async #send(entry: Entry, attributes: readonly GivenAttribute[]): Promise<void> {
    const { messageId, send } = this.#context;
    const isExtended = this.#controls.has(domainOids.extendedDn);
    const dn = isExtended ? extended(entry) : entry.dn;
    const shown = isExtended ? attributes.map((one) => this.#extendedValues(one)) : attributes;
    await send(encodeEntry(messageId, dn, shown));
  }

  #extendedValues({ type, values }: GivenAttribute): GivenAttribute {
    if (!/^(?:member|manager|memberOf)(?:;|$)/i.test(type)) return { type, values };
    const named = values.map((value) => {
      const entry = this.#tree.get(normalizedDnOf(value.toString()));
      return entry === undefined ? value : Buffer.from(extended(entry));
    });
    return { type, values: named };
  }

  /** Of many values a part, as it was asked for, or the first ones. */
  #inRanges(attributes: readonly GivenAttribute[]): GivenAttribute[] {
    const { maxValRange = 1_500 } = this.#domain.options;
    return attributes.flatMap(({ type, values }): GivenAttribute[] => {
      const asked = this.#operation.attributes
        .map((name) => /^([^;]+);range=(\d+)-\*$/i.exec(name))
        .find((match) => match?.[1]?.toLowerCase() === type.toLowerCase());
      // The few classes of an object are never too many.
      const isWhole = values.length <= maxValRange || type === "objectClass";
      if (asked === undefined && isWhole) return [{ type, values }];
      const from = Number(asked?.[2] ?? 0);
      const part = values.slice(from, from + maxValRange);
      const isLast = from + part.length >= values.length;
      const range = `${from}-${isLast ? "*" : from + part.length - 1}`;
      const whole: GivenAttribute[] = asked === undefined ? [{ type, values: [] }] : [];
      return [...whole, { type: `${type};range=${range}`, values: part }];
    });
  }
}

function extended(entry: Entry): string {
  return `<GUID=${entry.uuid}>;${entry.dn}`;
}

/** Without ranges, which say how much of an attribute is wanted. */
function plainTypes(attributes: readonly string[]): readonly string[] {
  return attributes.map((name) => name.replace(/;range=.*$/i, ""));
}

function readPage(value: Buffer | undefined, most: number): { size: number; after: string } {
  if (value === undefined) return { size: most, after: "" };
  const fields = readFields(value);
  const size = toInteger(fields.take(tags.integer));
  return { size: Math.min(size, most), after: fields.take(tags.octets).toString() };
}

/** The numbers after which attributes, and objects, are wanted: these are others within a series of pages. */
interface Since {
  readonly attributes: number;
  readonly objects: number;
}

function printCookie(attributes: number, objects: number): string {
  return `MSDS${attributes}.${objects}`;
}

/** Undefined of what is no cookie. */
function readCookie(value: Buffer): Since | undefined {
  const fields = readFields(value);
  fields.take(tags.integer);
  fields.take(tags.integer);
  const cookie = fields.take(tags.octets).toString();
  if (cookie === "") return { attributes: 0, objects: 0 };
  const [, attributes, objects] = /^MSDS(\d+)\.(\d+)$/.exec(cookie) ?? [];
  if (attributes === undefined) return undefined;
  return { attributes: Number(attributes), objects: Number(objects) };
}

function readFields(value: Buffer): Fields {
  try {
    return new Fields(new Fields(value).take(tags.sequence));
  } catch (error) {
    if (!(error instanceof BerError)) throw error;
    throw new DirectoryError(ResultCode.protocolError, error.message);
  }
}
