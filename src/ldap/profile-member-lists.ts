import type { MemberReference } from "../changes/index.js";

/** Makes a member of a value, or nothing of one that cannot be used. */
export type ReadMember = (value: Uint8Array) => MemberReference | undefined;

/** A list as it was read: the bytes of its values, where each of them lies, and what they were read as. */
interface MemberList {
  readonly bytes: Buffer;
  /** For each value where it ends, counted from the beginning of the first. */
  readonly ends: Uint32Array;
  /** For each value its length. */
  readonly lengths: Uint32Array;
  /** For each value the member; nothing for one that cannot be used, or that another value stated. */
  readonly members: readonly (MemberReference | undefined)[];
  /** The keys of the members. */
  readonly keys: Set<string>;
}

/** Where the values of a list lie. */
type Layout = Pick<MemberList, "bytes" | "ends" | "lengths">;

/** Shorter lists are read anew each time, which takes no longer than a millisecond. */
const shortest = 1_000;

/** How many bytes of messages are kept at most. What was made of them takes up to three times as much beside. */
const maxKept = 8 * 1024 * 1024;

/**
 * Remembers the long lists of members that were read last. A server sends all of a list whenever one member comes or goes,
 * and mostly it adds at the end, so what a list begins with needs no reading when its bytes are those of the list before it.
 */
export class MemberLists {
  /** By group and attribute, the least recently read first. */
  readonly #lists = new Map<string, MemberList>();
  #kept = 0;

  /** Reads the values of an attribute of a group, which are views of one message. Each member comes once. */
  read(
    group: string,
    attribute: number,
    values: readonly Uint8Array[],
    read: ReadMember,
  ): readonly MemberReference[] {
    if (values.length < shortest) return used(readOn([], new Set(), values, read));
    const key = `${attribute} ${group}`;
    const before = this.#forget(key);
    const list = listOf(values);
    const same = before === undefined ? 0 : alike(before, list);
    const begun = before === undefined ? [] : before.members.slice(0, same);
    const keys =
      before !== undefined && same === before.members.length
        ? before.keys
        : new Set(used(begun).map((member) => member.key));
    const members = readOn(begun, keys, values.slice(same), read);
    this.#remember(key, { ...list, members, keys });
    return used(members);
  }

  #remember(key: string, list: MemberList): void {
    this.#lists.set(key, list);
    this.#kept += list.bytes.buffer.byteLength;
    for (const oldest of this.#lists.keys()) {
      if (this.#kept <= maxKept) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): MemberList | undefined {
    const list = this.#lists.get(key);
    if (list === undefined) return undefined;
    this.#lists.delete(key);
    this.#kept -= list.bytes.buffer.byteLength;
    return list;
  }
}

/** Adds to the members, of which there are the keys, those that the values state. */
function readOn(
  members: (MemberReference | undefined)[],
  keys: Set<string>,
  values: readonly Uint8Array[],
  read: ReadMember,
): readonly (MemberReference | undefined)[] {
  for (const value of values) {
    const member = read(value);
    const known = keys.size;
    const isNew = member !== undefined && keys.add(member.key).size > known;
    members.push(isNew ? member : undefined);
  }
  return members;
}

function used(members: readonly (MemberReference | undefined)[]): readonly MemberReference[] {
  return members.filter((member) => member !== undefined);
}

/** The bytes from the first value to the last, with whatever the encoding has in between. */
function listOf(values: readonly Uint8Array[]): Layout {
  const start = values[0]?.byteOffset ?? 0;
  const ends = new Uint32Array(values.length);
  const lengths = new Uint32Array(values.length);
  let index = 0;
  for (const value of values) {
    const { byteLength } = value;
    ends[index] = value.byteOffset - start + byteLength;
    lengths[index] = byteLength;
    index += 1;
  }
  const bytes = Buffer.from(values[0]?.buffer ?? new ArrayBuffer(0), start, ends.at(-1) ?? 0);
  return { bytes, ends, lengths };
}

/** How many values two lists have in common from their beginning on. */
function alike(one: Layout, other: Layout): number {
  // Bisection over values: how many fit is found with a few comparisons of long runs of bytes.
  let same = 0;
  let different = Math.min(one.ends.length, other.ends.length) + 1;
  let from = 0;
  while (different - same > 1) {
    const middle = (same + different) >> 1;
    const end = one.ends[middle - 1] ?? 0;
    const isSame =
      end === other.ends[middle - 1] && one.bytes.compare(other.bytes, from, end, from, end) === 0;
    if (isSame) {
      same = middle;
      from = end;
    } else {
      different = middle;
    }
  }
  // Equal bytes are equal values only where they are divided alike.
  for (let index = 0; index < same; index++) {
    const isDividedAlike =
      one.ends[index] === other.ends[index] && one.lengths[index] === other.lengths[index];
    if (!isDividedAlike) return index;
  }
  return same;
}
