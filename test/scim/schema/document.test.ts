import { readFileSync } from "node:fs";
import {
  defineSchema,
  enterpriseUserSchema,
  groupSchema,
  type Schema,
  userSchema,
} from "concordat/scim";
import { describe, expect, test } from "vitest";
import { type AttributeDocument, schemaDocument } from "../../../src/scim/internal.js";

interface PrintedSchema {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly AttributeDocument[];
}

/** Where our data differs from the printed example on purpose: every attribute, by name, and why. */
interface Deviation {
  readonly why: string;
  readonly characteristic: string;
  readonly printed: unknown;
  readonly ours: unknown;
  readonly paths: readonly string[];
}

function printedSchema(name: string): PrintedSchema {
  const file = new URL(`../../vectors/rfc7643-8.7.1-${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8"));
}

/** Each attribute by path, in order, with what is said of it apart from its place and its description. */
function byPath(attributes: readonly AttributeDocument[], parent = ""): Map<string, object> {
  const flat = new Map<string, object>();
  for (const { name, description: _, subAttributes = [], ...characteristics } of attributes) {
    flat.set(parent + name, characteristics);
    for (const [path, sub] of byPath(subAttributes, `${parent}${name}.`)) flat.set(path, sub);
  }
  return flat;
}

/** The printed example with our deviations: what we expect to say, attribute by attribute. */
function corrected(printed: PrintedSchema, deviations: readonly Deviation[]): Map<string, object> {
  const flat = byPath(printed.attributes);
  for (const { characteristic, printed: before, ours, paths } of deviations) {
    for (const path of paths) {
      const { [characteristic]: found, ...rest }: Record<string, unknown> = { ...flat.get(path) };
      expect(found, `${characteristic} of ${path} as printed`).toEqual(before);
      flat.set(path, ours === undefined ? rest : { ...rest, [characteristic]: ours });
    }
  }
  return flat;
}

function expectDocument(
  schema: Schema,
  name: string,
  deviations: readonly Deviation[],
  additions: Readonly<Record<string, object>> = {},
): void {
  const printed = printedSchema(name);
  const ours = byPath(schemaDocument(schema).attributes);
  const expected = corrected(printed, deviations);
  for (const [path, characteristics] of Object.entries(additions)) {
    expect(expected.has(path), `${path} is not printed`).toBe(false);
    expect(ours.get(path)).toEqual(characteristics);
    ours.delete(path);
  }
  expect([...ours.keys()]).toEqual([...expected.keys()]);
  expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(expected));
}

const plainBoolean = {
  type: "boolean",
  multiValued: false,
  required: false,
  mutability: "readWrite",
  returned: "default",
};

describe("the schemas of RFC 7643 §8.7.1", () => {
  test("User is as printed, but for what §2 to §4 say otherwise", () => {
    expectDocument(
      userSchema,
      "user",
      [
        {
          why: "A complex attribute has no uniqueness (§2.3.8).",
          characteristic: "uniqueness",
          printed: "none",
          ours: undefined,
          paths: ["name", "emails", "addresses"],
        },
        {
          why: "A complex attribute has no case sensitivity (§2.3.8).",
          characteristic: "caseExact",
          printed: false,
          ours: undefined,
          paths: ["x509Certificates"],
        },
        {
          why: "A reference is case exact (§2.3.7).",
          characteristic: "caseExact",
          printed: false,
          ours: true,
          paths: ["profileUrl", "photos.value", "groups.$ref"],
        },
        {
          why: "A binary is case exact (§2.3.6).",
          characteristic: "caseExact",
          printed: false,
          ours: true,
          paths: ["x509Certificates.value"],
        },
        {
          why: "A binary has no uniqueness (§2.3.6).",
          characteristic: "uniqueness",
          printed: "none",
          ours: undefined,
          paths: ["x509Certificates.value"],
        },
        {
          why: "The value is the id of a group (§4.1.2), and an id is case exact (§3.1).",
          characteristic: "caseExact",
          printed: false,
          ours: true,
          paths: ["groups.value"],
        },
        {
          why: "What is not case exact may be stored in another case (§7); a password must not.",
          characteristic: "caseExact",
          printed: false,
          ours: true,
          paths: ["password"],
        },
        {
          why: "A user belongs to groups (§4.1.2), never to another user.",
          characteristic: "referenceTypes",
          printed: ["User", "Group"],
          ours: ["Group"],
          paths: ["groups.$ref"],
        },
        {
          why: 'The text lists "other" too (§4.1.2).',
          characteristic: "canonicalValues",
          printed: ["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
          ours: ["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo", "other"],
          paths: ["ims.type"],
        },
        {
          why: "No canonical values are said by saying none, as entitlements.type is printed.",
          characteristic: "canonicalValues",
          printed: [],
          ours: undefined,
          paths: ["roles.type", "x509Certificates.type"],
        },
      ],
      // §2.4 names the preferred mailing address as an example of "primary", and the user printed in §8.2 has one.
      { "addresses.primary": plainBoolean },
    );
  });

  test("Group is as printed, but for what §2 to §4 say otherwise", () => {
    expectDocument(
      groupSchema,
      "group",
      [
        {
          why: "The displayName of a group is REQUIRED (§4.2).",
          characteristic: "required",
          printed: false,
          ours: true,
          paths: ["displayName"],
        },
        {
          why: "A service provider may require the value of a member (§4.2); a member without one is nobody.",
          characteristic: "required",
          printed: false,
          ours: true,
          paths: ["members.value"],
        },
        {
          why: "The value is the id of a resource (§4.2), and an id is case exact (§3.1).",
          characteristic: "caseExact",
          printed: false,
          ours: true,
          paths: ["members.value"],
        },
        {
          why: "A reference is case exact (§2.3.7).",
          characteristic: "caseExact",
          printed: false,
          ours: true,
          paths: ["members.$ref"],
        },
      ],
      {
        // "display" is among the default sub-attributes (§2.4), and the group printed in §8.4 has it.
        "members.display": {
          type: "string",
          multiValued: false,
          required: false,
          caseExact: false,
          mutability: "immutable",
          returned: "default",
          uniqueness: "none",
        },
      },
    );
  });

  test("EnterpriseUser is as printed, but for what §2 to §4 say otherwise", () => {
    expectDocument(enterpriseUserSchema, "enterprise-user", [
      {
        why: "The value is the id of a user (§4.3), and an id is case exact (§3.1).",
        characteristic: "caseExact",
        printed: false,
        ours: true,
        paths: ["manager.value"],
      },
      {
        why: "A reference is case exact (§2.3.7).",
        characteristic: "caseExact",
        printed: false,
        ours: true,
        paths: ["manager.$ref"],
      },
    ]);
  });

  test.each([
    [userSchema, "user"],
    [groupSchema, "group"],
    [enterpriseUserSchema, "enterprise-user"],
  ])("$name has the printed id and name, and describes every attribute", (schema, file) => {
    const printed = printedSchema(file);
    const document = schemaDocument(schema);
    expect(document).toMatchObject({ id: printed.id, name: printed.name });
    expect(document.description).toMatch(/\w/);
    for (const attribute of document.attributes) {
      for (const described of [attribute, ...(attribute.subAttributes ?? [])]) {
        expect(described.description, `${attribute.name}, ${described.name}`).toMatch(/\w/);
      }
    }
  });
});

test("a host's schema becomes a Schema resource that states every default", () => {
  const schema = defineSchema(
    {
      id: "urn:example:params:scim:schemas:2.0:Badge",
      name: "Badge",
      attributes: {
        number: { type: "integer", required: true, uniqueness: "server" },
        holder: {
          type: "complex",
          subAttributes: { $ref: { type: "reference", referenceTypes: ["User"] }, note: {} },
        },
      },
    },
    { number: "The number on the badge.", "holder.note": "A remark." },
  );
  expect(JSON.parse(JSON.stringify(schemaDocument(schema)))).toEqual({
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
    id: "urn:example:params:scim:schemas:2.0:Badge",
    name: "Badge",
    meta: { resourceType: "Schema" },
    attributes: [
      {
        name: "number",
        type: "integer",
        multiValued: false,
        description: "The number on the badge.",
        required: true,
        mutability: "readWrite",
        returned: "default",
        uniqueness: "server",
      },
      {
        name: "holder",
        type: "complex",
        multiValued: false,
        required: false,
        mutability: "readWrite",
        returned: "default",
        subAttributes: [
          {
            name: "$ref",
            type: "reference",
            multiValued: false,
            required: false,
            caseExact: true,
            mutability: "readWrite",
            returned: "default",
            uniqueness: "none",
            referenceTypes: ["User"],
          },
          {
            name: "note",
            type: "string",
            multiValued: false,
            description: "A remark.",
            required: false,
            caseExact: false,
            mutability: "readWrite",
            returned: "default",
            uniqueness: "none",
          },
        ],
      },
    ],
  });
});
