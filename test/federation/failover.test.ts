import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import {
  ConfiguredServers,
  Forwarder,
  forwardChannelName,
  passThrough,
} from "concordat/federation";
import { type Child, startChild } from "concordat/testing/federation";
import { describe, expect, test } from "vitest";
import { check, rule, serverOf, startParent } from "./parent.js";

const users = [{ user: "a", realm: "r", pin: "", serial: "S", passwords: ["111111"] }];
const good = { user: "a", realm: "r", pass: "111111" };
const both = { rules: [rule({ options: { privacyIDEA: ["first", "second"] } })] };

async function stopped(): Promise<Child> {
  const child = await startChild();
  await child.stop();
  return child;
}

describe("several servers of one rule", () => {
  test("are tried in order while nothing was sent", async () => {
    const first = await stopped();
    await using second = await startChild({ users });
    await using parent = await startParent(
      [serverOf(first, { identifier: "first" }), serverOf(second, { identifier: "second" })],
      both,
    );
    const { body } = await check(parent.url, good);
    expect(body.detail).toMatchObject({ origin: `${second.url}/validate/check` });
  });

  test("are not tried after one that may have got the password", async () => {
    await using first = await startChild({ users });
    first.fault = { kind: "reset" };
    await using second = await startChild({ users });
    await using parent = await startParent(
      [serverOf(first, { identifier: "first" }), serverOf(second, { identifier: "second" })],
      both,
    );
    expect((await check(parent.url, good)).status).toBe(502);
    expect([first.requests.length, second.requests.length]).toEqual([1, 0]);
  });

  test("have one total time limit together", async () => {
    // Its backlog is full, so that a connection to it is neither made nor refused: here, an address that nobody has.
    await using second = await startChild({ users });
    second.fault = { kind: "silent" };
    const limits = { connect: 200, firstByte: 60_000, total: 400 };
    await using parent = await startParent(
      [
        serverOf({ url: "http://192.0.2.1" }, { identifier: "first", limits }),
        serverOf(second, { identifier: "second", limits }),
      ],
      both,
    );
    const begun = performance.now();
    const { status } = await check(parent.url, good);
    expect(status).toBe(504);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });
});

test("each try to forward a request is published", async () => {
  await using first = await stopped();
  await using second = await startChild({ users });
  await using parent = await startParent(
    [serverOf(first, { identifier: "first" }), serverOf(second, { identifier: "second" })],
    both,
  );
  const events: unknown[] = [];
  const listen = (event: unknown): void => {
    events.push(event);
  };
  subscribe(forwardChannelName, listen);
  await check(parent.url, good);
  unsubscribe(forwardChannelName, listen);
  const common = { method: "POST", duration: expect.any(Number) };
  expect(events).toEqual([
    { ...common, server: "first", attempt: 0, reason: "unreachable", isSpent: false },
    { ...common, server: "second", attempt: 1, status: 200, isSpent: true },
  ]);
});

