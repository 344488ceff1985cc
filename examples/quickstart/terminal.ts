import { clearLine, cursorTo } from "node:readline";
import type { WriteStream } from "node:tty";
import { stripVTControlCharacters, styleText } from "node:util";

/** What a colour means here. */
export type Meaning = "good" | "changed" | "bad" | "name" | "title" | "aside";

const formats = {
  good: "green",
  changed: "yellow",
  bad: "red",
  name: "cyan",
  title: "bold",
  aside: "dim",
} as const;

const unicodeSymbols = {
  done: "✓",
  failed: "✗",
  added: "+",
  changed: "~",
  removed: "−",
  arrow: "→",
  dot: "·",
  ellipsis: "…",
  barDone: "━",
  barLeft: "─",
};

const asciiSymbols: typeof unicodeSymbols = {
  done: "*",
  failed: "!",
  added: "+",
  changed: "~",
  removed: "-",
  arrow: "->",
  dot: "|",
  ellipsis: "...",
  barDone: "#",
  barLeft: ".",
};

/** Wider lines than this are hard to read. */
const widest = 100;

/** Where the programme writes: a terminal, where a line can be drawn anew, or a file or pipe, where it cannot. */
export class Terminal {
  /** Whether lines can be drawn anew, and somebody is watching. */
  readonly isInteractive: boolean;
  /** Signs that the locale can show. */
  readonly symbols: typeof unicodeSymbols;
  readonly #stream: WriteStream;
  readonly #colour: boolean | undefined;
  readonly #isUnicode: boolean;
  #hasStatus = false;

  /** @param colour - Whether to use colours. Default: what the stream and NO_COLOR and FORCE_COLOR say. */
  constructor(stream: WriteStream, colour: boolean | undefined) {
    const { TERM, LC_ALL, LC_CTYPE, LANG } = process.env;
    this.#stream = stream;
    this.#colour = colour;
    this.isInteractive = stream.isTTY === true && TERM !== "dumb";
    const locale = LC_ALL || LC_CTYPE || LANG || "";
    this.#isUnicode = /utf-?8/i.test(locale) || process.platform === "win32";
    this.symbols = this.#isUnicode ? unicodeSymbols : asciiSymbols;
  }

  /** How many columns a line may have. */
  get width(): number {
    return Math.min(widest, this.#stream.columns || 80);
  }

  /** A text in the colour of its meaning, if there are colours. */
  style(meaning: Meaning, text: string): string {
    if (this.#colour === false) return text;
    const stream = this.#stream;
    return styleText(formats[meaning], text, { stream, validateStream: this.#colour !== true });
  }

  /** Writes a line. It takes the place of a status. */
  line(text: string = ""): void {
    this.clearStatus();
    this.#stream.write(`${this.#encodable(text)}\n`);
  }

  /** Shows what is under way, until the next line or status. Where nothing can be drawn anew, nothing is shown. */
  status(text: string): void {
    if (!this.isInteractive) return;
    this.clearStatus();
    // A line that is full would wrap, and could not be cleared as one.
    this.#stream.write(this.cut(this.#encodable(text), this.width - 1));
    this.#hasStatus = true;
  }

  /** The text, cut to one line of the terminal; a file takes it whole. */
  cut(text: string, columns: number = this.width): string {
    return this.isInteractive ? cutTo(text, columns, this.symbols.ellipsis) : text;
  }

  /** A line with something at its left and at its right end. */
  spread(left: string, right: string): string {
    if (!this.isInteractive) return `${left}  ${right}`;
    const room = this.width - columnsOf(right) - 2;
    return `${pad(this.cut(left, room), room)}  ${right}`;
  }

  /** Ends what was under way, so that whatever is written next begins a line. */
  clearStatus(): void {
    if (!this.#hasStatus) return;
    this.#hasStatus = false;
    clearLine(this.#stream, 0);
    cursorTo(this.#stream, 0);
  }

  /** The text in characters that the locale can show. */
  #encodable(text: string): string {
    if (this.#isUnicode) return text;
    return text
      .normalize("NFKD")
      .replace(/\p{Mark}/gu, "")
      .replace(/[^\p{Control}\x20-\x7e]/gu, "?");
  }
}

/** A value from outside as a text that cannot move the cursor or write over other lines. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Control}\p{Format}\p{Line_Separator}\p{Paragraph_Separator}]/gu,
    "\u{FFFD}",
  );
}

function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - columnsOf(text)));
}

/** The text, cut to a number of columns. */
function cutTo(text: string, columns: number, ellipsis: string): string {
  if (columnsOf(text) <= columns) return text;
  let kept = "";
  let room = columns - ellipsis.length;
  // Colours are kept to the last, since the last one ends those before it.
  for (const part of text.split(/(\p{Control}\[[\d;]*m)/u)) {
    if (part.startsWith("\x1b")) {
      kept += part;
      continue;
    }
    for (const { segment } of new Intl.Segmenter().segment(part)) {
      const taken = columnsOf(segment);
      if (taken > room) {
        kept += room >= 0 ? ellipsis : "";
        room = -1;
        break;
      }
      kept += segment;
      room -= taken;
    }
  }
  return kept;
}

/** Characters that take two columns, as a rule: ideographs, syllable blocks, emoji and full-width forms. */
const wide =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\uFF01-\uFF60]/u;

/** How many columns a text takes. */
function columnsOf(text: string): number {
  const segments = [...new Intl.Segmenter().segment(stripVTControlCharacters(text))];
  return segments.reduce((sum, { segment }) => sum + (wide.test(segment) ? 2 : 1), 0);
}
