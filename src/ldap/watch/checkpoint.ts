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

/** A checkpoint: the position, what it belongs to, and a checksum, as one line of text. */
export function encodeCheckpoint(context: CheckpointContext, position: string): string {
  const fields = [version, context.dialect, context.server, context.content, position];
  return JSON.stringify([...fields, checksum(fields)]);
}

/** The position in a checkpoint, or the reason why there is none that can be used. Never an error. */
export function openCheckpoint(
  checkpoint: string,
  context: CheckpointContext,
): { readonly position: string } | { readonly reason: ResetReason } {
  const fields = parseFields(checkpoint);
  if (fields === undefined) return { reason: "damaged" };
  const [madeBy, dialect, server, content, position, sum] = fields;
  if (typeof madeBy === "number" && madeBy !== version) return { reason: "version" };
  if (fields.length !== 6 || typeof position !== "string" || sum !== checksum(fields.slice(0, 5))) {
    return { reason: "damaged" };
  }
  if (dialect !== context.dialect) return { reason: "dialect" };
  if (server !== context.server) return { reason: "server" };
  if (content !== context.content) return { reason: "content" };
  return { position };
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
