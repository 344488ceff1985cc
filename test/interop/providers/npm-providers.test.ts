import { expect, test } from "vitest";
import { startBetterAuth } from "./better-auth.js";
import type { ForeignProvider } from "./foreign-provider.js";
import { runScenario } from "./scenario.js";
import { startScimPatchServer } from "./scim-patch.js";
import { startScimmy } from "./scimmy.js";

const providers: Readonly<Record<string, () => Promise<ForeignProvider>>> = {
  "scimmy with scimmy-routers": startScimmy,
  "@better-auth/scim": startBetterAuth,
  "a server on scim-patch": startScimPatchServer,
};

test.each(Object.entries(providers))(
  "a directory is followed into %s",
  async (_, start) => {
    await using provider = await start();
    const report = await runScenario(provider, { people: 60, groups: 10 });
    console.log(report);
    expect(report.unexplained).toEqual([]);
  },
  300_000,
);
