import { DirectoryError, ResultCode } from "../errors.js";
import { type CsnClock, serverOf } from "./csn.js";
import {
  normalizeDn,
  normalizeRdn,
  normalizeValue,
  parentOf,
  parseDn,
  printDn,
  type Rdn,
} from "./dn.js";
import {
  type Attributes,
  AttributeValues,
  Entry,
  type GivenAttribute,
  isInScope,
  type Scope,
} from "./entry.js";
import {
  addNaming,
  checkCount,
  checkGiven,
  holdsNaming,
  type Modification,
  modifyAttributes,
  removeNaming,
  storageKey,
} from "./modify.js";
import { attributeKey, attributeType, structuralClass } from "./schema.js";

/** Who writes. */
export interface Author {
  /** What becomes `creatorsName` and `modifiersName`. */
  readonly dn: string;
  /** The server whose CSN the write gets. */
  readonly serverId: number;
}

/** What a write did to one entry. A rename says nothing of the entries below, whose DNs changed with it. */
export interface Write {
  readonly kind: "add" | "modify" | "rename" | "delete";
  readonly csn: string;
  readonly serverId: number;
  readonly uuid: string;
  /** The entry as it was, unless it was added. */
  readonly before?: Entry;
  /** The entry as it is, unless it was deleted. */
  readonly after?: Entry;
}

/** What a tree needs from outside. */
export interface TreeOptions {
  readonly suffix: string;
  readonly csnClock: CsnClock;
  readonly now: () => Date;
  readonly newUuid: () => string;
  /** Further operational attributes that each write sets, of the entry with this id. Default: none. */
  readonly numbers?: (uuid: string) => readonly (readonly [string, string])[];
  /** Called after each write, before the next one. */
  readonly onWrite: (write: Write) => void;
}

/** The directory information tree: entries by name, and the operations of RFC 4511 that change them. */
export class Tree {
  readonly #options: TreeOptions;
  readonly #suffix: string;
  readonly #entries = new Map<string, Entry>();
  readonly #byUuid = new Map<string, Entry>();
  readonly #children = new Map<string, Set<string>>();
  readonly #knownAttributes = new Set<string>();
  #lastId = 0;

  constructor(options: TreeOptions) {
    this.#options = options;
    this.#suffix = normalizedDnOf(options.suffix);
  }

  /** The normalised DN of the topmost entry. */
  get suffix(): string {
    return this.#suffix;
  }

  /** Whether some entry has, or had, this attribute, or it is one of the usual ones. */
  isKnown(key: string): boolean {
    return attributeType(key) !== undefined || this.#knownAttributes.has(key);
  }

  /** The entry of a normalised DN. */
  get(normalizedDn: string): Entry | undefined {
    return this.#entries.get(normalizedDn);
  }

  /** The entry with this entryUUID, whatever its DN is now. */
  withUuid(uuid: string): Entry | undefined {
    return this.#byUuid.get(uuid);
  }

  /**
   * The entry of a DN.
   *
   * @throws {DirectoryError} invalidDNSyntax, or noSuchObject with the nearest entry above.
   */
  resolve(dn: string): Entry {
    const normalizedDn = normalizedDnOf(dn);
    const entry = this.#entries.get(normalizedDn);
    if (entry === undefined) throw this.#noSuchObject(normalizedDn);
    return entry;
  }

  #noSuchObject(normalizedDn: string): DirectoryError {
    let above = parentOf(normalizedDn);
    while (above !== undefined && !this.#entries.has(above)) above = parentOf(above);
    const matched = above === undefined ? undefined : this.#entries.get(above);
    return new DirectoryError(ResultCode.noSuchObject, "", matched?.dn ?? "");
  }

