import { describe, expect, test } from "vitest";
import { installedPeer } from "../../foreign-peers.js";
import { runScenario } from "./scenario.js";
import { startScim2Server } from "./scim2-server.js";

const folder = installedPeer("scim2-server");
const suite =
  folder === undefined
    ? "Python's scim2-server (install the peer scim2-server)"
    : "Python's scim2-server";

describe.skipIf(folder === undefined)(suite, () => {
  test("a directory is followed into it", async () => {
    await using provider = await startScim2Server(folder ?? "");
    const report = await runScenario(provider, { people: 200, groups: 20 });
    console.log(report);
    expect(report.unexplained).toEqual([]);
  }, 120_000);
});
