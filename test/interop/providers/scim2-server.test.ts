import { describe, expect, test } from "vitest";
import { installedPeer } from "../../foreign-peers.js";
import { runScenario } from "./scenario.js";
import { startScim2Server } from "./scim2-server.js";

const folder = installedPeer("scim2-server");
const title = "Python's scim2-server";
const suite = folder === undefined ? `${title} (install the peer scim2-server)` : title;

describe.skipIf(folder === undefined)(suite, () => {
  test("a directory of 200 people and 20 groups is followed into it", async () => {
    await using provider = await startScim2Server(folder ?? "");
    const report = await runScenario(provider, { people: 200, groups: 20 });
    expect(report.unexplained).toEqual([]);
    expect(report.explained).toEqual([]);
  }, 120_000);
});
