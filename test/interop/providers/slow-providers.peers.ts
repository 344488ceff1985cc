import { keycloakPreset, type RemoteRepositoriesOptions } from "concordat/scim-client";
import { describe, expect, test } from "vitest";
import { installedPeer } from "../../foreign-peers.js";
import type { ForeignProvider } from "./foreign-provider.js";
import { startKeycloak } from "./keycloak.js";
import { runScenario } from "./scenario.js";
import { startScimSdkServer } from "./scim-sdk-server.js";

interface Peer {
  readonly title: string;
  /** The name of its script in `.ci/peers`. */
  readonly name: string;
  start(folder: string): Promise<ForeignProvider>;
  readonly ways: Readonly<Record<string, RemoteRepositoriesOptions>>;
  /** What is not equal at the end. */
  readonly differs: RegExp;
}

const peers: readonly Peer[] = [
  {
    title: "SCIM-SDK's server",
    name: "scim-sdk-server",
    start: startScimSdkServer,
    ways: { "by PATCH": {}, "by PUT": { updates: "put" } },
    differs: /^$/,
  },
  {
    title: "Keycloak's own SCIM API",
    name: "keycloak",
    start: startKeycloak,
    ways: { "as it is": {}, "with its preset": { preset: keycloakPreset } },
    // It has no place for telephone numbers.
    differs: /^User \w+: phoneNumbers is undefined/,
  },
];

describe.each(peers)("$title", ({ title, name, start, ways, differs }) => {
  const folder = installedPeer(name);
  const named = folder === undefined ? `${title} (install the peer ${name})` : title;
  describe.skipIf(folder === undefined)(named, () => {
    test.each(Object.entries(ways))(
      "a directory of 200 people and 20 groups is followed into it, %s",
      async (way, options) => {
        await using provider = await start(folder ?? "");
        const report = await runScenario(provider, { people: 200, groups: 20, options });
        expect(report.unexplained).toEqual([]);
        expect(report.explained.filter(({ text }) => !differs.test(text))).toEqual([]);
        console.info(title, way, Object.fromEntries(report.requests));
      },
      600_000,
    );
  });
});
