import { BerReader } from "ldapts";
import type { WireClient, WireMessage } from "../../integration/directory-scenario-wire.js";

const syncState = "1.3.6.1.4.1.4203.1.9.1.2";
const syncDone = "1.3.6.1.4.1.4203.1.9.1.3";

const states = ["present", "add", "modify", "delete"];
const infos = new Map([
  [0x80, "newCookie"],
  [0xa1, "refreshDelete"],
  [0xa2, "refreshPresent"],
  [0xa3, "syncIdSet"],
]);

/**
 * What a message of a synchronization says, in a line: `add uid=alice rid=000`, `deletes 2`,
 * `done refreshDeletes rid=000`.
 */
export function lineOf(message: WireMessage | undefined): string {
  if (message === undefined) return "closed";
  const state = message.controls.get(syncState);
  if (state !== undefined) return stateLine(message, state);
  if (message.tag === 0x65) return doneLine(message);
  const info = new BerReader(message.operation);
  info.readString(0x80);
  const value = new BerReader(info.readString(0x81, true) ?? Buffer.alloc(0));
  const tag = value.peek() ?? 0;
  if (tag === 0x80) return line("newCookie", value.readString(0x80) ?? "");
  value.readSequence(tag);
  const cookie = value.peek() === 0x04 ? (value.readString() ?? "") : undefined;
  if (tag !== 0xa3) return line(infos.get(tag) ?? "?", cookie);
  const deletes = value.peek() === 0x01 && value.readBoolean() === true;
  value.readSequence(0x31);
  let count = 0;
  for (; value.remain > 0; count++) value.readString(0x04, true);
  return line(`${deletes ? "deletes" : "presents"} ${count}`, cookie);
}

function stateLine(message: WireMessage, control: Buffer): string {
  const entry = new BerReader(message.operation);
  const [rdn] = (entry.readString() ?? "").split(",");
  const value = new BerReader(control);
  value.readSequence();
  const state = states[value.readEnumeration() ?? 0];
  value.readString(0x04, true);
  return line(`${state} ${rdn}`, value.remain > 0 ? (value.readString() ?? "") : undefined);
}

function doneLine(message: WireMessage): string {
  const result = new BerReader(message.operation);
  const code = result.readEnumeration();
  if (code !== 0) return `result ${code}`;
  const value = new BerReader(message.controls.get(syncDone) ?? Buffer.alloc(0));
  value.readSequence();
  const cookie = value.peek() === 0x04 ? (value.readString() ?? "") : undefined;
  const deletes = value.remain > 0 && value.readBoolean() === true;
  return line(deletes ? "done refreshDeletes" : "done", cookie);
}

function line(text: string, cookie: string | undefined): string {
  return cookie === undefined ? text : `${text} <${cookie}>`;
}

/** What the next messages of a search say, up to the one that ends its refresh. */
export async function refreshLines(client: WireClient, messageId: number): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const next = lineOf(await client.next(messageId));
    lines.push(next);
    if (/^(closed|result|done|refreshDelete|refreshPresent)/.test(next)) return lines;
  }
}
