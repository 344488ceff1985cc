import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Attribute, BerReader, Change, Client, ResultCodeError } from "ldapts";
import { type RecordedSearch, WireClient, type WireMessage } from "./directory-scenario-wire.js";

/** A directory that a scenario is played against. */
export interface ScenarioTarget {
  readonly url: string;
  readonly suffix: string;
  readonly adminDn: string;
  readonly password: string;
  restart(): Promise<void>;
}

const syncState = "1.3.6.1.4.1.4203.1.9.1.2";
const syncDone = "1.3.6.1.4.1.4203.1.9.1.3";
/** The entry whose changes say that all earlier ones have been seen. It is left out of the recording. */
const markerName = "cn=marker,ou=people";
/** An UnbindRequest (RFC 4511 §4.3) with a message id that no other request of a recorder has. */
const unbindRequest = Buffer.from("300602027fff4200", "hex");
const states = ["present", "add", "modify", "delete"];

/** Plays writes and searches against a directory, and writes down line by line what it answers. */
export class Recorder implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #target: ScenarioTarget;
  #client: Client;
  #socket: Socket | undefined;
  /** The names by which the recording calls the entries, since their UUIDs differ from run to run. */
  readonly #names = new Map<string, string>();
  readonly #csns = new Map<string, string>();
  #markers = 0;

  private constructor(target: ScenarioTarget) {
    this.#target = target;
    this.#client = this.#newClient();
  }

  #newClient(): Client {
    const { hostname, port } = new URL(this.#target.url);
    const createConnection = () => {
      this.#socket = connect(Number(port), hostname);
      return this.#socket;
    };
    return new Client({ url: this.#target.url, createConnection });
  }

  static async start(target: ScenarioTarget): Promise<Recorder> {
    const recorder = new Recorder(target);
    await recorder.#bind();
    await recorder.#client.add(recorder.dn(markerName), {
      objectClass: "organizationalRole",
      cn: "marker",
    });
    await recorder.#learnNames();
    return recorder;
  }

  async #bind(): Promise<void> {
    await this.#client.bind(this.#target.adminDn, this.#target.password);
  }

  /** The DN of a name below the suffix. */
  dn(name: string): string {
    return name === "" ? this.#target.suffix : `${name},${this.#target.suffix}`;
  }

  note(line: string): void {
    this.lines.push(`# ${line}`);
  }

  /** Writes through an LDAP client and records the result code. */
  async write(label: string, work: (client: Client) => Promise<unknown>): Promise<void> {
    let result = 0;
    try {
      await work(this.#client);
    } catch (error) {
      if (!(error instanceof ResultCodeError)) throw error;
      result = error.code;
      await this.#untilRefusalIsOver();
    }
    this.lines.push(`> ${label}: ${result}`);
    await this.#learnNames();
  }

  /**
   * slapd answers a write that it refuses before it takes back the number of the write, and until then its state stands
   * still, whatever is written. When it is over with all operations of a connection, it closes one that was unbound.
   */
  async #untilRefusalIsOver(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return;
    const closed = once(socket, "close");
    socket.write(unbindRequest);
    await closed;
    this.#client = this.#newClient();
    await this.#bind();
  }

  async add(name: string, attributes: Record<string, string | string[]>): Promise<void> {
    await this.write(`add ${name}`, (client) => client.add(this.dn(name), attributes));
  }

  async addPerson(uid: string, attributes: Record<string, string | string[]> = {}): Promise<void> {
    const person = { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid, ...attributes };
    await this.add(`uid=${uid},ou=people`, person);
  }

  async rename(name: string, newName: string): Promise<void> {
    await this.write(`rename ${name} to ${newName}`, (client) =>
      client.modifyDN(this.dn(name), this.dn(newName)),
    );
  }

  async modify(name: string, what: string, changes: Change[]): Promise<void> {
    await this.write(`modify ${name}: ${what}`, (client) => client.modify(this.dn(name), changes));
  }

  async delete(name: string): Promise<void> {
    await this.write(`delete ${name}`, (client) => client.del(this.dn(name)));
  }

  async restart(): Promise<void> {
    await this.#client.unbind();
    await this.#target.restart();
    await this.#bind();
    this.lines.push("> restart");
  }

  /** Waits until an entry has a member, or has it no more. */
  async untilMember(name: string, member: string, present: boolean): Promise<void> {
    for (;;) {
      const filter = `(member=${this.dn(member)})`;
      const found = await this.#client.search(this.dn(name), { filter, attributes: ["1.1"] });
      if (found.searchEntries.length > 0 === present) return;
      await sleep(10);
    }
  }

  async #learnNames(): Promise<void> {
    const { searchEntries } = await this.#client.search(this.#target.suffix, {
      attributes: ["entryUUID"],
    });
    for (const { dn, entryUUID } of searchEntries) {
      const uuid = String(entryUUID).replaceAll("-", "");
      if (!this.#names.has(uuid)) this.#names.set(uuid, this.#short(dn));
    }
  }

  #short(dn: string): string {
    return dn.endsWith(`,${this.#target.suffix}`)
      ? dn.slice(0, -this.#target.suffix.length - 1)
      : dn;
  }

  #nameOf(uuid: Buffer): string {
    return this.#names.get(uuid.toString("hex")) ?? "an unknown entry";
  }

  /** Connects another client. */
  connect(): Promise<WireClient> {
    return WireClient.connect(this.#target);
  }

  /** Plays a search to its end and records all of it; returns the last cookie. */
  async search(label: string, search: RecordedSearch): Promise<string | undefined> {
    await using client = await this.connect();
    this.lines.push(`< ${label}`);
    const messageId = client.search(search);
    return await this.#recordUntil(client, messageId, (message) => message.tag === 0x65);
  }

  /** Begins a search that persists and records its refresh; the result goes on. */
  async follow(label: string, search: RecordedSearch): Promise<Following> {
    const client = await this.connect();
    this.lines.push(`< ${label}`);
    const messageId = client.search(search);
    let ended = false;
    await this.#recordUntil(client, messageId, ({ tag, operation }) => {
      ended = tag === 0x65;
      return ended || (tag === 0x79 && isRefreshEnd(operation));
    });
    return {
      client,
      messageId,
      ended,
      record: async (title) => {
        this.lines.push(`< ${title}`);
        const marker = `marker ${++this.#markers}`;
        await this.#client.modify(this.dn(markerName), replacing("description", marker));
        return this.#recordUntil(
          client,
          messageId,
          ({ tag, operation }) => tag === 0x65 || (tag === 0x64 && operation.includes(marker)),
        );
      },
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  }

  /** Records the next message of one of these requests. */
  async recordNext(client: WireClient, ...messageIds: number[]): Promise<void> {
    const message = await client.next(...messageIds);
    this.lines.push(message ? this.#describe(message).line : "  closed");
  }

  async #recordUntil(
    client: WireClient,
    messageId: number,
    isLast: (message: WireMessage) => boolean,
  ): Promise<string | undefined> {
    let last: string | undefined;
    let message: WireMessage | undefined;
    // Entries that are not events have no order that counts.
    let unordered: string[] = [];
    do {
      message = await client.next(messageId);
      const { line, cookie } = message ? this.#describe(message) : { line: "  closed" };
      if (/^ {2}(add|entry) .*(\}|\(no cookie\))$/.test(line)) {
        if (!line.includes(` ${markerName} as `)) unordered.push(line);
      } else if (!line.includes(` ${markerName} as `)) {
        this.lines.push(...unordered.sort(), line);
        unordered = [];
      }
      if (cookie !== undefined && cookie !== "") last = cookie;
    } while (message !== undefined && !isLast(message));
    this.lines.push(...unordered);
    return last;
  }

  /** A cookie with its CSNs numbered in the order of their first appearance, since they differ from run to run. */
  #show(cookie: string | undefined): string {
    if (cookie === undefined) return "(no cookie)";
    const shown = cookie.replace(/\d{14}[^;,]*/g, (csn) => {
      if (!this.#csns.has(csn)) this.#csns.set(csn, `c${this.#csns.size + 1}`);
      return this.#csns.get(csn) ?? "";
    });
    return `(cookie ${shown})`;
  }

  #describe(message: WireMessage): { line: string; cookie?: string | undefined } {
    switch (message.tag) {
      case 0x64:
        return this.#describeEntry(message);
      case 0x79:
        return this.#describeInfo(message.operation);
      default:
        return this.#describeResult(message);
    }
  }

  #describeEntry({ operation, controls }: WireMessage) {
    const reader = new BerReader(operation);
    const dn = reader.readString() ?? "";
    reader.readSequence();
    const attributes: string[] = [];
    while (reader.remain > 0) {
      reader.readSequence();
      const type = reader.readString() ?? "";
      const values: string[] = [];
      reader.readSequence(0x31);
      const end = reader.offset + reader.length;
      while (reader.offset < end) values.push(reader.readString() ?? "");
      attributes.push(`${type}=${isVolatile(type) ? "…" : values.sort().join("|")}`);
    }
    const state = controls.get(syncState);
    const shown = `${this.#short(dn)} {${attributes.sort().join("; ")}}`;
    if (state === undefined) return { line: `  entry ${shown}` };
    const value = new BerReader(state);
    value.readSequence();
    const kind = states[value.readEnumeration() ?? -1];
    const name = this.#nameOf(value.readString(0x04, true) ?? Buffer.alloc(0));
    const cookie = value.remain > 0 ? (value.readString() ?? undefined) : undefined;
    return { line: `  ${kind} ${name} as ${shown} ${this.#show(cookie)}`, cookie };
  }

  #describeInfo(operation: Buffer) {
    const reader = new BerReader(operation);
    reader.readString(0x80);
    const value = new BerReader(reader.readString(0x81, true) ?? Buffer.alloc(0));
    if (value.peek() === 0x80) {
      const cookie = value.readString(0x80) ?? "";
      return { line: `  newCookie ${this.#show(cookie)}`, cookie };
    }
    const kind = value.readSequence();
    const cookie = value.peek() === 0x04 ? (value.readString() ?? undefined) : undefined;
    const flag = value.peek() === 0x01 ? value.readBoolean() : undefined;
    if (kind === 0xa3) {
      const names: string[] = [];
      value.readSequence(0x31);
      while (value.remain > 0) {
        const name = this.#nameOf(value.readString(0x04, true) ?? Buffer.alloc(0));
        if (name !== markerName) names.push(name);
      }
      const set = names.length > 20 ? `${names.length} entries` : names.sort().join(" ");
      return {
        line: `  syncIdSet refreshDeletes=${flag ?? false} {${set}} ${this.#show(cookie)}`,
        cookie,
      };
    }
    const name = kind === 0xa1 ? "refreshDelete" : "refreshPresent";
    return { line: `  ${name} refreshDone=${flag ?? true} ${this.#show(cookie)}`, cookie };
  }

  #describeResult({ tag, operation, controls }: WireMessage) {
    const reader = new BerReader(operation);
    const code = reader.readEnumeration();
    const matched = reader.readString() ?? "";
    const parts = [`  result ${tag.toString(16)} ${code}`];
    if (matched !== "") parts.push(`matched ${matched}`);
    let cookie: string | undefined;
    const done = controls.get(syncDone);
    if (done !== undefined) {
      const value = new BerReader(done);
      value.readSequence();
      cookie = value.peek() === 0x04 ? (value.readString() ?? undefined) : undefined;
      const deletes = value.peek() === 0x01 ? value.readBoolean() : false;
      parts.push(`refreshDeletes=${deletes} ${this.#show(cookie)}`);
    }
    return { line: parts.join(" "), cookie };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.unbind();
  }
}

