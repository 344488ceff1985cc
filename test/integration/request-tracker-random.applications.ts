import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PersonRow } from "./random-directory.js";
import {
  type CopiedTemplate,
  copyTemplate,
  expectEqualAfterRandomChanges,
} from "./random-template.js";
import {
  isSetAside,
  type RequestTrackerServer,
  requestTrackerIsMissing,
  startRequestTracker,
} from "./request-tracker-server.js";
import { describeWithSlapd } from "./slapd.js";

describeWithSlapd(
  "random changes of a real slapd in a real Request Tracker",
  () => {
    let template: CopiedTemplate;
    let tracker: RequestTrackerServer;

    beforeAll(async () => {
      [template, tracker] = await Promise.all([
        copyTemplate("request-tracker"),
        startRequestTracker(),
      ]);
    }, 120_000);
    afterAll(async () => {
      await tracker?.[Symbol.asyncDispose]();
      await template?.[Symbol.asyncDispose]();
    });

    test.each([1, 2, 3])(
      "it equals the directory after 200 changes and some kills, with the seed %i",
      async (seed) => {
        tracker.setAside();
        const application = {
          env: {
            RT_URL: tracker.url,
            RT_TOKEN: tracker.token,
            RT_ACCOUNT: "concordat",
            STATE_FILE: join(tracker.directory, `state${seed}.sqlite`),
          },
          kill: async () => {
            await tracker.stop();
            await tracker.start();
          },
          people: () => peopleIn(tracker),
        };
        const options = { seed, renamesGroups: true, keepsNames: true };
        await expectEqualAfterRandomChanges(template, application, options);
        expect(await tracker.validate()).toBe("");
      },
      300_000,
    );
  },
  requestTrackerIsMissing,
);

/** Who is enabled, with names, addresses and groups, by Request Tracker's own code. */
async function peopleIn(tracker: RequestTrackerServer): Promise<readonly PersonRow[]> {
  const printed = await tracker.perl(
    `require JSON; my @rows; my $users = RT::Users->new(RT->SystemUser); $users->LimitToEnabled;
     while (my $u = $users->Next) {
       my $groups = $u->OwnGroups(Recursively => 0);
       my @names; while (my $g = $groups->Next) { push @names, $g->Name }
       push @rows, [ $u->Name, $u->RealName, $u->EmailAddress, \\@names ];
     }
     print JSON::encode_json(\\@rows);`,
  );
  const rows = JSON.parse(printed) as [string, string | null, string | null, string[]][];
  const own = ["RT_System", "Nobody", "root", "concordat"];
  return rows
    .filter(([userName]) => !own.includes(userName) && !isSetAside(userName))
    .map(([userName, cn, email, groups]) => ({
      userName,
      cn: cn || undefined,
      email: email || undefined,
      groups: groups.sort(),
    }));
}
