import { groupRepositoryContract, userRepositoryContract } from "concordat/testing";
import { afterAll, describe, expect, test } from "vitest";
import { RequestTracker } from "../../examples/request-tracker/client.ts";
import { RequestTrackerGroups } from "../../examples/request-tracker/groups.ts";
import { RequestTrackerUsers } from "../../examples/request-tracker/users.ts";
import {
  isSetAside,
  requestTrackerIsMissing,
  startRequestTracker,
} from "./request-tracker-server.js";

const server = requestTrackerIsMissing === undefined ? await startRequestTracker() : undefined;
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** Each of a hundred requests at once takes its turn at its one worker. */
const patience = 600_000;

describe.skipIf(server === undefined)(
  "the repositories of Request Tracker, on the real one",
  async () => {
    if (server === undefined) return;
    const rt = new RequestTracker(server);
    const own = ["RT_System", "Nobody", "root", "concordat"];
    const hidden = (name: string) => isSetAside(name) || own.includes(name);
    const users = () => new RequestTrackerUsers(rt, { hidden });
    const groups = () => new RequestTrackerGroups(rt, { hidden });
    const contracts = {
      users: await userRepositoryContract(() => {
        server.setAside();
        return users();
      }),
      groups: await groupRepositoryContract(() => {
        server.setAside();
        return { groups: groups(), users: users() };
      }),
    };
    for (const [subject, cases] of Object.entries(contracts)) {
      describe(subject, () => {
        for (const { name, skip, run } of cases)
          test.skipIf(skip !== undefined)(name, run, patience);
      });
    }

    test("leave a database that Request Tracker's own validator finds nothing wrong with", async () => {
      expect(await server.validate()).toBe("");
    });
  },
);
