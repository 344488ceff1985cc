import { describe, expect, test } from "vitest";
import type { AttributeDocument, SchemaDocument } from "../../src/scim/internal.js";
import { enterpriseUserId, groupId, kinds, patch, provider, userId } from "./provider.js";

/** What a value of each type may be. */
function sampleOf(attribute: AttributeDocument, reference: string): unknown {
  const { type, multiValued, name, subAttributes = [], canonicalValues = [] } = attribute;
  const one = (): unknown => {
    switch (type) {
      case "boolean":
        return true;
      case "integer":
      case "decimal":
        return 3;
      case "dateTime":
        return "2011-05-13T04:42:34Z";
      case "binary":
        return "AAEC";
      case "reference":
        return "https://example.com/x";
      case "complex":
        return Object.fromEntries(
          subAttributes
            .filter((sub) => sub.name !== "$ref" && isWritten(sub))
            .map((sub) => [
              sub.name,
              sub.name === "value" && isReference(attribute) ? reference : sampleOf(sub, reference),
            ]),
        );
      default:
        return canonicalValues[0] ?? `a ${name}`;
    }
  };
  return multiValued ? [one()] : one();
}

function isReference({ subAttributes = [] }: AttributeDocument): boolean {
  return subAttributes.some(({ name }) => name === "$ref");
}

function isWritten({ mutability }: AttributeDocument): boolean {
  return mutability === "readWrite" || mutability === "immutable";
}

describe.each(Object.entries(kinds))(
  "what /Schemas says is what happens, over stores in %s",
  (_, open) => {
    test("of every attribute that a client may set", async () => {
      await using stores = await open();
      const { call, create } = provider(stores);
      const { Resources } = (await call("GET", "/Schemas")).body as { Resources: SchemaDocument[] };
      const boss = await create("/Users", { userName: "boss" });
      let driven = 0;
      for (const { id: schema, attributes } of Resources) {
        const isGroup = schema === groupId;
        for (const attribute of attributes) {
          const { name, mutability, returned } = attribute;
          const value = sampleOf(attribute, boss.id);
          const own =
            schema === enterpriseUserId ? { [schema]: { [name]: value } } : { [name]: value };
          const sent = {
            schemas: isGroup ? [groupId] : [userId, enterpriseUserId],
            ...(isGroup ? { displayName: `group ${driven}` } : { userName: `user ${driven}` }),
            ...own,
          };
          const answered = await call("POST", isGroup ? "/Groups" : "/Users", sent);
          expect([name, answered.status]).toEqual([name, 201]);
          const path = answered.body.meta.location;
          const holder = (body: Record<string, unknown>): Record<string, unknown> =>
            (schema === enterpriseUserId ? (body[schema] ?? {}) : body) as Record<string, unknown>;
          const read = holder((await call("GET", path)).body);
          const qualified = schema === enterpriseUserId ? `${schema}:${name}` : name;
          const named = holder((await call("GET", `${path}?attributes=${qualified}`)).body);
          if (mutability === "readOnly") {
            expect([name, named[name]]).not.toEqual([name, value]);
          } else if (returned === "never") {
            expect({ ...read, ...named }).not.toHaveProperty([name]);
          } else {
            const expected = Array.isArray(value)
              ? [expect.objectContaining(value[0] as object)]
              : typeof value === "object"
                ? expect.objectContaining(value as object)
                : value;
            expect([name, named[name]]).toEqual([name, expected]);
            if (returned !== "request") expect([name, read[name]]).toEqual([name, expected]);
          }
          driven++;
        }
      }
      expect(driven).toBeGreaterThan(25);
    });

    test("of what the principal may not write, of passwords, and of what is not kept of a member", async () => {
      await using stores = await open();
      const { call } = provider(stores);
      const attributesOf = async (schema: string): Promise<readonly AttributeDocument[]> =>
        (await call("GET", `/Schemas/${schema}`)).body.attributes;
      const ofUser = await attributesOf(userId);
      const named = (name: string): AttributeDocument | undefined =>
        ofUser.find((attribute) => attribute.name === name);
      expect(named("roles")).toMatchObject({ mutability: "readOnly" });
      expect(named("entitlements")?.subAttributes?.[0]).toMatchObject({ mutability: "readOnly" });
      expect(named("title")).toMatchObject({ mutability: "readWrite" });
      expect(named("password")).toBeUndefined();
      const [members] = (await attributesOf(groupId)).filter(({ name }) => name === "members");
      expect(members?.subAttributes?.find(({ name }) => name === "display")).toMatchObject({
        mutability: "readOnly",
      });
      const all = provider(stores, { mayWrite: () => true });
      const { attributes } = (await all.call("GET", `/Schemas/${userId}`)).body;
      const roles = attributes.find(({ name }: AttributeDocument) => name === "roles");
      expect(roles).toMatchObject({ mutability: "readWrite" });
    });

    test("of the groups of a user, which are not there where there are no groups", async () => {
      await using stores = await open();
      const { call } = provider(stores, { repositories: () => ({ users: stores.users }) });
      const { attributes } = (await call("GET", `/Schemas/${userId}`)).body;
      expect(attributes.map(({ name }: AttributeDocument) => name)).not.toContain("groups");
    });

    test("of the groups of a user, which are told as often as the schema says", async () => {
      await using stores = await open();
      for (const userGroups of ["default", "request"] as const) {
        const { call, create } = provider(stores, { userGroups });
        const user = await create("/Users", { userName: `of ${userGroups}` });
        const path = `/Users/${user.id}`;
        const { id } = await create("/Groups", {
          displayName: "Guides",
          members: [{ value: user.id }],
        });
        const { attributes } = (await call("GET", `/Schemas/${userId}`)).body;
        const groups = attributes.find(({ name }: AttributeDocument) => name === "groups");
        expect(groups).toMatchObject({ returned: userGroups, mutability: "readOnly" });
        const isTold = userGroups === "default";
        const told = { groups: [{ value: id, display: "Guides", type: "direct" }] };
        const list = `/Users?filter=${encodeURIComponent(`id eq "${user.id}"`)}`;
        const answers = [
          (await call("GET", path)).body,
          (await call("GET", list)).body.Resources[0],
          (await call("PATCH", path, patch({ op: "add", path: "title", value: "x" }))).body,
          (await call("PUT", path, { ...user, title: "y" })).body,
        ];
        for (const body of answers) {
          if (isTold) expect(body).toMatchObject(told);
          else expect(body).not.toHaveProperty("groups");
        }
        const without = (await call("GET", `${path}?excludedAttributes=groups`)).body;
        expect(without).not.toHaveProperty("groups");
        expect((await call("GET", `${path}?attributes=groups`)).body).toMatchObject(told);
        const { meta } = (await call("GET", path)).body;
        const known = { "if-none-match": meta.version };
        // A membership is not in the version of a user, so nothing is left out because of it.
        expect((await call("GET", path, undefined, known)).status).toBe(isTold ? 200 : 304);
        const excluded = `${path}?excludedAttributes=groups`;
        expect((await call("GET", excluded, undefined, known)).status).toBe(304);
      }
    });
  },
);
