import type { Capabilities, FilterOperator } from "../../repositories/index.js";
import { supportsFilter } from "../../repositories/internal.js";
import {
  type AttrPath,
  type BoundFilter,
  bindFilter,
  type Filter,
  InvalidFilterError,
  type ResolvedAttribute,
  type ResourceType,
} from "../../scim/index.js";
import { filterOperators, type PartPosition } from "../../scim/internal.js";
import type { Random } from "./numbers.js";
import { randomValue } from "./resources.js";

/** Texts that mean more than themselves to `LIKE` and to regular expressions. */
const wildcards: readonly string[] = ["a_", "_n", "%", "a%n", "\\", "0%", "!_", "a.", ".*"];

/** A comparison that a store declares. */
interface Declared {
  readonly target: ResolvedAttribute;
  readonly operator: FilterOperator;
}

/** Makes filters of what a store declares. */
export class RandomFilters {
  readonly #type: ResourceType;
  readonly #capabilities: Capabilities;
  readonly #declared: readonly Declared[];
  readonly #operators: readonly FilterOperator[];
  readonly #random: Random;
  readonly #stored: readonly object[];

  /** @param stored Resources of whose values the filters ask. */
  constructor(
    type: ResourceType,
    capabilities: Capabilities,
    random: Random,
    stored: readonly object[],
  ) {
    this.#type = type;
    this.#capabilities = capabilities;
    this.#random = random;
    this.#stored = stored;
    this.#declared = declaredComparisons(type, capabilities);
    this.#operators = [...new Set(this.#declared.map(({ operator }) => operator))];
  }

