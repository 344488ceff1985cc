import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type ConnectOptions,
  connect,
  type GssapiBind,
  type SearchEntry,
  textsOf,
  valuesOf,
  watchDirectory,
} from "concordat/ldap";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { gssapiContext } from "../../examples/kerberos/gssapi.js";
import { list } from "../../examples/kerberos/list.js";
import { kerberosIsMissing, type Realm, type RealmOptions, startRealm } from "./kerberos-realm.js";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";
import { TcpRelay } from "./tcp-relay.js";

const suffix = "dc=example,dc=com";
const photo = Buffer.alloc(3_000_000, "0123456789");
const marker = "written in every entry";
const request = { base: `ou=many,${suffix}`, filter: "(uid=*)" };

/** What authorises: anybody who is known reads, but only alice reads who is on call. */
const access = [
  `access to dn.base="cn=on-call,${suffix}" by dn.base="uid=alice,ou=people,${suffix}" read by * none`,
  "access to * by users read by * auth",
];

function ldif(): string {
  const named = (uid: string, ou: string, ...lines: string[]) => [
    `dn: uid=${uid},ou=${ou},${suffix}`,
    "objectClass: inetOrgPerson",
    `uid: ${uid}`,
    `cn: ${uid}`,
    "sn: Person",
    ...lines,
  ];
  const many = Array.from({ length: 400 }, (_, index) =>
    named(`u${index}`, "many", `description: ${marker} ${"x".repeat(1000)}`),
  );
  const entries = [
    [`dn: ${suffix}`, "objectClass: organization", "objectClass: dcObject", "o: Example"],
    [`dn: ou=people,${suffix}`, "objectClass: organizationalUnit"],
    [`dn: ou=many,${suffix}`, "objectClass: organizationalUnit"],
    [`dn: cn=on-call,${suffix}`, "objectClass: device"],
    named("alice", "people"),
    named("sync", "people", `authzTo: dn:uid=alice,ou=people,${suffix}`),
    named("photo", "people", `jpegPhoto:: ${photo.toString("base64")}`),
    ...many,
  ];
  return entries.map((lines) => `${lines.join("\n")}\n`).join("\n");
}

/** A slapd that takes tickets of the realm, and what clients need to get some. */
async function startKerberized(
  { minssf, lines = [] }: { readonly minssf: number; readonly lines?: readonly string[] },
  options: RealmOptions = {},
): Promise<{ readonly realm: Realm; readonly slapd: Slapd; readonly keytab: string }> {
  const realm = await startRealm(options);
  const serverKeytab = await realm.keytab("ldap/localhost");
  const keytab = await realm.keytab("sync");
  const slapd = await startSlapd({
    tls: true,
    ldif: ldif(),
    access,
    environment: { ...realm.environment, KRB5_KTNAME: serverKeytab },
    serverLines: [
      "sasl-host localhost",
      "sasl-realm EXAMPLE.TEST",
      `sasl-secprops noanonymous,minssf=${minssf}`,
      "authz-policy to",
      `authz-regexp uid=([^,]+)(,cn=[^,]+)?,cn=gssapi,cn=auth uid=$1,ou=people,${suffix}`,
      ...lines,
    ],
  });
  return { realm, slapd, keytab };
}

let caches = 0;

/** Who the next binds of this process are: what libkrb5 reads in the environment, with a cache that nobody has used. */
function be(realm: Realm, { keytab, cache }: { keytab?: string; cache?: string } = {}): void {
  caches += 1;
  vi.stubEnv("KRB5_CONFIG", realm.environment.KRB5_CONFIG);
  vi.stubEnv("KRB5CCNAME", cache ?? `MEMORY:concordat-${caches}`);
  vi.stubEnv("KRB5_CLIENT_KTNAME", keytab ?? "/nonexistent/client.keytab");
}

const gssapi: GssapiBind = { method: "gssapi", context: gssapiContext };
const byName = ({ url }: Slapd) => url.replace("127.0.0.1", "localhost");

