import { betterAuthPreset, type RemoteRepositoriesOptions } from "concordat/scim-client";
import { expect, test } from "vitest";
import { startBetterAuth } from "./better-auth.js";
import type { ForeignProvider } from "./foreign-provider.js";
import { runScenario } from "./scenario.js";
import { startScimPatchServer } from "./scim-patch.js";
import { startScimmy } from "./scimmy.js";

const providers: readonly (readonly [
  string,
  () => Promise<ForeignProvider>,
  RemoteRepositoriesOptions,
])[] = [
  ["scimmy with scimmy-routers", startScimmy, {}],
  ["@better-auth/scim", startBetterAuth, { preset: betterAuthPreset }],
  ["a server on scim-patch", startScimPatchServer, {}],
];

test.each(providers)(
  "a directory of 60 people and 10 groups is followed into %s",
  async (_, start, options) => {
    await using provider = await start();
    const report = await runScenario(provider, { people: 60, groups: 10, options });
    expect(report.unexplained).toEqual([]);
    expect(report.explained).toEqual([]);
  },
  60_000,
);
