import type { SourceLag } from "../../../changes/index.js";
import type { Asking } from "../reading.js";
import { covers, newestCsn, timeOf } from "./cookie.js";
import { parsePosition } from "./position.js";
import { readServerState } from "./server-state.js";

/**
 * How far a server has gone on since a position. It numbers the changes of all entries of its database, so that it is
 * ahead of a stream in which there is nothing new.
 */
export async function lagOfCookie(
  { connection, content, signal }: Asking,
  position: string,
): Promise<SourceLag> {
  const read = parsePosition(position)?.cookie;
  const held = (await readServerState(connection, content, signal))?.held;
  if (read === undefined || held === undefined) {
    return { known: false, reason: "The server does not say what its last change is." };
  }
  return {
    known: true,
    isAhead: held.csns.some((csn) => !covers(read, csn)),
    readUntil: timeOf(newestCsn(read)),
    changedAt: timeOf(newestCsn(held)),
  };
}
