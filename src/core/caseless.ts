import { compatibilityForm } from "./compatibility-form.js";

/**
 * The form in which values are compared that are not case exact (RFC 7643 §2.2), such as names: equal values, and no
 * others, have equal forms.
 *
 * It is made here since databases disagree: SQLite knows the case of ASCII only, and MariaDB takes "José" for "Jose".
 */
export function caseless(value: string): string {
  // ASCII is its own compatibility form.
  if (isAscii(value)) return value.toLowerCase();
  const lower = compatibilityForm(value).toLowerCase();
  // A small letter of a capital that was decomposed may be composed again. A sigma is written in another way at the end
  // of a word, so that a word would not begin with itself.
  return compatibilityForm(lower).replaceAll("ς", "σ");
}

/**
 * The ways in which a database may have what is equal to a value in any case, once it has put it into lower case by
 * itself: as it is written, in its composed and decomposed forms, and as {@link caseless} has it. Of ASCII there is one
 * way.
 */
export function caselessSpellings(value: string): readonly string[] {
  if (isAscii(value)) return [value];
  const composed = compatibilityForm(value);
  return [...new Set([value, composed, composed.normalize("NFD"), caseless(value)])];
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false;
  return true;
}
