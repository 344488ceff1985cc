import * as z from "zod";
import type { Name, Upsert } from "../changes/index.js";
import { ConcordatError } from "../core/index.js";
import type { LogLabel, LogRecord, NewLogRecord } from "../repositories/index.js";
import { checkpointKey, digestOfText, entryKey, hashesOf, readKey } from "./keys.js";

/** What is in a log is not what this package writes. */
export class InvalidLogError extends ConcordatError {
  override readonly name = "InvalidLogError";
  override readonly code = "invalid_log";
  /** The key of the record. */
  readonly key: string;

  constructor(key: string, message: string, options?: { cause?: unknown }) {
    super(`The record "${key}" of the change log is not as it should be: ${message}`, options);
    this.key = key;
  }
}

/** A name as it is kept. */
export const nameSchema: z.ZodType<Name> = z.object({
  kind: z.enum(["dn", "uid", "id"]),
  key: z.string(),
  alias: z.literal(true).exactOptional(),
});

/** How the members of a large group are kept: in blocks of their own. */
export interface Layout {
  /** No other layout has it, of this group or any other. */
  readonly id: string;
  /** How many bits choose the block: there are 2 to this power. */
  readonly bits: number;
  /** The sequence of the last of the first blocks: who has read up to there and not the entry states them all. */
  readonly since: number;
}

const layoutSchema = z.object({ id: z.string(), bits: z.int().min(0).max(24), since: z.int() });

const entrySchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("gone") }),
  z.object({
    kind: z.literal("entry"),
    type: z.enum(["User", "Group"]),
    names: z.array(nameSchema),
    nameCandidates: z.array(z.string()).exactOptional(),
    resource: z.record(z.string(), z.unknown()),
    members: z.array(nameSchema).exactOptional(),
    layout: layoutSchema.exactOptional(),
  }),
]);

/** An entry as it is kept. */
export interface StoredEntry {
  readonly kind: "entry";
  readonly type: "User" | "Group";
  readonly names: readonly Name[];
  readonly nameCandidates?: readonly string[];
  readonly resource: Upsert["resource"];
  /** Of a group whose members are known and not too many. */
  readonly members?: readonly Name[];
  /** Of a group with more. */
  readonly layout?: Layout;
}

/** What is kept in the place of an entry that is gone. */
export interface Tombstone {
  readonly kind: "gone";
}

/** What can be known of an entry without reading it. */
export interface EntryLabel {
  readonly type: "User" | "Group";
  readonly isGone: boolean;
  /** Of all that is kept of it, but for the blocks. Empty for one that is gone. */
  readonly digest: string;
  /** The source's own stamp; of one that is gone, that of its deletion. */
  readonly stamp?: string;
  /** The names but for its id, as numbers. */
  readonly names: readonly number[];
  /** The id of its layout, if it has one. */
  readonly layout?: string;
}

const labelSchema = z.tuple([
  z.enum(["u", "g"]),
  z.boolean(),
  z.string(),
  z.string().nullable(),
  z.array(z.number()),
  z.string().nullable(),
]);

/** An entry as it is to be kept. */
export interface EntryState {
  readonly label: EntryLabel;
  /** The body of its record. */
  readonly body: string;
}

/** How an entry is kept: what its record says, and what that says in short. */
export function entryState(entry: StoredEntry, stamp: string | undefined): EntryState {
  const body = printEntry(entry);
  const { type, names, layout } = entry;
  // Blocks are compared by themselves, and where they are says nothing of the entry.
  const said = layout === undefined ? body : `in blocks ${printEntry(entry, false)}`;
  const label: EntryLabel = {
    type,
    isGone: false,
    digest: digestOfText(said),
    names: hashesOf(names),
    ...(stamp === undefined ? {} : { stamp }),
    ...(layout === undefined ? {} : { layout: layout.id }),
  };
  return { label, body };
}

/** An entry as text, in an order that does not depend on how it was put together. */
function printEntry(entry: StoredEntry, withLayout = true): string {
  const { kind, type, names, nameCandidates, resource, members, layout } = entry;
  const where = withLayout ? layout : undefined;
  return JSON.stringify({ kind, type, names, nameCandidates, resource, members, layout: where });
}

/** The record of an entry. */
export function entryRecord(sourceId: string, { label, body }: EntryState): NewLogRecord {
  return { key: entryKey(sourceId), label: printLabel(label), body };
}

/** How an entry is kept that is gone. */
export function goneState(type: "User" | "Group", stamp: string | undefined): EntryState {
  const label = { type, isGone: true, digest: "", names: [], ...(stamp && { stamp }) };
  const body: Tombstone = { kind: "gone" };
  return { label, body: JSON.stringify(body) };
}

/** A label as text, as {@link readLabel} and {@link keptLabel} read it. */
export function printLabel({ type, isGone, digest, stamp, names, layout }: EntryLabel): string {
  const letter = type === "User" ? "u" : "g";
  return JSON.stringify([letter, isGone, digest, stamp ?? null, names, layout ?? null]);
}

/** Reads the label of an entry. */
export function readLabel({ key, label }: LogLabel): EntryLabel {
  return labelFrom(parsed(key, label, labelSchema));
}

/** Reads a label that this process has printed, and that is not checked again. */
export function keptLabel(text: string): EntryLabel {
  return labelFrom(JSON.parse(text));
}

function labelFrom([letter, isGone, digest, stamp, names, layout]: z.infer<
  typeof labelSchema
>): EntryLabel {
  return {
    type: letter === "u" ? "User" : "Group",
    isGone,
    digest,
    names,
    ...(stamp === null ? {} : { stamp }),
    ...(layout === null ? {} : { layout }),
  };
}

/** Reads the record of an entry. */
export function readEntry({ key, body }: LogRecord): StoredEntry | Tombstone {
  return parsed(key, body, entrySchema) as StoredEntry | Tombstone;
}

/** The id of the entry that a record is of. */
export function sourceIdOf({ key }: LogLabel): string {
  const read = readKey(key);
  if (read.kind === "other") throw new InvalidLogError(key, "it is not of an entry.");
  return read.sourceId;
}

/** What was taken away at some time. */
export interface Taken {
  /** In milliseconds since the epoch. */
  readonly at: number;
  readonly count: number;
  /** How many entries there were before. */
  readonly entries: number;
}

/** How far the publisher has got. */
export interface PublisherPosition {
  /** Where to go on in the source; `null`: it is read anew. */
  readonly checkpoint: string | null;
  /** What was taken away lately. */
  readonly taken: readonly Taken[];
}

const positionSchema = z.object({
  checkpoint: z.string().nullable(),
  taken: z.array(z.object({ at: z.number(), count: z.number(), entries: z.number() })),
});

/** The record of how far the publisher has got. */
export function positionRecord(position: PublisherPosition): NewLogRecord {
  return { key: checkpointKey, body: JSON.stringify(position) };
}

/** Reads how far the publisher has got. */
export function readPosition({ key, body }: LogRecord): PublisherPosition {
  return parsed(key, body, positionSchema);
}

/** Reads what a record holds. */
export function parsed<T>(key: string, text: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InvalidLogError(key, "it is not JSON.", { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new InvalidLogError(key, z.prettifyError(result.error), { cause: result.error });
}