describe("a server that fails again and again", () => {
  test("is left in peace, and tried by a single request when some time has passed", async () => {
    const child = await stopped();
    let now = 0;
    await using parent = await startParent([serverOf(child)], {
      breaker: { failures: 3, pause: 1_000 },
      now: () => now,
    });
    const state = () => parent.federation.forwarder.breakerState("child");
    const ask = async () => (await check(parent.url, good)).body.result.error?.message;
    for (let count = 0; count < 3; count += 1) {
      expect(await ask()).toBe('The server "child" cannot be reached.');
    }
    expect(state()).toBe("open");
    const suspended = 'The server "child" has failed too often and is left in peace for a while.';
    expect(await ask()).toBe(suspended);
    await using again = await startChild({ users, port: child.port });
    again.fault = { kind: "slow-headers", delay: 200 };
    expect(await ask()).toBe(suspended);
    expect(again.requests).toHaveLength(0);
    now = 1_000;
    const probe = check(parent.url, good);
    await expect.poll(() => again.requests.length).toBe(1);
    expect(state()).toBe("half-open");
    expect(await ask()).toBe(suspended);
    expect((await probe).body.result.value).toBe(true);
    expect(state()).toBe("closed");
    expect(again.requests).toHaveLength(1);
  });

  test("is left in peace again if the one request fails", async () => {
    const child = await stopped();
    let now = 0;
    await using parent = await startParent([serverOf(child)], {
      breaker: { failures: 1, pause: 1_000 },
      now: () => now,
    });
    await check(parent.url, good);
    now = 1_000;
    await check(parent.url, good);
    expect(parent.federation.forwarder.breakerState("child")).toBe("open");
    now = 1_999;
    expect((await check(parent.url, good)).body.result.error?.message).toMatch(/left in peace/);
  });

  test("lets the next server of the rule answer", async () => {
    const first = await stopped();
    await using second = await startChild({ users });
    await using parent = await startParent(
      [serverOf(first, { identifier: "first" }), serverOf(second, { identifier: "second" })],
      { ...both, breaker: { failures: 1 } },
    );
    expect((await check(parent.url, good)).status).toBe(200);
    expect(parent.federation.forwarder.breakerState("first")).toBe("open");
    expect((await check(parent.url, good)).status).toBe(200);
  });

  test("is back when its health check says so", async () => {
    const port = (await stopped()).port;
    const healthCheck = { path: "/validate/polltransaction", interval: 20 };
    const server = serverOf({ url: `http://127.0.0.1:${port}` }, { healthCheck });
    await using parent = await startParent([server], { breaker: { failures: 2, pause: 60_000 } });
    await check(parent.url, good);
    const state = () => parent.federation.forwarder.breakerState("child");
    await expect.poll(state).toBe("open");
    await using _child = await startChild({ users, port });
    await expect.poll(state).toBe("closed");
    expect((await check(parent.url, good)).body.result.value).toBe(true);
  });

  test("is not blamed for a client that goes away", async () => {
    await using child = await startChild({ users });
    child.fault = { kind: "silent" };
    await using parent = await startParent([serverOf(child)], { breaker: { failures: 1 } });
    const leaving = new AbortController();
    const asked = fetch(`${parent.url}/validate/check?user=a`, { signal: leaving.signal });
    await expect.poll(() => child.requests.length).toBe(1);
    leaving.abort();
    await expect(asked).rejects.toThrow();
    child.fault = undefined;
    expect((await check(parent.url, good)).status).toBe(200);
  });
});

describe("an answer that any client may bring about", () => {
  const answers = (status: number) =>
    ({ kind: "bytes", status, content: '{"result": {"status": false}}' }) as const;

  test.each([500, 501, 502, 504, 300, 302])("is no outage: %i", async (status) => {
    await using child = await startChild({ users });
    await using parent = await startParent([serverOf(child)], { breaker: { failures: 1 } });
    child.fault = answers(status);
    expect((await check(parent.url, good)).status).toBe(502);
    child.fault = undefined;
    expect((await check(parent.url, good)).status).toBe(200);
  });

  test("is an outage if it says so: 503", async () => {
    await using child = await startChild({ users });
    await using parent = await startParent([serverOf(child)], { breaker: { failures: 1 } });
    child.fault = answers(503);
    expect((await check(parent.url, good)).status).toBe(502);
    expect(parent.federation.forwarder.breakerState("child")).toBe("open");
  });
});

