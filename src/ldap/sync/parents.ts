import { createHash } from "node:crypto";
import type { Change, Name } from "../../changes/index.js";
import { normalizeDn } from "../wire/dn.js";
import type { EncodedMessage } from "../wire/message.js";
import { readSyncInfo, readSyncState, syncInfoOid } from "../wire/sync-messages.js";
import { endedByServer, type MessageBuffer } from "./message-buffer.js";

/** The most names that are asked about, since they come from outside: with more, something is not followed. */
const mostUnknown = 1_000;

/** What became of an entry below which others may be. */
export type ParentMove =
  /** It came, or has another name: the entries below it have others, too, or have come with it. */
  | { readonly kind: "below"; readonly dn: string }
  /** It left, and whatever was below it with it. */
  | { readonly kind: "left" };

/**
 * Follows the entries below which users and groups may be, by a synchronization of their own that asks for their names
 * only. A server reports a parent that is moved or renamed, but not what is below it.
 *
 * They are listed before the content is read, and followed from when it was: whatever was moved in between is sent as
 * moved.
 */
export class Parents {
  /** The names of the parents by their ids. */
  readonly #dns = new Map<string, string>();
  /** How many parents have a name: while two change names, both may have it for a moment. */
  readonly #named = new Map<string, number>();
  readonly #base: string;
  /** The names of what is above entries and not among the parents. */
  readonly #unknown = new Set<string>();
  #arePartial = false;
  #digest = 0n;
  #isListed = false;
  /** The parents that the refresh of the synchronization has not mentioned. */
  #unmentioned: Set<string> | undefined;
  #messages: MessageBuffer | undefined;

  constructor(base: string) {
    this.#base = normalizeDn(base);
  }

  /**
   * Tells which parents there are, by which names, in short. A position is stored with it: where it is another one at
   * the resume, one was moved of which nothing has come of it yet. Undefined where not all are followed.
   */
  get digest(): string | undefined {
    return this.#arePartial ? undefined : this.#digest.toString(36);
  }

  /** Whether there is something above an entry that is not followed. */
  get arePartial(): boolean {
    return this.#arePartial;
  }

  /**
   * Reads which parents there are.
   *
   * @throws {LdapResultError} the server does not let this account see them.
   */
  async list(search: AsyncIterable<readonly EncodedMessage[]>): Promise<void> {
    for await (const messages of search) {
      for (const message of messages) {
        if (message.kind !== "entry" && message.kind !== "oversized") continue;
        // The list is one of a synchronization, too, since the ids of its entries are in its controls.
        const { id } = readSyncState(message.controls);
        this.#name(id, nameOf(message.dn));
      }
    }
    this.#isListed = true;
  }

