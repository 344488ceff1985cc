import { describe, expect, test } from "vitest";
import { installedPeer } from "../../foreign-peers.js";
import { startKeycloak } from "./keycloak.js";
import { runScenario } from "./scenario.js";
import { startScimSdkServer } from "./scim-sdk-server.js";

const keycloak = installedPeer("keycloak");
const sdk = installedPeer("scim-sdk-server");

describe.skipIf(sdk === undefined)("sdk", () => {
  test("a directory is followed into scim-sdk", async () => {
    await using provider = await startScimSdkServer(sdk ?? "");
    const report = await runScenario(provider, { people: 200, groups: 20 });
    console.log(report);
    expect(report.unexplained).toEqual([]);
  }, 300_000);
});
describe.skipIf(keycloak === undefined)("kc", () => {
  test("a directory is followed into keycloak", async () => {
    await using provider = await startKeycloak(keycloak ?? "");
    const report = await runScenario(provider, { people: 200, groups: 20 });
    console.log(report);
    expect(report.unexplained).toEqual([]);
  }, 500_000);
});
