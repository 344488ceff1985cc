/**
 * What is invisible in a name, or looks like one space: controls, what is shown as nothing
 * (Default_Ignorable_Code_Point, such as U+200B and the marks of direction), spaces other than U+0020, what stands for
 * no character, and the symbols that are blank (Braille without dots, U+1D159, two of Egyptian).
 */
const unseen =
  /[[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\ufffc\u{1d159}\u{13441}\u{13442}]--[ ]]/v;

/**
 * Whether a reader cannot distinguish a name from another one: `" admin"`, or `admin` with a zero-width space in it.
 * RFC 8265 §3.1 has no such user names: it allows single spaces between parts, and no characters that are ignored.
 */
export function isIndistinct(name: string): boolean {
  return unseen.test(name) || name.startsWith(" ") || name.endsWith(" ") || name.includes("  ");
}
