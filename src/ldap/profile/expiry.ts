/**
 * A moment that an entry states and at which it comes to mean something else, though nothing changes it then: such as
 * the end of an account. The entry is read again at that moment, wherever the stream was when it came.
 */
export interface Expiry {
  /** The attribute that states the moment. */
  readonly attribute: string;
  /** The moment, in milliseconds since the epoch; undefined of a value that states none, such as one for "never". */
  readonly read: (value: string) => number | undefined;
  /**
   * The filter (RFC 4515) that matches the entries with a moment from one to another, both in milliseconds since the
   * epoch and included. Default: one that matches every entry with the attribute, whose values are then compared here;
   * give another only where the server can order the attribute, since one that cannot finds nothing.
   */
  readonly filter?: (from: number, to: number) => string;
}

/** The moment of a generalized time (RFC 4517 §3.3.13), in milliseconds since the epoch; undefined of another text. */
export function readGeneralizedTime(text: string): number | undefined {
  const match =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(\d\d)?)?(?:[.,](\d+))?(Z|[+-]\d\d(?:\d\d)?)$/.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "0", zone = "Z"] = match;
  const unit = minute === undefined ? 3_600_000 : second === undefined ? 60_000 : 1_000;
  const whole = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute ?? 0),
    Number(second ?? 0),
  );
  const ahead = zone === "Z" ? 0 : Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3));
  const offset = zone.startsWith("-") ? -ahead : ahead;
  return whole + Math.floor(Number(`0.${fraction}`) * unit) - offset * 60_000;
}

/** A moment as a generalized time in whole seconds. */
export function generalizedTime(moment: number): string {
  return `${new Date(moment).toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;
}
