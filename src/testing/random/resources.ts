import type { Attribute, ResolvedAttribute, ResourceType } from "../../scim/index.js";
import type { Random } from "./numbers.js";

/**
 * Texts that differ in case, in accents and in what `LIKE` takes for its own; few, so that many resources share them.
 */
const texts: readonly string[] = [
  "ann",
  "Ann",
  "ANN",
  "anna",
  "Änn",
  "änn",
  "a%n",
  "a_n",
  "a\\n",
  "100%",
  "100",
  "!_%",
  'o\'Neil "Tip"',
  "x ",
  "x",
  "zoë 😀",
  "10",
  "9",
];

const instants: readonly string[] = [
  "2011-05-13T04:42:34Z",
  "2011-05-13T06:42:34+02:00",
  "2011-05-13T04:42:34.5Z",
  "2010-12-31T23:59:59Z",
  "2024-02-29T00:00:00Z",
];

const references: readonly string[] = [
  "https://example.com/a",
  "https://example.com/A",
  "https://example.org/b",
];

/** A value of a simple attribute, of few that there are. */
export function randomValue(random: Random, { type }: Attribute): string | number | boolean {
  switch (type) {
    case "boolean":
      return random.chance(0.5);
    case "integer":
      return random.below(5) - 2;
    case "decimal":
      return (random.below(9) - 4) / 2;
    case "dateTime":
      return random.of(instants);
    case "binary":
      return random.of(["AAEC", "aaec", "/+8="]);
    case "reference":
      return random.of(references);
    default:
      return random.of(texts);
  }
}

/** The attributes of a type that a client can give a value, and at the top level of which they stand. */
export function writableAttributes(type: ResourceType): readonly ResolvedAttribute[] {
  return [...type.attributes.values()].filter(
    ({ attribute, subAttribute }) =>
      subAttribute === undefined &&
      attribute.mutability !== "readOnly" &&
      attribute.mutability !== "writeOnly" &&
      attribute.returned !== "never" &&
      attribute.name !== "schemas" &&
      attribute.name !== "members",
  );
}

/** Gives a resource values of some of these attributes. */
export function randomAttributes(
  random: Random,
  attributes: readonly ResolvedAttribute[],
): Readonly<Record<string, unknown>> {
  const resource = new Map<string, unknown>();
  for (const { attribute, schema, extension } of attributes) {
    if (!random.chance(0.6)) continue;
    const value = randomAttribute(random, attribute);
    if (extension && schema !== undefined) {
      resource.set(schema.id, { ...Object(resource.get(schema.id)), [attribute.name]: value });
    } else resource.set(attribute.name, value);
  }
  return Object.fromEntries(resource);
}

function randomAttribute(random: Random, attribute: Attribute): unknown {
  if (!attribute.multiValued) return randomSingle(random, attribute);
  const values = Array.from({ length: 1 + random.below(3) }, () => randomSingle(random, attribute));
  const primary = random.below(values.length);
  // At most one value is the primary one (RFC 7643 §2.4).
  return values.map((value, at) => {
    if (typeof value !== "object" || at === primary) return value;
    const { primary: _, ...others }: { readonly primary?: unknown } = value;
    return others;
  });
}

function randomSingle(random: Random, attribute: Attribute): object | string | number | boolean {
  if (attribute.type !== "complex") return randomValue(random, attribute);
  const subs = [...attribute.subAttributes.values()].filter(
    ({ mutability }) => mutability !== "readOnly",
  );
  const values = new Map<string, unknown>();
  for (const sub of subs) {
    if (sub.required || sub.name === "value" || random.chance(0.6)) {
      values.set(sub.name, randomValue(random, sub));
    }
  }
  if (values.size === 0 && subs[0] !== undefined) {
    values.set(subs[0].name, randomValue(random, subs[0]));
  }
  return Object.fromEntries(values);
}