  /** The entries in a scope, in the order in which they were added. */
  search(base: string, scope: Scope): Entry[] {
    if (scope === "base") {
      const entry = this.#entries.get(base);
      return entry ? [entry] : [];
    }
    const found: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (isInScope(entry, base, scope)) found.push(entry);
    }
    return found.sort((left, right) => left.id - right.id);
  }

  /** All entries, as they are now. */
  get entries(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  /** Replaces all entries. */
  restore(entries: readonly Entry[]): void {
    this.#entries.clear();
    this.#byUuid.clear();
    this.#children.clear();
    for (const entry of entries) this.#put(entry);
  }

  /** Whether there are entries below this one. */
  hasChildren(entry: Entry): boolean {
    return (this.#children.get(entry.normalizedDn)?.size ?? 0) > 0;
  }

  /**
   * Adds an entry. RFC 4511 §4.7
   *
   * @param kept - operational attributes that are set instead of made, as when a database is loaded.
   */
  add(
    dn: string,
    given: readonly GivenAttribute[],
    author: Author,
    kept: readonly GivenAttribute[] = [],
  ): Entry {
    const rdns = rdnsOf(dn);
    const normalizedDn = normalizedDnOf(dn);
    const rdn = rdns[0];
    if (rdn === undefined || !`,${normalizedDn}`.endsWith(`,${this.#suffix}`)) {
      throw new DirectoryError(ResultCode.unwillingToPerform, "no global superior knowledge");
    }
    const attributes = new Map<string, AttributeValues>();
    for (const attribute of given) {
      const key = storageKey(attribute.type);
      const values = checkGiven(attribute);
      if (values.values.length === 0) {
        throw new DirectoryError(ResultCode.protocolError, "no values for attribute type");
      }
      if (attributes.has(key)) {
        throw new DirectoryError(
          ResultCode.attributeOrValueExists,
          `attribute '${values.description}' provided more than once`,
        );
      }
      checkCount(values);
      attributes.set(key, values);
    }
    checkClasses(attributes);
    addNaming(attributes, rdn);
    if (this.#entries.has(normalizedDn)) {
      throw new DirectoryError(ResultCode.entryAlreadyExists, "");
    }
    if (normalizedDn !== this.#suffix && !this.#entries.has(parentOf(normalizedDn) ?? "")) {
      throw this.#noSuchObject(normalizedDn);
    }
    const keptValue = (name: string) => {
      const attribute = kept.find(({ type }) => type.toLowerCase() === name.toLowerCase());
      return attribute && checkedValue(attribute);
    };
    const csn = keptValue("entryCSN") ?? this.#options.csnClock.next(author.serverId);
    this.#options.csnClock.observe(csn);
    const now = this.#timestamp();
    const uuid = keptValue("entryUUID") ?? this.#options.newUuid();
    const classes = attributes.get("objectclass")?.values.map(String) ?? [];
    for (const [name, value] of [
      ["structuralObjectClass", structuralClass(classes)],
      ["entryUUID", uuid],
      ["creatorsName", keptValue("creatorsName") ?? author.dn],
      ["createTimestamp", keptValue("createTimestamp") ?? now],
      ["entryCSN", csn],
      ["modifiersName", keptValue("modifiersName") ?? author.dn],
      ["modifyTimestamp", keptValue("modifyTimestamp") ?? now],
      ...(this.#options.numbers?.(uuid) ?? []),
    ] as const) {
      attributes.set(name.toLowerCase(), new AttributeValues(name, [Buffer.from(value)]));
    }
    const after = new Entry(
      { id: ++this.#lastId, uuid },
      { dn: printDn(rdns), normalizedDn },
      attributes,
    );
    this.#put(after);
    this.#written({ kind: "add", csn, uuid, after });
    return after;
  }

  /** Modifies an entry. RFC 4511 §4.6 */
  modify(dn: string, modifications: readonly Modification[], author: Author): Entry {
    const before = this.resolve(dn);
    const attributes = this.#modified(before, modifications);
    const csn = this.#stamp(attributes, author, before.uuid);
    const after = new Entry(before, before, attributes);
    this.#put(after);
    this.#written({ kind: "modify", csn, uuid: after.uuid, before, after });
    return after;
  }

  /** Modifies an entry with no new CSN and without telling a search. */
  modifySilently(dn: string, modifications: readonly Modification[]): void {
    const before = this.resolve(dn);
    this.#put(new Entry(before, before, this.#modified(before, modifications)));
  }

  #modified(before: Entry, modifications: readonly Modification[]): Map<string, AttributeValues> {
    const attributes = modifyAttributes(before.attributes, modifications);
    checkClasses(attributes);
    const rdn = rdnsOf(before.dn)[0] ?? [];
    if (!holdsNaming(attributes, rdn)) {
      const naming = rdn.map(({ type }) => `'${type}'`).join(", ");
      // RFC 4511 has notAllowedOnRDN for this; OpenLDAP answers so.
      throw new DirectoryError(
        ResultCode.namingViolation,
        `value of naming attribute ${naming} is not present in entry`,
      );
    }
    return attributes;
  }

  /** Renames or moves an entry, and with it all entries below. RFC 4511 §4.9 */
  rename(
    dn: string,
    to: { newRdn: string; deleteOldRdn: boolean; newSuperior?: string },
    author: Author,
  ): Entry {
    const before = this.resolve(dn);
    const [newRdn, ...more] = rdnsOf(to.newRdn);
    if (newRdn === undefined || more.length > 0) {
      throw new DirectoryError(ResultCode.invalidDNSyntax, "invalid new RDN");
    }
    if (before.normalizedDn === this.#suffix) {
      throw new DirectoryError(ResultCode.unwillingToPerform, "cannot rename suffix entry");
    }
    const oldRdns = rdnsOf(before.dn);
    const superior =
      to.newSuperior === undefined
        ? this.#entries.get(parentOf(before.normalizedDn) ?? "")
        : this.#entries.get(normalizedDnOf(to.newSuperior));
    if (superior === undefined) {
      throw new DirectoryError(ResultCode.noSuchObject, "new superior does not exist");
    }
    if (`,${superior.normalizedDn}`.endsWith(`,${before.normalizedDn}`)) {
      throw new DirectoryError(ResultCode.unwillingToPerform, "new superior is below the entry");
    }
    const normalizedDn = `${normalizeRdn(newRdn)},${superior.normalizedDn}`;
    const taken = this.#entries.get(normalizedDn);
    if (taken !== undefined && taken !== before) {
      throw new DirectoryError(ResultCode.entryAlreadyExists, "");
    }
    const attributes = new Map(before.attributes);
    if (to.deleteOldRdn) removeNaming(attributes, oldRdns[0] ?? []);
    addNaming(attributes, newRdn);
    for (const attribute of attributes.values()) checkCount(attribute);
    const csn = this.#stamp(attributes, author, before.uuid);
    const newDn = printDn([newRdn, ...rdnsOf(superior.dn)]);
    const below = this.search(before.normalizedDn, "sub").filter((entry) => entry !== before);
    this.#remove(before);
    for (const entry of below) this.#remove(entry);
    const after = new Entry(before, { dn: newDn, normalizedDn }, attributes);
    this.#put(after);
    const kept = (name: string) =>
      name.slice(0, name.length - before.normalizedDn.length) + normalizedDn;
    for (const entry of below) {
      const rdns = rdnsOf(entry.dn);
      const own = rdns.slice(0, rdns.length - oldRdns.length);
      const name = {
        dn: printDn([...own, ...rdnsOf(newDn)]),
        normalizedDn: kept(entry.normalizedDn),
      };
      this.#put(new Entry(entry, name, entry.attributes));
    }
    this.#written({ kind: "rename", csn, uuid: after.uuid, before, after });
    return after;
  }

  /** Deletes an entry that has none below it. RFC 4511 §4.8 */
  delete(dn: string, author: Author): void {
    const before = this.resolve(dn);
    if (this.hasChildren(before)) {
      throw new DirectoryError(
        ResultCode.notAllowedOnNonLeaf,
        "subordinate objects must be deleted first",
      );
    }
    const csn = this.#options.csnClock.next(author.serverId);
    this.#remove(before);
    this.#byUuid.delete(before.uuid);
    this.#written({ kind: "delete", csn, uuid: before.uuid, before });
  }

  #put(entry: Entry): void {
    this.#entries.set(entry.normalizedDn, entry);
    this.#byUuid.set(entry.uuid, entry);
    for (const key of entry.attributes.keys()) this.#knownAttributes.add(attributeKey(key));
    const parent = parentOf(entry.normalizedDn) ?? "";
    const siblings = this.#children.get(parent);
    if (siblings) siblings.add(entry.normalizedDn);
    else this.#children.set(parent, new Set([entry.normalizedDn]));
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.normalizedDn);
    const parent = parentOf(entry.normalizedDn) ?? "";
    const siblings = this.#children.get(parent);
    siblings?.delete(entry.normalizedDn);
    if (siblings?.size === 0) this.#children.delete(parent);
  }

  /** Sets what every write sets, and returns its CSN. */
  #stamp(attributes: Map<string, AttributeValues>, author: Author, uuid: string): string {
    const csn = this.#options.csnClock.next(author.serverId);
    const set = (name: string, value: string) =>
      attributes.set(name.toLowerCase(), new AttributeValues(name, [Buffer.from(value)]));
    set("entryCSN", csn);
    for (const [name, value] of this.#options.numbers?.(uuid) ?? []) set(name, value);
    set("modifiersName", author.dn);
    set("modifyTimestamp", this.#timestamp());
    const classes = attributes.get("objectclass")?.values.map(String) ?? [];
    set("structuralObjectClass", structuralClass(classes));
    return csn;
  }

  #timestamp(): string {
    return `${this.#options.now().toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
  }

  #written(write: Omit<Write, "serverId">): void {
    this.#options.onWrite({ ...write, serverId: serverOf(write.csn) ?? 0 });
  }
}

function checkClasses(attributes: Attributes): void {
  if (!attributes.has("objectclass")) {
    throw new DirectoryError(ResultCode.objectClassViolation, "no objectClass attribute");
  }
}

/** The one value of an operational attribute, in its syntax. */
function checkedValue({ type, values: [value, ...more] }: GivenAttribute): string {
  const matching = attributeType(attributeKey(type))?.matching ?? "caseExact";
  const isValid =
    value !== undefined &&
    more.length === 0 &&
    (matching === "csn"
      ? serverOf(value.toString()) !== undefined
      : normalizeValue(matching, value) !== undefined);
  if (!isValid) {
    throw new DirectoryError(
      ResultCode.invalidAttributeSyntax,
      `${type}: value invalid per syntax`,
    );
  }
  return value.toString();
}

function rdnsOf(dn: string): Rdn[] {
  const rdns = parseDn(dn);
  if (rdns === undefined) throw new DirectoryError(ResultCode.invalidDNSyntax, "invalid DN");
  return rdns;
}

/**
 * The normalised form of a DN.
 *
 * @throws {DirectoryError} invalidDNSyntax where the text is no DN.
 */
export function normalizedDnOf(dn: string): string {
  const normalized = normalizeDn(dn);
  if (normalized === undefined) throw new DirectoryError(ResultCode.invalidDNSyntax, "invalid DN");
  return normalized;
}
