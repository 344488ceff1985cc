import { once } from "node:events";
import { connect } from "node:net";
import { InvalidValueError } from "concordat";
import {
  ConfiguredServers,
  EventRequest,
  FederationError,
  passThrough,
  type ResolveAddress,
} from "concordat/federation";
import { type Child, startChild } from "concordat/testing/federation";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AddressGuard } from "../../src/federation/transport/address.js";
import { check, type Parent, rule, serverOf, startParent } from "./parent.js";

let child: Child;
let parent: Parent;

beforeAll(async () => {
  child = await startChild();
  parent = await startParent([serverOf(child)], {
    rules: [rule({ position: "pre", options: { privacyIDEA: "child", realm: "safe" } })],
  });
});

afterAll(async () => {
  await parent[Symbol.asyncDispose]();
  await child[Symbol.asyncDispose]();
});

/**
 * Sends bytes to the parent, and returns the statuses of as many answers as are expected, or of those before it hangs
 * up.
 */
async function send(bytes: string, expected = 1): Promise<readonly string[]> {
  const socket = connect(Number(new URL(parent.url).port), "127.0.0.1");
  let received = "";
  const statuses = (): string[] =>
    [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = ""]) => status);
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
    if (statuses().length >= expected) socket.destroy();
  });
  socket.on("error", () => {});
  socket.write(Buffer.from(bytes, "latin1"));
  await once(socket, "close");
  return statuses();
}

/** What node:http closes the connection for without an answer. */
const hangsUp: ReadonlySet<string> = new Set(["a tunnel"]);

const form = "content-type: application/x-www-form-urlencoded\r\n";
const post = `POST /validate/check HTTP/1.1\r\nhost: p\r\n${form}`;
const get = "GET /validate/check?user=a HTTP/1.1\r\nhost: p\r\n";

