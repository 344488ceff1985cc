import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  type ConnectOptions,
  connect,
  firstTextOf,
  type LdapConnection,
  LdapConnectionLostError,
  type LdapSearchRequest,
  type SearchEntry,
  type SearchMessage,
  valuesOf,
} from "concordat/ldap";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";

const run = promisify(execFile);
const suffix = "dc=example,dc=com";
const photo = Buffer.alloc(10_000_000, "0123456789");

/** A few entries with something special each, and enough others to fill any buffer. */
function ldif(): string {
  const people = Array.from({ length: 4000 }, (_, index) => [
    `dn: uid=u${index},ou=many,${suffix}`,
    "objectClass: inetOrgPerson",
    `uid: u${index}`,
    `cn: Person ${index}`,
    "sn: Person",
    `description: ${"x".repeat(2000)}`,
  ]);
  const entries = [
    [`dn: ${suffix}`, "objectClass: organization", "objectClass: dcObject", "o: Example"],
    [`dn: ou=few,${suffix}`, "objectClass: organizationalUnit"],
    [`dn: ou=many,${suffix}`, "objectClass: organizationalUnit"],
    [`dn: ou=large,${suffix}`, "objectClass: organizationalUnit"],
    [
      `dn:: ${Buffer.from(`cn=Jörg (Ö*),ou=few,${suffix}`).toString("base64")}`,
      "objectClass: inetOrgPerson",
      "sn:: TMO2ZmZsZXI=", // Löffler
    ],
    [
      `dn: cn=photo,ou=large,${suffix}`,
      "objectClass: inetOrgPerson",
      "sn: photo",
      `jpegPhoto:: ${photo.toString("base64")}`,
    ],
    ...people,
  ];
  return entries.map((lines) => `${lines.join("\n")}\n`).join("\n");
}

/** RFC 4533 §2.2, refreshAndPersist without a cookie: a search that does not end by itself. */
const persist = {
  oid: "1.3.6.1.4.1.4203.1.9.1.1",
  critical: true,
  value: Buffer.from("30030a0103", "hex"),
};

async function collect(
  connection: LdapConnection,
  request: LdapSearchRequest,
): Promise<readonly SearchMessage[]> {
  const messages: SearchMessage[] = [];
  for await (const batch of connection.search(request)) messages.push(...batch);
  return messages;
}

async function entries(
  connection: LdapConnection,
  request: LdapSearchRequest,
): Promise<readonly SearchEntry[]> {
  const messages = await collect(connection, request);
  return messages.filter((message) => message.kind === "entry");
}

/** Restarts the server with another line in the general part of its configuration. */
async function reconfigure(slapd: Slapd, line: string): Promise<void> {
  const file = join(slapd.directory, "slapd.conf");
  const configuration = await readFile(file, "utf8");
  await slapd.stop();
  await writeFile(file, configuration.replace("database mdb", `${line}\ndatabase mdb`));
  await slapd.start();
}

