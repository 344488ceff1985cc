import assert from "node:assert/strict";
import { NotFoundError } from "../core/index.js";
import type { Capabilities, UserRepository } from "../repositories/index.js";
import { enterpriseUserId, type NewUser, type User } from "../scim/index.js";
import type { Demand } from "./contract.js";

/** Which attributes that have parts a store of users has a place for. */
export interface KeptAttributes {
  readonly name: boolean;
  readonly enterprise: boolean;
}

const barbara: NewUser = {
  userName: "bjensen",
  name: { familyName: "Jensen", givenName: "Barbara" },
  title: "Tour Guide",
};

const enterprise: NewUser = {
  userName: "bjensen",
  [enterpriseUserId]: { department: "Tour Operations", costCenter: "4130" },
};

/** Finds out what a store keeps of the resources that {@link changeDemands} changes. */
export async function keptAttributes(users: UserRepository): Promise<KeptAttributes> {
  const read = async (user: NewUser): Promise<User | undefined> => {
    try {
      const { id } = await users.create(user);
      return await users.get(id);
    } catch {
      // What is wrong with it, the cases say.
      return undefined;
    }
  };
  const named = await read({ ...barbara, userName: "name" });
  const employed = await read({ ...enterprise, userName: "enterprise" });
  return {
    name: named?.name?.familyName === "Jensen" && named.name.givenName === "Barbara",
    enterprise: employed?.[enterpriseUserId]?.costCenter === "4130",
  };
}

/** What is demanded of changes of parts of attributes, and of passwords. */
export function changeDemands(
  capabilities: Capabilities,
  kept: KeptAttributes,
): readonly Demand<UserRepository>[] {
  const { password = "none" } = capabilities;
  return [
    {
      name: "a part of an attribute is set and cleared, and what stands beside it stays",
      skip: kept.name ? undefined : "the store does not keep name.familyName and name.givenName",
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
      skip: kept.enterprise ? undefined : "the store does not keep the enterprise extension",
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
      skip: !kept.name
        ? "the store does not keep name.familyName and name.givenName"
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
        const { id } = await users.create({ ...barbara, active: true });
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
        assert.ok(users.setPassword, "a store that declares passwords has setPassword");
        await users.setPassword(id, `${password} again`);
        assert.ok(!JSON.stringify(await users.get(id)).includes(password));
        await assert.rejects(users.setPassword("unknown", password), NotFoundError);
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
