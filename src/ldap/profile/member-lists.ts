import type { MemberReference } from "../../changes/index.js";
import { noteEdit } from "../../changes/internal.js";
import { BerReader, Tag } from "../wire/ber.js";
import type { EncodedValues } from "./entry.js";

/** Makes a member of a value, or nothing of one that cannot be used. */
export type ReadMember = (bytes: Buffer, start: number, end: number) => MemberReference | undefined;

/** A list as it was read: the encodings of its values, and what they were read as. */
interface MemberList {
  /** The encodings, one after the other: a copy, which lies in memory that may be longer. */
  readonly encoded: Buffer;
  /** For each value where its encoding ends. It lies in memory that may be longer, too. */
  readonly ends: Uint32Array<ArrayBuffer>;
  /** For each value the member; nothing for one that cannot be used, or that another value stated. */
  readonly values: readonly (MemberReference | undefined)[];
  /** The members, each once. Without values that are not used, this is `values`. */
  readonly members: readonly MemberReference[];
  /** The keys of the members. */
  readonly keys: Set<string>;
}

/** Shorter lists are read anew each time, in bytes; that takes no longer than a millisecond. */
const shortest = 32_768;

/** How many bytes of messages are kept at most. What was made of them takes up to three times as much beside. */
const maxKept = 8 * 1024 * 1024;

/**
 * Remembers the long lists of members that were read last. A server sends all of a list whenever one member comes or
 * goes, so only what lies between the bytes that both lists begin with and those that both end with needs to be read.
 */
export class MemberLists {
  /** By group and attribute, the least recently read first. */
  readonly #lists = new Map<string, MemberList>();
  #kept = 0;

