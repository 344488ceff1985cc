/**
 * Makes change sequence numbers as OpenLDAP writes them: time, count, server and modification, so that numbers of one
 * server compare as strings. Each is later than all before it, also when the clock stands still or goes back, unless it
 * is set.
 */
export class CsnClock {
  readonly #now: () => Date;
  #offset = 0;
  #lastTime = "";
  #count = 0;
  /** Where the count begins: another one whenever the clock was set, so that no number is made twice. */
  #firstCount = 0;
  #taken: string | undefined;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** What the clock shows. */
  now(): Date {
    return new Date(this.#now().getTime() + this.#offset);
  }

  /** Sets the clock forward, or back, by so many milliseconds. Back, the next number is earlier than those before. */
  set(by: number): void {
    this.#offset += by;
    this.#lastTime = "";
    this.#firstCount += 0x1000;
  }

  /** The next CSN of a server (0 to 4095). */
  next(serverId: number): string {
    const taken = this.#taken;
    if (taken !== undefined) {
      this.#taken = undefined;
      return taken;
    }
    const time = `${this.now().toISOString().replace(/[-:T]/g, "").slice(0, 18)}000Z`;
    if (time > this.#lastTime) {
      this.#lastTime = time;
      this.#count = this.#firstCount;
    } else {
      this.#count++;
    }
    const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
    return `${this.#lastTime}#${hex(this.#count, 6)}#${hex(serverId, 3)}#000000`;
  }

  /** Does a write with a number that was taken before. */
  withTaken(csn: string, write: () => unknown): void {
    this.#taken = csn;
    try {
      write();
    } finally {
      this.#taken = undefined;
    }
  }

  /** Sees a CSN that another clock made, so that the next one is later. */
  observe(csn: string): void {
    const [time = "", count = "0"] = csn.split("#");
    if (time > this.#lastTime) {
      this.#lastTime = time;
      this.#count = Number.parseInt(count, 16);
    } else if (time === this.#lastTime) {
      this.#count = Math.max(this.#count, Number.parseInt(count, 16));
    }
  }
}

/** The server that made a CSN, or nothing where the text is no CSN. */
export function serverOf(csn: string): number | undefined {
  const match = /^\d{14}\.\d{6}Z#[0-9a-f]{6}#([0-9a-f]{3})#[0-9a-f]{6}$/.exec(csn);
  return match?.[1] === undefined ? undefined : Number.parseInt(match[1], 16);
}

/** Per server, the latest change that a copy holds. */
export type CsnSet = ReadonlyMap<number, string>;

/** What a consumer's cookie says; one that cannot be read says nothing. */
export interface Cookie {
  /** The three digits by which the consumer names itself; nothing where the cookie is not one of this dialect. */
  readonly rid: string | undefined;
  /** The server as which the consumer presents itself; 0 where it does not. */
  readonly sid: number;
  readonly csns: CsnSet;
}

/** Reads a cookie such as `rid=000,csn=20261121211537.123456Z#000000#000#000000`. */
export function readCookie(text: string): Cookie {
  if (text === "") return { rid: "000", sid: 0, csns: new Map() };
  if (!/(^|,)rid=/.test(text)) return { rid: undefined, sid: 0, csns: new Map() };
  const csns = new Map<number, string>();
  let rid = "000";
  let sid = 0;
  for (const part of text.split(",")) {
    const [name, value = ""] = part.split("=", 2);
    if (name === "rid" && /^\d{1,3}$/.test(value)) rid = value.padStart(3, "0");
    if (name === "sid" && /^[\da-f]{1,3}$/i.test(value)) sid = Number.parseInt(value, 16);
    if (name !== "csn") continue;
    for (const csn of value.split(";")) {
      const server = serverOf(csn);
      if (server !== undefined) csns.set(server, csn);
    }
  }
  return { rid, sid, csns };
}

/**
 * Writes a cookie as OpenLDAP does: a server with the id 0 does not name itself, and a consumer that sent no cookie of
 * this dialect is sent empty ones.
 */
export function printCookie(cookie: {
  rid: string | undefined;
  serverId: number;
  csns?: CsnSet;
  delcsn?: string;
}): string {
  if (cookie.rid === undefined) return "";
  const parts = [`rid=${cookie.rid}`];
  if (cookie.serverId > 0) parts.push(`sid=${cookie.serverId.toString(16).padStart(3, "0")}`);
  if (cookie.csns !== undefined && cookie.csns.size > 0) {
    const inOrder = [...cookie.csns].sort(([left], [right]) => left - right);
    parts.push(`csn=${inOrder.map(([, csn]) => csn).join(";")}`);
  }
  if (cookie.delcsn !== undefined) parts.push(`delcsn=${cookie.delcsn}`);
  return parts.join(",");
}