describe("a client that goes away", () => {
  test("ends the request to the child", async () => {
    let closed = 0;
    const server = createServer((_request, response) => {
      response.on("close", () => {
        closed += 1;
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await using parent = await startParent([serverOf({ url: `http://127.0.0.1:${port}` })]);
    const sent = request(`${parent.url}/validate/check?user=a`).on("error", () => {});
    sent.end();
    await once(server, "request");
    sent.destroy();
    await expect.poll(() => closed).toBe(1);
    const aborted = new AbortController();
    const answer = parent.federation.handler(
      new Request("http://parent/validate/check?user=a", { signal: aborted.signal }),
    );
    await once(server, "request");
    aborted.abort();
    expect((await answer).status).toBe(499);
    await expect.poll(() => closed).toBe(2);
    server.close();
    server.closeAllConnections();
  });

  test("before there is a connection to the child leaves no trace there", async () => {
    await using child = await startChild({ users });
    const limits = { connections: 1, firstByte: 5_000 };
    await using parent = await startParent([serverOf(child, { limits })]);
    child.fault = { kind: "slow-headers", delay: 300 };
    const first = check(parent.url, good);
    await expect.poll(() => child.requests.length).toBe(1);
    // The only connection is taken: this one waits, and leaves.
    const leaving = new AbortController();
    const second = fetch(`${parent.url}/validate/check?user=b`, { signal: leaving.signal });
    await pause(50);
    leaving.abort();
    await expect(second).rejects.toThrow();
    expect((await first).status).toBe(200);
    child.fault = undefined;
    expect((await check(parent.url, good)).status).toBe(200);
    expect(child.requests).toHaveLength(2);
  });
});

test("of many requests each is given up in time, whichever of the others have ended before", async () => {
  const api = createServer((got, response) => {
    const [, delay] = /^\/after\/(\d+)$/.exec(got.url ?? "") ?? [];
    if (delay !== undefined) setTimeout(() => response.end(), Number(delay));
  }).listen(0, "127.0.0.1");
  await once(api, "listening");
  const { port } = api.address() as AddressInfo;
  const server = serverOf(
    { url: `http://127.0.0.1:${port}` },
    { limits: { firstByte: 300, total: 2_000 } },
  );
  await using federation = passThrough({
    servers: new ConfiguredServers([server]),
    to: ["child"],
    breaker: { failures: 100 },
  });
  const ask = async (path: string): Promise<number> =>
    (await federation.handler(new Request(`http://parent${path}`))).status;
  // They end in another order than they begin.
  const asked = Array.from({ length: 30 }, (_, at) =>
    ask(at % 3 === 1 ? "/never" : `/after/${((at * 7) % 30) * 5}`),
  );
  const statuses = await Promise.all(asked);
  expect(statuses).toEqual(asked.map((_, at) => (at % 3 === 1 ? 504 : 200)));
  api.closeAllConnections();
  api.close();
});

describe("a request for which there is no connection", () => {
  /** A child with one connection, which is taken from the first request until it is let go. */
  async function takenChild() {
    const requests: string[] = [];
    let letGo = (): void => {};
    const server = createServer((got, response) => {
      requests.push(got.method ?? "");
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"result": ');
      if (requests.length === 1) letGo = () => response.end("{}}");
      else response.end("{}}");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}`,
      requests,
      letGo: () => letGo(),
      [Symbol.dispose]: () => {
        server.closeAllConnections();
        server.close();
      },
    };
  }

  test("for too long is given up, and never sent", async () => {
    using child = await takenChild();
    const limits = { connections: 1, connect: 1_000 };
    await using parent = await startParent([serverOf(child, { limits })], {
      breaker: { failures: 1 },
    });
    const first = check(parent.url, good);
    await expect.poll(() => child.requests.length).toBe(1);
    const second = await check(parent.url, good);
    expect(second.status).toBe(503);
    expect(second.body.result.error?.message).toBe(
      'All connections to the server "child" are taken.',
    );
    expect(second.headers.get("proxy-status")).toContain("error=connection_limit_reached");
    expect(parent.federation.forwarder.breakerState("child")).toBe("closed");
    child.letGo();
    expect((await first).status).toBe(200);
    expect((await check(parent.url, good)).status).toBe(200);
    expect(child.requests).toEqual(["POST", "POST"]);
  });

  test("and be it a health check, says nothing of the server", async () => {
    using child = await takenChild();
    const limits = { connections: 1, firstByte: 1_500 };
    const healthCheck = { path: "/health", interval: 300 };
    await using parent = await startParent([serverOf(child, { limits, healthCheck })], {
      breaker: { failures: 1 },
    });
    const first = check(parent.url, good);
    await expect.poll(() => child.requests.length).toBe(1);
    // Long enough for a check to begin, to wait for a place, and to give up.
    await pause(2_200);
    expect(child.requests).toEqual(["POST"]);
    child.letGo();
    expect((await first).status).toBe(200);
    expect((await check(parent.url, good)).status).toBe(200);
    expect(parent.federation.forwarder.breakerState("child")).toBe("closed");
  });
});

describe("the forwarder", () => {
  test("uses a changed definition at once, and lets what is under way end", async () => {
    await using one = await startChild({ users });
    await using other = await startChild({ users });
    let url = one.url;
    const servers = Object.assign(new ConfiguredServers([]), {
      get: async () => serverOf({ url }),
    });
    await using parent = await startParent([], { servers });
    one.fault = { kind: "slow-headers", delay: 200 };
    const under = check(parent.url, good);
    await expect.poll(() => one.requests.length).toBe(1);
    url = other.url;
    expect((await check(parent.url, good)).body.result.value).toBe(true);
    expect((await under).body.result.value).toBe(true);
    expect([one.requests.length, other.requests.length]).toEqual([1, 1]);
  });

  test("no longer asks a server that was removed", async () => {
    await using child = await startChild({ users });
    const healthCheck = { path: "/health", interval: 20 };
    let known = true;
    const servers = Object.assign(new ConfiguredServers([]), {
      get: async () => (known ? serverOf(child, { healthCheck }) : undefined),
    });
    await using parent = await startParent([], { servers });
    await check(parent.url, good);
    await expect.poll(() => child.requests.length).toBeGreaterThan(1);
    known = false;
    expect((await check(parent.url, good)).status).toBe(502);
    expect(parent.federation.forwarder.breakerState("child")).toBeUndefined();
    await pause(50);
    const before = child.requests.length;
    await pause(100);
    expect(child.requests.length).toBe(before);
  });

  test("says that a definition is none, or cannot be read", async () => {
    const answers: unknown[] = [];
    for (const get of [
      async () => serverOf({ url: "http://127.1/" }),
      async () => Promise.reject(new Error("no database")),
    ]) {
      const servers = Object.assign(new ConfiguredServers([]), { get });
      await using parent = await startParent([], { servers });
      const { status, body } = await check(parent.url, good);
      answers.push([status, body.result.error?.message]);
    }
    expect(answers).toEqual([
      [502, 'The definition of the server "child" is not one.'],
      [502, 'The definition of the server "child" cannot be read.'],
    ]);
  });

  test("tells a sink why there is no answer", async () => {
    await using forwarder = new Forwarder({ servers: new ConfiguredServers([]) });
    const told: unknown[] = [];
    const end = new Promise<unknown>((resolve) => {
      const sink = {
        start: () => told.push("start"),
        data: () => told.push("data"),
        end: resolve,
      };
      const prepare = () => ({ method: "GET", target: "/", fields: [] });
      forwarder.stream(["nobody", "nobody else"], prepare, sink);
    });
    expect(await end).toMatchObject({ reason: "unknown_server", server: "nobody else" });
    expect(told).toEqual([]);
  });

  test("ends the requests under way when it is closed, and takes no others", async () => {
    await using child = await startChild();
    child.fault = { kind: "silent" };
    const servers = new ConfiguredServers([serverOf(child)]);
    const forwarder = new Forwarder({ servers });
    const send = () =>
      forwarder.forward(["child"], () => ({ method: "GET", target: "/", fields: [] }));
    const under = expect(send()).rejects.toMatchObject({ reason: "closed", isSpent: true });
    await expect.poll(() => child.requests.length).toBe(1);
    await forwarder.close();
    await under;
    await expect(send()).rejects.toMatchObject({ reason: "closed", isSpent: false });
  });

  test("tries the next server also with content that is sent as it comes", async () => {
    const first = await stopped();
    await using second = await startChild({ users });
    const servers = new ConfiguredServers([
      serverOf(first, { identifier: "first" }),
      serverOf(second, { identifier: "second" }),
    ]);
    await using federation = passThrough({ servers, to: ["first", "second"] });
    const response = await federation.handler(
      new Request("http://parent/validate/check", {
        method: "POST",
        body: new URLSearchParams(good),
      }),
    );
    expect(await response.json()).toMatchObject({ result: { value: true } });
  });
});
