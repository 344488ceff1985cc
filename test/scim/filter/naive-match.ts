import type { Attribute, AttrPath, Filter, ResourceType } from "concordat/scim";
import { findAttribute } from "../../../src/scim/internal.js";

/**
 * Tells whether a resource matches a filter, as plainly as that can be written down: the oracle for everything that
 * does so fast. It reads RFC 7644 §3.4.2.2 as `compileFilter` says that it does.
 */
export function naiveMatch(filter: Filter, resource: object, type: ResourceType): boolean {
  return matches(filter, (path, isCompared = false) => {
    const found = findAttribute(type, path);
    if (found === undefined) throw new Error(`There is no ${path.attribute}.`);
    const { attribute, subAttribute, extension, schema } = found;
    const start = extension ? valueAt(resource, schema?.id ?? "") : resource;
    const values = listOf(valueAt(start, attribute.name));
    if (subAttribute === undefined) return { attribute, values };
    // A list that is empty has no sub-attribute, as an attribute that is absent has none.
    const parents = values.length === 0 ? [undefined] : values;
    return {
      attribute: subAttribute,
      values: parents.flatMap((parent) => {
        if (isCompared && attribute.multiValued && isUnstated(parent, subAttribute)) return [false];
        const subValues = listOf(valueAt(parent, subAttribute.name));
        return subValues.length === 0 ? [undefined] : subValues;
      }),
    };
  });
}

/** The attribute that a path means, and the values that there are. */
type Read = (
  path: AttrPath,
  isCompared?: boolean,
) => { attribute: Attribute; values: readonly unknown[] };

function matches(filter: Filter, read: Read): boolean {
  switch (filter.operator) {
    case "and":
      return filter.filters.every((part) => matches(part, read));
    case "or":
      return filter.filters.some((part) => matches(part, read));
    case "not":
      return !matches(filter.filter, read);
    case "valuePath": {
      const { attribute, values } = read(filter.path);
      return values.some(
        (value) =>
          typeof value === "object" &&
          value !== null &&
          matches(filter.filter, ({ attribute: name }, isCompared = false) => {
            const sub = attribute.subAttributes.get(name.toLowerCase());
            if (sub === undefined) throw new Error(`There is no ${name}.`);
            if (isCompared && attribute.multiValued && isUnstated(value, sub)) {
              return { attribute: sub, values: [false] };
            }
            return { attribute: sub, values: listOf(valueAt(value, sub.name)) };
          }),
      );
    }
    case "pr": {
      const { attribute, values } = read(filter.path);
      return values.some((value) => hasContent(value, attribute));
    }
    default: {
      if (filter.value === null) {
        const isPresent = matches({ operator: "pr", path: filter.path }, read);
        return filter.operator === "ne" ? isPresent : !isPresent;
      }
      const { attribute, values } = withValue(filter.path, (path) => read(path, true));
      const compared = values.length === 0 ? [undefined] : values;
      return compared.some((value) => holds(filter.operator, value, filter.value, attribute));
    }
  }
}

/** For a complex attribute with several values, its `value`. */
function withValue(path: AttrPath, read: Read): ReturnType<Read> {
  const found = read(path);
  return found.attribute.type === "complex" ? read({ ...path, subAttribute: "value" }) : found;
}

function holds(operator: string, value: unknown, other: unknown, attribute: Attribute): boolean {
  if (operator === "ne") return !holds("eq", value, other, attribute);
  if (typeof value !== typeof other) return false;
  if (typeof value === "string" && typeof other === "string") {
    if (attribute.type === "dateTime") return inOrder(operator, instant(value) - instant(other));
    const [text, sought] = attribute.caseExact ? [value, other] : [fold(value), fold(other)];
    if (operator === "co") return text.includes(sought);
    if (operator === "sw") return text.startsWith(sought);
    if (operator === "ew") return text.endsWith(sought);
    return inOrder(operator, Buffer.compare(Buffer.from(text), Buffer.from(sought)));
  }
  return inOrder(operator, Number(value) - Number(other));
}

function inOrder(operator: string, difference: number): boolean {
  if (operator === "eq") return difference === 0;
  if (operator === "gt") return difference > 0;
  if (operator === "ge") return difference >= 0;
  return operator === "lt" ? difference < 0 : difference <= 0;
}

function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase().normalize("NFKC").replaceAll("ς", "σ");
}

/** Milliseconds, with digits beyond the third, which Date leaves out. */
function instant(text: string): number {
  const [, whole = "", fraction = "", offset] =
    /^(.{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  return Date.parse(`${whole}${offset ?? "Z"}`) + Number(`0.${fraction}0`) * 1000;
}

function hasContent(value: unknown, attribute: Attribute): boolean {
  if (value === undefined || value === null || value === "") return false;
  if (Array.isArray(value)) return value.some((item) => hasContent(item, attribute));
  if (typeof value !== "object") return true;
  return [...attribute.subAttributes.values()].some(
    (sub) => sub.returned !== "never" && hasContent(valueAt(value, sub.name), sub),
  );
}

/** RFC 7643 §2.4: a value that does not say that it is the primary one is not. */
function isUnstated(value: unknown, { name, type }: Attribute): boolean {
  if (typeof value !== "object" || value === null) return false;
  return name === "primary" && type === "boolean" && (valueAt(value, name) ?? null) === null;
}

function valueAt(object: unknown, name: string): unknown {
  if (typeof object !== "object" || object === null) return undefined;
  return Object.entries(object).find(([key]) => key === name)?.[1];
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return value === undefined ? [] : [value];
}