/** A search that persists. */
export interface Following extends AsyncDisposable {
  readonly client: WireClient;
  readonly messageId: number;
  /** Whether the server ended the search instead of letting it persist. */
  readonly ended: boolean;
  /** Records all messages up to now; returns the last cookie. */
  record(title: string): Promise<string | undefined>;
}

/** The changes that give an attribute these values. */
export function replacing(type: string, ...values: string[]): Change[] {
  return [new Change({ operation: "replace", modification: new Attribute({ type, values }) })];
}

/** The changes that add values to an attribute. */
export function adding(type: string, ...values: string[]): Change[] {
  return [new Change({ operation: "add", modification: new Attribute({ type, values }) })];
}

/** The changes that take values of an attribute away; without values, all of them. */
export function deleting(type: string, ...values: string[]): Change[] {
  return [new Change({ operation: "delete", modification: new Attribute({ type, values }) })];
}

function isRefreshEnd(operation: Buffer): boolean {
  const reader = new BerReader(operation);
  reader.readString(0x80);
  const kind = (reader.readString(0x81, true) ?? Buffer.alloc(1))[0];
  return kind === 0xa1 || kind === 0xa2;
}

/** Attributes whose values differ from run to run. */
function isVolatile(type: string): boolean {
  return /^(entryUUID|entryCSN|contextCSN|createTimestamp|modifyTimestamp)$/i.test(type);
}
