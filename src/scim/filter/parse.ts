import type { Settled } from "../../core/index.js";
import type { AttrPath, Comparison, CompValue, Filter, PatchPath, Presence } from "./filter.js";
import { type FilterLimits, filterLimits } from "./limits.js";
import { printAttrPath } from "./print.js";
import type { FilterProfileOptions, FilterRewrite } from "./profile.js";
import { closeBracket, closeSquare, dot, openBracket, openSquare, Scanner } from "./scan.js";

/** How a filter is read. */
export interface ParseFilterOptions extends FilterProfileOptions {
  /** How large the filter may be. */
  readonly limits?: FilterLimits | undefined;
}

/**
 * Reads a filter. RFC 7644 §3.4.2.2.
 *
 * The time that it takes grows with the length of the text, and no faster. What the attributes are is not asked here:
 * `bindFilter` does.
 *
 * @throws {InvalidFilterError} the text is not a filter, or is larger than the limits allow.
 */
export function parseFilter(text: string, options: ParseFilterOptions = {}): Filter {
  const limits = filterLimits(options.limits);
  const parser = new Parser(new Scanner(text, "filter", limits.length), limits, options);
  return parser.wholeFilter();
}

/**
 * Reads the path of a PATCH operation. RFC 7644 §3.5.2, figure 7.
 *
 * The URI of a schema alone, which some clients send for all of an extension, reads as an attribute by the last part of
 * the URI.
 *
 * @throws {InvalidPathError} the text is not a path, or is longer than the limits allow.
 * @throws {InvalidFilterError} what is between its brackets is not a filter, or is larger than the limits allow.
 */
export function parsePatchPath(text: string, options: ParseFilterOptions = {}): PatchPath {
  const limits = filterLimits(options.limits);
  const parser = new Parser(new Scanner(text, "path", limits.length), limits, options);
  return parser.wholePatchPath();
}

/**
 * Reads an attribute path in standard attribute notation. RFC 7644 §3.10.
 *
 * @throws {InvalidPathError} the text is not an attribute path.
 */
export function parseAttrPath(text: string): AttrPath {
  const scanner = new Scanner(text, "path", filterLimits().length);
  const path = scanner.attrPath();
  if (!scanner.isAtEnd) scanner.failHere("an attribute path ends before this");
  return path;
}

/** Reads filters by recursive descent; "not" binds before "and", and "and" before "or". */
class Parser {
  readonly #scanner: Scanner;
  readonly #limits: Settled<FilterLimits>;
  readonly #options: FilterProfileOptions;
  #depth = 0;
  #nodes = 0;
  #isInValuePath = false;
  /** Whether blanks are right before what comes next. */
  #isAfterBlank = false;

  constructor(scanner: Scanner, limits: Settled<FilterLimits>, options: FilterProfileOptions) {
    this.#scanner = scanner;
    this.#limits = limits;
    this.#options = options;
  }

  wholeFilter(): Filter {
    const scanner = this.#scanner;
    scanner.skipBlanks();
    const filter = this.#or();
    if (!scanner.isAtEnd) scanner.failHere('"and", "or" or the end of the filter is expected');
    return filter;
  }

  wholePatchPath(): PatchPath {
    const scanner = this.#scanner;
    const path = scanner.attrPath();
    if (scanner.isAtEnd) return { path };
    if (scanner.next !== openSquare) scanner.failHere('"[" or the end of the path is expected');
    scanner.part = "filter";
    const filter = this.#valueFilter();
    scanner.part = "path";
    if (scanner.isAtEnd) return { path, filter };
    const subAttribute = this.#subAttribute();
    if (!scanner.isAtEnd) scanner.failHere("the path ends before this");
    return { path, filter, subAttribute };
  }

