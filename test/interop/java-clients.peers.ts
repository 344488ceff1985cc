import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { nodeListener } from "concordat/node";
import { lenientProfile } from "concordat/scim";
import { bearerTokens, createScimServer } from "concordat/scim-server";
import { describe, expect, test } from "vitest";
import { installedPeer } from "../foreign-peers.js";
import { kinds, sha256, token } from "../scim-server/provider.js";

/** What a program around a client prints: a step and what it was answered, a line each. */
async function stepsOf(
  folder: string,
  program: string,
  open: (typeof kinds)[string],
): Promise<readonly (readonly [string, string])[]> {
  await using stores = await open();
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const baseUrl = `http://127.0.0.1:${port}/v2`;
  const scim = createScimServer({
    baseUrl,
    authenticate: bearerTokens([{ sha256: sha256(token), principal: { id: "java" } }]),
    repositories: () => stores,
    profile: lenientProfile,
  });
  server.on("request", nodeListener(scim));
  const path = `${folder}/classes:${folder}/lib/*`;
  const { stdout } = await promisify(execFile)("java", ["-cp", path, program, baseUrl, token]);
  server.closeAllConnections();
  server.close();
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [step = "", result = ""] = line.split("\t");
      return [step, result];
    });
}

function peer(name: string): { readonly folder: string; readonly unless: string } {
  const folder = installedPeer(name);
  return {
    folder: folder ?? "",
    unless: folder === undefined ? ` (install the peer ${name})` : "",
  };
}

const scimSdk = peer("scim-sdk-client");
const ping = peer("ping-scim2-client");

describe.skipIf(scimSdk.folder === "")(`SCIM-SDK's client 1.30${scimSdk.unless}`, () => {
  test.each(Object.entries(kinds))(
    "is answered as it wants, over stores in %s",
    async (_, open) => {
      expect(await stepsOf(scimSdk.folder, "ScimSdkClient", open)).toEqual([
        ["configuration", "true"],
        ["create", "true"],
        ["create", "true"],
        ["create", "true"],
        ["change", "true Owner"],
        ["change without a path", "true Babs"],
        ["group", "true 1"],
        // It takes a PATCH that is answered 204 for one that failed.
        ["member", "true 200 2"],
        ["page", "3 user1"],
        ["sort", "3 user2,user1,user0"],
        ["search", "2 user1,user2"],
        ["bulk", "true 201,204"],
        ["delete", "true"],
        ["gone", "404"],
      ]);
    },
  );
});

describe.skipIf(ping.folder === "")(`UnboundID's client 5.0${ping.unless}`, () => {
  test.each(Object.entries(kinds))(
    "is answered as it wants, over stores in %s",
    async (_, open) => {
      expect(await stepsOf(ping.folder, "PingScim2Client", open)).toEqual([
        ["configuration", "true"],
        ["schemas", "3"],
        ["create", "user0"],
        ["create", "user1"],
        ["create", "user2"],
        ["change", "Owner"],
        ["replace", "Babs"],
        ["group", "1"],
        ["member", "2"],
        ["page", "3 user1"],
        ["sort", "3 user2,user1,user0"],
        ["search", "2 user1,user2"],
        ["cursors", "2,1"],
        ["delete", "0"],
      ]);
    },
  );
});
