import { hash } from "node:crypto";
import * as z from "zod";
import type { Name } from "../changes/index.js";
import type { CallOptions, ChangeLog, LogRecord, NewLogRecord } from "../repositories/index.js";
import { blockKey, digestOfText, layoutPrefix, readKey } from "./keys.js";
import { type Layout, nameSchema, parsed } from "./records.js";

/** A member that has left, and when, in milliseconds since the epoch. */
export type Departure = readonly [name: Name, at: number];

/** Members of a large group that are kept together. It says what to do from any state within the horizon. */
export interface Block {
  readonly bucket: number;
  readonly members: readonly Name[];
  readonly gone: readonly Departure[];
}

const blockSchema = z.object({
  members: z.array(nameSchema),
  gone: z.array(z.tuple([nameSchema, z.number()])),
});

/** How many members a block has on the average. */
const usualLength = 64;
const maxBits = 20;

/** How many bits choose the block of a group with so many members. */
export function bitsFor(members: number): number {
  const blocks = Math.max(1, members / usualLength);
  return Math.min(maxBits, Math.ceil(Math.log2(blocks)));
}

/** Which block a member is in: the first bits of the SHA-256 of its name. */
export function bucketOf({ kind, key }: Name, bits: number): number {
  if (bits === 0) return 0;
  const first = Number.parseInt(hash("sha256", `${kind} ${key}`, "hex").slice(0, 8), 16);
  return first >>> (32 - bits);
}

/** The members by block. */
export function inBlocks(members: Iterable<Name>, bits: number): readonly Name[][] {
  const blocks: Name[][] = Array.from({ length: 2 ** bits }, () => []);
  for (const member of members) blocks[bucketOf(member, bits)]?.push(member);
  return blocks;
}

/** What a block says in short, in whatever order its members were stated. */
export function blockDigest(members: readonly Name[]): string {
  return digestOfText(JSON.stringify(members.map(memberKey).sort()));
}

/** A member as a string. */
export function memberKey({ kind, key }: Name): string {
  return `${kind} ${key}`;
}

/** The record of a block. */
export function blockRecord(group: string, layout: string, block: Block): NewLogRecord {
  const { bucket, members, gone } = block;
  return {
    key: blockKey(group, layout, bucket),
    label: blockDigest(members),
    body: JSON.stringify({ members, gone }),
  };
}

/** Reads the record of a block. */
export function readBlock({ key, body }: LogRecord): Block {
  const read = readKey(key);
  return { ...parsed(key, body, blockSchema), bucket: read.kind === "block" ? read.bucket : 0 };
}

/** The block with other members, and those who left it. */
export function changedBlock(
  before: Block | undefined,
  bucket: number,
  members: readonly Name[],
  { now, horizon }: { readonly now: number; readonly horizon: number },
): Block {
  const present = new Set(members.map(memberKey));
  const departed = [
    ...(before?.gone ?? []),
    ...(before?.members ?? []).map((name): Departure => [name, now]),
  ];
  const gone = new Map<string, Departure>();
  for (const departure of departed) {
    const [name, at] = departure;
    if (!present.has(memberKey(name)) && at > now - horizon) gone.set(memberKey(name), departure);
  }
  return { bucket, members, gone: [...gone.values()] };
}

/**
 * All members of a group that are kept in blocks; `undefined` where the blocks are not all there: they are being
 * replaced, or the server that was asked lags behind.
 */
export async function membersOf(
  log: ChangeLog,
  group: string,
  { id, bits }: Pick<Layout, "id" | "bits">,
  options?: CallOptions,
): Promise<readonly Name[] | undefined> {
  // A block that changes while they are read may be met again.
  const blocks = new Map<number, readonly Name[]>();
  for await (const record of log.under(layoutPrefix(group, id), options)) {
    const { bucket, members } = readBlock(record);
    blocks.set(bucket, members);
  }
  return blocks.size === 2 ** bits ? [...blocks.values()].flat() : undefined;
}