describe("a request that can be understood in two ways is refused, and never reaches the child:", () => {
  test.each([
    ["two lengths", `${post}content-length: 6\r\ncontent-length: 7\r\n\r\nuser=a&`],
    ["two equal lengths", `${post}content-length: 6\r\ncontent-length: 6\r\n\r\nuser=a`],
    ["a length of two numbers", `${post}content-length: 6, 6\r\n\r\nuser=a`],
    ["a length with a sign", `${post}content-length: +6\r\n\r\nuser=a`],
    [
      "a length and chunks",
      `${post}content-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      "chunks that are not the last coding",
      `${post}transfer-encoding: chunked, x\r\n\r\n0\r\n\r\n`,
    ],
    ["a chunk of no size", `${post}transfer-encoding: chunked\r\n\r\nxyz\r\n\r\n`],
    ["a space behind a name", `${get}x-a : b\r\n\r\n`],
    ["a space in a name", `${get}x a: b\r\n\r\n`],
    ["a folded line", `${get}x-a: b\r\n c\r\n\r\n`],
    ["a bare carriage return in a value", `${get}accept: b\rc: d\r\n\r\n`],
    ["a NUL in a value", `${get}accept: b\0c\r\n\r\n`],
    [
      "another URL as the target",
      "GET http://evil.example/validate/check HTTP/1.1\r\nhost: p\r\n\r\n",
    ],
    ["an authority as the target", "GET evil.example:80 HTTP/1.1\r\nhost: p\r\n\r\n"],
    ["a tunnel", "CONNECT evil.example:80 HTTP/1.1\r\nhost: p\r\n\r\n"],
    [
      "a network path as the target",
      "GET //evil.example/validate/check HTTP/1.1\r\nhost: p\r\n\r\n",
    ],
    ["a way out of the path", "GET /x/../validate/check HTTP/1.1\r\nhost: p\r\n\r\n"],
    ["an encoded way out", "GET /x/%2E%2e/validate/check HTTP/1.1\r\nhost: p\r\n\r\n"],
    [
      "a way out behind an encoded slash",
      "GET /x%2f%2e./validate/check HTTP/1.1\r\nhost: p\r\n\r\n",
    ],
    ["a way out before one", "GET /..%2Fvalidate/check HTTP/1.1\r\nhost: p\r\n\r\n"],
    ["a way out with a parameter", "GET /..;x/validate/check HTTP/1.1\r\nhost: p\r\n\r\n"],
    ["a segment that is none", "GET /validate/./check HTTP/1.1\r\nhost: p\r\n\r\n"],
    ["a backslash", "GET /validate\\check HTTP/1.1\r\nhost: p\r\n\r\n"],
    ["a fragment", "GET /validate/check#?user=a HTTP/1.1\r\nhost: p\r\n\r\n"],
    ["characters beyond ASCII", "GET /validate/check?user=\xe9 HTTP/1.1\r\nhost: p\r\n\r\n"],
    ["two hosts", `${get.replace("\r\n", "\r\nHOST: p\r\n")}\r\n`],
    ["no host", "GET /validate/check?user=a HTTP/1.1\r\n\r\n"],
    ["a parameter twice", `${post}content-length: 13\r\n\r\nuser=a&user=b`],
    [
      "a parameter in query and form",
      `${post.replace("check", "check?user=b")}content-length: 6\r\n\r\nuser=a`,
    ],
    ["a parameter twice, in two notations", `${post}content-length: 15\r\n\r\nuser=a&%75ser=b`],
    [
      "a member twice",
      `${post.replace(form, "content-type: application/json\r\n")}content-length: 29\r\n\r\n{"user": "a", ` +
        `"us\\u0065r":""}`,
    ],
    [
      "JSON that is none",
      `${post.replace(form, "content-type: application/json\r\n")}content-length: 8\r\n\r\n{"user":`,
    ],
    [
      "a list of JSON",
      `${post.replace(form, "content-type: application/json\r\n")}content-length: 2\r\n\r\n[]`,
    ],
    [
      "a list where a text should be",
      `${post.replace(form, "content-type: application/json\r\n")}content-length: 18\r\n\r\n{"realm": ["safe"]}`,
    ],
    ["UTF-8 that is none", `${post}content-length: 8\r\n\r\nuser=%ff`],
  ])("%s", async (name, bytes) => {
    const before = child.requests.length;
    const asked = parent.asked.count;
    expect(await send(bytes)).toEqual(hangsUp.has(name) ? [] : ["400"]);
    expect(child.requests.length).toBe(before);
    expect(parent.asked.count).toBe(asked);
  });

  test("and one that can not is passed on", async () => {
    expect(await send(`${post}content-length: 6\r\n\r\nuser=a${get}\r\n`, 2)).toEqual([
      "400",
      "400",
    ]);
    const seen = child.requests.slice(-2).map(({ method, content }) => `${method} ${content}`);
    expect(seen.sort()).toEqual(["GET ", "POST user=a&realm=safe"]);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "%d is no limit of content",
    async (maxBodyBytes) => {
      await expect(startParent([serverOf(child)], { maxBodyBytes })).rejects.toThrow(
        InvalidValueError,
      );
    },
  );

  test("too much content is refused", async () => {
    // 1 MiB, with "user=" before it, and a byte more.
    const whole = "a".repeat(1_048_571);
    expect((await check(parent.url, { user: whole })).status).not.toBe(413);
    expect((await check(parent.url, { user: `${whole}a` })).status).toBe(413);
    const { status } = await check(parent.url, { user: "a".repeat(1_100_000) });
    expect(status).toBe(413);
    const stream = new Blob(["user=", "a".repeat(1_100_000)]).stream();
    const chunked = await fetch(`${parent.url}/validate/check`, {
      method: "POST",
      body: stream,
      duplex: "half",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    } as RequestInit);
    expect(chunked.status).toBe(413);
    const web = await parent.federation.handler(
      new Request("http://p/validate/check", {
        method: "POST",
        body: new URLSearchParams({ user: "a".repeat(1_100_000) }),
      }),
    );
    expect(web.status).toBe(413);
  });
});

describe("a request that a host makes by itself", () => {
  const make =
    (target: string, method = "GET") =>
    () =>
      new EventRequest({ method, target, fields: [], content: new Uint8Array() });

  test.each([
    "",
    "x",
    "http://a/",
    "//a",
    "/a b",
    "/a\r\nx: y",
    "/é",
    "/a\0",
    "/../a",
    "/a/%2e",
    "/a\\b",
  ])("has no target %j", (target) => {
    expect(make(target)).toThrow(FederationError);
  });

  test.each(["CONNECT", "TRACE", "get", "GET /", ""])("has no method %j", (method) => {
    expect(make("/", method)).toThrow(FederationError);
  });

  test("may have dots that lead nowhere", () => {
    expect(make("/.well-known/a..b/...?x=/../y")().path).toBe("/.well-known/a..b/...");
  });

  test("cannot split the request to the child by the value of a field", async () => {
    const servers = new ConfiguredServers([serverOf(child)]);
    await using federation = passThrough({ servers, to: ["child"] });
    const before = child.requests.length;
    await expect(
      federation.forwarder.forward(["child"], () => ({
        method: "GET",
        target: "/validate/check",
        fields: ["accept", "a\r\nx: y"],
      })),
    ).rejects.toMatchObject({ reason: "bad_field", isSpent: false });
    expect(child.requests.length).toBe(before);
  });
});

describe("the address of a server", () => {
  const resolving =
    (...addresses: readonly string[]): ResolveAddress =>
    (_name, _options, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
  const named = (changes = {}) => serverOf({ url: `http://child.example:${child.port}` }, changes);

  test.each([
    ["127.0.0.1"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["::ffff:7f00:1"],
    ["0:0:0:0:0:ffff:127.0.0.1"],
    ["::7f00:1"],
    ["64:ff9b::a9fe:a9fe"],
    ["64:ff9b::127.0.0.1"],
    ["fe80::1%1"],
    ["169.254.169.254"],
    ["fe80::1"],
    ["0.0.0.0"],
    ["::"],
    ["224.0.0.1"],
    ["255.255.255.255"],
    // Where clouds tell a machine its credentials, and ways round to them.
    ["fd00:ec2::254"],
    ["100.100.100.200"],
    ["192.0.0.192"],
    ["168.63.129.16"],
    ["2002:a9fe:a9fe::1"],
    ["2002:7f00:1::"],
    ["64:ff9b:1::a9fe:a9fe"],
    ["64:ff9b:1:a9fe:a9:fe00::"],
    ["::ffff:0:a9fe:a9fe"],
    ["::ffff:a83f:8110"],
    ["fd20:ce::254"],
    ["fd00:c1::a9fe:a9fe"],
    ["fd00:42::42"],
    ["2001:0:a9fe:a9fe::"],
    ["2001:db8::5efe:a9fe:a9fe"],
    ["2001:db8::200:5efe:a9fe:a9fe"],
  ])("is not one that a name may lead to: %s", async (address) => {
    const before = child.requests.length;
    await using refusing = await startParent([named()], { resolve: resolving(address) });
    const { status, body, headers } = await check(refusing.url, { user: "a" });
    expect([status, body.result.error?.message]).toEqual([
      502,
      'The server "child" has an address that is not allowed.',
    ]);
    expect(headers.get("proxy-status")).toContain("error=destination_ip_prohibited");
    expect(child.requests.length).toBe(before);
  });

  test.each([
    ["203.0.113.1"],
    ["10.0.0.1"],
    ["100.100.100.201"],
    ["192.0.1.1"],
    ["2001:db8::1"],
    ["64:ff9b:2::a9fe:a9fe"],
    ["1::ffff:a9fe:a9fe"],
    ["::1:0:a9fe:a9fe"],
    ["::5efe:0:0"],
    ["fd00:ec3::254"],
    ["2002:cb00:7101::1"],
    ["64:ff9b::cb00:7101"],
    ["::ffff:203.0.113.1"],
    ["2001:db8::5efe:cb00:7101"],
  ])("may be another one, which is not asked here: %s", (address) => {
    expect(() => new AddressGuard(named()).assertAllowed(address)).not.toThrow();
  });

  test("is looked up as one or as all of them, as Node.js asks", () => {
    const guard = new AddressGuard(named(), resolving("203.0.113.1", "2001:db8::1"));
    const answers: unknown[] = [];
    guard.lookup("child.example", {}, (...answer) => answers.push(answer));
    guard.lookup("child.example", { all: true }, (...answer) => answers.push(answer));
    expect(answers).toEqual([
      [null, "203.0.113.1", 4],
      [
        null,
        [
          { address: "203.0.113.1", family: 4 },
          { address: "2001:db8::1", family: 6 },
        ],
      ],
    ]);
  });

  test("is looked at for every connection, and one that is not allowed refuses all", async () => {
    const allowed = { addresses: ["127.0.0.1/32", "10.0.0.0/8"] };
    await using mixed = await startParent([named(allowed)], {
      resolve: resolving("127.0.0.1", "192.0.2.1"),
    });
    expect((await check(mixed.url, { user: "a" })).status).toBe(502);
    // DNS rebinding: the name leads elsewhere from the second answer on.
    let asked = 0;
    await using rebound = await startParent([named({ ...allowed, limits: { connections: 2 } })], {
      resolve: (name, options, callback) => {
        asked += 1;
        resolving(asked === 1 ? "127.0.0.1" : "127.0.0.2")(name, options, callback);
      },
    });
    child.fault = { kind: "slow-headers", delay: 100 };
    const statuses = await Promise.all(
      [1, 2].map(async () => (await check(rebound.url, { user: "a" })).status),
    );
    child.fault = undefined;
    expect(statuses.sort()).toEqual([400, 502]);
  });

  test("is resolved once for each connection, to what was looked at", async () => {
    await using allowing = await startParent([named({ addresses: ["127.0.0.0/8"] })], {
      resolve: resolving("127.0.0.1"),
    });
    expect((await check(allowing.url, { user: "a" })).status).toBe(400);
  });

  test("that cannot be resolved is said to be so", async () => {
    await using lost = await startParent([named()], {
      resolve: (_name, _options, callback) =>
        callback(Object.assign(new Error("no"), { code: "ENOTFOUND" }), []),
    });
    const { headers } = await check(lost.url, { user: "a" });
    expect(headers.get("proxy-status")).toContain("error=dns_error");
  });

  test.each([
    ["a literal one that is not allowed", { url: "http://169.254.169.254" }, {}],
    [
      "one that is not in its networks",
      { url: "http://127.0.0.1:9" },
      { addresses: ["10.0.0.0/8"] },
    ],
  ])("is refused if it is %s", async (_name, server, changes) => {
    await using refusing = await startParent([serverOf(server, changes)]);
    const { body } = await check(refusing.url, { user: "a" });
    expect(body.result.error?.message).toBe(
      'The server "child" has an address that is not allowed.',
    );
  });

  test("must be of an origin that is allowed, where a host says which are", async () => {
    await using refusing = await startParent([serverOf(child)], {
      allowedOrigins: ["https://pi.example.com"],
    });
    expect((await check(refusing.url, { user: "a" })).status).toBe(502);
    await using allowing = await startParent([serverOf(child)], { allowedOrigins: [child.url] });
    expect((await check(allowing.url, { user: "a" })).status).toBe(400);
  });
});
