import { compile, run } from "./pattern/program.js";
import { PatternReader } from "./pattern/reader.js";

/**
 * Regular expressions in the notation of Python's `re`, matched in linear time: the ways through the expression are
 * followed side by side, so no expression and no text can make it run away. What cannot be matched so (back-references,
 * look-around, possessive quantifiers) is refused when the expression is read.
 */
export interface Pattern {
  /** Whether the expression matches somewhere in the text, as `re.search`. */
  search(text: string): boolean;
  /** Whether it matches at the beginning of the text, as `re.match`. */
  match(text: string): boolean;
  /**
   * Whether it matches the text up to its end, or to a line feed at its end, as `re.match` of `^…$`, which is what
   * privacyIDEA makes of it: of `a|b`, `^a` is the one alternative, and `b$` the other.
   */
  matchWhole(text: string): boolean;
}

/**
 * Reads an expression.
 *
 * @throws {SyntaxError} it is not one, or one that is refused.
 */
export function readPattern(source: string): Pattern {
  const program = compile(new PatternReader(source).read());
  const [, flags = "", rest = ""] = /^(\(\?[a-zA-Z]+\))?([\s\S]*)$/.exec(source) ?? [];
  const whole = compile(new PatternReader(`${flags}^${rest}$`).read());
  return {
    search: (text) => run(program, text, true),
    match: (text) => run(program, text, false),
    matchWhole: (text) => run(whole, text, false),
  };
}
