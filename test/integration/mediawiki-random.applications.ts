import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Bridge } from "../../examples/mediawiki/bridge.js";
import { WikiGroupRepository } from "../../examples/mediawiki/groups.js";
import { WikiUserRepository } from "../../examples/mediawiki/users.js";
import type { RunningProgram } from "../examples/installed-example.js";
import { installWiki, missingMediaWiki, type Wikis } from "./mediawiki.js";
import { groupNames, type PersonRow } from "./random-directory.js";
import {
  type CopiedTemplate,
  copyTemplate,
  expectEqualAfterRandomChanges,
} from "./random-template.js";
import { describeWithSlapd } from "./slapd.js";

describeWithSlapd(
  "random changes of a real slapd in a real MediaWiki",
  () => {
    let template: CopiedTemplate;
    let wikis: Wikis;

    beforeAll(async () => {
      [template, wikis] = await Promise.all([copyTemplate("mediawiki"), installWiki()]);
    }, 90_000);
    afterAll(async () => {
      await wikis?.[Symbol.asyncDispose]();
      await template?.[Symbol.asyncDispose]();
    });

    test.each([1, 2, 3])(
      "the wiki equals the directory after 200 changes and some kills, with the seed %i",
      async (seed) => {
        const wiki = await wikis.copy();
        const { env, settings } = wiki;
        const application = {
          env: { ...env, STATE_FILE: join(wiki.data, "state.sqlite") },
          kill: killBridgeOf,
          people: async () => {
            await using bridge = new Bridge({ settings, env, hidden: ["Admin"] });
            return await inWiki(bridge);
          },
        };
        const options = { seed, renamesGroups: false, keepsNames: true };
        await expectEqualAfterRandomChanges(template, application, options);
      },
      300_000,
    );
  },
  missingMediaWiki,
);

/** Who can sign in, with names, addresses and groups. */
async function inWiki(bridge: Bridge): Promise<readonly PersonRow[]> {
  const users = new WikiUserRepository(bridge);
  const groups = new WikiGroupRepository(bridge);
  const { totalResults = 0, resources } = await users.find({ count: 100 });
  expect(resources).toHaveLength(Math.min(totalResults, 100));
  const found: PersonRow[] = [];
  for (const { id, userName, name, emails, active } of resources) {
    if (active !== true) continue;
    const email = emails?.[0]?.value;
    const memberOf = (await groups.groupsOf(id)).filter((group) => groupNames.includes(group));
    found.push({ userName, cn: name?.formatted, email, groups: [...memberOf].sort() });
  }
  return found;
}

/** Ends the bridge that a synchronisation has started, if it has one now. */
async function killBridgeOf({ process: { pid } }: RunningProgram): Promise<void> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  for (const child of children.trim().split(" ").filter(Boolean)) {
    try {
      process.kill(Number(child), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}
