import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Paths of PEM files: a private certificate authority, and a server certificate that it signed. */
export interface Certificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * Makes a private certificate authority and a server certificate for `localhost` and 127.0.0.1, valid for two days.
 *
 * @param directory - where the files go; it must exist and is best a temporary directory.
 * @param hosts - subject alternative names in openssl's notation, for tests of a certificate that does not match.
 */
export async function makeCertificates(
  directory: string,
  hosts: string = "DNS:localhost,IP:127.0.0.1",
): Promise<Certificates> {
  const at = (name: string) => join(directory, name);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const caFile = at("ca.pem");
  const caKey = at("ca.key");
  const certFile = at("server.pem");
  const keyFile = at("server.key");
  await run("openssl", [
    ...["req", "-x509", ...newKey, "-keyout", caKey, "-out", caFile, "-days", "2"],
    ...["-subj", "/CN=A private authority for tests"],
    ...["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
  ]);
  await run("openssl", [
    ...["req", "-x509", ...newKey, "-keyout", keyFile, "-out", certFile, "-days", "2"],
    ...["-CA", caFile, "-CAkey", caKey, "-subj", "/CN=A directory for tests"],
    ...["-addext", `subjectAltName=${hosts}`, "-addext", "basicConstraints=critical,CA:FALSE"],
  ]);
  return { caFile, certFile, keyFile };
}
