import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type WatchOptions, watchDirectory } from "concordat/ldap";
import { inMemoryTarget } from "concordat/repositories";
import { bindFilter, eq, userResourceType } from "concordat/scim";
import { type Outcome, synchronize } from "concordat/sync";
import { type Directory, startDirectory } from "concordat/testing/directory";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeCertificates } from "./certificates.js";

/**
 * Passes on what client and directory say, until it has passed on so many of the directory's bytes; then it does its
 * own.
 */
async function startProxy(
  directory: Directory,
  passes: number,
  then: (client: Socket) => void = () => {},
): Promise<{ readonly url: string; readonly passed: number } & AsyncDisposable> {
  const sockets: Socket[] = [];
  let passed = 0;
  const server = createServer((client) => {
    const upstream = connectTcp(Number(new URL(directory.url).port), "127.0.0.1");
    sockets.push(client, upstream);
    for (const socket of [client, upstream]) socket.on("error", () => socket.destroy());
    let left = passes;
    client.on("data", (bytes) => upstream.write(bytes));
    upstream.on("data", (bytes) => {
      if (left <= 0) return;
      client.write(bytes.subarray(0, left));
      passed += bytes.length;
      left -= bytes.length;
      if (left <= 0) then(client);
    });
    client.on("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("It does not listen.");
  return {
    url: `ldap://127.0.0.1:${address.port}`,
    get passed() {
      return passed;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("a directory that is wrong, or wrongly asked", () => {
  const source = "directory";
  let folder: string;
  let ca: string;
  let wrongCa: string;
  let tls: { cert: string; key: string };
  let directory: Directory;
  let target: ReturnType<typeof inMemoryTarget>;
  let options: WatchOptions;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "concordat-"));
    const files = await makeCertificates(folder, "DNS:elsewhere.example.com");
    ca = await readFile(files.caFile, "utf8");
    tls = {
      cert: await readFile(files.certFile, "utf8"),
      key: await readFile(files.keyFile, "utf8"),
    };
    wrongCa = await readFile((await makeCertificates(folder)).caFile, "utf8");
  });
  afterAll(() => rm(folder, { recursive: true }));
  beforeEach(async () => {
    directory = await startDirectory({ tls });
    for (const uid of ["anna", "ben"]) addPerson(uid);
    target = inMemoryTarget();
    const { url, suffix, adminDn: dn, password } = directory;
    options = {
      url,
      base: suffix,
      bind: { method: "simple", dn, password },
      allowCleartext: true,
      source,
      mode: "refreshOnly",
      reconnect: false,
    };
    await run(options);
  });
  afterEach(() => directory[Symbol.asyncDispose]());

  function addPerson(uid: string, more: Record<string, string> = {}): void {
    directory.add(`uid=${uid},ou=people,${directory.suffix}`, {
      objectClass: "inetOrgPerson",
      uid,
      cn: uid,
      sn: uid,
      ...more,
    });
  }

  async function run(watched: WatchOptions): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    for await (const outcome of synchronize(watchDirectory(watched), target)) {
      outcomes.push(outcome);
    }
    return outcomes;
  }

  /** It fails as it should, keeps what is stored, and a good run after it resumes. */
  async function failsWell(changes: Partial<WatchOptions>, code: string): Promise<void> {
    const before = await target.checkpoints.load(source);
    expect(before?.checkpoint).toBeDefined();
    addPerson("carl");
    directory.delete(`uid=ben,ou=people,${directory.suffix}`);
    const error = await run({ ...options, ...changes }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code, message: expect.stringMatching(/^[A-Z].{20,}\.$/s) });
    expect(JSON.stringify([error, (error as Error).message])).not.toContain(directory.password);
    expect((await target.checkpoints.load(source))?.checkpoint).toBe(before?.checkpoint);
    expect(await users()).toMatchObject({ anna: true, ben: true });
    const outcomes = await run(options);
    expect(outcomes.filter(({ kind }) => kind === "updated")).toEqual([]);
    expect(await users()).toEqual({ anna: true, ben: false, carl: true });
  }

  async function users(): Promise<Record<string, boolean | undefined>> {
    const { resources } = await target.users.find({});
    return Object.fromEntries(resources.map((user) => [user.userName, user.active]));
  }

  test("a wrong password", () =>
    failsWell(
      { bind: { method: "simple", dn: directory.adminDn, password: "wrong" } },
      "ldap_credentials",
    ));

  test("a base that does not exist", () =>
    failsWell({ base: `ou=nowhere,${directory.suffix}` }, "ldap_result"));

  test("a filter with a syntax error", () => failsWell({ filter: "(&(uid=a)" }, "ldap_filter"));

  test("a host that is not known", () =>
    failsWell({ url: "ldap://nowhere.invalid" }, "ldap_connect"));

  test("a port where nobody listens", () =>
    failsWell({ url: "ldap://127.0.0.1:1" }, "ldap_connect"));

  test("a certificate for another host", () =>
    failsWell({ url: directory.ldapsUrl ?? "", tls: { ca } }, "ldap_tls"));

  test("a certificate of an authority that is not trusted", () =>
    failsWell({ url: directory.ldapsUrl ?? "", tls: { ca: wrongCa } }, "ldap_tls"));

  test("credentials over a connection that is not encrypted", () =>
    failsWell({ allowCleartext: false }, "ldap_cleartext"));

  /** A fault in the answer to the bind, in the root DSE, and in what is read after it. */
  describe.each([0, 0.2, 0.4, 0.6, 0.8, 0.98])(
    "after %f of all that the directory says",
    (part) => {
      const cases: readonly (readonly [string, (client: Socket) => void])[] = [
        ["garbage", (client) => client.write(Buffer.alloc(64, 0xff))],
        ["silence", () => {}],
        ["the end of the connection", (client) => client.end()],
        ["a reset of the connection", (client) => client.resetAndDestroy()],
      ];
      test.each(cases)("%s", async (_, fault) => {
        for (let more = 0; more < 20; more++) addPerson(`more${more}`);
        const before = await target.checkpoints.load(source);
        const passing = await startProxy(directory, Number.POSITIVE_INFINITY);
        const whole = watchDirectory({ ...options, url: passing.url });
        for await (const _ of whole.read({ after: before?.checkpoint ?? "" }));
        await passing[Symbol.asyncDispose]();

        const passes = Math.ceil(passing.passed * part) + 1;
        await using proxy = await startProxy(directory, passes, fault);
        const short = { url: proxy.url, connectTimeout: 300, probeInterval: 200 };
        await expect(run({ ...options, ...short })).rejects.toMatchObject({
          code: expect.stringMatching(
            /^ldap_(protocol|message_too_large|connection_lost|connect|credentials|disconnected)$/,
          ),
        });
        expect((await target.checkpoints.load(source))?.checkpoint).toBe(before?.checkpoint);
        await run(options);
        expect(Object.keys(await users())).toHaveLength(22);
      });
    },
  );

  test("an answer of 4 GiB, as it says itself", async () => {
    const lengthOf4GiB = Buffer.from("30 84 ff ff ff ff 02 01 01".replaceAll(" ", ""), "hex");
    await using proxy = await startProxy(directory, 14, (client) => client.write(lengthOf4GiB));
    await failsWell({ url: proxy.url }, "ldap_message_too_large");
  });

  test("an entry of 10 MB above the limit", async () => {
    addPerson("dora", { description: "x".repeat(10_000_000) });
    const withDescription = { ...options, maxMessageSize: 1_000_000 };
    // The attribute is asked for only where a profile maps it.
    await run(withDescription);
    directory.modify(`uid=dora,ou=people,${directory.suffix}`, {
      replace: { title: "x".repeat(10_000_000) },
    });
    await expect(run(withDescription)).rejects.toMatchObject({ code: "ldap_message_too_large" });
    await run({ ...options, maxMessageSize: 20_000_000 });
    const { resources } = await target.users.find({
      filter: bindFilter(eq("userName", "dora"), userResourceType),
    });
    expect(resources[0]?.title).toHaveLength(10_000_000);
  });
});
