/**
 * The instant that an `xsd:dateTime` means (RFC 7643 §2.3.5), in milliseconds since 1970-01-01T00:00:00Z, with a
 * fraction where the text has more than three digits of a second. Instants of this era that are a microsecond apart are
 * different numbers.
 *
 * A text without an offset is taken as UTC, since it is not known where it was written.
 *
 * @returns `undefined` if the text is no `xsd:dateTime` of the years 1 to 9999.
 */
export function instantOf(text: string): number | undefined {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined;
  if (hour < 0 || minute < 0 || minute > 59 || second < 0 || second > 59) return undefined;
  if (hour > 23 && (hour > 24 || minute > 0 || second > 0)) return undefined;
  if (text.charCodeAt(4) !== minus || text.charCodeAt(7) !== minus) return undefined;
  if (text.charCodeAt(10) !== letterT) return undefined;
  if (text.charCodeAt(13) !== colon || text.charCodeAt(16) !== colon) return undefined;

  let position = 19;
  let fraction = 0;
  if (text.charCodeAt(position) === point) {
    const start = ++position;
    for (let unit = 100; isDigit(text.charCodeAt(position)); position++, unit /= 10) {
      fraction += (text.charCodeAt(position) - zero) * unit;
    }
    if (position === start || (hour === 24 && fraction > 0)) return undefined;
  }
  const offset = offsetOf(text, position);
  if (offset === undefined) return undefined;
  const minutes = (daysSince1970(year, month, day) * 24 + hour) * 60 + minute - offset;
  return (minutes * 60 + second) * 1000 + fraction;
}

const zero = 0x30;
const plus = 0x2b;
const minus = 0x2d;
const point = 0x2e;
const colon = 0x3a;
const letterT = 0x54;
const letterZ = 0x5a;

/** The minutes from UTC that the rest of the text states. */
function offsetOf(text: string, position: number): number | undefined {
  if (position === text.length) return 0;
  const sign = text.charCodeAt(position);
  if (sign === letterZ) return position + 1 === text.length ? 0 : undefined;
  if ((sign !== plus && sign !== minus) || position + 6 !== text.length) return undefined;
  const hour = digits(text, position + 1, 2);
  const minute = digits(text, position + 4, 2);
  if (text.charCodeAt(position + 3) !== colon || hour < 0 || minute < 0 || minute > 59) {
    return undefined;
  }
  const offset = hour * 60 + minute;
  if (offset > 14 * 60) return undefined;
  return sign === minus ? -offset : offset;
}

/** The number that so many digits are, or -1. */
function digits(text: string, start: number, count: number): number {
  let number = 0;
  for (let i = start; i < start + count; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) return -1;
    number = number * 10 + code - zero;
  }
  return number;
}

function isDigit(code: number): boolean {
  return code >= zero && code <= 0x39;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysSince1970(year: number, month: number, day: number): number {
  // Years that begin in March have their leap day at the end, where it moves no other day.
  const marchYear = month > 2 ? year : year - 1;
  const leapDays =
    Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return marchYear * 365 + leapDays + dayOfYear - 719_468;
}
