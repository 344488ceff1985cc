import { normalizeDn } from "../wire/dn.js";
import type { Content } from "./reading.js";

/**
 * Which names are within the content: DirSync tells of a whole naming context, and the filters of most servers cannot say
 * what is below one of several bases, so that names have to be compared.
 */
export class Scope {
  readonly #bases: readonly string[];
  readonly #scope: Content["scope"];

  constructor({ bases, scope }: Pick<Content, "bases" | "scope">) {
    this.#bases = bases.map(normalizeDn);
    this.#scope = scope;
  }

  /** Whether it may be in the content, as far as its name goes. */
  has(dn: string): boolean {
    const name = normalized(dn);
    if (name === undefined) return false;
    return this.#bases.some((base) => this.#isWithin(name, base));
  }

  #isWithin(name: string, base: string): boolean {
    switch (this.#scope) {
      case "base":
        return name === base;
      case "one":
        return parentOf(name) === base;
      case "sub":
        return isBelow(name, base);
    }
  }
}

/** Whether a normalised name is that of a base, or of something below it. */
export function isBelow(name: string, base: string): boolean {
  return name === base || base === "" || endsInName(name, base);
}

/** A comma before the base is one between names, unless it is escaped. */
function endsInName(name: string, base: string): boolean {
  if (!name.endsWith(`,${base}`)) return false;
  const above = name.slice(0, -base.length - 1);
  return !/(?:^|[^\\])(?:\\\\)*\\$/.test(above);
}

function parentOf(name: string): string {
  return /^(?:\\.|[^,\\])*,(.*)$/su.exec(name)?.[1] ?? "";
}

function normalized(dn: string): string | undefined {
  try {
    return normalizeDn(dn);
  } catch {
    return undefined;
  }
}
