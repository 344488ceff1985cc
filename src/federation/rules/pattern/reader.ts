import {
  assertions,
  atEnd,
  atLineEnd,
  atLineStart,
  atStart,
  type CharacterTest,
  caseless,
  caseVariants,
  classes,
  not,
} from "./characters.js";
import type { Node } from "./program.js";

/** How deep its groups may be nested. */
const maxDepth = 50;

/** The characters that are written with a backslash and a letter. */
const controls: ReadonlyMap<string, number> = new Map([
  ["a", 7],
  ["f", 12],
  ["n", 10],
  ["r", 13],
  ["t", 9],
  ["v", 11],
]);

/** Reads the text of an expression, once from its beginning to its end. */
export class PatternReader {
  readonly #source: readonly string[];
  readonly #flags = new Set<string>();
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = [...source];
  }

  /** @throws {SyntaxError} it is not an expression, or one that is refused. */
  read(): Node {
    const flags = /^\(\?([a-zA-Z]+)\)/.exec(this.#source.join(""));
    for (const flag of flags?.[1] ?? "") {
      if (!"imsu".includes(flag)) throw new SyntaxError(`the flag "${flag}" is not supported.`);
      this.#flags.add(flag);
    }
    this.#at = flags?.[0].length ?? 0;
    const node = this.#choice();
    if (this.#at < this.#source.length) throw new SyntaxError("a parenthesis is not opened.");
    return node;
  }

  #choice(): Node {
    const nodes = [this.#sequence()];
    while (this.#take("|")) nodes.push(this.#sequence());
    return nodes.length === 1 && nodes[0] !== undefined ? nodes[0] : { kind: "choice", nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    for (;;) {
      const next = this.#source[this.#at];
      if (next === undefined || next === "|" || next === ")") return { kind: "sequence", nodes };
      nodes.push(this.#repeat(this.#atom()));
    }
  }

  #repeat(node: Node): Node {
    const bounds = this.#bounds();
    if (bounds === undefined) return node;
    if (node.kind === "assertion") throw new SyntaxError("a quantifier has nothing before it.");
    if (this.#take("+")) throw new SyntaxError("possessive quantifiers are not supported.");
    // How much a quantifier likes to take does not change whether there is a match.
    this.#take("?");
    if (this.#bounds() !== undefined) throw new SyntaxError("a quantifier follows another.");
    return { kind: "repeat", node, ...bounds };
  }

  #bounds(): { readonly min: number; readonly max: number } | undefined {
    if (this.#take("*")) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take("+")) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take("?")) return { min: 0, max: 1 };
    const rest = this.#source.slice(this.#at, this.#at + 16).join("");
    const braces = /^\{(\d*)(?:(,)(\d*))?\}/.exec(rest);
    const [all, from = "", comma, to = ""] = braces ?? [];
    // Braces that say no number and no comma are characters like others.
    if (all === undefined || all === "{}") return undefined;
    this.#at += all.length;
    const min = Number(from);
    const max = comma === undefined ? min : to === "" ? Number.POSITIVE_INFINITY : Number(to);
    if (max < min) throw new SyntaxError("a quantifier ends before it begins.");
    return { min, max };
  }

  #atom(): Node {
    const character = this.#source[this.#at] ?? "";
    this.#at += 1;
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return { kind: "character", test: this.#set() };
      case ".":
        return {
          kind: "character",
          test: this.#flags.has("s") ? () => true : (code) => code !== 0x0a,
        };
      case "^":
        return { kind: "assertion", holds: this.#flags.has("m") ? atLineStart : atStart };
      case "$":
        return { kind: "assertion", holds: this.#flags.has("m") ? atLineEnd : atEnd };
      case "*":
      case "+":
      case "?":
        throw new SyntaxError("a quantifier has nothing before it.");
      case "{":
        this.#at -= 1;
        if (this.#bounds() !== undefined) {
          throw new SyntaxError("a quantifier has nothing before it.");
        }
        this.#at += 1;
        return { kind: "character", test: this.#literal(0x7b) };
      case "\\":
        return this.#escape();
      default:
        return { kind: "character", test: this.#literal(character.codePointAt(0) ?? 0) };
    }
  }

  #group(): Node {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new SyntaxError("its groups are nested too deep.");
    if (this.#take("?") && !this.#take(":")) {
      const name = /^P<\w+>/.exec(this.#source.slice(this.#at, this.#at + 64).join(""));
      if (name === null)
        throw new SyntaxError("look-around and flags in groups are not supported.");
      this.#at += name[0].length;
    }
    const node = this.#choice();
    if (!this.#take(")")) throw new SyntaxError("a parenthesis is not closed.");
    this.#depth -= 1;
    return node;
  }

  #escape(): Node {
    const character = this.#source[this.#at] ?? "";
    const test = classes.get(character);
    const holds = assertions.get(character);
    if (test !== undefined || holds !== undefined) this.#at += 1;
    if (test !== undefined) return { kind: "character", test };
    if (holds !== undefined) return { kind: "assertion", holds };
    return { kind: "character", test: this.#literal(this.#escapedCode()) };
  }

  /** The character that an escape stands for, in a set or outside. */
  #escapedCode(isInSet = false): number {
    const character = this.#source[this.#at];
    if (character === undefined) throw new SyntaxError("it ends with a backslash.");
    this.#at += 1;
    const control = controls.get(character);
    if (control !== undefined) return control;
    const length = { x: 2, u: 4, U: 8 }[character];
    if (length !== undefined) {
      const digits = this.#source.slice(this.#at, this.#at + length).join("");
      if (!/^[0-9A-Fa-f]+$/.test(digits) || digits.length < length) {
        throw new SyntaxError(`"\\${character}" needs ${length} digits.`);
      }
      this.#at += length;
      return Number.parseInt(digits, 16);
    }
    if (/\d/.test(character)) return this.#octalCode(isInSet);
    if (/[A-Za-z]/.test(character)) throw new SyntaxError(`"\\${character}" is not supported.`);
    return character.codePointAt(0) ?? 0;
  }

  /** A character by its octal digits, the first of which was read: three of them, or fewer after a zero or in a set. */
  #octalCode(isInSet: boolean): number {
    this.#at -= 1;
    const rest = this.#source.slice(this.#at, this.#at + 3).join("");
    const [digits] = (isInSet ? /^[0-7]{1,3}/ : /^(?:0[0-7]{0,2}|[0-7]{3})/).exec(rest) ?? [];
    if (digits === undefined) throw new SyntaxError("back-references are not supported.");
    this.#at += digits.length;
    const code = Number.parseInt(digits, 8);
    if (code > 0o377) throw new SyntaxError("an octal number is too large.");
    return code;
  }

  #set(): CharacterTest {
    const isNegated = this.#take("^");
    const tests: CharacterTest[] = [];
    for (let isFirst = true; isFirst || !this.#take("]"); isFirst = false) {
      const low = this.#setMember();
      if (typeof low === "function") {
        tests.push(low);
        continue;
      }
      const isRange = this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]";
      if (!isRange) {
        tests.push(this.#literal(low));
        continue;
      }
      this.#at += 1;
      const high = this.#setMember();
      if (typeof high === "function" || high < low) throw new SyntaxError("a range is not one.");
      tests.push(this.#folded((code) => code >= low && code <= high));
    }
    const test: CharacterTest = (code) => tests.some((one) => one(code));
    return isNegated ? not(test) : test;
  }

  #setMember(): CharacterTest | number {
    const character = this.#source[this.#at];
    if (character === undefined) throw new SyntaxError("a bracket is not closed.");
    this.#at += 1;
    if (character !== "\\") return character.codePointAt(0) ?? 0;
    const next = this.#source[this.#at] ?? "";
    const test = classes.get(next);
    if (test !== undefined) {
      this.#at += 1;
      return test;
    }
    if (next === "b") {
      this.#at += 1;
      return 8;
    }
    return this.#escapedCode(true);
  }

  #literal(expected: number): CharacterTest {
    if (!this.#flags.has("i")) return (code) => code === expected;
    const all = caseless(expected);
    return (code) => caseless(code).some((one) => all.includes(one));
  }

  /** A test without regard to case, where the expression says so. */
  #folded(test: CharacterTest): CharacterTest {
    if (!this.#flags.has("i")) return test;
    return (code) => caseVariants(code).some(test);
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }
}
