/** Whether a character, by its code point, is one that is meant. */
export type CharacterTest = (code: number) => boolean;

/** Whether something holds between two characters; -1 stands for what is before the first and after the last. */
export type Assertion = (characters: readonly number[], at: number) => boolean;

export const atStart: Assertion = (_characters, at) => at === 0;
const atVeryEnd: Assertion = (characters, at) => at === characters.length;
export const atEnd: Assertion = (characters, at) =>
  at === characters.length || (at === characters.length - 1 && characters[at] === 0x0a);
export const atLineStart: Assertion = (characters, at) => at === 0 || characters[at - 1] === 0x0a;
export const atLineEnd: Assertion = (characters, at) =>
  at === characters.length || characters[at] === 0x0a;
const atWordBoundary: Assertion = (characters, at) =>
  isWord(characters[at - 1] ?? -1) !== isWord(characters[at] ?? -1);

const isDigit: CharacterTest = (code) => code >= 0 && /\p{Nd}/u.test(String.fromCodePoint(code));
const isSpace: CharacterTest = (code) => code >= 0 && /\s/u.test(String.fromCodePoint(code));
const isWord: CharacterTest = (code) =>
  code >= 0 && /[\p{L}\p{N}_]/u.test(String.fromCodePoint(code));
/** The other characters. */
export const not =
  (test: CharacterTest): CharacterTest =>
  (code) =>
    !test(code);

/** The classes that are written with a backslash, by their letters. */
export const classes: ReadonlyMap<string, CharacterTest> = new Map([
  ["d", isDigit],
  ["D", not(isDigit)],
  ["s", isSpace],
  ["S", not(isSpace)],
  ["w", isWord],
  ["W", not(isWord)],
]);

/** The assertions that are written with a backslash, by their letters. */
export const assertions: ReadonlyMap<string, Assertion> = new Map([
  ["A", atStart],
  ["Z", atVeryEnd],
  ["b", atWordBoundary],
  ["B", (characters, at) => !atWordBoundary(characters, at)],
]);
