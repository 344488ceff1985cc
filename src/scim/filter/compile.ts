import type { Attribute } from "../schema/attribute.js";
import { isReadable, leafOf } from "./bind.js";
import {
  type BoundComparison,
  type BoundFilter,
  type BoundPresence,
  type BoundValuePath,
  comparesPrimary,
} from "./bound-filter.js";
import { instantOf } from "./instant.js";
import { operators, type PositiveOperator } from "./operators.js";
import { textTest } from "./text.js";

/** Whether a value, which may be of any kind or absent, matches. */
type Test = (value: unknown) => boolean;

/**
 * Makes a function of a filter that says whether a resource matches it. RFC 7644 §3.4.2.2.
 *
 * The keys of the resource are spelled as the schemas spell them. What the RFC leaves open is decided so:
 *
 * - `pr` is false of an attribute that is absent, null, "", [] or {}, and of a complex one in which nothing else is.
 * - `ne` matches an absent attribute, and a list of which any value is another; `not` is the opposite of what it holds.
 *   All other
 *   operators match no absent attribute.
 * - A value that does not state whether it is `primary` is not, so `primary eq false` matches it. `primary pr` does
 *   not.
 * - Text is compared by the attribute's `caseExact`: where case does not matter, after NFKC and in lower case. Its
 *   order is that of
 *   code points. A dateTime is an instant, whatever its offset. A value that is not of the attribute's type matches
 *   nothing.
 * - Several conditions on a list may be met by different values of it, unless they are in one value path.
 */
export function compileFilter(filter: BoundFilter): (resource: object) => boolean {
  return predicate(filter, false);
}

/**
 * Makes a function of a value path that says whether one value of its attribute is selected: one object out of
 * `emails`. For the path of a PATCH operation (RFC 7644 §3.5.2).
 */
export function compileValuePath({ filter }: BoundValuePath): (value: object) => boolean {
  return predicate(filter, true);
}

function predicate(filter: BoundFilter, isInValuePath: boolean): Test {
  switch (filter.operator) {
    case "and":
      return filter.filters.map((part) => predicate(part, isInValuePath)).reduceRight(both);
    case "or":
      return filter.filters.map((part) => predicate(part, isInValuePath)).reduceRight(either);
    case "not": {
      const matches = predicate(filter.filter, isInValuePath);
      return (resource) => !matches(resource);
    }
    case "valuePath": {
      const matches = predicate(filter.filter, true);
      return at(filter, isInValuePath, anyObject(matches));
    }
    case "pr":
      return at(filter, isInValuePath, presence(leafOf(filter.target)));
    default:
      return at(filter, isInValuePath, anyValue(comparison(filter)));
  }
}

function both(second: Test, first: Test): Test {
  return (resource) => first(resource) && second(resource);
}

function either(second: Test, first: Test): Test {
  return (resource) => first(resource) || second(resource);
}

/**
 * Applies a test to what the target of a filter is in a resource, or in one value where the filter is in a value path.
 */
function at(
  filter: BoundComparison | BoundPresence | BoundValuePath,
  isInValuePath: boolean,
  test: Test,
): Test {
  const { attribute, subAttribute, extension, schema } = filter.target;
  if (subAttribute !== undefined) {
    const ofValue = comparesPrimary(filter) ? primary(test) : member(subAttribute.name, test);
    if (isInValuePath) return ofValue;
    // If there is no value, the sub-attribute is absent.
    test = anyValue(ofValue);
  }
  const ofResource = member(attribute.name, test);
  return extension && schema !== undefined ? member(schema.id, ofResource) : ofResource;
}

/** Applies a test to a member of an object; of anything else, the member is absent. */
function member(name: string, test: Test): Test {
  // What every object inherits is no attribute. Only these few names are looked up in the slower way.
  if (name in Object.prototype) {
    return (value) => test(isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined);
  }
  return (value) => test(isObject(value) ? value[name] : undefined);
}

/** Applies a test to whether a value is the primary one; of what is no value, that is absent. */
function primary(test: Test): Test {
  return (value) => test(isObject(value) ? (value["primary"] ?? false) : undefined);
}

/** Applies a test to each value of a list until one passes it, or once where there is no list or nothing in it. */
function anyValue(test: Test): Test {
  return (value) => {
    if (!Array.isArray(value)) return test(value);
    for (let i = 0; i < value.length; i++) if (test(value[i])) return true;
    return value.length === 0 && test(undefined);
  };
}

/** The same for objects alone, of which there must be one. */
function anyObject(test: Test): Test {
  return (value) => {
    if (!Array.isArray(value)) return isObject(value) && test(value);
    for (let i = 0; i < value.length; i++) if (isObject(value[i]) && test(value[i])) return true;
    return false;
  };
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null;
}

/** Whether there is a value. What may not be read is not there, and neither is what the schema does not know. */
function presence({ type, subAttributes }: Attribute): Test {
  if (type !== "complex") return isPresent;
  const tests = [...subAttributes.values()]
    .filter(isReadable)
    .map(({ name }) => member(name, isPresent));
  return (value) => {
    const isThere = (one: unknown): boolean => tests.some((test) => test(one));
    return Array.isArray(value) ? value.some(isThere) : isThere(value);
  };
}

function isPresent(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isPresent);
  if (isObject(value)) return Object.values(value).some(isPresent);
  return value !== undefined && value !== null && value !== "";
}

/** What a comparison says of one value. */
function comparison({ operator, target, value }: BoundComparison): Test {
  const asked = operators[operator];
  if (asked.kind !== "negation") return positive(asked, leafOf(target), value);
  const matches = positive(asked.of, leafOf(target), value);
  return (value) => !matches(value);
}

function positive(
  operator: PositiveOperator,
  { type, caseExact }: Attribute,
  sought: BoundComparison["value"],
): Test {
  if (typeof sought === "string" && type !== "dateTime") {
    const matches = textTest(operator, sought, caseExact);
    return (value) => typeof value === "string" && matches(value);
  }
  if (typeof sought === "boolean") return (value) => value === sought;
  if (operator.kind === "part") return () => false;
  if (typeof sought === "number") {
    return (value) => typeof value === "number" && operator.test(value - sought);
  }
  const instant = instantOf(sought) ?? Number.NaN;
  return (value) =>
    typeof value === "string" && operator.test((instantOf(value) ?? Number.NaN) - instant);
}
