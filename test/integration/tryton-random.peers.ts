import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { groupNames, type PersonRow } from "./random-directory.js";
import {
  type CopiedTemplate,
  copyTemplate,
  expectEqualAfterRandomChanges,
} from "./random-template.js";
import { describeWithSlapd } from "./slapd.js";
import {
  installTryton,
  serviceAccount,
  type TrytonServer,
  type Trytons,
  trytonIsMissing,
} from "./tryton-server.js";

describeWithSlapd(
  "random changes of a real slapd in a real Tryton",
  () => {
    let template: CopiedTemplate;
    let trytons: Trytons;

    beforeAll(async () => {
      [template, trytons] = await Promise.all([copyTemplate("tryton-scim"), installTryton()]);
    }, 240_000);
    afterAll(async () => {
      await trytons?.[Symbol.asyncDispose]();
      await template?.[Symbol.asyncDispose]();
    });

    test.each([1, 2, 3])(
      "it equals the directory after 200 changes and some kills, with the seed %i",
      async (seed) => {
        await using server = await trytons.copy();
        const application = {
          env: {
            ...server.environment,
            // It takes seconds to start, for each of those who leave.
            TRYTON_CONSOLE: "",
            STATE_FILE: join(server.directory, "state.sqlite"),
          },
          kill: async () => {
            await server.stop();
            await server.start();
          },
          people: () => peopleIn(server),
        };
        const options = { seed, renamesGroups: true, keepsNames: true };
        await expectEqualAfterRandomChanges(template, application, options);
      },
      900_000,
    );
  },
  trytonIsMissing,
);

/** Who is active, with names, addresses and groups, as Tryton says it itself. */
async function peopleIn(server: TrytonServer): Promise<readonly PersonRow[]> {
  const session = await server.as(serviceAccount.login, serviceAccount.password);
  const read = async (model: string, ...fields: readonly string[]) =>
    (await session?.call(`model.${model}.search_read`, [], 0, null, null, fields)) as Record<
      string,
      unknown
    >[];
  const groups = new Map<unknown, string>();
  for (const { id, name } of await read("res.group", "name")) {
    if (groupNames.includes(String(name))) groups.set(id, String(name));
  }
  const users = await read("res.user", "login", "name", "email", "groups", "active");
  return users
    .filter(({ login }) => !["root", "admin", serviceAccount.login].includes(String(login)))
    .filter(({ active }) => Boolean(active))
    .map(({ login, name, email, groups: ids }) => ({
      userName: String(login),
      cn: typeof name === "string" ? name : undefined,
      email: typeof email === "string" ? email : undefined,
      groups: (ids as number[]).flatMap((id) => groups.get(id) ?? []).sort(),
    }));
}
