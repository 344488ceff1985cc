import { caseless } from "../../core/index.js";
import type { Link } from "../../repositories/index.js";
import type { Protectable, SynchronizeOptions } from "../settings.js";
import { accountsOf } from "./accounts.js";
import type { RunnerTarget } from "./context.js";

type Type = "User" | "Group";

/** The option `protect`, as it is asked. */
export interface ProtectionRule {
  isProtected(resource: Protectable): boolean;
  /** The ids and names that are protected; absent where a rule is given. */
  readonly listed?: readonly string[];
}

export function protectionRule(protect: SynchronizeOptions["protect"] = []): ProtectionRule {
  if (typeof protect === "function") return { isProtected: protect };
  const listed = new Set(protect.map(caseless));
  const isListed = (text: string | undefined) => text !== undefined && listed.has(caseless(text));
  return { isProtected: ({ id, name }) => isListed(id) || isListed(name), listed: protect };
}

/**
 * Which resources may not be touched in a step. What counts is the name that the source gave a resource, and the one
 * that it has now: it may have been renamed in the application since.
 */
export class Protection {
  readonly #rule: ProtectionRule;
  /** The ids of the resources that have a protected name now. */
  readonly #named = new Map<Type, ReadonlySet<string>>();

  constructor(rule: ProtectionRule) {
    this.#rule = rule;
  }

  /** Whether nothing is protected. */
  get isEmpty(): boolean {
    return this.#rule.listed?.length === 0;
  }

  /**
   * Whether a resource is protected.
   *
   * @param names what it is called by the source, besides its present name.
   */
  async covers(
    target: RunnerTarget,
    { type, id }: Omit<Protectable, "name">,
    names: readonly (string | undefined)[],
  ): Promise<boolean> {
    if (this.isEmpty) return false;
    const resource = id === undefined ? { type } : { type, id };
    const given = names.filter((name) => name !== undefined);
    if (given.some((name) => this.#rule.isProtected({ ...resource, name }))) return true;
    if (given.length === 0 && this.#rule.isProtected(resource)) return true;
    if (id === undefined) return false;
    const { listed } = this.#rule;
    if (listed !== undefined) {
      return (
        this.#rule.isProtected(resource) || (await this.#namedNow(target, type, listed)).has(id)
      );
    }
    const name = (await accountsOf(target, type)?.look(id))?.name;
    return name !== undefined && this.#rule.isProtected({ ...resource, name });
  }

  /** Whether the resource of a link is protected. */
  ofLink(target: RunnerTarget, { type, resourceId, name }: Link): Promise<boolean> {
    return this.covers(target, resourceId === undefined ? { type } : { type, id: resourceId }, [
      name,
    ]);
  }

  /** There are few protected names and many resources, so it is the names that are looked for. */
  async #namedNow(
    target: RunnerTarget,
    type: Type,
    names: readonly string[],
  ): Promise<ReadonlySet<string>> {
    const known = this.#named.get(type);
    if (known !== undefined) return known;
    const ids = new Set<string>();
    const accounts = accountsOf(target, type);
    for (const name of names) {
      for (const account of (await accounts?.find(name)) ?? []) ids.add(account.id);
    }
    this.#named.set(type, ids);
    return ids;
  }
}
