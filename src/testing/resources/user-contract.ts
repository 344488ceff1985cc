import assert from "node:assert/strict";
import { UniquenessError } from "../../core/index.js";
import type { Capabilities, UserRepository } from "../../repositories/index.js";
import { type NewUser, type User, userResourceType } from "../../scim/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import {
  assertOneWinner,
  type ContractCase,
  type Make,
  type Requirement,
  toCases,
  unlessInvalid,
  using,
} from "../contract.js";
import { changeRequirements } from "./change-requirements.js";
import { createsNothing, existingRequirements } from "./existing-requirements.js";
import { resourceRequirements } from "./resource-contract.js";
import type { ResourceKind } from "./resource-kind.js";

const kind: ResourceKind<UserRepository, User, NewUser> = {
  naming: "userName",
  type: userResourceType,
  named: (userName) => ({ userName }),
  renamed: (userName) => ({ set: { userName } }),
  nameOf: (user) => user.userName,
  repository: (users) => users,
};

/**
 * What is required of a {@link UserRepository}, as far as its capabilities declare it. The users that the cases create
 * have a `userName` and, where that is what a case is about, other attributes: any of those that the store declares to
 * keep, or of which it declares filters or orders, `active`, or `password`. Of a store that creates none
 * (`create: "none"`), only what its users are is required.
 */
export async function userRepositoryContract(
  make: Make<UserRepository>,
): Promise<readonly ContractCase[]> {
  const capabilities = await using(make, (users) => users.capabilities);
  const requirements = [
    ...resourceRequirements(kind, capabilities),
    ...userRequirements(capabilities),
    ...changeRequirements(capabilities),
  ];
  if (capabilities.create !== "none") return toCases(make, requirements);
  return toCases(make, [
    ...existingRequirements(kind, capabilities),
    ...requirements.map((one) => ({ ...one, skip: one.skip ?? createsNothing })),
  ]);
}

function userRequirements(capabilities: Capabilities): readonly Requirement<UserRepository>[] {
  return [
    {
      name: "a userName belongs to one user, whatever its case",
      async check(users) {
        const first = await users.create({ userName: "Éclair" });
        for (const userName of ["Éclair", "éclair", "ÉCLAIR"]) {
          await assertRefusal(users.create({ userName }), isTakenBy(first.id), userName);
        }
        assert.equal((await users.find({})).totalResults, 1);
      },
    },
    {
      name: "userNames that differ in an accent are different",
      async check(users) {
        const plain = await users.create({ userName: "jose" });
        const accented = await users.create({ userName: "José" });
        assert.equal((await users.get(plain.id))?.userName, "jose");
        assert.equal((await users.get(accented.id))?.userName, "José");
      },
    },
    {
      name: "userNames that differ in trailing spaces are different, or refused as InvalidValueError",
      async check(users) {
        const plain = await users.create({ userName: "trail" });
        const spaced = await unlessInvalid(users.create({ userName: "trail " }));
        if (spaced !== undefined) {
          assert.notEqual(spaced.id, plain.id);
          assert.equal((await users.get(spaced.id))?.userName, "trail ");
        }
        assert.equal((await users.get(plain.id))?.userName, "trail");
      },
    },
    {
      name: "of 100 concurrent creates of one userName exactly one is done",
      async check(users) {
        const results = await Promise.allSettled(
          Array.from({ length: 100 }, (_, number) =>
            users.create({ userName: number % 2 === 0 ? "ann" : "ANN" }),
          ),
        );
        assertOneWinner(results, UniquenessError);
        assert.equal((await users.find({})).totalResults, 1);
      },
    },
    {
      name: "a rename to a userName that is taken is refused and changes nothing",
      skip: capabilities.rename ? undefined : "the store cannot rename",
      async check(users) {
        const ann = await users.create({ userName: "ann" });
        const bob = await users.create({ userName: "bob" });
        await assertRefusal(users.replace(bob.id, { userName: "ANN" }), isTakenBy(ann.id));
        await assertRefusal(
          users.modify(bob.id, { set: { userName: "ann", active: false } }),
          isTakenBy(ann.id),
        );
        assert.deepEqual(await users.get(bob.id), bob);
        assert.deepEqual(await users.get(ann.id), ann);
      },
    },
    {
      name: "of 20 concurrent renames to one userName exactly one is done",
      skip: capabilities.rename ? undefined : "the store cannot rename",
      async check(users) {
        const created: User[] = [];
        for (let number = 0; number < 20; number++) {
          created.push(await users.create({ userName: `user${number}` }));
        }
        const results = await Promise.allSettled(
          created.map(({ id }) => users.modify(id, { set: { userName: "ann" } })),
        );
        assertOneWinner(results, UniquenessError);
      },
    },
    {
      name: "a user can be deactivated and activated again",
      async check(users) {
        const { id } = await users.create({ userName: "ann", active: true });
        await users.modify(id, { set: { active: false } });
        assert.equal((await users.get(id))?.active, false);
        await users.replace(id, { userName: "ann", active: true });
        assert.equal((await users.get(id))?.active, true);
        const inactive = await users.create({ userName: "bob", active: false });
        assert.equal((await users.get(inactive.id))?.active, false);
      },
    },
    {
      name: "a change of one attribute leaves the others",
      skip: capabilities.rename ? undefined : "the store cannot rename",
      async check(users) {
        const { id } = await users.create({ userName: "ann", active: false });
        await users.modify(id, { set: { userName: "Ann" } });
        assert.equal((await users.get(id))?.active, false);
        await users.modify(id, { set: { active: true } });
        assert.equal((await users.get(id))?.userName, "Ann");
      },
    },
    {
      name: "delete deactivates the user, who keeps id and userName",
      skip:
        capabilities.delete === "deactivate"
          ? undefined
          : "the store does not deactivate on delete",
      async check(users) {
        const { id } = await users.create({ userName: "ann", active: true });
        await users.delete(id);
        const left = await users.get(id);
        assert.equal(left?.active, false);
        assert.equal(left?.userName, "ann");
      },
    },
    {
      name: "a password is never returned",
      async check(users) {
        const password = "correct horse battery staple";
        const created = await users.create({ userName: "ann", password });
        const replaced = await users.replace(created.id, { userName: "ann", password });
        const read = await users.get(created.id, { attributes: ["password"] });
        const { resources } = await users.find({}, { attributes: ["password"] });
        for (const user of [created, replaced, read, ...resources]) {
          assertThat(!JSON.stringify(user).includes(password), "no result holds the password");
        }
      },
    },
    {
      name: "sessions can be revoked",
      skip: capabilities.sessions ? undefined : "the store declares no sessions",
      async check(users) {
        const { id } = await users.create({ userName: "ann" });
        assertThat(users.revokeSessions, "a store that declares sessions has revokeSessions");
        await users.revokeSessions(id);
      },
    },
    {
      name: "sessions of a user who was deleted can be ended",
      skip: !capabilities.sessions
        ? "the store declares no sessions"
        : capabilities.delete === "none"
          ? "the store cannot delete"
          : undefined,
      async check(users) {
        const { id } = await users.create({ userName: "ann" });
        await users.delete(id);
        await users.revokeSessions?.(id);
      },
    },
  ];
}

/** That an error says that the userName is taken, and by this user where it says by whom. */
function isTakenBy(id: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof UniquenessError &&
    error.attribute === "userName" &&
    (error.resourceId === undefined || error.resourceId === id);
}
