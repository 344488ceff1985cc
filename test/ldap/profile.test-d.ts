import { inetOrgPerson, type ProfileChanges, profile } from "concordat/ldap";
import { expectTypeOf, test } from "vitest";

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

test("a SCIM attribute that does not exist is an error", () => {
  // @ts-expect-error it is displayName
  profile({ extends: inetOrgPerson, user: { displayname: "cn" } });
  // @ts-expect-error it is familyName
  profile({ extends: inetOrgPerson, user: { name: { surname: "sn" } } });
  // @ts-expect-error it is department
  profile({ extends: inetOrgPerson, user: { [enterprise]: { departement: "ou" } } });
  // @ts-expect-error groups have no userName
  profile({ extends: inetOrgPerson, group: { userName: "cn" } });
});

test("what a directory must not decide cannot be mapped", () => {
  // @ts-expect-error passwords are not read
  profile({ extends: inetOrgPerson, user: { password: "userPassword" } });
  // @ts-expect-error members are not an attribute of the resource
  profile({ extends: inetOrgPerson, group: { members: "member" } });
});

test("a value must be of the attribute's type", () => {
  // @ts-expect-error a text is not a boolean
  profile({ extends: inetOrgPerson, user: { active: "shadowExpire" } });
  // @ts-expect-error a text is not a list of addresses
  profile({ extends: inetOrgPerson, user: { emails: "mail" } });
  // @ts-expect-error a function's value counts as well
  profile({ extends: inetOrgPerson, user: { title: () => 1 } });
  type User = NonNullable<ProfileChanges["user"]>;
  expectTypeOf<string>().toExtend<User["title"]>();
  expectTypeOf<undefined>().toExtend<User["title"]>();
  expectTypeOf<() => boolean | null | undefined>().toExtend<User["active"]>();
});