  /** Reads the values of an attribute of a group. Each member comes once. The bytes are not kept. */
  read(
    group: string,
    attribute: number,
    { bytes, start, end }: EncodedValues,
    read: ReadMember,
  ): readonly MemberReference[] {
    const encoded = bytes.subarray(start, end);
    if (encoded.length < shortest) return readShort(encoded, read);
    const key = `${attribute} ${group}`;
    const list = readList(encoded, this.#forget(key) ?? nothing(), read);
    this.#remember(key, list);
    return list.members;
  }

  #remember(key: string, list: MemberList): void {
    this.#lists.set(key, list);
    this.#kept += list.encoded.buffer.byteLength;
    for (const oldest of this.#lists.keys()) {
      if (this.#kept <= maxKept) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): MemberList | undefined {
    const list = this.#lists.get(key);
    if (list === undefined) return undefined;
    this.#lists.delete(key);
    this.#kept -= list.encoded.buffer.byteLength;
    return list;
  }
}

function nothing(): MemberList {
  const none: readonly MemberReference[] = [];
  const encoded = Buffer.alloc(0);
  return { encoded, ends: new Uint32Array(), values: none, members: none, keys: new Set() };
}

/** Reads a list that is not kept. */
function readShort(encoded: Buffer, read: ReadMember): readonly MemberReference[] {
  const members = new Map<string, MemberReference>();
  const reader = new BerReader(encoded);
  while (reader.offset < encoded.length) {
    const valueEnd = reader.enter(Tag.octetString, encoded.length);
    const member = read(encoded, reader.offset, valueEnd);
    if (member !== undefined && !members.has(member.key)) members.set(member.key, member);
    reader.moveTo(valueEnd);
  }
  return [...members.values()];
}

/**
 * Reads a list, given the one before it, which is not to be used any more: this one takes its memory.
 *
 * Encodings that begin with the same bytes hold the same values, up to the last one that ends within them. From there
 * on values are read until one ends where the list before goes on with the same bytes to its end.
 */
function readList(encoded: Buffer, before: MemberList, read: ReadMember): MemberList {
  const begun = firstUnread(before, countUpTo(before.ends, commonPrefix(before.encoded, encoded)));
  const start = before.ends[begun - 1] ?? 0;
  const shift = encoded.length - before.encoded.length;
  const rest = firstOfRest(before, encoded, begun);
  const restStart = rest === undefined ? encoded.length : (before.ends[rest - 1] ?? 0) + shift;

  const stated: (MemberReference | undefined)[] = [];
  const ends: number[] = [];
  const reader = new BerReader(encoded, start);
  while (reader.offset < encoded.length && reader.offset !== restStart) {
    const valueEnd = reader.enter(Tag.octetString, encoded.length);
    stated.push(read(encoded, reader.offset, valueEnd));
    reader.moveTo(valueEnd);
    ends.push(valueEnd);
  }
  const isMet = rest !== undefined && reader.offset === restStart;
  const restIndex = isMet ? rest : before.values.length;

  const keys = keysWithout(before, begun, restIndex);
  const middle = stated.map((member) => {
    if (member === undefined || keys.has(member.key)) return undefined;
    keys.add(member.key);
    return member;
  });
  return {
    ...joinedMembers(before, begun, middle, restIndex),
    keys,
    encoded: copyFrom(start, encoded, before.encoded),
    ends: joinedEnds(before.ends, begun, ends, restIndex, shift),
  };
}

/** Where reading begins: at the first unused value, since what stated the same later may be gone; or after all. */
function firstUnread({ values, members }: MemberList, begun: number): number {
  if (values === members) return begun;
  return Math.min(begun, values.indexOf(undefined));
}

function joinedMembers(
  { values, members }: MemberList,
  begun: number,
  middle: readonly (MemberReference | undefined)[],
  rest: number,
): Pick<MemberList, "values" | "members"> {
  if (values === members && middle.every((member) => member !== undefined)) {
    const joined = replaced(members, begun, rest, middle);
    noteEdit(joined, members, { start: begun, removed: rest - begun, added: middle.length });
    return { values: joined, members: joined };
  }
  const joined = replaced(values, begun, rest, middle);
  const used = joined.filter((member) => member !== undefined);
  return { values: used.length === joined.length ? used : joined, members: used };
}

/** A copy of a list with others instead of the items from one to before another. */
function replaced<T>(list: readonly T[], from: number, to: number, others: readonly T[]): T[] {
  // The fastest for a few others, of which there are mostly one or none; so many arguments as a large group has are too
  // many.
  if (others.length < 100) return list.toSpliced(from, to - from, ...others);
  return list.slice(0, from).concat(others, list.slice(to));
}

/**
 * The first of the values to which both lists come in the end. Not where some are unused: one that another value stated
 * counts, once that other one is gone.
 */
function firstOfRest(before: MemberList, encoded: Buffer, begun: number): number | undefined {
  if (before.values !== before.members) return undefined;
  const start = before.ends[begun - 1] ?? 0;
  const common = commonSuffix(before.encoded.subarray(start), encoded.subarray(start));
  const restStart = before.encoded.length - common;
  return restStart <= start ? begun : countUpTo(before.ends, restStart - 1) + 1;
}

/** The keys of a list without those of its values from one to before another. The list itself loses them. */
function keysWithout({ values, members, keys }: MemberList, from: number, to: number): Set<string> {
  if (from === to) return keys;
  if (values !== members) return new Set(members.slice(0, from).map((member) => member.key));
  for (const member of values.slice(from, to)) if (member !== undefined) keys.delete(member.key);
  return keys;
}

/** The bytes, in the memory of those before where there is room. Up to the one given, they are the same already. */
function copyFrom(start: number, bytes: Buffer, before: Buffer): Buffer {
  const fits = bytes.length <= before.buffer.byteLength;
  const memory = fits ? Buffer.from(before.buffer) : Buffer.allocUnsafeSlow(roomFor(bytes.length));
  bytes.copy(memory, fits ? start : 0, fits ? start : 0);
  return memory.subarray(0, bytes.length);
}

/** The former ends up to one, others, and the former ones from another on: in the same memory if there is room. */
function joinedEnds(
  before: Uint32Array<ArrayBuffer>,
  begun: number,
  ends: readonly number[],
  rest: number,
  shift: number,
): Uint32Array<ArrayBuffer> {
  const moved = begun + ends.length;
  const length = moved + before.length - rest;
  const fits = length * 4 <= before.buffer.byteLength;
  const memory = fits ? new Uint32Array(before.buffer) : new Uint32Array(roomFor(length));
  memory.set(before.subarray(rest), moved);
  if (!fits) memory.set(before.subarray(0, begun));
  memory.set(ends, begun);
  for (let index = moved; index < length; index++) memory[index] = (memory[index] ?? 0) + shift;
  return memory.subarray(0, length);
}

/** Room for so many, and for some more to come: a list that grows needs new memory but now and then. */
function roomFor(length: number): number {
  return length + (length >> 4);
}

/** How many of the ascending numbers are not greater than a limit. */
function countUpTo(ascending: Uint32Array, limit: number): number {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ascending[middle] ?? 0) <= limit) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** With how many equal bytes both begin. By bisection: equal halves are found by comparing long runs at once. */
function commonPrefix(one: Buffer, other: Buffer): number {
  let equal = 0;
  let most = Math.min(one.length, other.length);
  while (equal < most) {
    const end = (equal + most + 1) >> 1;
    if (one.compare(other, equal, end, equal, end) === 0) equal = end;
    else most = end - 1;
  }
  return equal;
}

/** With how many equal bytes both end. */
function commonSuffix(one: Buffer, other: Buffer): number {
  let equal = 0;
  let most = Math.min(one.length, other.length);
  while (equal < most) {
    const start = (equal + most + 1) >> 1;
    const from = other.length - start;
    const to = other.length - equal;
    if (one.compare(other, from, to, one.length - start, one.length - equal) === 0) equal = start;
    else most = start - 1;
  }
  return equal;
}
