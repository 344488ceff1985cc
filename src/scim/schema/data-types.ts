/** How the data types whose values are strings in JSON are written. RFC 7643 §2.3. */

/** An `xsd:dateTime`: its time zone is optional. Years of more digits, and finer fractions, are of no use. */
const dateTime =
  /^-?(\d{4,9})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,20})?(?:Z|[+-](\d\d):(\d\d))?$/;
const daysOfMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether the text is a valid `xsd:dateTime`. RFC 7643 §2.3.5; the ranges are those of XML Schema §3.2.7. */
export function isDateTime(text: string): boolean {
  const parts = dateTime.exec(text);
  if (parts === null) return false;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = month === 2 && !isLeap ? 28 : (daysOfMonth[month - 1] ?? 0);
  const isMidnight = hour === 24 && minute === 0 && second === 0 && !/[1-9]/.test(parts[7] ?? "");
  const zone = Number(parts[8] ?? 0) * 60 + Number(parts[9] ?? 0);
  return (
    day >= 1 &&
    day <= days &&
    (hour <= 23 || isMidnight) &&
    minute <= 59 &&
    second <= 59 &&
    Number(parts[9] ?? 0) <= 59 &&
    zone <= 14 * 60
  );
}

const base64 = /^[A-Za-z0-9+/]*(={0,2})$/;
const base64url = /^[A-Za-z0-9_-]*(={0,2})$/;

/**
 * Whether the text is base64, or base64 for URLs (RFC 4648 §4 and §5), with or without its padding. RFC 7643 §2.3.6.
 */
export function isBase64(text: string): boolean {
  const padding = (base64.exec(text) ?? base64url.exec(text))?.[1]?.length;
  if (padding === undefined) return false;
  return padding === 0 ? text.length % 4 !== 1 : text.length % 4 === 0;
}

/** What no URI holds: controls, space, and the delimiters that RFC 3986 leaves out. */
const noUri = /[\p{Cc}\s<>"{}|\\^`]/u;

/** Whether the text can be an absolute or relative URI, or an IRI. RFC 7643 §2.3.7. */
export function isReference(text: string): boolean {
  return !noUri.test(text);
}
