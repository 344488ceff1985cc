import { applyPatch, groupResourceType, planPatch, userResourceType } from "concordat/scim";
import { expect, test } from "vitest";
import { vector } from "../../vectors/vector.js";

/** The ids as the RFC prints them, which shortens some. */
const babs = {
  display: "Babs Jensen",
  $ref: "https://example.com/v2/Users/2819c223...413861904646",
  value: "2819c223-7f76-453a-919d-413861904646",
};
const james = (value: string) => ({
  display: "James Smith",
  $ref: "https://example.com/v2/Users/08e1d05d...473d93df9210",
  value,
});
const other = { value: "902c246b" };
const group = { id: "acbf3ae7", displayName: "Tour Guides" };

const user = { id: "2819c223", userName: "bjensen", title: "Tour Guide" };
const work = {
  type: "work",
  streetAddress: "100 Universal City Plaza",
  locality: "Hollywood",
  primary: false,
};
const home = { type: "home", streetAddress: "456 Hollywood Blvd", primary: true };

/**
 * Each request of RFC 7644 §3.5.2, with a resource before and after it. Three are printed with a fault, which the data
 * files do not have: two of §3.5.2.1 and §3.5.2.3 lack a brace, and a filter of §3.5.2.2 lacks the blank that its
 * grammar requires.
 */
const examples: readonly [string, object, object][] = [
  ["3.5.2-add-member", group, { ...group, members: [babs] }],
  ["3.5.2.1-add-member", { ...group, members: [other] }, { ...group, members: [other, babs] }],
  ["3.5.2.1-add-member", { ...group, members: [babs] }, { ...group, members: [babs] }],
  [
    "3.5.2.1-add-attributes",
    { ...user, nickName: "Barbie", emails: [{ value: "bjensen@example.com", type: "work" }] },
    {
      ...user,
      nickName: "Babs",
      emails: [
        { value: "bjensen@example.com", type: "work" },
        { value: "babs@jensen.org", type: "home" },
      ],
    },
  ],
  [
    "3.5.2.2-remove-member",
    { ...group, members: [{ value: "2819c223-7f76-...413861904646" }, other] },
    { ...group, members: [other] },
  ],
  ["3.5.2.2-remove-member", { ...group, members: [other] }, { ...group, members: [other] }],
  ["3.5.2.2-remove-members", { ...group, members: [babs, other] }, group],
  [
    "3.5.2.2-remove-email",
    {
      ...user,
      emails: [
        { value: "b@example.com", type: "work" },
        { value: "b@example.org", type: "work" },
        { value: "c@example.com", type: "home" },
      ],
    },
    {
      ...user,
      emails: [
        { value: "b@example.org", type: "work" },
        { value: "c@example.com", type: "home" },
      ],
    },
  ],
  [
    "3.5.2.2-remove-and-add-member",
    { ...group, members: [{ value: "2819c223...919d-413861904646" }, other] },
    { ...group, members: [other, james("08e1d05d...473d93df9210")] },
  ],
  [
    "3.5.2.2-replace-members",
    { ...group, members: [other] },
    { ...group, members: [babs, james("08e1d05d-121c-4561-8b96-473d93df9210")] },
  ],
  [
    "3.5.2.3-replace-members",
    { ...group, members: [other] },
    {
      ...group,
      members: [{ ...babs, value: "2819c223...413861904646" }, james("08e1d05d...473d93df9210")],
    },
  ],
  [
    "3.5.2.3-replace-address",
    { ...user, addresses: [work, home] },
    {
      ...user,
      addresses: [
        {
          type: "work",
          streetAddress: "911 Universal City Plaza",
          locality: "Hollywood",
          region: "CA",
          postalCode: "91608",
          country: "US",
          formatted: "911 Universal City Plaza\nHollywood, CA 91608 US",
          primary: true,
        },
        { ...home, primary: false },
      ],
    },
  ],
  [
    "3.5.2.3-replace-street-address",
    { ...user, addresses: [work, home] },
    { ...user, addresses: [{ ...work, streetAddress: "1010 Broadway Ave" }, home] },
  ],
  [
    "3.5.2.3-replace-attributes",
    { ...user, nickName: "Barbie", emails: [{ value: "old@example.com" }] },
    {
      ...user,
      nickName: "Babs",
      emails: [
        { value: "bjensen@example.com", type: "work", primary: true },
        { value: "babs@jensen.org", type: "home" },
      ],
    },
  ],
];

test.each(examples)("rfc7644-%s", (name, before, after) => {
  const type = "displayName" in before ? groupResourceType : userResourceType;
  const kept = structuredClone(before);
  const plan = planPatch(type, vector(`rfc7644-${name}`));
  expect(plan).toMatchObject({ ignored: [], rewrites: [] });
  expect(applyPatch(plan, before)).toEqual(after);
  expect(before).toEqual(kept);
});

test("every request of RFC 7644 §3.5.2 that changes nothing gives back the resource itself", () => {
  const before = { ...group, members: [babs] };
  const plan = planPatch(groupResourceType, vector("rfc7644-3.5.2.1-add-member"));
  expect(applyPatch(plan, before)).toBe(before);
});
