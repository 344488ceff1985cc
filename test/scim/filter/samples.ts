import {
  type Attribute,
  type CompValue,
  defineResourceType,
  defineSchema,
  type Filter,
  type ResolvedAttribute,
  type ResourceType,
} from "concordat/scim";
import fc from "fast-check";
import { operatorsFor } from "../../../src/scim/internal.js";

export const badgeId = "urn:example:params:scim:schemas:extension:1.0:Badge";

/** A resource type with attributes of every kind, one of them named like what every object inherits. */
export const sampleType: ResourceType = defineResourceType({
  name: "Sample",
  endpoint: "/Samples",
  schema: defineSchema({
    id: "urn:example:params:scim:schemas:1.0:Sample",
    name: "Sample",
    attributes: {
      nick: {},
      code: { caseExact: true },
      link: { type: "reference", referenceTypes: ["external"] },
      key: { type: "binary" },
      active: { type: "boolean" },
      age: { type: "integer" },
      size: { type: "decimal" },
      born: { type: "dateTime" },
      constructor: {},
      secret: { mutability: "writeOnly" },
      hidden: { returned: "never" },
      colours: { multiValued: true },
      name: {
        type: "complex",
        subAttributes: {
          family: {},
          given: { caseExact: true },
          pin: { returned: "never" },
        },
      },
      emails: {
        type: "complex",
        multiValued: true,
        subAttributes: {
          value: {},
          type: { caseExact: true },
          primary: { type: "boolean" },
          since: { type: "dateTime" },
          rank: { type: "integer" },
          pin: { mutability: "writeOnly" },
        },
      },
      places: {
        type: "complex",
        multiValued: true,
        subAttributes: { town: {}, tags: { multiValued: true } },
      },
    },
  }),
  schemaExtensions: [
    {
      schema: defineSchema({
        id: badgeId,
        name: "Badge",
        attributes: {
          number: { type: "integer" },
          label: {},
          owner: { type: "complex", subAttributes: { value: { caseExact: true }, name: {} } },
          stamps: { type: "complex", multiValued: true, subAttributes: { value: {}, by: {} } },
        },
      }),
      required: false,
    },
  ],
});

/**
 * Texts that are often equal to one another, or parts of one another, in some form: the Kelvin sign, ligatures, marks,
 * astral planes.
 */
const piece = fc.constantFrom(
  ..."a A b B e E é É i I k K 1 % _ ! ' \" \\ * ß ss SS ﬁ fi Å Å İ ı σ ς Σ Ǆ ｱ 😀 \u212a \u017f \u0301 \u0307 \u0345 \ue000 \uffee".split(
    " ",
  ),
  " ",
  "",
);
export const anyText: fc.Arbitrary<string> = fc
  .array(piece, { maxLength: 3 })
  .map((pieces) => pieces.join(""));

export const anyDateTime: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom("2011-05-13T04:42:34", "2011-05-13T06:42:34", "2011-05-12T23:12:34"),
    fc.constantFrom("", ".5", ".500", ".501", ".5001", ".50010"),
    fc.constantFrom("Z", "", "+02:00", "-05:30", "+00:00"),
  )
  .map((parts) => parts.join(""));

export const anyNumber: fc.Arbitrary<number> = fc.constantFrom(-1, -0, 0, 0.5, 1, 2, 1e10);

/** A value of the attribute's type, a single one. */
export function anyValueOf({ type, subAttributes }: Attribute): fc.Arbitrary<unknown> {
  switch (type) {
    case "complex":
      return fc.record(
        Object.fromEntries([...subAttributes.values()].map((sub) => [sub.name, anyContentOf(sub)])),
        { requiredKeys: [] },
      );
    case "boolean":
      return fc.boolean();
    case "integer":
    case "decimal":
      return anyNumber;
    case "dateTime":
      return anyDateTime;
    default:
      return anyText;
  }
}

