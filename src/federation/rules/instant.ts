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

/**
 * An instant in ISO 8601 with all of its date, in milliseconds since 1970; without a time zone it is UTC. `undefined`
 * if it is not one. Read as `isoparse` of Python's dateutil does, in the basic and the extended form, without dates by
 * week or by day of the year.
 */
export function parseInstant(text: string): number | undefined {
  const match =
    /^(\d{4})(-?)(\d{2})\2(\d{2})(?:[^\d](\d{2})(?:(:?)(\d{2})(?:\6(\d{2})(?:[.,](\d+))?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i.exec(
      text,
    );
  if (match === null) return undefined;
  const [, year, , month, day, hour = "00", , minute = "00", second = "00", fraction = ""] = match;
  const milliseconds = fraction.slice(0, 3).padEnd(3, "0");
  const zone = zoneOf(match[10]?.toUpperCase() ?? "Z");
  const date = `${year}-${month}-${day}`;
  const time = `${hour}:${minute}:${second}.${milliseconds}`;
  const instant = Date.parse(`${date}T${time}${zone}`);
  // Date.parse takes the 31st of any month.
  const isDay = new Date(`${date}T00:00Z`).getUTCDate() === Number(day);
  return Number.isNaN(instant) || !isDay ? undefined : instant;
}

/** A time zone in the only notation that every `Date.parse` reads. */
function zoneOf(text: string): string {
  if (text === "Z") return text;
  const digits = text.slice(1).replace(":", "").padEnd(4, "0");
  return `${text[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

/** A text with `{now}`, and `{now}+5d` or the like, replaced by the instant that is meant. */
export function replaceNow(text: string, now: number): string {
  return text.replace(/\{now\}([+-]\d{1,9}[smhd])?/g, (_all, offset: string | undefined) => {
    const instant = now + (offset === undefined ? 0 : (parseDuration(offset) ?? 0));
    return `${new Date(instant).toISOString().slice(0, 16)}+0000`;
  });
}
