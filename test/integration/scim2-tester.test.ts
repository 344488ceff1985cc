import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { nodeListener } from "concordat/node";
import { lenientProfile, rfc7644Profile } from "concordat/scim";
import { bearerTokens, createScimServer } from "concordat/scim-server";
import { describe, expect, test } from "vitest";
import { installedPeer } from "../foreign-peers.js";
import { kinds, sha256, token } from "../scim-server/provider.js";

const peer = installedPeer("scim2-tester");
const unlessInstalled = peer === undefined ? " (install the peer scim2-tester)" : "";
const program = fileURLToPath(new URL("scim2-tester-peer.py", import.meta.url));

interface Check {
  readonly title: string;
  readonly isRight: boolean;
  readonly status: string;
  readonly reason: string;
}

describe.skipIf(peer === undefined)(`Python's scim2-tester${unlessInstalled}`, () => {
  const profiles = [rfc7644Profile, lenientProfile];
  const runs = Object.entries(kinds).flatMap(([kind, open]) =>
    profiles.map((profile) => [kind, profile.name, open, profile] as const),
  );

  test.each(runs)(
    "finds everything that the schemas promise, over stores in %s, by the profile %s",
    async (_, __, open, profile) => {
      await using stores = await open();
      const server = createServer();
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const baseUrl = `http://127.0.0.1:${port}/v2`;
      const scim = createScimServer({
        baseUrl,
        authenticate: bearerTokens([{ sha256: sha256(token), principal: { id: "tester" } }]),
        repositories: () => stores,
        profile,
        mayWrite: () => true,
      });
      server.on("request", nodeListener(scim));
      const python = join(peer ?? "", "venv", "bin", "python");
      const { stdout } = await promisify(execFile)(python, [program, baseUrl, token]);
      server.closeAllConnections();
      server.close();
      const checks: readonly Check[] = JSON.parse(stdout);
      const wrong = checks.filter(({ isRight }) => !isRight);
      // The other two of its 135 are of the password, which these stores do not take: see docs/conformance.md.
      expect(checks).toHaveLength(133);
      // It puts "schemas" into the object of an extension, which no schema has there, and the RFC's profile ignores
      // nothing.
      expect(wrong.map(({ title }) => title)).toEqual(
        profile === lenientProfile ? [] : ["check_add_attribute", "check_replace_attribute"],
      );
      for (const { reason } of wrong) expect(reason).toContain("enterprise:2.0:User:schemas");
    },
    120_000,
  );
});
