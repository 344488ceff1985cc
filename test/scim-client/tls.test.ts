import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { userResourceType } from "concordat/scim";
import { ScimClient, type ScimClientTls } from "concordat/scim-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCertificates } from "../integration/certificates.js";
import { user } from "./scripted-provider.js";

const folder = mkdtempSync(join(tmpdir(), "concordat-scim-client-"));
let server: Server;
let ca = "";
let certificate = "";
let key = "";
/** The subjects of the certificates that clients have shown, one for each request. */
const clients: string[] = [];

beforeAll(async () => {
  const files = await makeCertificates(folder);
  ca = readFileSync(files.caFile, "utf8");
  certificate = readFileSync(files.certFile, "utf8");
  key = readFileSync(files.keyFile, "utf8");
  server = createServer(
    { cert: certificate, key, ca, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const shown = (request.socket as TLSSocket).getPeerX509Certificate();
      clients.push(shown?.subject ?? "nobody");
      response.writeHead(201, { "content-type": "application/scim+json" });
      response.end(JSON.stringify(user()));
    },
  ).listen(0);
  await once(server, "listening");
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

async function create(tls: ScimClientTls): Promise<unknown> {
  clients.length = 0;
  const { port } = server.address() as AddressInfo;
  await using client = new ScimClient({
    baseUrl: `https://localhost:${port}/v2`,
    authorization: "Bearer h480djs93hd8",
    tls,
    retry: { attempts: 1 },
  });
  return await client.resources(userResourceType).create({ userName: "bjensen" });
}

test("a service provider with an untrusted certificate is sent nothing", async () => {
  await expect(create({})).rejects.toMatchObject({ code: "unavailable", mayBeDone: false });
  expect(clients).toEqual([]);
});

test("an authority of one's own vouches for it, and the client shows a certificate if it has one", async () => {
  await create({ ca });
  expect(clients).toEqual(["nobody"]);
  await create({ ca, certificate, key });
  expect(clients).toEqual([expect.stringContaining("CN=")]);
});
