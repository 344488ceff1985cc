import { groupRepositoryContract, userRepositoryContract } from "concordat/testing";
import { afterAll, describe, test } from "vitest";
import { Tryton } from "../../examples/tryton-scim/client.js";
import { TrytonGroups } from "../../examples/tryton-scim/groups.js";
import { TrytonUsers } from "../../examples/tryton-scim/users.js";
import {
  database,
  debian,
  installTryton,
  newest,
  serviceAccount,
  trytonIsMissing,
} from "./tryton-server.js";

const releases = { "6.0 of Debian": trytonIsMissing === undefined ? debian : undefined, newest };

for (const [release, where] of Object.entries(releases)) {
  const trytons = where && (await installTryton(where));
  const server = await trytons?.copy("[password]\nlength = 0\nentropy = 0\n");
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await trytons?.[Symbol.asyncDispose]();
  });

  describe.skipIf(server === undefined)(`the repositories of Tryton, ${release}`, async () => {
    if (server === undefined) return;
    const tryton = new Tryton({ url: server.url, database, ...serviceAccount });
    const users = new TrytonUsers(tryton, { passwords: true });
    const groups = new TrytonGroups(tryton, { hiddenGroups: ["Administration"] });

    const contracts = {
      users: await userRepositoryContract(async () => {
        server.setAside();
        return users;
      }),
      groups: await groupRepositoryContract(async () => {
        server.setAside();
        return { users, groups };
      }),
    };
    for (const [subject, cases] of Object.entries(contracts)) {
      describe(subject, () => {
        for (const { name, skip, run } of cases) {
          test.skipIf(skip !== undefined)(name, run, 600_000);
        }
      });
    }
  });
}
