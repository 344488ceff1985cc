import { InvalidValueError } from "concordat";
import {
  applyChangeSet,
  type ChangeSet,
  reachesWithin,
  wholeChangeSet,
} from "concordat/repositories";
import { enterpriseUserId, type NewUser, type User, userResourceType } from "concordat/scim";
import { describe, expect, test } from "vitest";

const barbara: User = {
  id: "1",
  userName: "bjensen",
  name: { familyName: "Jensen", givenName: "Barbara" },
  emails: [{ value: "b@example.com" }],
  [enterpriseUserId]: { department: "Tours", manager: { value: "26118915" } },
};

const apply = (changes: ChangeSet<NewUser>): object =>
  applyChangeSet(userResourceType, barbara, changes);

describe("a change set", () => {
  test("reaches the parts of an attribute, of an extension, and within that", () => {
    expect(
      apply({
        set: {
          "name.givenName": "Babs",
          [`${enterpriseUserId}:manager.value`]: "2",
          [`${enterpriseUserId}:costCenter`]: "4130",
        },
        unset: [`${enterpriseUserId}:department`],
      }),
    ).toEqual({
      ...barbara,
      name: { familyName: "Jensen", givenName: "Babs" },
      [enterpriseUserId]: { costCenter: "4130", manager: { value: "2" } },
    });
  });

  test("clears what is set to null, and what nothing is left of", () => {
    const changes: ChangeSet<NewUser> = {
      set: { "name.givenName": null },
      unset: ["name.familyName", enterpriseUserId, "title"],
    };
    const { name: _, [enterpriseUserId]: __, ...left } = barbara;
    expect(apply(changes)).toEqual(left);
  });

  test("leaves the resource that it is applied to as it was", () => {
    const before = structuredClone(barbara);
    apply({ set: { "name.givenName": "Babs" }, unset: ["emails"] });
    expect(barbara).toEqual(before);
  });

  test("keeps what is in no schema, and takes an attribute called __proto__ for what it is", () => {
    const set: object = JSON.parse('{ "shoeSize": 42, "__proto__": { "admin": true } }');
    const after = apply({ set });
    expect(Object.getPrototypeOf(after)).toBe(Object.prototype);
    expect(after).toHaveProperty("shoeSize", 42);
    expect(Object.hasOwn(after, "__proto__")).toBe(true);
  });

  test.each([
    "name.nobodysPart",
    "shoe.size",
    "urn:example:Badge",
    "urn:example:Badge:number",
    "emails.value",
    "__proto__.admin",
  ])("is refused if it names %s, which is no attribute, or a part of several values", (path) => {
    expect(() => apply({ set: { [path]: "x" } })).toThrow(InvalidValueError);
    expect(() => apply({ unset: [path] })).toThrow(InvalidValueError);
  });

  test("of parts can be made one of whole attributes", () => {
    const changes: ChangeSet<NewUser> = {
      set: { title: "Dr.", "name.givenName": "Babs" },
      unset: [`${enterpriseUserId}:department`, "active"],
      relations: {},
    };
    expect(reachesWithin(userResourceType, changes)).toBe(true);
    const whole = wholeChangeSet(userResourceType, barbara, changes);
    expect(whole).toEqual({
      set: {
        title: "Dr.",
        name: { familyName: "Jensen", givenName: "Babs" },
        [enterpriseUserId]: { manager: { value: "26118915" } },
      },
      unset: ["active"],
      relations: {},
    });
    expect(reachesWithin(userResourceType, whole)).toBe(false);
    expect(apply(whole)).toEqual(apply(changes));
  });
});
