import {
  applyPatch,
  entraProfile,
  groupResourceType,
  type Ignored,
  oktaProfile,
  type Profile,
  planPatch,
  type Rewrite,
  readResource,
  rfc7644Profile,
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

const profiles = { entra: entraProfile, okta: oktaProfile, rfc7644: rfc7644Profile };
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
      const strictly = (profile: Profile): object =>
        applyPatch(planPatch(types[type], request, { profile }), before);
      if (rfc7644 === "same") expect(strictly(rfc7644Profile)).toEqual(after);
      else if (rfc7644 === "differs") expect(strictly(rfc7644Profile)).not.toEqual(after);
      else {
        expect(() => strictly(rfc7644Profile)).toThrow(expect.objectContaining({ code: rfc7644 }));
      }
    },
  );
});
