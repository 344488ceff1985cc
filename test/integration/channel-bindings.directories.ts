import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { promisify } from "node:util";
import { connect, type GssTarget } from "concordat/ldap";
import { expect, test } from "vitest";

const run = promisify(execFile);

const rsa = ["-newkey", "rsa:2048"];
const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

/** What a context is made for at a server with a certificate that openssl made like this. */
async function targetAt(options: readonly string[]): Promise<{ target: GssTarget; raw: Buffer }> {
  const directory = await mkdtemp(join(tmpdir(), "concordat-bindings-"));
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  try {
    await run("openssl", [
      ...["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", ...options],
      ...["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
    ]);
    const pem = await readFile(cert);
    await using server = createServer({ key: await readFile(key), cert: pem });
    server.on("tlsClientError", () => {});
    server.listen(0, "localhost");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    let target: GssTarget | undefined;
    const context = (given: GssTarget): never => {
      target = given;
      throw new Error("That is all.");
    };
    const bind = { method: "gssapi", context } as const;
    const attempt = connect({ url: `ldaps://localhost:${port}`, tls: { ca: pem }, bind });
    await expect(attempt).rejects.toThrow("That is all.");
    if (target === undefined) throw new Error("Nothing was asked for.");
    return { target, raw: new X509Certificate(pem).raw };
  } finally {
    await rm(directory, { recursive: true });
  }
}

test.each([
  ["RSA and SHA-256", [...rsa, "-sha256"], "sha256"],
  ["RSA and SHA-384", [...rsa, "-sha384"], "sha384"],
  ["RSA and SHA-512", [...rsa, "-sha512"], "sha512"],
  ["ECDSA and SHA-256", [...curve, "-sha256"], "sha256"],
  ["ECDSA and SHA-384", [...curve, "-sha384"], "sha384"],
  ["RSA and SHA-1, which gives way to SHA-256", [...rsa, "-sha1"], "sha256"],
])(
  "channel bindings are the digest of a certificate signed by %s (RFC 5929 §4.1)",
  async (_, options, digest) => {
    const { target, raw } = await targetAt(options);
    const expected = createHash(digest).update(raw).digest();
    expect(target.service).toBe("ldap@localhost");
    expect(Buffer.from(target.channelBindings ?? [])).toEqual(
      Buffer.concat([Buffer.from("tls-server-end-point:"), expected]),
    );
  },
);

test("there are no channel bindings where the signature has no digest of its own", async () => {
  const { target } = await targetAt(["-newkey", "ed25519"]);
  expect(target).toEqual({ service: "ldap@localhost" });
});
