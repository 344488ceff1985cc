import { createHash } from "node:crypto";
import type { ResetReason } from "../sync/events.js";

/**
 * What a position in the changes of a directory belongs to.
 *
 * A server cannot be trusted to notice a cookie that is not its own: OpenLDAP takes one that was made for another base,
 * another filter or another database, and sends what changed since, which is wrong and looks right.
 */
export interface CheckpointContext {
  /** The dialect that can read the position. */
  readonly dialect: string;
  /** Which directory it is, whatever the host that serves it. */
  readonly server: string;
  /** A digest of all that decides which entries are read, and what becomes of them. */
  readonly content: string;
}

const version = 1;
const maxLength = 65_536;

/** Where a stream was left. */
export interface StoredState {
  /** The position in the changes of the server, in the form of the dialect. */
  readonly position: string;
  /** Up to when what expired has been handed over, in milliseconds since the epoch; undefined where nothing expires. */
  readonly expiredUntil?: number | undefined;
}

/** A checkpoint: the state, what it belongs to, and a checksum, as one line of text. */
export function encodeCheckpoint(
  { dialect, server, content }: CheckpointContext,
  { position, expiredUntil }: StoredState,
): string {
  const expired = expiredUntil === undefined ? [] : [expiredUntil];
  const fields = [version, dialect, server, content, position, ...expired];
  return JSON.stringify([...fields, checksum(fields)]);
}

/** The position in a checkpoint, or the reason why there is none that can be used. Never an error. */
export function openCheckpoint(
  checkpoint: string,
  context: CheckpointContext,
): StoredState | { readonly reason: ResetReason } {
  const fields = parseFields(checkpoint);
  if (fields === undefined) return { reason: "damaged" };
  const [madeBy, dialect, server, content, position, ...expired] = fields.slice(0, -1);
  const [expiredUntil] = expired;
  if (typeof madeBy === "number" && madeBy !== version) return { reason: "version" };
  const isWhole = fields.at(-1) === checksum(fields.slice(0, -1)) && expired.length <= 1;
  if (!isWhole || typeof position !== "string") return { reason: "damaged" };
  if (dialect !== context.dialect) return { reason: "dialect" };
  if (server !== context.server) return { reason: "server" };
  if (content !== context.content) return { reason: "content" };
  return typeof expiredUntil === "number" ? { position, expiredUntil } : { position };
}

/** A digest of values, in their order. */
export function digest(values: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(values)).digest("base64url");
}

/** Against accidents: a column that is too short, a file that was cut. Nothing secret depends on it. */
function checksum(fields: readonly unknown[]): string {
  return digest(fields).slice(0, 16);
}

function parseFields(checkpoint: string): readonly unknown[] | undefined {
  if (checkpoint.length > maxLength) return undefined;
  try {
    const parsed: unknown = JSON.parse(checkpoint);
    return Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
