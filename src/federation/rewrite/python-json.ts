import { pythonString } from "../../core/index.js";
import { endOfString } from "../message/json-members.js";

/** How deep a text may be nested. Python gives up before a thousand. */
const maxDepth = 64;

/**
 * A JSON text in the form that Python's `json.dumps(json.loads(text), sort_keys=True)` gives it: members sorted by
 * their names' code points, `", "` and `": "` between them, everything but printable ASCII escaped, whole numbers digit
 * by digit, and others as `repr` prints them. privacyIDEA signs this form of its responses.
 *
 * @throws {SyntaxError} the text is not JSON, or nested too deep. `NaN` and the like, which Python takes, are not JSON.
 */
export function pythonJson(text: string): string {
  JSON.parse(text);
  return new Canonicalizer(text).read();
}

/** Reads a text that is known to be JSON, and writes it anew. */
class Canonicalizer {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): string {
    this.#skipSpace();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object();
      case "[":
        return this.#array();
      case '"':
        return pythonString(this.#string());
      default:
        return this.#word();
    }
  }

  #object(): string {
    const members = new Map<string, string>();
    this.#list("}", () => {
      const name = this.#string();
      this.#skipSpace();
      this.#at += 1;
      members.set(name, this.read());
    });
    const sorted = [...members].sort(([one], [other]) => compareCodePoints(one, other));
    return `{${sorted.map(([name, value]) => `${pythonString(name)}: ${value}`).join(", ")}}`;
  }

  #array(): string {
    const items: string[] = [];
    this.#list("]", () => items.push(this.read()));
    return `[${items.join(", ")}]`;
  }

  /** Reads what stands between two brackets and commas. */
  #list(end: string, readOne: () => void): void {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new SyntaxError("The JSON text is nested too deep.");
    this.#at += 1;
    this.#skipSpace();
    while (this.#text[this.#at] !== end) {
      readOne();
      this.#skipSpace();
      if (this.#text[this.#at] === ",") this.#at += 1;
      this.#skipSpace();
    }
    this.#at += 1;
    this.#depth -= 1;
  }

  #string(): string {
    const end = endOfString(this.#text, this.#at);
    const value: unknown = JSON.parse(this.#text.slice(this.#at, end));
    this.#at = end;
    return String(value);
  }

  /** A number, `true`, `false` or `null`. */
  #word(): string {
    const word = /[^\s,\]}]+/y;
    word.lastIndex = this.#at;
    const [text = ""] = word.exec(this.#text) ?? [];
    this.#at += text.length;
    return /^[tfn]/.test(text) ? text : printNumber(text);
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at += 1;
  }
}

function printNumber(text: string): string {
  if (/[.eE]/.test(text)) return pythonFloat(Number(text));
  return text === "-0" ? "0" : text;
}

/**
 * A float as Python's `repr` prints it: the shortest digits that mean it, with an exponent below 1e-4 and from 1e16.
 */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa = "", power = ""] = Math.abs(value).toExponential().split("e");
  const exponent = Number(power);
  const digits = mantissa.replace(".", "");
  if (exponent < -4 || exponent >= 16) {
    const padded = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${mantissa}e${exponent < 0 ? "-" : "+"}${padded}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}

/** Compares two strings by code points, as Python does. UTF-16 units would put U+10000 before U+FFFF. */
function compareCodePoints(one: string, other: string): number {
  const [left, right] = [[...one], [...other]];
  for (let at = 0; at < left.length && at < right.length; at += 1) {
    const difference = (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
