import type { MemberChange, Name } from "../changes/index.js";
import type { CallOptions, ChangeLog } from "../repositories/index.js";
import {
  bitsFor,
  blockDigest,
  blockRecord,
  bucketOf,
  changedBlock,
  inBlocks,
  memberKey,
  membersOf,
  readBlock,
} from "./blocks.js";
import { blockKey, layoutPrefix, newToken, readKey } from "./keys.js";
import type { Layout, StoredEntry } from "./records.js";
import type { LogWriter } from "./writer.js";

/** The members of a group as they are kept. */
export type StoredMembers = Pick<StoredEntry, "members" | "layout">;

/** What it takes to write members. */
export interface MemberWriting {
  readonly log: ChangeLog;
  readonly writer: LogWriter;
  readonly options: CallOptions;
  /** How many members a group has at most that are kept with it. */
  readonly largeGroup: number;
  readonly horizon: number;
  readonly now: () => number;
}

/** How many blocks are read at once. */
const PAGE = 200;

/**
 * Writes what a change says of a group's members, but for those that are kept with its entry.
 *
 * @returns the members as the entry is to have them.
 */
export async function writeMembers(
  writing: MemberWriting,
  group: string,
  before: StoredMembers,
  change: MemberChange,
): Promise<StoredMembers> {
  const { layout } = before;
  if (change.kind === "delta" && layout !== undefined) {
    return await writeDelta(writing, group, layout, change);
  }
  const members = change.kind === "all" ? change.members : merged(before.members ?? [], change);
  if (members.length <= writing.largeGroup) {
    if (layout !== undefined) writing.writer.removeLater(layoutPrefix(group, layout.id));
    return { members };
  }
  if (layout === undefined || !isFitting(layout.bits, members.length)) {
    return await writeAnew(writing, group, layout, members);
  }
  return await writeDifferences(writing, group, layout, members);
}

/** Blocks that are somewhat too long or too short cost less than to write them all again. */
function isFitting(bits: number, members: number): boolean {
  return Math.abs(bits - bitsFor(members)) <= 2;
}

function merged(members: readonly Name[], change: MemberChange): readonly Name[] {
  if (change.kind === "all") return change.members;
  const left = new Map(members.map((name) => [memberKey(name), name]));
  for (const name of change.remove) left.delete(memberKey(name));
  for (const name of change.add) left.set(memberKey(name), name);
  return [...left.values()];
}

async function writeAnew(
  { writer }: MemberWriting,
  group: string,
  before: Layout | undefined,
  members: readonly Name[],
): Promise<StoredMembers> {
  const id = newToken();
  const bits = bitsFor(members.length);
  for (const [bucket, some] of inBlocks(members, bits).entries()) {
    await writer.put(blockRecord(group, id, { bucket, members: some, gone: [] }));
  }
  // The entry is the first record after this: who has read up to here, and no further, has not read it.
  await writer.flush();
  if (before !== undefined) writer.removeLater(layoutPrefix(group, before.id));
  return { layout: { id, bits, since: writer.last } };
}

async function writeDifferences(
  writing: MemberWriting,
  group: string,
  layout: Layout,
  members: readonly Name[],
): Promise<StoredMembers> {
  const { log, writer, options } = writing;
  await writer.flush();
  const stated = inBlocks(members, layout.bits);
  const changed = new Set(stated.keys());
  for await (const { key, label } of log.list(layoutPrefix(group, layout.id), options)) {
    const read = readKey(key);
    if (read.kind !== "block") continue;
    if (blockDigest(stated[read.bucket] ?? []) === label) changed.delete(read.bucket);
  }
  await writeBlocks(writing, group, layout, [...changed], (bucket) => stated[bucket] ?? []);
  return { layout };
}

async function writeDelta(
  writing: MemberWriting,
  group: string,
  layout: Layout,
  { add, remove }: Extract<MemberChange, { kind: "delta" }>,
): Promise<StoredMembers> {
  const [added, removed] = [byBucket(add, layout.bits), byBucket(remove, layout.bits)];
  const buckets = [...new Set([...added.keys(), ...removed.keys()])];
  await writing.writer.flush();
  await writeBlocks(writing, group, layout, buckets, (bucket, before) =>
    merged(before, {
      kind: "delta",
      add: added.get(bucket) ?? [],
      remove: removed.get(bucket) ?? [],
    }),
  );
  return { layout };
}

function byBucket(names: readonly Name[], bits: number): ReadonlyMap<number, readonly Name[]> {
  const buckets = new Map<number, Name[]>();
  for (const name of names) {
    const bucket = bucketOf(name, bits);
    const some = buckets.get(bucket);
    if (some === undefined) buckets.set(bucket, [name]);
    else some.push(name);
  }
  return buckets;
}

async function writeBlocks(
  { log, writer, options, horizon, now }: MemberWriting,
  group: string,
  { id }: Layout,
  buckets: readonly number[],
  membersNow: (bucket: number, before: readonly Name[]) => readonly Name[],
): Promise<void> {
  for (let start = 0; start < buckets.length; start += PAGE) {
    const some = buckets.slice(start, start + PAGE);
    const keys = some.map((bucket) => blockKey(group, id, bucket));
    const stored = new Map(
      (await log.get(keys, options)).map((record) => {
        const block = readBlock(record);
        return [block.bucket, block] as const;
      }),
    );
    for (const bucket of some) {
      const before = stored.get(bucket);
      const members = membersNow(bucket, before?.members ?? []);
      if (before !== undefined && blockDigest(members) === blockDigest(before.members)) continue;
      const block = changedBlock(before, bucket, members, { now: now(), horizon });
      await writer.put(blockRecord(group, id, block));
    }
  }
}

/** All members of a group as they are kept. */
export async function allMembers(
  { log, options }: Pick<MemberWriting, "log" | "options">,
  group: string,
  { members, layout }: StoredMembers,
): Promise<readonly Name[]> {
  if (layout === undefined) return members ?? [];
  return (await membersOf(log, group, layout, options)) ?? [];
}