  /** A filter that the store declares. */
  next(): BoundFilter {
    for (;;) {
      const bound = bind(this.#filter(2), this.#type);
      if (bound !== undefined && supportsFilter(this.#capabilities, bound)) return bound;
    }
  }

  #filter(depth: number): Filter {
    const { logic = [] } = this.#capabilities;
    if (depth === 0 || logic.length === 0 || this.#random.chance(0.4)) return this.#leaf();
    const operator = this.#random.of(logic);
    if (operator === "not") return { operator, filter: this.#filter(depth - 1) };
    const filters = Array.from({ length: 2 + this.#random.below(2) }, () =>
      this.#filter(depth - 1),
    );
    return { operator, filters };
  }

  #leaf(): Filter {
    const random = this.#random;
    // First the operator, since most attributes have the same ones.
    const operator = random.of(this.#operators);
    const { target } = random.of(this.#declared.filter((one) => one.operator === operator));
    if (operator !== "valuePath") return this.#comparison(target, operator, pathTo(target));
    return { operator, path: pathTo(target), filter: this.#inside(target, 1) };
  }

  /**
   * For each list of values: filters of two comparisons in one value path, which two values of one resource meet
   * together and neither of them alone. Those that a store declares; at most `most`.
   */
  acrossValues(most: number): readonly BoundFilter[] {
    const all = this.#declared
      .filter(({ operator }) => operator === "valuePath")
      .flatMap(({ target }) =>
        this.#crossings(target).map((filter) =>
          bind({ operator: "valuePath", path: pathTo(target), filter }, this.#type),
        ),
      );
    const declared = all.filter(
      (bound) => bound !== undefined && supportsFilter(this.#capabilities, bound),
    );
    const step = Math.max(1, Math.ceil(declared.length / most));
    return declared.flatMap((bound, at) => (bound !== undefined && at % step === 0 ? [bound] : []));
  }

  /** Pairs of comparisons that two values of one resource meet, each one of them. */
  #crossings(target: ResolvedAttribute): readonly Filter[] {
    if (this.#capabilities.logic?.includes("and") !== true) return [];
    const compared = this.#declared.flatMap(({ operator, target: inner }) =>
      operator === "eq" && isWithin(inner, target) ? [inner.subAttribute?.name ?? ""] : [],
    );
    const lists = this.#stored.map((resource) =>
      namesTo(target).reduce<readonly unknown[]>(membersNamed, [resource]),
    );
    return lists.flatMap(([one, other]) =>
      compared.flatMap((first) =>
        compared.flatMap((second): Filter[] => {
          const [a, b] = [memberNamed(one, first), memberNamed(other, second)];
          if (first === second || !isSimple(a) || !isSimple(b)) return [];
          if (memberNamed(other, first) === a || memberNamed(one, second) === b) return [];
          const filters: readonly Filter[] = [
            { operator: "eq", path: { attribute: first }, value: a },
            { operator: "eq", path: { attribute: second }, value: b },
          ];
          return [{ operator: "and", filters }];
        }),
      ),
    );
  }

  /** What stands in the brackets of a value path. */
  #inside(target: ResolvedAttribute, depth: number): Filter {
    const joins = (this.#capabilities.logic ?? []).filter((operator) => operator !== "not");
    if (depth > 0 && joins.length > 0 && this.#random.chance(0.6)) {
      const filters = [this.#inside(target, depth - 1), this.#inside(target, depth - 1)];
      return { operator: this.#random.of(joins), filters };
    }
    const inner = this.#random.of(
      this.#declared.filter((one) => one.operator !== "valuePath" && isWithin(one.target, target)),
    );
    if (inner.operator === "valuePath") throw new RangeError("A value path is in no other.");
    const path = { attribute: inner.target.subAttribute?.name ?? "" };
    return this.#comparison(inner.target, inner.operator, path);
  }

  #comparison(
    target: ResolvedAttribute,
    operator: Exclude<FilterOperator, "valuePath">,
    path: AttrPath,
  ): Filter {
    if (operator === "pr") return { operator, path };
    return { operator, path, value: this.#sought(target, operator) };
  }

  #sought(target: ResolvedAttribute, operator: FilterOperator): string | number | boolean {
    const leaf = target.subAttribute ?? comparedPart(target.attribute);
    const random = this.#random;
    const names = [...namesTo(target), ...(leaf === target.attribute ? [] : [leaf.name])];
    const stored = random.chance(0.8)
      ? names.reduce<readonly unknown[]>(membersNamed, this.#stored).filter(isSimple)
      : [];
    const value = stored.length > 0 ? random.of(stored) : randomValue(random, leaf);
    if (typeof value !== "string" || leaf.type === "dateTime") return value;
    const part = partOf(operator);
    if (part !== undefined && random.chance(0.4)) return random.of(wildcards);
    const cased = random.chance(0.3) ? value.toUpperCase() : value;
    const at = random.below(cased.length + 1);
    const length = 1 + random.below(3);
    if (part === "start") return cased.slice(0, length);
    if (part === "end") return cased.slice(-length);
    return part === "anywhere" ? cased.slice(at, at + length) : cased;
  }
}

/** Where the part of a text is for which an operator asks, itself or as what it negates. */
function partOf(operator: FilterOperator): PartPosition | undefined {
  if (operator === "pr" || operator === "valuePath") return undefined;
  const asked = filterOperators[operator];
  const positive = asked.kind === "negation" ? asked.of : asked;
  return positive.kind === "part" ? positive.at : undefined;
}

/** The comparisons that a store declares and that the types of the attributes allow. */
export function declaredComparisons(
  type: ResourceType,
  capabilities: Capabilities,
): readonly Declared[] {
  const all = Object.entries(capabilities.filter).flatMap(([path, operators]) => {
    const target = type.attributes.get(path.toLowerCase());
    return target === undefined ? [] : operators.map((operator) => ({ target, operator }));
  });
  const simple = all.filter(
    (one) => one.operator !== "valuePath" && isBindable(one, type, capabilities),
  );
  const valuePaths = all.filter(
    (one) =>
      one.operator === "valuePath" && simple.some(({ target }) => isWithin(target, one.target)),
  );
  return [...simple, ...valuePaths];
}

function isBindable(
  { target, operator }: Declared,
  type: ResourceType,
  capabilities: Capabilities,
): boolean {
  if (operator === "valuePath") return false;
  const path = pathTo(target);
  const candidates: readonly Filter[] =
    operator === "pr"
      ? [{ operator, path }]
      : ["2011-05-13T04:42:34Z", 1, true].map((value) => ({ operator, path, value }));
  return candidates.some((filter) => {
    const bound = bind(filter, type);
    return bound !== undefined && supportsFilter(capabilities, bound);
  });
}

function bind(filter: Filter, type: ResourceType): BoundFilter | undefined {
  try {
    return bindFilter(filter, type);
  } catch (error) {
    if (error instanceof InvalidFilterError) return undefined;
    throw error;
  }
}

function pathTo({ extension, schema, attribute, subAttribute }: ResolvedAttribute): AttrPath {
  return {
    ...(extension && schema !== undefined && { schema: schema.id }),
    attribute: attribute.name,
    ...(subAttribute !== undefined && { subAttribute: subAttribute.name }),
  };
}

/** The names of the members that lead to an attribute. */
function namesTo({ extension, schema, attribute }: ResolvedAttribute): readonly string[] {
  return extension && schema !== undefined ? [schema.id, attribute.name] : [attribute.name];
}

function isWithin(inner: ResolvedAttribute, outer: ResolvedAttribute): boolean {
  return inner.subAttribute !== undefined && inner.path.startsWith(`${outer.path}.`);
}

/** A complex attribute of several values stands for its `value` where it is compared. */
function comparedPart(attribute: ResolvedAttribute["attribute"]): ResolvedAttribute["attribute"] {
  return attribute.subAttributes.get("value") ?? attribute;
}

function membersNamed(holders: readonly unknown[], name: string): readonly unknown[] {
  return holders.flatMap((holder) => {
    if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, name)) return [];
    const member: unknown = Reflect.get(holder, name);
    return Array.isArray(member) ? (member as readonly unknown[]) : [member];
  });
}

function memberNamed(holder: unknown, name: string): unknown {
  return membersNamed([holder], name)[0];
}

function isSimple(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}
