import { compatibilityForm } from "./compatibility-form.js";

/**
 * The form in which values are compared that are not case exact (RFC 7643 §2.2), such as names: equal values, and no others, have
 * equal forms.
 *
 * It is made here since databases disagree: SQLite knows the case of ASCII only, and MariaDB takes "José" for "Jose".
 */
export function caseless(value: string): string {
  // ASCII is its own compatibility form.
  if (isAscii(value)) return value.toLowerCase();
  const lower = compatibilityForm(value).toLowerCase();
  // A small letter of a capital that was decomposed may be composed again. A sigma is written in another way at the end of a word, so
  // that a word would not begin with itself.
  return compatibilityForm(lower).replaceAll("ς", "σ");
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}
