import { ConcordatError } from "concordat";
import {
  applyPatch,
  diffResources,
  entraProfile,
  groupResourceType,
  lenientProfile,
  modificationOf,
  patchOpId,
  planPatch,
  type ResourceType,
  rfc7644Profile,
  userResourceType,
} from "concordat/scim";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { groupPatch, storedGroup, storedUser, userPatch } from "./arbitrary-patches.js";
import { changedBy } from "./changed-by.js";

/** What a function gives, or the error of the package that it throws. */
function outcome(work: () => object): object {
  try {
    return work();
  } catch (error) {
    expect(error).toBeInstanceOf(ConcordatError);
    return error as ConcordatError;
  }
}

/** A resource with its members in an order that does not matter, as a store has them. */
function inAnyOrder(resource: object): object {
  const { members, ...rest } = resource as { readonly members?: readonly object[] };
  const texts = members?.map((member) => JSON.stringify(Object.entries(member).sort()));
  return { ...rest, ...(texts !== undefined && { members: [...new Set(texts)].sort() }) };
}

test("additions one after the other come to what each comes to by itself", () => {
  const email = fc.record(
    {
      value: fc.constantFrom("a@example.com", "A@example.com", "b@example.com"),
      type: fc.constantFrom("work", "home"),
      primary: fc.boolean(),
      display: fc.constantFrom("one", "other"),
    },
    { requiredKeys: [] },
  );
  // Addresses have no "value": all that they say tells them apart.
  const address = fc.record(
    { locality: fc.constantFrom("Oslo", "Rome"), primary: fc.boolean() },
    { requiredKeys: [] },
  );
  const withOnePrimary = <T extends { readonly primary?: boolean }>(value: fc.Arbitrary<T>) =>
    fc
      .array(value, { maxLength: 3 })
      .filter((list) => list.filter(({ primary }) => primary).length < 2);
  const addition = fc.oneof(
    fc.record({ path: fc.constant("emails"), value: withOnePrimary(email) }),
    fc.record({ path: fc.constant("addresses"), value: withOnePrimary(address) }),
    fc.record({ path: fc.constant('emails[type eq "work"].display'), value: fc.constant("x") }),
  );
  const apply = (user: object, operations: readonly object[]): object => {
    const body = { schemas: [patchOpId], Operations: operations };
    return applyPatch(planPatch(userResourceType, body), user);
  };
  fc.assert(
    fc.property(
      storedUser,
      fc.array(addition, { minLength: 1, maxLength: 8 }),
      (user, additions) => {
        const operations = additions.map((one) => ({ op: "add", ...one }));
        const oneByOne = operations.reduce<object>((next, one) => apply(next, [one]), user);
        expect(apply(user, operations)).toEqual(oneByOne);
      },
    ),
    { numRuns: 1_000 },
  );
});

describe("a plan that is applied, and the change set that is made of it, come to the same", () => {
  test.each([
    ["users", userResourceType, storedUser, userPatch],
    ["groups", groupResourceType, storedGroup, groupPatch],
  ])("%s", (_, type: ResourceType, stored, patch) => {
    fc.assert(
      fc.property(
        stored,
        patch,
        fc.constantFrom(rfc7644Profile, entraProfile),
        (before, body, profile) => {
          const plan = outcome(() => planPatch(type, body, { profile }));
          if (plan instanceof ConcordatError) return;
          const planned = planPatch(type, body, { profile });
          const after = outcome(() => applyPatch(planned, before));
          const changed = outcome(() => changedBy(planned, before));
          if (after instanceof ConcordatError) expect(changed).toMatchObject({ code: after.code });
          else expect(inAnyOrder(changed)).toEqual(inAnyOrder(after));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("and often without a read, which the property above would not tell", () => {
    const body = (operation: object) => ({ schemas: [patchOpId], Operations: [operation] });
    let blind = 0;
    fc.assert(
      fc.property(userPatch, ({ Operations: [operation = {}] }) => {
        const plan = outcome(() => planPatch(userResourceType, body(operation)));
        if (plan instanceof ConcordatError) return;
        const modification = modificationOf(planPatch(userResourceType, body(operation)));
        if (!("plan" in modification)) blind++;
      }),
    );
    expect(blind).toBeGreaterThan(5);
  });
});

describe("the difference between two resources, applied to the first, gives the second", () => {
  test.each([
    ["users", userResourceType, storedUser],
    ["groups", groupResourceType, storedGroup],
  ])("%s", (_, type: ResourceType, stored) => {
    fc.assert(
      fc.property(stored, stored, (before, after) => {
        const difference = diffResources(type, before, after);
        if (difference === undefined) {
          expect(inAnyOrder(before)).toEqual(inAnyOrder(after));
          return;
        }
        const patched = applyPatch(planPatch(type, difference), before);
        expect(inAnyOrder(patched)).toEqual(inAnyOrder(after));
        expect(diffResources(type, patched, after)).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("any JSON", () => {
  const loose = fc.record(
    {
      op: fc.constantFrom("add", "replace", "remove", "Remove", "move"),
      path: fc.oneof(
        fc.constantFrom(
          "members",
          "emails",
          'emails[type eq "work"].value',
          "__proto__",
          "constructor.prototype",
          'emails[__proto__ eq "x"]',
          "name",
          "schemas",
          "password",
        ),
        fc.string(),
      ),
      value: fc.jsonValue(),
    },
    { requiredKeys: ["op"] },
  );
  const body = fc.oneof(
    fc.jsonValue(),
    fc.record({
      schemas: fc.oneof(fc.constant([patchOpId]), fc.jsonValue()),
      Operations: fc.oneof(fc.array(loose, { maxLength: 4 }), fc.jsonValue()),
    }),
  );

  test("is planned and applied, or refused with an error of the package", () => {
    fc.assert(
      fc.property(body, storedUser, fc.boolean(), (value, before, isLenient) => {
        const profile = isLenient ? lenientProfile : rfc7644Profile;
        for (const type of [userResourceType, groupResourceType]) {
          outcome(() => applyPatch(planPatch(type, value, { profile }), before));
          outcome(() => modificationOf(planPatch(type, value, { profile })));
        }
      }),
      { numRuns: 1_000 },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