  #or(): Filter {
    const first = this.#and();
    if (!this.#skipOperator("or")) return first;
    const filters = [first, this.#and()];
    while (this.#skipOperator("or")) filters.push(this.#and());
    return { operator: "or", filters };
  }

  #and(): Filter {
    const first = this.#term();
    if (!this.#skipOperator("and")) return first;
    const filters = [first, this.#term()];
    while (this.#skipOperator("and")) filters.push(this.#term());
    return { operator: "and", filters };
  }

  /** Goes over "and" or "or", and the blanks behind it, if that is what comes next. */
  #skipOperator(operator: "and" | "or"): boolean {
    if (!this.#isAfterBlank || !this.#scanner.skipWord(operator)) return false;
    this.#scanner.expectBlanks(`"${operator}"`);
    return true;
  }

  /** What "and" and "or" join, and the blanks behind it. */
  #term(): Filter {
    const filter = this.#expression();
    this.#isAfterBlank = this.#scanner.skipBlanks();
    return filter;
  }

  #expression(): Filter {
    const scanner = this.#scanner;
    if (scanner.next === openBracket) return this.#brackets(openBracket, closeBracket);
    this.#countNode();
    if (this.#skipNot()) {
      return { operator: "not", filter: this.#brackets(openBracket, closeBracket) };
    }
    const path = scanner.attrPath();
    if (scanner.next === openSquare) return this.#valuePath(path);
    return this.#condition(path);
  }

  /** Goes over "not", if what comes next is that and a bracket: it could be the name of an attribute. */
  #skipNot(): boolean {
    const scanner = this.#scanner;
    const start = scanner.position;
    if (!scanner.skipWord("not")) return false;
    scanner.skipBlanks();
    if (scanner.next === openBracket) return true;
    scanner.position = start;
    return false;
  }

  /** `SP "pr"` or `SP compareOp SP compValue`, behind the path. */
  #condition(path: AttrPath): Comparison | Presence {
    const scanner = this.#scanner;
    scanner.expectBlanks("the attribute path");
    const operator = scanner.operator();
    if (operator === "pr") return { operator, path };
    scanner.expectBlanks("the operator");
    return { operator, path, value: this.#value(path) };
  }

  #value(path: AttrPath): CompValue {
    const scanner = this.#scanner;
    if (this.#options.profile !== "entra") return scanner.value();
    const start = scanner.position;
    const literal = scanner.literal();
    if (literal === undefined) return scanner.value();
    if (!scanner.text.startsWith(String(literal), start)) this.#report("literalCase", path);
    return literal;
  }

  #valuePath(path: AttrPath): Filter {
    const scanner = this.#scanner;
    if (this.#isInValuePath) scanner.failHere("a value path cannot be within another");
    const filter = this.#valueFilter();
    if (this.#options.profile === "entra" && this.#isComparedBehind()) {
      const subAttribute = scanner.next === dot ? this.#subAttribute() : "value";
      const condition = this.#condition({ attribute: subAttribute });
      this.#report("valuePathComparison", path);
      const filters = filter.operator === "and" ? filter.filters : [filter];
      return {
        operator: "valuePath",
        path,
        filter: { operator: "and", filters: [...filters, condition] },
      };
    }
    return { operator: "valuePath", path, filter };
  }

  /** `"[" valFilter "]"`. */
  #valueFilter(): Filter {
    this.#isInValuePath = true;
    const filter = this.#brackets(openSquare, closeSquare);
    this.#isInValuePath = false;
    return filter;
  }

  /**
   * Whether a value path is followed by a sub-attribute or an operator, as in `emails[type eq "work"].value eq "x"`.
   */
  #isComparedBehind(): boolean {
    const scanner = this.#scanner;
    if (scanner.next === dot) return true;
    const start = scanner.position;
    const isCompared =
      scanner.skipBlanks() &&
      !scanner.isAtEnd &&
      scanner.next !== closeBracket &&
      !scanner.skipWord("and") &&
      !scanner.skipWord("or");
    scanner.position = start;
    return isCompared;
  }

  #subAttribute(): string {
    this.#scanner.expect(dot);
    return this.#scanner.attributeName();
  }

  /** A filter between brackets. */
  #brackets(open: number, close: number): Filter {
    const scanner = this.#scanner;
    if (++this.#depth > this.#limits.depth) {
      scanner.fail(`more than ${this.#limits.depth} brackets are open`, scanner.position);
    }
    scanner.expect(open);
    scanner.skipBlanks();
    const filter = this.#or();
    scanner.expect(close);
    this.#depth--;
    return filter;
  }

  #countNode(): void {
    if (++this.#nodes > this.#limits.nodes) {
      this.#scanner.fail(
        `there are more than ${this.#limits.nodes} expressions`,
        this.#scanner.position,
      );
    }
  }

  #report(rule: FilterRewrite["rule"], path: AttrPath): void {
    this.#options.onRewrite?.({ rule, path: printAttrPath(path) });
  }
}
