import { enterpriseUserId, type PatchOp, patchOpId } from "concordat/scim";
import fc from "fast-check";
import { userRequest } from "../schema/arbitrary-users.js";

const text = fc.constantFrom("a", "b", "Ab", "x");
const type = fc.constantFrom("work", "home", "Work");
const address = fc.constantFrom("a@example.com", "b@example.com", "A@EXAMPLE.COM");

const email = fc.record(
  { value: address, type, display: text, primary: fc.boolean() },
  { requiredKeys: ["value"] },
);
const emails = fc
  .array(email, { maxLength: 3 })
  .filter((list) => list.filter(({ primary }) => primary).length <= 1);
const name = fc.record(
  { familyName: fc.option(text), givenName: text, formatted: text },
  { requiredKeys: [] },
);
const manager = fc.record({ value: text, $ref: text }, { requiredKeys: [] });
const enterprise = fc.record(
  { department: fc.option(text), costCenter: text, manager },
  { requiredKeys: [] },
);

const selections = fc.constantFrom(
  'emails[type eq "work"]',
  'emails[value eq "a@example.com"]',
  'emails[value eq "b@example.com" and type eq "home"]',
  "emails[primary eq true]",
  'emails[not (value co "b")]',
);

const addition = fc.constantFrom("add" as const, "replace" as const);
const given = (path: string, value: fc.Arbitrary<unknown>) =>
  fc.record({ op: addition, path: fc.constant(path), value });

const userOperation = fc.oneof(
  given("title", fc.option(text)),
  given("userName", text),
  given("active", fc.boolean()),
  given("name", name),
  given("name.familyName", fc.option(text)),
  given("emails", emails),
  given(`${enterpriseUserId}:department`, text),
  given(`${enterpriseUserId}:manager`, manager),
  given(`${enterpriseUserId}:manager.value`, text),
  given(enterpriseUserId, enterprise),
  fc.record({ op: addition, path: selections, value: email }),
  selections.chain((path) => given(`${path}.display`, fc.option(text))),
  selections.chain((path) => given(`${path}.primary`, fc.boolean())),
  fc.record({
    op: addition,
    value: fc.record(
      { title: text, name, emails, [enterpriseUserId]: enterprise },
      { requiredKeys: [] },
    ),
  }),
  fc.record({
    op: fc.constant("remove" as const),
    path: fc.oneof(
      selections,
      fc.constantFrom(
        "title",
        "name",
        "name.givenName",
        "emails",
        "emails.display",
        enterpriseUserId,
        `${enterpriseUserId}:department`,
        `${enterpriseUserId}:manager`,
      ),
    ),
  }),
);

const member = fc.record(
  { value: fc.constantFrom("a", "b", "c", "d"), type: fc.constantFrom("User", "Group") },
  { requiredKeys: ["value", "type"] },
);
const members = fc.array(member, { maxLength: 3 });
const memberSelection = fc.oneof(
  fc.constantFrom("a", "b", "c").map((value) => `members[value eq "${value}"]`),
  member.map(({ value, type: ofType }) => `members[value eq "${value}" and type eq "${ofType}"]`),
  fc.constantFrom('members[value eq "a" or value eq "b"]', 'members[type eq "Group"]'),
);

const groupOperation = fc.oneof(
  given("displayName", text),
  given("members", members),
  fc.record({
    op: fc.constant("remove" as const),
    path: fc.oneof(memberSelection, fc.constant("members")),
  }),
);

function patchOf(operation: fc.Arbitrary<PatchOp["Operations"][number]>): fc.Arbitrary<PatchOp> {
  return fc.record({
    schemas: fc.constant([patchOpId] as const),
    Operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
  });
}

/** What may be done to a user, most of which makes sense. */
export const userPatch: fc.Arbitrary<PatchOp> = patchOf(userOperation);
/** What may be done to a group and its members. */
export const groupPatch: fc.Arbitrary<PatchOp> = patchOf(groupOperation);

/** Users as they are stored. */
export const storedUser: fc.Arbitrary<{ readonly id: string; readonly userName: string }> =
  userRequest.map(({ schemas: _, ...user }) => ({ id: "1", ...user }));

/** Groups as they are stored, whose members all have a type, as a store knows it. */
export const storedGroup: fc.Arbitrary<{ readonly id: string; readonly displayName: string }> = fc
  .record({
    displayName: text,
    members: fc.uniqueArray(member, {
      maxLength: 4,
      selector: ({ value, type: ofType }) => `${ofType} ${value}`,
    }),
  })
  .map(({ members: list, ...group }) => ({
    id: "1",
    ...group,
    ...(list.length > 0 && { members: list }),
  }));
