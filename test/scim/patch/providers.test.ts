import {
  applyPatch,
  entraProfile,
  groupResourceType,
  type Ignored,
  lenientProfile,
  oktaProfile,
  planPatch,
  type Rewrite,
  readResource,
  rfc7644Profile,
  type ScimProfile,
  userResourceType,
} from "concordat/scim";
import { describe, expect, test } from "vitest";
import { vector } from "../../vectors/vector.js";
import { changedBy } from "./changed-by.js";

interface Case {
  readonly what: string;
  readonly type: "User" | "Group";
  /** The provider, if it is not that of the file. */
  readonly provider?: keyof typeof profiles;
  readonly before: { readonly id: string };
  /** The PATCH as the provider sends it. */
  readonly request?: object;
  /** Or the resource that it creates. */
  readonly creation?: object;
  readonly after: object;
  readonly report: { readonly rewrites: readonly Rewrite[]; readonly ignored: readonly Ignored[] };
  /** What the profile of the RFC makes of it: the same, something else, or an error with this code. */
  readonly rfc7644: string;
  readonly password?: string | null;
}

const profiles = {
  entra: entraProfile,
  okta: oktaProfile,
  lenient: lenientProfile,
  rfc7644: rfc7644Profile,
};
const types = { User: userResourceType, Group: groupResourceType };

describe.each([
  "boolean-strings",
  "member-removal-by-value-list",
  "value-path-on-an-absent-value",
  "operations-without-a-path",
  "filters-outside-the-grammar",
  "data-that-no-schema-knows",
  "password",
  "odd-payloads",
  "values-that-are-none",
  "misspelled-paths",
])("%s", (name) => {
  const { provider, cases } = vector<{
    readonly provider: keyof typeof profiles;
    readonly cases: readonly Case[];
  }>(`provider-${name}`);

  test.each(cases)("$what", (one) => {
    const { type, request, creation, before, after, report, password } = one;
    const profile = profiles[one.provider ?? provider];
    if (creation !== undefined) {
      const { resource, ...told } = readResource(types[type], creation, {
        context: "creation",
        profile,
      });
      expect({ resource, ...told }).toEqual({ resource: after, ...report });
      return;
    }
    const plan = planPatch(types[type], request, { profile });
    const { rewrites, ignored } = plan;
    expect(applyPatch(plan, before)).toEqual(after);
    expect({ rewrites, ignored }).toEqual(report);
    expect(changedBy(plan, before)).toEqual(after);
    expect(plan.password).toBe(password);
    const { password: _, ...rest } = plan;
    expect(JSON.stringify(rest)).not.toContain("t1meMa$heen");
  });

  test.each(cases.filter(({ creation }) => creation === undefined))(
    "$what, by the RFC: $rfc7644",
    ({ type, request, before, after, rfc7644 }) => {
      const strictly = (profile: ScimProfile): object =>
        applyPatch(planPatch(types[type], request, { profile }), before);
      if (rfc7644 === "same") expect(strictly(rfc7644Profile)).toEqual(after);
      else if (rfc7644 === "differs") expect(strictly(rfc7644Profile)).not.toEqual(after);
      else {
        expect(() => strictly(rfc7644Profile)).toThrow(expect.objectContaining({ code: rfc7644 }));
      }
    },
  );
});

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const withoutPathKeys: ScimProfile = {
  name: "none of these",
  rewrites: new Set(["passOverUnknown"]),
};

test.each<[string, ScimProfile, "User" | "Group", object]>([
  [
    "a key that is a path",
    withoutPathKeys,
    "User",
    { op: "add", value: { "name.givenName": "x" } },
  ],
  [
    "a key with a filter",
    withoutPathKeys,
    "User",
    { op: "add", value: { 'emails[type eq "work"].value': "x" } },
  ],
  [
    "a key with a dot after the schema",
    oktaProfile,
    "User",
    { op: "add", value: { [`${enterprise}.department`]: "x" } },
  ],
  [
    "nothing but unknown paths",
    lenientProfile,
    "User",
    { op: "add", path: "favourite", value: "x" },
  ],
  [
    "a removal of members with an empty text",
    entraProfile,
    "Group",
    { op: "remove", path: "members", value: "" },
  ],
  ["the same of everything", lenientProfile, "Group", { op: "remove", path: "members", value: "" }],
  [
    "nothing but unknown keys",
    lenientProfile,
    "Group",
    { op: "add", value: [{ value: "2819c223" }] },
  ],
  ["the same of okta", oktaProfile, "User", { op: "replace", value: { favourite: "tea" } }],
  [
    "an empty text for whether a user is active",
    entraProfile,
    "User",
    { op: "replace", path: "active", value: "" },
  ],
  [
    "a name that is there twice",
    entraProfile,
    "Group",
    { op: "replace", value: { members: [], Members: [{ value: "2819c223" }] } },
  ],
])("%s is refused, and not ignored", (_, profile, type, operation) => {
  const request = {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    Operations: [operation],
  };
  expect(() => planPatch(types[type], request, { profile })).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/^invalid_(value|path)$/) }),
  );
});
