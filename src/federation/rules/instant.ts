/** The milliseconds of the units that privacyIDEA has for durations. */
const unit: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  y: 365 * 86_400_000,
};

/** A duration such as `5d`, `-30m` or `1y`, in milliseconds; `undefined` if it is not one. */
export function parseDuration(text: string): number | undefined {
  const match = /^\s*([+-]?)\s*(\d{1,9})\s*([smhdy])\s*$/.exec(text);
  if (match === null) return undefined;
  const [, sign, count, name = ""] = match;
  return Number(count) * (unit[name] ?? 0) * (sign === "-" ? -1 : 1);
}

/** An instant in ISO 8601, in milliseconds since 1970; without a time zone it is UTC. `undefined` if it is not one. */
export function parseInstant(text: string): number | undefined {
  const match =
    /^\s*(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(\.\d{1,9})?)?)?\s*(Z|[+-]\d{2}:?\d{2})?\s*$/.exec(
      text,
    );
  if (match === null) return undefined;
  const [, date, time = "00:00", seconds = "00", fraction = "", zone = "Z"] = match;
  const offset = /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
  const instant = Date.parse(`${date}T${time}:${seconds}${fraction.slice(0, 4)}${offset}`);
  return Number.isNaN(instant) ? undefined : instant;
}

/** A text with `{now}`, and `{now}+5d` or the like, replaced by the instant that is meant. */
export function replaceNow(text: string, now: number): string {
  return text.replace(/\{now\}([+-]\d{1,9}[smhd])?/g, (_all, offset: string | undefined) => {
    const instant = now + (offset === undefined ? 0 : (parseDuration(offset) ?? 0));
    return `${new Date(instant).toISOString().slice(0, 16)}+0000`;
  });
}
