import { InvalidValueError, MutabilityError } from "../../core/index.js";
import type { Rewrite, RewriteName, ScimProfile } from "../profile.js";

/** A part of the input that was ignored. */
export interface Ignored {
  /** The index of the operation of a PATCH, from 0; absent from resources. */
  readonly operation?: number;
  /** The path of the attribute: as the schema spells it, or as it was sent if it is unknown. */
  readonly path: string;
  /**
   * `readOnly`: the service provider's own (RFC 7644 §3.3, §3.5.1); `unknown`: no schema of the resource type has it;
   * `unreturned`: a response holds what is never returned.
   */
  readonly reason: "readOnly" | "unknown" | "unreturned";
}

/** How much input is read. */
export interface ReadLimits {
  /** The most values of a multi-valued attribute. Default: 100,000. */
  readonly values?: number | undefined;
  /** The longest string, in UTF-16 code units. Default: 1,048,576. */
  readonly characters?: number | undefined;
}

/** What is to be done where input is not quite as the schema has it. */
export interface ValidationRules {
  readonly profile: ScimProfile;
  /** What is readOnly is ignored, refused, or, in a response, read. */
  readonly readOnly: "ignore" | "refuse" | "read";
  /** Whether attributes are left out that are never returned. */
  readonly isResponse: boolean;
  readonly unknown: "ignore" | "refuse";
  /** Whether what is required must be there. */
  readonly checksRequired: boolean;
  /** Whether no values but the canonical ones are good. */
  readonly strict: boolean;
  readonly values: number;
  readonly characters: number;
}

/** So many problems are reported; the rest would add nothing. */
const maxProblems = 20;
/** An unknown name is reported no longer than this. */
const maxName = 200;

/** One input being read: the rules, and what was found on the way. */
export class ValidationContext {
  readonly rules: ValidationRules;
  readonly ignored: Ignored[] = [];
  readonly rewrites: Rewrite[] = [];
  /** The index of the operation that is being read. */
  operation: number | undefined;
  readonly #problems: InvalidValueError[] = [];
  #refused: MutabilityError | undefined;

  constructor(rules: ValidationRules) {
    this.rules = rules;
  }

  /** Notes that a value is wrong, and goes on, so that all that is wrong can be said at once. */
  problem(path: string, message: string): undefined {
    if (this.#problems.length < maxProblems) {
      this.#problems.push(new InvalidValueError(shortened(path), message));
    }
  }

  /** Notes that an attribute may not be changed. */
  refuse(path: string, message: string): undefined {
    this.#refused ??= new MutabilityError(shortened(path), message);
  }

  /** Notes that a part of the input is ignored. */
  ignore(path: string, reason: Ignored["reason"]): undefined {
    this.ignored.push({ ...this.#operation(), path: shortened(path), reason });
  }

  /** Whether the profile has the rewrite. */
  allows(rewrite: RewriteName): boolean {
    return this.rules.profile.rewrites.has(rewrite);
  }

  /** Whether the profile has the rewrite; if so, notes that it is made. */
  rewrite(rewrite: RewriteName, path: string): boolean {
    if (!this.allows(rewrite)) return false;
    this.rewrites.push({ ...this.#operation(), rewrite, path: shortened(path) });
    return true;
  }

  #operation(): { readonly operation?: number } {
    return this.operation === undefined ? {} : { operation: this.operation };
  }

  /**
   * Ends the context, with the first problem and the `others`, if there was any.
   *
   * @throws {InvalidValueError} a value is wrong.
   * @throws {MutabilityError} no value is wrong, but one may not be changed.
   */
  end(): void {
    const [first, ...others] = this.#problems;
    if (first !== undefined) {
      throw others.length === 0
        ? first
        : new InvalidValueError(first.path, first.reason, { others });
    }
    if (this.#refused !== undefined) throw this.#refused;
  }
}

function shortened(path: string): string {
  return path.length <= maxName ? path : `${path.slice(0, maxName)}…`;
}