/** What may stand under the name of an attribute. */
function anyContentOf(attribute: Attribute): fc.Arbitrary<unknown> {
  const value = anyValueOf(attribute);
  const several = fc.array(fc.option(value, { freq: 20 }), { maxLength: 3 });
  return fc.oneof(
    { weight: 8, arbitrary: attribute.multiValued ? several : value },
    { weight: 1, arbitrary: fc.constant(null) },
  );
}

function anyObject(attributes: Iterable<Attribute>): fc.Arbitrary<Record<string, unknown>> {
  const contents = [...attributes].map((attribute) => [attribute.name, anyContentOf(attribute)]);
  return fc.record(Object.fromEntries(contents), { requiredKeys: [] });
}

/** A resource of a type, as any store may have it: also with null, [] and {} in it. */
export function anyResourceOf(type: ResourceType): fc.Arbitrary<Record<string, unknown>> {
  const extensions = type.schemaExtensions.map(({ schema }) => [
    schema.id,
    anyObject(schema.attributes.values()),
  ]);
  return fc
    .tuple(
      anyObject(type.schema.attributes.values()),
      fc.record(Object.fromEntries(extensions), { requiredKeys: [] }),
    )
    .map(([core, others]) => ({ ...core, ...others }));
}

/** A resource of the sample type. */
export const anyResource: fc.Arbitrary<Record<string, unknown>> = anyResourceOf(sampleType);

/** A condition on an attribute, of those that its type allows. */
function anyCondition(
  attribute: Attribute,
  path: Filter & { operator: "pr" },
): fc.Arbitrary<Filter> {
  const operators = operatorsFor(attribute);
  const isNull = fc.constantFrom<Filter[]>(
    path,
    { ...path, operator: "eq", value: null },
    { ...path, operator: "ne", value: null },
  );
  if (operators.length === 0) return isNull;
  const compared = fc.record({
    operator: fc.constantFrom(...operators),
    path: fc.constant(path.path),
    value: anyValueOf(attribute) as fc.Arbitrary<CompValue>,
  });
  return fc.oneof({ weight: 1, arbitrary: isNull }, { weight: 6, arbitrary: compared });
}

function isReadable({ returned }: Attribute): boolean {
  return returned !== "never";
}

/** Any filter that can be bound to a type, made of the attributes that are chosen. */
export function anyFilterOf(
  type: ResourceType,
  isChosen: (attribute: ResolvedAttribute) => boolean = () => true,
): fc.Arbitrary<Filter> {
  const conditions: fc.Arbitrary<Filter>[] = [];
  for (const found of type.attributes.values()) {
    const { schema, extension, attribute, subAttribute } = found;
    if (schema === undefined || !isChosen(found)) continue;
    if (!isReadable(attribute) || (subAttribute && !isReadable(subAttribute))) continue;
    const path = {
      ...(extension && { schema: schema.id }),
      attribute: attribute.name,
      ...(subAttribute && { subAttribute: subAttribute.name }),
    };
    conditions.push(anyCondition(subAttribute ?? attribute, { operator: "pr", path }));
    if (subAttribute !== undefined || attribute.type !== "complex") continue;
    const value = attribute.subAttributes.get("value");
    if (attribute.multiValued && value !== undefined) {
      conditions.push(anyCondition(value, { operator: "pr", path }));
    }
    const within = [...attribute.subAttributes.values()]
      .filter(isReadable)
      .map((sub) => anyCondition(sub, { operator: "pr", path: { attribute: sub.name } }));
    conditions.push(
      fc.record({
        operator: fc.constant("valuePath"),
        path: fc.constant(path),
        filter: joinedFilter(fc.oneof(...within)),
      }),
    );
  }
  return joinedFilter(fc.oneof(...conditions));
}

function joinedFilter(leaf: fc.Arbitrary<Filter>): fc.Arbitrary<Filter> {
  return fc.letrec<{ filter: Filter }>((tie) => {
    const parts = fc.array(tie("filter"), { minLength: 2, maxLength: 3 });
    return {
      filter: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.record({ operator: fc.constant("and"), filters: parts }),
        fc.record({ operator: fc.constant("or"), filters: parts }),
        fc.record({ operator: fc.constant("not"), filter: tie("filter") }),
      ),
    };
  }).filter;
}
