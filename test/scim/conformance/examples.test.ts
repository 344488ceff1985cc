import { groupResourceType, readResource, userResourceType } from "concordat/scim";
import { expect, test } from "vitest";
import { vector } from "../../vectors/vector.js";

/** The type of a resource by what it has, since the lists that the RFC prints do not say. */
function typeOf(resource: object): typeof userResourceType | typeof groupResourceType {
  return "userName" in resource ? userResourceType : groupResourceType;
}

test.each(["rfc7644-3.4.1-response", "rfc7644-3.7.2-group", "rfc7644-3.14-creation-response"])(
  "%s is read as it is printed",
  (name) => {
    const printed = vector(name);
    expect(
      readResource(typeOf(printed), printed, { context: "response", unknown: "refuse" }),
    ).toEqual({ resource: printed, ignored: [], rewrites: [] });
  },
);

test.each(["rfc7644-3.4.2-list-response", "rfc7644-3.4.3-list-response"])(
  "%s holds parts of resources, which have the schemas of their attributes once they are read",
  (name) => {
    const { Resources } = vector<{ readonly Resources: readonly object[] }>(name);
    expect(Resources).toHaveLength(2);
    for (const part of Resources) {
      const type = typeOf(part);
      expect(readResource(type, part, { context: "response", partial: true }).resource).toEqual({
        schemas: [type.schema.id],
        ...part,
      });
    }
  },
);

test("rfc7644-3.7.1-list-response holds two groups that are members of each other", () => {
  const { Resources } = vector<{ readonly Resources: readonly object[] }>(
    "rfc7644-3.7.1-list-response",
  );
  const groups = Resources.map(
    (printed) => readResource(groupResourceType, printed, { context: "response" }).resource,
  );
  expect(groups).toEqual(Resources);
  expect(groups.map(({ members }) => members?.[0]?.value)).toEqual(
    groups.map(({ id }) => id).reverse(),
  );
});
