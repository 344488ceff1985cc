import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import type { FederationServerTls } from "concordat/repositories";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCertificates } from "../integration/certificates.js";
import { check, startParent } from "./parent.js";

const folder = mkdtempSync(join(tmpdir(), "concordat-federation-"));
let server: Server;
let ca = "";
let certificate = "";
let key = "";
let pin = "";
let port = 0;
let requests = 0;
let client = "";

beforeAll(async () => {
  const files = await makeCertificates(folder);
  ca = readFileSync(files.caFile, "utf8");
  certificate = readFileSync(files.certFile, "utf8");
  key = readFileSync(files.keyFile, "utf8");
  const publicKey = new X509Certificate(certificate).publicKey;
  pin = createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");
  server = createServer(
    { cert: certificate, key, ca, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      requests += 1;
      const shown = (request.socket as TLSSocket).getPeerX509Certificate();
      client = shown?.subject ?? "nobody";
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"result": {"status": true}}');
    },
  ).listen(0);
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

/** The statuses of some checks with a server over TLS, and how many requests the server got. */
async function ask(
  tls: FederationServerTls,
  host = "localhost",
): Promise<readonly [status: number, proxyStatus: string | null, requests: number]> {
  const url = `https://${host}:${port}`;
  await using parent = await startParent([{ identifier: "child", url, tls }]);
  requests = 0;
  await check(parent.url, { user: "a" });
  const { status, headers } = await check(parent.url, { user: "a" });
  return [status, headers.get("proxy-status"), requests];
}

const untrusted = '"parent"; error=tls_certificate_error; next-hop="child"';

describe("a server over TLS is asked if", () => {
  test("its certificate is of the authority that is named", async () => {
    expect(await ask({ ca })).toEqual([200, null, 2]);
    expect(client).toBe("nobody");
  });

  test("its key is one that is pinned", async () => {
    expect(await ask({ ca, pins: [`${"A".repeat(43)}=`, pin] })).toEqual([200, null, 2]);
  });

  test("and is shown the certificate of this side", async () => {
    expect(await ask({ ca, certificate, key })).toEqual([200, null, 2]);
    expect(client).toBe("CN=A directory for tests");
  });
});

describe("a server over TLS gets nothing if", () => {
  test("no authority vouches for its certificate", async () => {
    expect(await ask({})).toEqual([502, untrusted, 0]);
  });

  test("its certificate is of another host", async () => {
    expect(await ask({ ca }, "127.0.0.2")).toEqual([502, untrusted, 0]);
  });

  test("its key is none of those that are pinned, whoever vouches for it", async () => {
    expect(await ask({ ca, pins: [`${"A".repeat(43)}=`] })).toEqual([502, untrusted, 0]);
  });

  test("no authority vouches for it, whatever is pinned", async () => {
    expect(await ask({ pins: [pin] })).toEqual([502, untrusted, 0]);
  });
});
