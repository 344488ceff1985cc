import {
  keycloakPreset,
  type RemoteRepositoriesOptions,
  remoteRepositories,
  ScimClient,
} from "concordat/scim-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installedPeer } from "../../foreign-peers.js";
import type { ForeignProvider } from "./foreign-provider.js";
import { startKeycloak } from "./keycloak.js";
import { runScenario } from "./scenario.js";
import { startScimSdkServer } from "./scim-sdk-server.js";

const size = { people: 200, groups: 20, patience: 10_000 };

function titleOf(title: string, peer: string): string {
  return installedPeer(peer) === undefined ? `${title} (install the peer ${peer})` : title;
}

const sdk = installedPeer("scim-sdk-server");
const ways: Readonly<Record<string, RemoteRepositoriesOptions>> = {
  "by PATCH": {},
  "by PUT": { updates: "put" },
};

describe.skipIf(sdk === undefined)(titleOf("SCIM-SDK's server", "scim-sdk-server"), () => {
  test.each(Object.entries(ways))(
    "a directory of 200 people and 20 groups is followed into it, %s",
    async (way, options) => {
      await using provider = await startScimSdkServer(sdk ?? "");
      const report = await runScenario(provider, { ...size, options });
      expect(report.unexplained).toEqual([]);
      expect(report.explained).toEqual([]);
      console.info("SCIM-SDK's server", way, Object.fromEntries(report.requests));
    },
    600_000,
  );
});

const keycloak = installedPeer("keycloak");

describe.skipIf(keycloak === undefined)(titleOf("Keycloak's own SCIM API", "keycloak"), () => {
  let provider: ForeignProvider;
  beforeAll(async () => {
    provider = await startKeycloak(keycloak ?? "");
  }, 600_000);
  afterAll(() => provider[Symbol.asyncDispose]());

  test("a directory of 200 people and 20 groups is followed into it", async () => {
    const report = await runScenario(provider, size);
    expect(report.unexplained).toEqual([]);
    // It has no place for telephone numbers.
    const others = report.explained.filter(({ text }) => !/: phoneNumbers is undefined/.test(text));
    expect(others).toEqual([]);
    console.info("Keycloak", Object.fromEntries(report.requests));
  }, 900_000);

  test("with its preset, users are active, and groups can be emptied", async () => {
    const { baseUrl, authorization } = provider;
    await using client = new ScimClient({ baseUrl, authorization, allowCleartext: true });
    const { users, groups } = await remoteRepositories(client, { preset: keycloakPreset });
    const person = {
      name: { givenName: "Given", familyName: "Family" },
      emails: [{ value: "preset@example.com", primary: true }],
    };
    const { id } = await users.create({ userName: "preset-user", ...person });
    expect((await users.get(id))?.active).toBe(true);
    const group = await groups?.create({ displayName: "preset group" });
    const members = [{ value: id, type: "User" }] as const;
    await groups?.changeMembers(group?.id ?? "", { add: members });
    expect((await groups?.members(group?.id ?? ""))?.members).toEqual(members);
    await groups?.changeMembers(group?.id ?? "", { clear: true });
    expect((await groups?.members(group?.id ?? ""))?.members).toEqual([]);
  }, 60_000);
});
