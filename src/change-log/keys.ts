import { hash, randomBytes } from "node:crypto";
import type { Name } from "../changes/index.js";

/** The key of the position of the publisher, with which it goes on. */
export const checkpointKey = "checkpoint";
/** The key of the record by which the publisher shows that it is alive. */
export const leaseKey = "lease";
/** What the keys of entries begin with. */
export const entryPrefix = "e";
/** What the keys of blocks of members begin with. */
export const blockPrefix = "m";

/** The key of an entry. */
export function entryKey(sourceId: string): string {
  return `${entryPrefix}.${encoded(sourceId)}`;
}

/** What the keys of the blocks of a group begin with that are of one layout. */
export function layoutPrefix(sourceId: string, layout: string): string {
  return `${blockPrefix}.${encoded(sourceId)}.${layout}`;
}

/** The key of a block. */
export function blockKey(sourceId: string, layout: string, bucket: number): string {
  return `${layoutPrefix(sourceId, layout)}.${bucket.toString(36)}`;
}

/** What a key is of. */
export type ReadKey =
  | { readonly kind: "entry"; readonly sourceId: string }
  | {
      readonly kind: "block";
      readonly sourceId: string;
      readonly layout: string;
      readonly bucket: number;
    }
  | { readonly kind: "other" };

/** Reads a key. */
export function readKey(key: string): ReadKey {
  const [prefix, id, layout, bucket] = key.split(".");
  if (prefix === entryPrefix && id !== undefined) return { kind: "entry", sourceId: decoded(id) };
  if (prefix === blockPrefix && id !== undefined && layout !== undefined && bucket !== undefined) {
    return {
      kind: "block",
      sourceId: decoded(id),
      layout,
      bucket: Number.parseInt(bucket, 36),
    };
  }
  return { kind: "other" };
}

/** An empty id has a key, too. */
function encoded(id: string): string {
  return `_${Buffer.from(id).toString("base64url")}`;
}

function decoded(token: string): string {
  return Buffer.from(token.slice(1), "base64url").toString();
}

/** A name for a term or a layout that no other has. */
export function newToken(): string {
  return randomBytes(9).toString("base64url");
}

const kinds = ["dn", "uid", "id"] as const;

/**
 * A name as a number of 52 bits, two of which say its kind. Groups that state two names of one number are read again
 * together once in a while, which costs a request.
 */
export function nameHash({ kind, key }: Name): number {
  const number = Number.parseInt(hash("sha256", `${kind} ${key}`, "hex").slice(0, 13), 16);
  return number - (number % 4) + kinds.indexOf(kind);
}

/** Names as numbers, but for ids. */
export function hashesOf(names: readonly Name[]): readonly number[] {
  return names.filter(({ kind }) => kind !== "id").map(nameHash);
}

/** Whether a number is that of a distinguished name. */
export function isDn(hashed: number): boolean {
  return hashed % 4 === kinds.indexOf("dn");
}

/** What a text says, in short. */
export function digestOfText(text: string): string {
  return hash("sha256", text, "base64url").slice(0, 27);
}

const digits = 16;

/** The stamp of a state: its sequence, so that stamps compare as strings. */
export function stampOf(sequence: number): string {
  return String(sequence).padStart(digits, "0");
}