describeWithSlapd("a connection to slapd", () => {
  let slapd: Slapd;
  let plain: ConnectOptions;
  let ca: Buffer;

  beforeAll(async () => {
    slapd = await startSlapd({ tls: true, ldapi: true, ldif: ldif() });
    ca = await readFile(slapd.caFile ?? "");
    plain = {
      url: slapd.url,
      allowCleartext: true,
      bind: { method: "simple", dn: slapd.adminDn, password: slapd.password },
    };
  });
  afterAll(async () => {
    await slapd[Symbol.asyncDispose]();
  });

  test("yields entries, and then that the search is done", async () => {
    await using connection = await connect(plain);
    const messages = await collect(connection, { base: suffix, scope: "one", filter: "(ou=*)" });
    const names = messages.map((message) => (message.kind === "entry" ? message.dn : message.kind));
    expect(names.slice(0, -1).sort()).toEqual([
      `ou=few,${suffix}`,
      `ou=large,${suffix}`,
      `ou=many,${suffix}`,
    ]);
    expect(names.at(-1)).toBe("done");
  });

  test("returns the attributes that were asked for", async () => {
    await using connection = await connect(plain);
    const request: LdapSearchRequest = { base: suffix, scope: "base", filter: "(objectClass=*)" };
    const [entry] = await entries(connection, { ...request, attributes: ["o", "entryUUID"] });
    expect(entry?.attributes.map(({ type }) => type).sort()).toEqual(["entryUUID", "o"]);
    expect(firstTextOf(entry?.attributes ?? [], "O")).toBe("Example");
    const [bare] = await entries(connection, { ...request, attributes: ["1.1"] });
    expect(bare?.attributes).toEqual([]);
    const [types] = await entries(connection, { ...request, attributes: ["o"], typesOnly: true });
    expect(types?.attributes).toEqual([{ type: "o", values: [] }]);
  });

  test.each([
    "(sn=Löffler)",
    "(sn=L\\c3\\b6ffler)",
    "(sn=L*\\c3\\b6ff*)",
    "(cn=Jörg \\28Ö\\2a\\29)",
    "(2.5.4.4=Löffler)",
    "(sn:caseExactMatch:=Löffler)",
    "(&(objectClass=inetOrgPerson)(!(uid=*))(!(jpegPhoto=*)))",
  ])("%s finds the one entry that it means", async (filter) => {
    await using connection = await connect(plain);
    const found = await entries(connection, { base: suffix, filter });
    expect(found.map((entry) => valuesOf(entry.attributes, "sn"))).toEqual([
      [Buffer.from("Löffler")],
    ]);
  });

  test("reads an entry of 10 MB whole", async () => {
    await using connection = await connect(plain);
    const [entry] = await entries(connection, { base: `ou=large,${suffix}`, filter: "(sn=photo)" });
    const [value] = valuesOf(entry?.attributes ?? [], "jpegPhoto");
    expect(photo.equals(value ?? Buffer.alloc(0))).toBe(true);
  });

  test("refuses an entry of 10 MB where less is allowed", async () => {
    await using connection = await connect({ ...plain, maxMessageSize: 1_000_000 });
    const search = entries(connection, { base: `ou=large,${suffix}`, filter: "(sn=photo)" });
    await expect(search).rejects.toMatchObject({ code: "ldap_message_too_large" });
  });

  test("stops reading while nobody takes what has arrived", async () => {
    const highWaterMark = 200_000;
    await using connection = await connect({ ...plain, highWaterMark });
    const search = connection.search({ base: `ou=many,${suffix}`, filter: "(uid=*)" });
    let count = (await search.next()).value?.length ?? 0;
    let most = 0;
    for (let turn = 0; turn < 1000; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, connection.bufferedBytes);
    }
    expect(most).toBeLessThan(highWaterMark + 65_536 + 4_000);
    for await (const batch of search) count += batch.length;
    expect(count).toBe(4001);
  });

  test("reads the root DSE, as anybody", async () => {
    await using connection = await connect({ url: slapd.url });
    const rootDse = await connection.readRootDse();
    expect(rootDse.namingContexts).toEqual([suffix]);
    expect(rootDse.supportedControls).toContain(persist.oid);
    expect(rootDse.supportedExtensions).toContain("1.3.6.1.4.1.1466.20037");
  });

  test("a password that is wrong is an error of its own", async () => {
    const bind = { method: "simple", dn: slapd.adminDn, password: "not-the-password" } as const;
    const attempt = connect({ ...plain, bind });
    await expect(attempt).rejects.toMatchObject({
      code: "ldap_credentials",
      resultName: "invalidCredentials",
      message: expect.not.stringContaining("not-the-password"),
    });
  });

  test.each([
    ["that does not exist", `ou=nowhere,${suffix}`, "noSuchObject", suffix],
    ["that is no name", "nowhere", "invalidDNSyntax", ""],
  ])("a base %s is a result", async (_, base, resultName, matchedDn) => {
    await using connection = await connect(plain);
    await expect(entries(connection, { base, filter: "(cn=*)" })).rejects.toMatchObject({
      code: "ldap_result",
      resultName,
      matchedDn,
    });
  });

  test("a size limit ends the search with a result, after that many entries", async () => {
    await using connection = await connect(plain);
    const found: SearchMessage[] = [];
    const reading = (async () => {
      const request = { base: suffix, filter: "(uid=*)", sizeLimit: 3 };
      for await (const batch of connection.search(request)) found.push(...batch);
    })();
    await expect(reading).rejects.toMatchObject({ resultName: "sizeLimitExceeded" });
    expect(found).toHaveLength(3);
  });

  test("a critical control that the server does not know is a result", async () => {
    await using connection = await connect(plain);
    const controls = [{ oid: "1.2.3.4.5", critical: true }];
    await expect(
      entries(connection, { base: suffix, filter: "(ou=*)", controls }),
    ).rejects.toMatchObject({ resultName: "unavailableCriticalExtension" });
  });

  test("a search that persists ends by Cancel, and the connection lives on", async () => {
    await using connection = await connect(plain);
    await connection.readRootDse();
    const abort = new AbortController();
    const request = { base: `ou=few,${suffix}`, filter: "(ou=few)", controls: [persist] };
    const search = connection.search(request, { signal: abort.signal });
    const kinds: string[] = [];
    while (!kinds.includes("intermediate")) {
      const { value } = await search.next();
      kinds.push(...(value ?? []).map(({ kind }) => kind));
    }
    expect(kinds).toEqual(["entry", "intermediate"]);
    const next = search.next();
    abort.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
    expect(await entries(connection, { base: suffix, filter: "(ou=few)" })).toHaveLength(1);
  });

  test("a search that is left early is abandoned, and the connection lives on", async () => {
    await using connection = await connect({ ...plain, highWaterMark: 100_000 });
    for await (const _ of connection.search({ base: suffix, filter: "(uid=*)" })) break;
    expect(await entries(connection, { base: suffix, filter: "(ou=few)" })).toHaveLength(1);
  });

  test("two searches run at once", async () => {
    await using connection = await connect({ ...plain, highWaterMark: 100_000 });
    const request = { base: `ou=many,${suffix}`, filter: "(uid=*)" };
    const both = await Promise.all([entries(connection, request), entries(connection, request)]);
    expect(both.map((found) => found.length)).toEqual([4000, 4000]);
  });

  test.each(["SIGTERM", "SIGKILL"] as const)(
    "a server that is ended by %s is a lost connection, and can be connected to again",
    async (signal) => {
      const request = { base: `ou=few,${suffix}`, filter: "(ou=few)", controls: [persist] };
      await using connection = await connect(plain);
      const search = connection.search(request);
      await search.next();
      const reading = (async () => {
        for await (const _ of search);
      })();
      const lost = expect(reading).rejects.toThrow(LdapConnectionLostError);
      await slapd.stop(signal);
      await lost;
      await connection.closed;
      await expect(connect(plain)).rejects.toMatchObject({ reason: "ECONNREFUSED" });
      await slapd.start();
      await using again = await connect(plain);
      expect(await entries(again, { base: suffix, filter: "(ou=few)" })).toHaveLength(1);
    },
  );

  const secured: readonly [string, () => ConnectOptions][] = [
    ["ldaps", () => ({ url: slapd.ldapsUrl ?? "" })],
    ["StartTLS", () => ({ url: slapd.url.replace("127.0.0.1", "localhost"), startTls: true })],
    [
      "ldaps to an address",
      () => ({ url: (slapd.ldapsUrl ?? "").replace("localhost", "127.0.0.1") }),
    ],
    ["StartTLS to an address", () => ({ url: slapd.url, startTls: true })],
  ];

  test.each(secured)("%s with a private authority, and a password under it", async (_, options) => {
    const { bind } = plain;
    await using connection = await connect({ ...options(), tls: { ca }, ...(bind && { bind }) });
    expect(await entries(connection, { base: suffix, filter: "(ou=few)" })).toHaveLength(1);
  });

  test.each(secured)("%s with an authority that nobody knows is refused", async (_, options) => {
    await expect(connect(options())).rejects.toMatchObject({
      code: "ldap_tls",
      reason: expect.stringMatching(/UNABLE_TO|SELF_SIGNED/),
      message: expect.stringContaining("tls.ca"),
    });
  });

  test.each(secured)("%s with a certificate for another name is refused", async (_, options) => {
    const tls = { ca, servername: "directory.example.com" };
    await expect(connect({ ...options(), tls })).rejects.toMatchObject({
      code: "ldap_tls",
      reason: "ERR_TLS_CERT_ALTNAME_INVALID",
      message: expect.stringContaining("tls.servername"),
    });
  });

  test("ldaps with a certificate for another address is refused", async () => {
    const tls = { ca, servername: "127.0.0.2" };
    await expect(connect({ url: slapd.ldapsUrl ?? "", tls })).rejects.toMatchObject({
      reason: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
  });

  test("the environment cannot switch the checking off", async () => {
    const { NODE_TLS_REJECT_UNAUTHORIZED: before } = process.env;
    Object.assign(process.env, { NODE_TLS_REJECT_UNAUTHORIZED: "0" });
    try {
      await expect(connect({ url: slapd.ldapsUrl ?? "" })).rejects.toMatchObject({
        code: "ldap_tls",
      });
    } finally {
      if (before === undefined) Reflect.deleteProperty(process.env, "NODE_TLS_REJECT_UNAUTHORIZED");
      else Object.assign(process.env, { NODE_TLS_REJECT_UNAUTHORIZED: before });
    }
  });
});

describeWithSlapd("a connection to a slapd that answers nobody whom it does not know", () => {
  let slapd: Slapd;
  let ca: Buffer;
  let cert: Buffer;
  let key: Buffer;

  beforeAll(async () => {
    slapd = await startSlapd({ tls: true, ldapi: true });
    const at = (name: string) => join(slapd.directory, name);
    await run("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-keyout", at("client.key"), "-out", at("client.pem"), "-days", "2"],
      ...["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-subj", "/CN=sync"],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ]);
    ca = await readFile(at("ca.pem"));
    cert = await readFile(at("client.pem"));
    key = await readFile(at("client.key"));
    await reconfigure(slapd, "require authc\nTLSVerifyClient try");
  });
  afterAll(async () => {
    await slapd[Symbol.asyncDispose]();
  });

  const request = { base: suffix, filter: "(ou=people)" };

  test("an anonymous search is refused", async () => {
    await using connection = await connect({ url: slapd.url });
    await expect(entries(connection, request)).rejects.toMatchObject({
      code: "ldap_result",
      diagnosticMessage: "authentication required",
    });
  });

  test("ldapi with EXTERNAL: the server knows the user of the socket", async () => {
    await using connection = await connect({
      url: slapd.ldapiUrl ?? "",
      bind: { method: "external" },
    });
    expect(await entries(connection, request)).toHaveLength(1);
  });

  test("ldapi with a password needs no TLS", async () => {
    await using connection = await connect({
      url: slapd.ldapiUrl ?? "",
      bind: { method: "simple", dn: slapd.adminDn, password: slapd.password },
    });
    expect(await entries(connection, request)).toHaveLength(1);
  });

  test.each([
    ["ldaps", () => ({ url: slapd.ldapsUrl ?? "" })],
    ["StartTLS", () => ({ url: slapd.url, startTls: true })],
  ])("%s with EXTERNAL: the server knows the client certificate", async (_, options) => {
    await using connection = await connect({
      ...options(),
      tls: { ca, cert, key },
      bind: { method: "external" },
    });
    expect(await entries(connection, request)).toHaveLength(1);
  });

  test("a certificate is asked for at each connection, so that it can be renewed", async () => {
    const certificates = [{ ca }, { ca, cert, key }];
    const options: ConnectOptions = {
      url: slapd.ldapsUrl ?? "",
      tls: async () => certificates.shift() ?? {},
      bind: { method: "external" },
    };
    await expect(connect(options)).rejects.toMatchObject({ code: "ldap_result" });
    await using connection = await connect(options);
    expect(await entries(connection, request)).toHaveLength(1);
    await expect(connect(options)).rejects.toMatchObject({ code: "ldap_tls" });
  });

  test("EXTERNAL with nothing that proves anything is refused", async () => {
    const attempt = connect({
      url: slapd.ldapsUrl ?? "",
      tls: { ca },
      bind: { method: "external" },
    });
    await expect(attempt).rejects.toMatchObject({ resultName: "authMethodNotSupported" });
  });

  test("a server that requires a certificate ends TLS without one", async () => {
    await reconfigure(slapd, "TLSVerifyClient demand");
    const attempt = connect({
      url: slapd.ldapsUrl ?? "",
      tls: { ca },
      bind: { method: "simple", dn: slapd.adminDn, password: slapd.password },
    });
    await expect(attempt).rejects.toMatchObject({
      // With GnuTLS under it slapd just closes, with OpenSSL it sends an alert first.
      code: expect.stringMatching(/^ldap_(tls|connection_lost)$/),
    });
  });
});

describeWithSlapd("a connection to a slapd without TLS", () => {
  test("StartTLS is refused as a result", async () => {
    await using slapd = await startSlapd();
    await expect(connect({ url: slapd.url, startTls: true })).rejects.toMatchObject({
      code: "ldap_result",
    });
  });
});