async function found(
  options: ConnectOptions,
  { base, filter } = request,
): Promise<readonly SearchEntry[]> {
  await using connection = await connect(options);
  return await connection.searchAll({ base, filter });
}

/** Whether what a search finds can be read by somebody between the client and the server. */
async function isReadableOnTheWire(slapd: Slapd, bind: GssapiBind): Promise<boolean> {
  await using relay = await TcpRelay.start(slapd.url);
  const chunks: Buffer[] = [];
  relay.tap = (chunk) => chunks.push(chunk);
  const options = { url: relay.url, bind: { ...bind, host: "localhost" }, allowCleartext: true };
  expect(await found(options)).toHaveLength(400);
  return Buffer.concat(chunks).includes(marker);
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describeWithSlapd(
  "a GSSAPI bind at a slapd that wants 56 bits of security",
  () => {
    let slapd: Slapd;
    let realm: Realm;
    let keytab: string;
    let ca: Buffer;

    beforeAll(async () => {
      ({ slapd, realm, keytab } = await startKerberized({ minssf: 56 }));
      ca = await readFile(slapd.caFile ?? "");
    });
    afterAll(async () => {
      await slapd[Symbol.asyncDispose]();
      await realm[Symbol.asyncDispose]();
    });

    test("without TLS is protected by privacy, and reads everything", async () => {
      be(realm, { keytab });
      const entries = await found({ url: byName(slapd), bind: gssapi });
      expect(entries).toHaveLength(400);
      expect(textsOf(entries[0]?.attributes ?? [], "description")[0]).toContain(marker);
    });

    test("carries an entry of 3 MB, in many tokens, to a reader that takes its time", async () => {
      be(realm, { keytab });
      const options = { url: byName(slapd), bind: gssapi, highWaterMark: 100_000 };
      const [entry] = await found(options, { base: `ou=people,${suffix}`, filter: "(uid=photo)" });
      expect(valuesOf(entry?.attributes ?? [], "jpegPhoto")).toEqual([photo]);
      expect(await found(options)).toHaveLength(400);
    });

    test("sends a request that is longer than the server's tokens", async () => {
      be(realm, { keytab });
      const filter = `(|${"(uid=u7)".repeat(12_000)})`;
      expect(
        await found({ url: byName(slapd), bind: gssapi }, { ...request, filter }),
      ).toHaveLength(1);
    });

    test("runs searches at the same time", async () => {
      be(realm, { keytab });
      await using connection = await connect({ url: byName(slapd), bind: gssapi });
      const all = await Promise.all([1, 2, 3, 4].map(() => connection.searchAll(request)));
      expect(all.map((entries) => entries.length)).toEqual([400, 400, 400, 400]);
    });

    test("that asks for integrity gets the privacy that the server insists on", async () => {
      be(realm, { keytab });
      expect(await isReadableOnTheWire(slapd, { ...gssapi, protection: "integrity" })).toBe(false);
    });

    test.each([
      ["ldaps", () => ({ url: slapd.ldapsUrl ?? "" })],
      ["StartTLS", () => ({ url: byName(slapd), startTls: true })],
    ])("under %s needs no layer", async (_, options) => {
      be(realm, { keytab });
      expect(await found({ ...options(), tls: { ca }, bind: gssapi })).toHaveLength(400);
    });

    test("is what the example does", async () => {
      be(realm, { keytab });
      const lines: string[] = [];
      const listing = { url: byName(slapd), base: suffix };
      for await (const line of list(listing)) lines.push(line);
      expect(lines[0]).toBe(`bound as dn:uid=sync,ou=people,${suffix}`);
      expect(lines).toContain(`ou=many,${suffix}`);
      const secured = list({ url: slapd.ldapsUrl ?? "", base: suffix, caFile: slapd.caFile });
      expect((await secured.next()).value).toBe(lines[0]);
      await secured.return(undefined);
    });

    test("follows the directory", async () => {
      be(realm, { keytab });
      const directory = watchDirectory({ url: byName(slapd), base: suffix, bind: gssapi });
      const names: string[] = [];
      for await (const batch of directory.read()) {
        for (const change of batch.changes) {
          if (change.kind === "upsert") names.push(...change.names.map(({ key }) => key));
        }
        if (names.includes("newcomer")) break;
        if (batch.refresh !== "ends") continue;
        const client = await slapd.client();
        const entry = { objectClass: "inetOrgPerson", uid: "newcomer", cn: "New", sn: "Comer" };
        await client.add(`uid=newcomer,ou=people,${suffix}`, entry);
      }
      expect(names).toContain("u399");
    });

    test("resumes as the same account only: another one may see other entries", async () => {
      const read = async (after?: string) => {
        const directory = watchDirectory({
          url: byName(slapd),
          base: `ou=many,${suffix}`,
          bind: gssapi,
        });
        const options = after === undefined ? {} : { after };
        let upserts = 0;
        let checkpoint: string | undefined;
        for await (const batch of directory.read({ ...options, follow: false })) {
          upserts += batch.changes.filter(({ kind }) => kind === "upsert").length;
          checkpoint = batch.checkpoint ?? checkpoint;
        }
        return { upserts, checkpoint };
      };
      be(realm, { keytab });
      const { upserts, checkpoint } = await read();
      expect(upserts).toBe(400);
      expect((await read(checkpoint)).upserts).toBe(0);
      be(realm, { keytab: await realm.keytab("alice") });
      expect((await read(checkpoint)).upserts).toBe(400);
    });

    test("acts as another one where that is allowed", async () => {
      be(realm, { keytab });
      const onCall = { base: suffix, filter: "(cn=on-call)" };
      const as = (uid: string) => ({
        url: byName(slapd),
        bind: { ...gssapi, authorizationId: `dn:uid=${uid},ou=people,${suffix}` },
      });
      expect(await found(as("alice"), onCall)).toHaveLength(1);
      expect(await found({ url: byName(slapd), bind: gssapi }, onCall)).toHaveLength(0);
      await expect(connect(as("photo"))).rejects.toMatchObject({
        resultName: "insufficientAccessRights",
        message: expect.stringContaining("authorizationId"),
      });
    });

    test("without a ticket or a keytab says what to set", async () => {
      be(realm);
      await expect(connect({ url: byName(slapd), bind: gssapi })).rejects.toMatchObject({
        code: "ldap_gssapi",
        reason: "no_credentials",
        retryable: false,
        message: expect.stringContaining("KRB5_CLIENT_KTNAME"),
      });
    });

    test("by an address says that the service has no name there", async () => {
      be(realm, { keytab });
      await expect(connect({ url: slapd.url, bind: gssapi })).rejects.toMatchObject({
        code: "ldap_gssapi",
        reason: "service_unknown",
        service: "ldap@127.0.0.1",
        message: expect.stringContaining("bind.host"),
      });
    });

    test("with a keytab that is older than its principal says so", async () => {
      const old = await realm.keytab("former");
      await realm.administer("change_password -randkey former");
      be(realm, { keytab: old });
      await expect(connect({ url: byName(slapd), bind: gssapi })).rejects.toMatchObject({
        reason: "credentials_refused",
        message: expect.stringContaining("keytab"),
      });
    });

    test("of somebody without an account in the directory gets nothing to see", async () => {
      be(realm, { keytab: await realm.keytab("stranger") });
      const entries = await found({ url: byName(slapd), bind: gssapi });
      expect(entries).toHaveLength(400);
    });

    test.each(["SIGTERM", "SIGKILL"] as const)(
      "to a server that is ended by %s ends with it, and can be made again",
      async (signal) => {
        be(realm, { keytab });
        const options = { url: byName(slapd), bind: gssapi };
        await using connection = await connect(options);
        const persist = Buffer.from("30030a0103", "hex");
        const control = { oid: "1.3.6.1.4.1.4203.1.9.1.1", critical: true, value: persist };
        const search = connection.search({ ...request, controls: [control] });
        await search.next();
        const reading = (async () => {
          for await (const _ of search);
        })();
        const lost = expect(reading).rejects.toMatchObject({ retryable: true });
        await slapd.stop(signal);
        await lost;
        await connection.closed;
        await slapd.start();
        expect(await found(options)).toHaveLength(400);
      },
    );
  },
  kerberosIsMissing,
);

describeWithSlapd(
  "a GSSAPI bind at a slapd that wants no security but checks channel bindings",
  () => {
    let slapd: Slapd;
    let realm: Realm;
    let keytab: string;

    beforeAll(async () => {
      const lines = ["sasl-cbinding tls-endpoint"];
      ({ slapd, realm, keytab } = await startKerberized({ minssf: 0, lines }));
    });
    afterAll(async () => {
      await slapd[Symbol.asyncDispose]();
      await realm[Symbol.asyncDispose]();
    });

    test.each([
      ["privacy", false],
      ["integrity", true],
      ["none", true],
    ] as const)(
      "with the protection %s can be read on the wire: %s",
      async (protection, isReadable) => {
        be(realm, { keytab });
        expect(await isReadableOnTheWire(slapd, { ...gssapi, protection })).toBe(isReadable);
      },
    );

    test("is protected by privacy without TLS, though the server would do without", async () => {
      be(realm, { keytab });
      expect(await isReadableOnTheWire(slapd, gssapi)).toBe(false);
    });

    test("is accepted with the channel bindings of its connection, and refused with others", async () => {
      be(realm, { keytab });
      const tls = { ca: await readFile(slapd.caFile ?? "") };
      const url = slapd.ldapsUrl ?? "";
      expect(await found({ url, tls, bind: gssapi })).toHaveLength(400);
      const channelBindings = Buffer.from("tls-server-end-point:of something in between");
      const bind: GssapiBind = {
        ...gssapi,
        context: (target) => gssapiContext({ ...target, channelBindings }),
      };
      await expect(connect({ url, tls, bind })).rejects.toMatchObject({ code: "ldap_credentials" });
    });
  },
  kerberosIsMissing,
);

describeWithSlapd(
  "tickets that last for some seconds",
  () => {
    let slapd: Slapd;
    let realm: Realm;
    let keytab: string;

    beforeAll(async () => {
      const tickets = { ticketLifetime: "3s", clockSkew: 1 };
      ({ slapd, realm, keytab } = await startKerberized({ minssf: 0 }, tickets));
    });
    afterAll(async () => {
      await slapd[Symbol.asyncDispose]();
      await realm[Symbol.asyncDispose]();
    });

    test("are renewed from the keytab, and a connection outlives its ticket", async () => {
      be(realm, { keytab });
      const options = { url: byName(slapd), bind: gssapi };
      await using first = await connect(options);
      await sleep(5_000);
      expect(await found(options)).toHaveLength(400);
      expect(await first.searchAll(request)).toHaveLength(400);
    });

    test("of kinit end, and the error says what to do", async () => {
      be(realm, { cache: await realm.ticket("sync", keytab) });
      const options = { url: byName(slapd), bind: gssapi };
      expect(await found(options)).toHaveLength(400);
      await sleep(5_000);
      await expect(connect(options)).rejects.toMatchObject({
        code: "ldap_gssapi",
        reason: "credentials_expired",
        message: expect.stringContaining("KRB5_CLIENT_KTNAME"),
      });
    });

    test("cannot be had where the key distribution centre does not answer, for now", async () => {
      be(realm, { keytab });
      await realm.stop();
      await expect(connect({ url: byName(slapd), bind: gssapi })).rejects.toMatchObject({
        code: "ldap_gssapi",
        reason: "kdc_unreachable",
        retryable: true,
      });
    });
  },
  kerberosIsMissing,
);
