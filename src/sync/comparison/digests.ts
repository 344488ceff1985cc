import { hash } from "node:crypto";
import type { MemberChange, Name, Upsert } from "../../changes/index.js";
import { editOf, type ListId, listId } from "../../changes/internal.js";

/** Lists shorter than this are digested whole. */
const shortest = 1_000;

/** How many members are digested together, by chance and at most. */
const usualLength = 1_024;
const greatestLength = 8_192;

/** Members that are digested together, and their digest. */
export interface Block {
  readonly members: readonly Name[];
  /** Whether it ended because the list did: elsewhere it would go on. */
  readonly isLast: boolean;
  readonly digest: string;
}

/** What was digested of members, for as long as the stream keeps these. */
export class DigestedBlocks {
  /** By the first of a block. */
  readonly byFirst: WeakMap<Name, Block> = new WeakMap();
  /** All of a list, which need not be kept for that. */
  readonly byList: WeakMap<ListId, readonly Block[]> = new WeakMap();
}

/**
 * Says in short what a change says, of which a step asks several times.
 *
 * Of a long list of members little is new when it is stated again: names that are the same objects as before, as
 * streams of this package have them, are not digested again. They are digested in blocks, and where one ends follows
 * from the names in it, not from how many come before it: who joins or leaves in the middle makes a new block of one,
 * and not of all that follow.
 */
export class Digests {
  readonly #changes = new WeakMap<Upsert, string>();
  readonly #blocks: DigestedBlocks;

  /** @param blocks What earlier steps have digested. */
  constructor(blocks: DigestedBlocks) {
    this.#blocks = blocks;
  }

  /** Of the account, and of names and members, with a space between them. */
  of(change: Upsert): string {
    const known = this.#changes.get(change);
    if (known !== undefined) return known;
    const { type, names, resource, nameCandidates, members } = change;
    const account =
      nameCandidates === undefined ? [type, resource] : [type, resource, nameCandidates];
    const references = [names, members && this.#membersDigest(members)];
    const digest = `${digestOf(account)} ${digestOf(references)}`;
    this.#changes.set(change, digest);
    return digest;
  }

  #membersDigest(change: MemberChange): unknown {
    if (change.kind !== "all" || change.members.length < shortest) return change;
    const blocks = this.#blocksOf(change.members);
    this.#blocks.byList.set(listId(change.members), blocks);
    return { kind: "all", blocks: blocks.map(({ digest }) => digest) };
  }

  /**
   * The blocks of a list. Where it is said how it was made of another one, those that are the same are not looked at.
   */
  #blocksOf(members: readonly Name[]): readonly Block[] {
    const edit = editOf(members);
    const before = edit && this.#blocks.byList.get(edit.before);
    const blocks: Block[] = [];
    let start = 0;
    let rest = 0;
    /** Where the block `rest` began before. */
    let restStart = 0;
    for (const block of before ?? []) {
      if (edit === undefined || block.isLast || start + block.members.length > edit.start) break;
      blocks.push(block);
      start += block.members.length;
    }
    while (start < members.length) {
      if (edit !== undefined && before !== undefined && start >= edit.start + edit.added) {
        const former = start - edit.added + edit.removed;
        for (; rest < before.length && restStart < former; rest++) {
          restStart += before[rest]?.members.length ?? 0;
        }
        // What ends a block are the names in it, so that both go on alike from where both begin one.
        if (restStart === former) return [...blocks, ...before.slice(rest)];
      }
      const block = this.#blockAt(members, start);
      blocks.push(block);
      start += block.members.length;
    }
    return blocks;
  }

  #blockAt(members: readonly Name[], start: number): Block {
    const first = members[start];
    const known = first && this.#blocks.byFirst.get(first);
    if (known !== undefined && isAt(known, members, start)) return known;
    const end = blockEnd(members, start);
    const some = members.slice(start, end);
    const block = { members: some, isLast: end === members.length, digest: digestOf(some) };
    if (first !== undefined) this.#blocks.byFirst.set(first, block);
    return block;
  }
}

/** Whether the block is the one that begins here. */
function isAt(block: Block, members: readonly Name[], start: number): boolean {
  if (block.isLast && start + block.members.length !== members.length) return false;
  return block.members.every((name, index) => name === members[start + index]);
}

/** Where the block ends that begins here: after a name that happens to end one, or else where it gets too long. */
function blockEnd(members: readonly Name[], start: number): number {
  const most = Math.min(members.length, start + greatestLength);
  for (let end = start + 1; end < most; end++) {
    if (isEnding(members[end - 1]?.key ?? "")) return end;
  }
  return most;
}

/** Whether a block ends after this key: so it is for one of {@link usualLength}, by the hash FNV-1a. */
function isEnding(key: string): boolean {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 8) % usualLength === 0;
}

function digestOf(value: unknown): string {
  return hash("sha256", JSON.stringify(value), "base64");
}
