import assert from "node:assert/strict";
import { NotFoundError } from "../../core/index.js";
import type { Capabilities, UserRepository } from "../../repositories/index.js";
import { enterpriseUserId, type NewUser, type User } from "../../scim/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import type { Requirement } from "../contract.js";
import { keeps } from "./attribute-requirements.js";

const barbara: NewUser = {
  userName: "bjensen",
  name: { familyName: "Jensen", givenName: "Barbara" },
};

const enterprise: NewUser = {
  userName: "bjensen",
  [enterpriseUserId]: { department: "Tour Operations", costCenter: "4130" },
};

/** What is required of changes of parts of attributes, and of passwords. */
export function changeRequirements(
  capabilities: Capabilities,
): readonly Requirement<UserRepository>[] {
  const { password = "none" } = capabilities;
  const keepsAll = (...paths: readonly string[]): boolean =>
    paths.every((path) => keeps(capabilities, path));
  const keepsName = keepsAll("name.familyName", "name.givenName");
  const keepsEnterprise = keepsAll(
    `${enterpriseUserId}:department`,
    `${enterpriseUserId}:costCenter`,
  );
  return [
    {
      name: "a part of an attribute is set and cleared, and what stands beside it stays",
      skip: keepsName
        ? undefined
        : "the store does not declare that it keeps name.familyName and name.givenName",
      async check(users) {
        const { id } = await users.create(barbara);
        await users.modify(id, { set: { "name.familyName": "Smith" } });
        assert.deepEqual(await nameOf(users, id), { familyName: "Smith", givenName: "Barbara" });
        await users.modify(id, { unset: ["name.givenName"] });
        assert.deepEqual(await nameOf(users, id), { familyName: "Smith" });
        await users.modify(id, { set: { "name.givenName": "Babs" }, unset: ["name.familyName"] });
        assert.deepEqual(await nameOf(users, id), { givenName: "Babs" });
        await users.modify(id, { unset: ["name.givenName"] });
        assert.equal(await nameOf(users, id), undefined);
        await users.modify(id, { set: { "name.familyName": "Jensen" } });
        assert.deepEqual(await nameOf(users, id), { familyName: "Jensen" });
        await users.modify(id, { unset: ["name"] });
        assert.equal(await nameOf(users, id), undefined);
      },
    },
    {
      name: "an attribute of an extension is set and cleared, and what stands beside it stays",
      skip: keepsEnterprise
        ? undefined
        : "the store does not declare that it keeps the enterprise extension",
      async check(users) {
        const { id } = await users.create(enterprise);
        await users.modify(id, {
          set: { [`${enterpriseUserId}:department`]: "Sales" },
          unset: [`${enterpriseUserId}:costCenter`],
        });
        const read = await users.get(id);
        assert.deepEqual(read?.[enterpriseUserId], { department: "Sales" });
        await users.modify(id, { unset: [enterpriseUserId] });
        assert.equal((await users.get(id))?.[enterpriseUserId], undefined);
      },
    },
    {
      name: "of concurrent changes of parts of one attribute none is lost",
      skip: !keepsName
        ? "the store does not declare that it keeps name.familyName and name.givenName"
        : capabilities.versions === "none"
          ? "the store has no versions"
          : undefined,
      async check(users) {
        const { id } = await users.create(barbara);
        await Promise.all([
          users.modify(id, { set: { "name.familyName": "Smith" } }),
          users.modify(id, { set: { "name.givenName": "Babs" } }),
          users.modify(id, { set: { active: false } }),
        ]);
        assert.deepEqual(await nameOf(users, id), { familyName: "Smith", givenName: "Babs" });
        assert.equal((await users.get(id))?.active, false);
      },
    },
    {
      name: "attributes that are not needed may be left out, and no others",
      async check(users) {
        const { id } = await users.create({
          userName: "bjensen",
          ...(keepsName && { name: { familyName: "Jensen", givenName: "Barbara" } }),
          ...(keepsAll("title") && { title: "Tour Guide" }),
          ...(keepsAll("active") && { active: true }),
        });
        const whole = new Map(Object.entries((await users.get(id)) ?? {}));
        const part = await users.get(id, { excludedAttributes: ["title", "name"] });
        const { resources } = await users.find({}, { excludedAttributes: ["title", "name"] });
        for (const read of [part, ...resources]) {
          for (const [name, value] of whole) {
            if (name === "title" || name === "name") continue;
            assert.deepEqual(Reflect.get(read ?? {}, name), value, name);
          }
        }
      },
    },
    {
      name: "a password can be set, and is not returned",
      skip: password === "set" ? undefined : "the store declares that it sets no passwords",
      async check(users) {
        const password = "correct horse battery staple";
        const { id } = await users.create({ userName: "ann", password });
        assertThat(users.setPassword, "a store that declares passwords has setPassword");
        await users.setPassword(id, `${password} again`);
        const read = JSON.stringify(await users.get(id));
        assertThat(!read.includes(password), "no result holds the password");
        await assertRefusal(users.setPassword("unknown", password), NotFoundError);
      },
    },
    {
      name: "a store that sets no passwords has no setPassword",
      skip: password === "set" ? "the store sets passwords" : undefined,
      async check(users) {
        assert.equal(users.setPassword, undefined);
      },
    },
  ];
}

async function nameOf(users: UserRepository, id: string): Promise<User["name"]> {
  return (await users.get(id))?.name;
}
