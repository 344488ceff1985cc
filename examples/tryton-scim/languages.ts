import { idOf, type Tryton, textOf } from "./client.ts";

/** How long the list of languages is believed, in milliseconds. */
const validity = 60_000;

/** The languages in which Tryton can be used: those that are marked as translatable in it. */
export class Languages {
  readonly #tryton: Tryton;
  #read: { readonly until: number; readonly codes: ReadonlyMap<number, string> } | undefined;

  constructor(tryton: Tryton) {
    this.#tryton = tryton;
  }

  /**
   * The language that is preferred among those that Tryton has.
   *
   * @param preferred as `Accept-Language` has it: `da, en-GB;q=0.8` (RFC 7643 §4.1.1).
   */
  async find(preferred: string, signal?: AbortSignal): Promise<number | undefined> {
    const codes = await this.#codes(signal);
    for (const tag of tagsIn(preferred)) {
      // `pt-BR` is `pt_BR`, and where there is none, `pt`.
      for (const form of [tag, tag.split("-")[0]]) {
        for (const [id, code] of codes) if (tagOf(code).toLowerCase() === form) return id;
      }
    }
    return undefined;
  }

  async codeOf(language: number, signal?: AbortSignal): Promise<string | undefined> {
    return (await this.#codes(signal)).get(language);
  }

  async #codes(signal?: AbortSignal): Promise<ReadonlyMap<number, string>> {
    if (this.#read !== undefined && Date.now() < this.#read.until) return this.#read.codes;
    const translatable = [["translatable", "=", true]];
    const found = await this.#tryton.records("ir.lang", translatable, ["code"], { signal });
    const codes = new Map(found.map((one) => [idOf(one), textOf(one["code"])]));
    this.#read = { until: Date.now() + validity, codes };
    return codes;
  }
}

/** The tag of a code of Tryton: `pt-BR` of `pt_BR`. */
export function tagOf(code: string): string {
  return code.replaceAll("_", "-");
}

/** The tags of a list of preferences in lower case, the most preferred first. */
function tagsIn(preferred: string): readonly string[] {
  return preferred
    .split(",")
    .map((part) => {
      const [tag = "", ...parameters] = part.trim().toLowerCase().split(";");
      const quality = parameters.find((one) => one.trim().startsWith("q="));
      return { tag: tag.trim(), quality: Number(quality?.trim().slice(2) ?? 1) };
    })
    .filter(({ quality }) => quality > 0)
    .sort((one, other) => other.quality - one.quality)
    .map(({ tag }) => tag);
}