  /**
   * Looks whether all that is between the base and the entries of changes is among the parents. What is not are entries
   * of other classes, or that this account may not see; or they have not been reported yet.
   */
  look(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === "upsert") this.#lookAbove(change.names);
      if (change.kind !== "present") continue;
      for (const { names } of change.entries) this.#lookAbove(names);
    }
  }

  #lookAbove(names: readonly Name[] | undefined): void {
    const dn = names?.find(({ kind }) => kind === "dn")?.key;
    if (this.#arePartial || dn === undefined || dn === this.#base) return;
    for (let above = parentOf(dn); above !== this.#base && above !== ""; above = parentOf(above)) {
      if (!this.#named.has(above)) this.#unknown.add(above);
    }
    if (this.#unknown.size > mostUnknown) this.#arePartial = true;
  }

  /**
   * Asks about those that were not among them.
   *
   * @param isFollowed whether an entry is one whose changes the server reports.
   */
  async ask(isFollowed: (dn: string) => Promise<boolean>): Promise<void> {
    for (const dn of this.#unknown) {
      if (this.#arePartial) break;
      if (!this.#named.has(dn) && !(await isFollowed(dn))) this.#arePartial = true;
    }
    this.#unknown.clear();
  }

  /** Follows them from now on. */
  follow(messages: MessageBuffer): void {
    this.#messages = messages;
    this.#unmentioned = new Set(this.#dns.keys());
  }

  /** Asks for more. */
  request(): void {
    this.#messages?.request();
  }

  /**
   * What has become of parents since the last look.
   *
   * @throws {LdapResultError} the server does not let this account follow them.
   */
  take(): readonly ParentMove[] {
    const moves: ParentMove[] = [];
    const messages = this.#messages;
    for (let message = messages?.take(); message; message = messages?.take()) {
      const move = this.#read(message);
      if (move !== undefined) moves.push(move);
    }
    return moves;
  }

  /** Follows them no more: messages that were not read any more would stop the reading of all others. */
  async close(): Promise<void> {
    await this.#messages?.close();
    this.#messages = undefined;
  }

  /** Reads a message of the synchronization. @returns what it means for the entries below. */
  #read(message: EncodedMessage): ParentMove | undefined {
    switch (message.kind) {
      case "entry":
      case "oversized": {
        const { state, id } = readSyncState(message.controls);
        return this.#moved(state === "delete", id, message.dn);
      }
      case "intermediate":
        if (message.oid === syncInfoOid && message.value !== undefined) {
          return this.#readInfo(message.value);
        }
        return undefined;
      case "done":
        throw endedByServer();
      default:
        return undefined;
    }
  }

  #readInfo(value: Uint8Array): ParentMove | undefined {
    const info = readSyncInfo(value);
    if (info.kind === "refreshDelete" || info.kind === "refreshPresent") {
      return info.refreshDone ? this.#endRefresh() : undefined;
    }
    if (info.kind !== "idSet" || !info.refreshDeletes) return undefined;
    let hasLeft = false;
    for (const id of info.ids) hasLeft = this.#name(id, undefined) || hasLeft;
    return hasLeft ? { kind: "left" } : undefined;
  }

  /** A parent that was not mentioned has left since the list. */
  #endRefresh(): ParentMove | undefined {
    const left = [...(this.#unmentioned ?? [])].filter((id) => this.#name(id, undefined));
    this.#unmentioned = undefined;
    return left.length > 0 ? { kind: "left" } : undefined;
  }

  #moved(isGone: boolean, id: string, dn: string): ParentMove | undefined {
    this.#unmentioned?.delete(id);
    const isOther = this.#name(id, isGone ? undefined : nameOf(dn));
    if (!isOther || !this.#isListed) return undefined;
    return isGone ? { kind: "left" } : { kind: "below", dn };
  }

  /** Gives a parent a name, or takes it. @returns whether it had another one, or none. */
  #name(id: string, name: string | undefined): boolean {
    const before = this.#dns.get(id);
    if (before === name) return false;
    const left = before === undefined ? 0n : digestOf(id, before);
    const came = name === undefined ? 0n : digestOf(id, name);
    // A sum does not depend on the order in which the parents are reported.
    this.#digest = BigInt.asUintN(128, this.#digest - left + came);
    if (before !== undefined) this.#count(before, -1);
    if (name === undefined) this.#dns.delete(id);
    else {
      this.#dns.set(id, name);
      this.#count(name, 1);
    }
    return true;
  }

  #count(name: string, more: 1 | -1): void {
    const count = (this.#named.get(name) ?? 0) + more;
    if (count === 0) this.#named.delete(name);
    else this.#named.set(name, count);
  }
}

/** The name of what is above an entry, of its normalised name; empty at the root. */
function parentOf(dn: string): string {
  for (let at = 0; at < dn.length; at++) {
    if (dn[at] === "\\") at++;
    else if (dn[at] === ",") return dn.slice(at + 1);
  }
  return "";
}

function digestOf(id: string, name: string): bigint {
  const digest = createHash("sha256")
    .update(JSON.stringify([id, name]))
    .digest();
  return (digest.readBigUInt64BE(0) << 64n) | digest.readBigUInt64BE(8);
}

/** A name that differs only in spelling is the same. One that cannot be read is itself. */
function nameOf(dn: string): string {
  try {
    return normalizeDn(dn);
  } catch {
    return dn;
  }
}
