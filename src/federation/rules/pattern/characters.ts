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
/**
 * What Python takes for a space: also what separates files, groups and records, and the next line; not the byte order
 * mark.
 */
const isSpace: CharacterTest = (code) =>
  (code >= 0x1c && code <= 0x1f) ||
  code === 0x85 ||
  (code >= 0 && code !== 0xfeff && /\s/u.test(String.fromCodePoint(code)));
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

/** Characters that Python takes for equal without regard to case, although neither is the other in lower case. */
const equals: ReadonlyMap<number, readonly number[]> = new Map(
  [
    [0x69, 0x131],
    [0x73, 0x17f],
    [0xb5, 0x3bc],
    [0x345, 0x3b9, 0x1fbe],
    [0x390, 0x1fd3],
    [0x3b0, 0x1fe3],
    [0x3b2, 0x3d0],
    [0x3b5, 0x3f5],
    [0x3b8, 0x3d1],
    [0x3ba, 0x3f0],
    [0x3c0, 0x3d6],
    [0x3c1, 0x3f1],
    [0x3c2, 0x3c3],
    [0x3c6, 0x3d5],
    [0x1e61, 0x1e9b],
    [0xfb05, 0xfb06],
  ].flatMap((all) => all.map((one) => [one, all] as const)),
);

/** The characters that are the same as one without regard to case, in lower case. */
export function caseless(code: number): readonly number[] {
  const [lower = code] = codesOf(String.fromCodePoint(code).toLowerCase());
  return equals.get(lower) ?? [lower];
}

/** The same in lower and in upper case. */
export function caseVariants(code: number): readonly number[] {
  return [code, ...caseless(code)].flatMap((one) => [
    one,
    ...codesOf(String.fromCodePoint(one).toUpperCase()).slice(0, 1),
  ]);
}

function codesOf(text: string): readonly number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0);
}

/** The assertions that are written with a backslash, by their letters. */
export const assertions: ReadonlyMap<string, Assertion> = new Map([
  ["A", atStart],
  ["Z", atVeryEnd],
  ["b", atWordBoundary],
  // In an empty text there is no boundary, nor none.
  ["B", (characters, at) => characters.length > 0 && !atWordBoundary(characters, at)],
]);
