import assert from "node:assert/strict";
import { test } from "node:test";
import { groupRepositoryContract, userRepositoryContract } from "concordat/testing";
import { Tryton } from "../client.ts";
import { TrytonGroups } from "../groups.ts";
import { TrytonUsers } from "../users.ts";

/** A Tryton that is there for this: every user and group in it is deleted. */
const url = process.env["TEST_TRYTON_URL"];
const { TRYTON_DATABASE = "", TRYTON_LOGIN = "", TRYTON_PASSWORD = "" } = process.env;

test("users and groups of Tryton", {
  skip: url === undefined ? "TEST_TRYTON_URL names no empty Tryton" : false,
}, async (context) => {
  const tryton = new Tryton({
    url: url ?? "",
    database: TRYTON_DATABASE,
    login: TRYTON_LOGIN,
    password: TRYTON_PASSWORD,
  });
  const users = new TrytonUsers(tryton, { passwords: true });
  const groups = new TrytonGroups(tryton, { hiddenGroups: ["Administration"] });

  /** Who is deleted is not seen any more, so that the next case begins as the first did. */
  async function empty(): Promise<void> {
    for (const repository of [groups, users]) {
      for (;;) {
        const { resources } = await repository.find({});
        if (resources.length === 0) break;
        for (const { id } of resources) await repository.delete(id);
      }
    }
  }
  const contracts = {
    users: await userRepositoryContract(async () => {
      await empty();
      return users;
    }),
    groups: await groupRepositoryContract(async () => {
      await empty();
      return { users, groups };
    }),
  };
  for (const [subject, cases] of Object.entries(contracts)) {
    for (const { name, skip, run } of cases) {
      await context.test(`${subject}: ${name}`, { skip: skip ?? false }, run);
    }
  }
  assert.ok(contracts.users.length > 0);
});
