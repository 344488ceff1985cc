import { once } from "node:events";
import { request } from "node:http";
import {
  ConfiguredServers,
  EventRequest,
  FederationEventHandler,
  Forwarder,
  LoopGuard,
  TrustedProxies,
} from "concordat/federation";
import { startChild } from "concordat/testing/federation";
import { describe, expect, test } from "vitest";
import { ACTION_TYPE } from "../../src/federation/rules/federation-event-handler.js";
import { check, knowsNobody, rule, serverOf, startParent } from "./parent.js";

const cornelius = {
  user: "cornelius",
  realm: "realm1",
  pin: "childpin",
  serial: "CHILDHOTP",
  passwords: ["755224", "287082"],
};
const good = { user: "cornelius", realm: "realm1", pass: "childpin755224" };

describe("a forwarded answer", () => {
  test("is the child's, and says where it comes from", async () => {
    await using child = await startChild({ users: [cornelius] });
    await using parent = await startParent([serverOf(child)]);
    const answer = await check(parent.url, good);
    expect(answer.status).toBe(200);
    expect(answer.body.result).toEqual({ authentication: "ACCEPT", status: true, value: true });
    expect(answer.body.detail).toMatchObject({
      serial: "CHILDHOTP",
      origin: `${child.url}/validate/check`,
    });
    expect(parent.asked.count).toBe(1);
    expect(child.requests).toHaveLength(1);
  });

  test("is the child's text, but for its origin", async () => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)]);
    child.fault = {
      kind: "bytes",
      content:
        '{"time": 1.0, "big": 12345678901234567890, "detail" : {"e": "\\u00e9" , "n": 1e5}, "signature": "x", ' +
        '"result": {"status": true}}',
    };
    const response = await fetch(`${parent.url}/validate/check?user=a`);
    expect(await response.text()).toBe(
      `{"time": 1.0, "big": 12345678901234567890, "detail" : {"e": "\\u00e9" , "n": 1e5, "origin": ` +
        `"${child.url}/validate/check"}, "result": {"status": true}}`,
    );
  });

  test("is the child's text also where that has no spaces", async () => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)]);
    child.fault = {
      kind: "bytes",
      content:
        '{"id":1,"time":1.0,"nonce":"a","detail":{},"result":{"status":true},"a":[1,2],"signature":"x"}',
    };
    const response = await fetch(`${parent.url}/validate/check?user=a`);
    expect(await response.text()).toBe(
      `{"id":1,"time":1.0, "detail":{"origin": "${child.url}/validate/check"}, "result":{"status":true},"a":[1,2]}`,
    );
  });

  test.each([
    ["null", '{"detail": null, "result": {"status": false}}'],
    ["missing", '{"result": {"status": false}}'],
  ])("says where it comes from when its detail is %s", async (_name, content) => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)]);
    child.fault = { kind: "bytes", content };
    const { body } = await check(parent.url, good);
    expect(body.detail).toEqual({ origin: `${child.url}/validate/check` });
  });

  test("keeps the origin that the child reports only if the child is known to report the truth", async () => {
    const content =
      '{"detail": {"origin": "https://deeper.example/x"}, "result": {"status": true}}';
    for (const reportsOrigin of [true, false]) {
      await using child = await startChild();
      await using parent = await startParent([serverOf(child, { reportsOrigin })]);
      child.fault = { kind: "bytes", content };
      const { body } = await check(parent.url, good);
      const origin = reportsOrigin ? "https://deeper.example/x" : `${child.url}/validate/check`;
      expect(body.detail).toEqual({ origin });
    }
  });

  test("is an error of the child as the child stated it", async () => {
    await using child = await startChild({ users: [cornelius] });
    await using parent = await startParent([serverOf(child)]);
    const answer = await check(parent.url, { user: "nobody", realm: "realm1", pass: "x" });
    expect(answer.status).toBe(400);
    expect(answer.body.result).toEqual({
      error: {
        code: 904,
        message: "ERR904: The user can not be found in any resolver in this realm!",
      },
      status: false,
    });
    expect(answer.body.detail).toEqual({ origin: `${child.url}/validate/check` });
  });

  test("has no cookies and no other fields than those that are passed on", async () => {
    const { createServer } = await import("node:http");
    const server = createServer((_request, response) => {
      response.writeHead(200, [
        ...["Content-Type", "application/json"],
        ...["Set-Cookie", "session=1"],
        ...["X-Internal", "secret"],
        ...["Cache-Control", "no-store"],
        ...["Connection", "retry-after"],
        ...["Retry-After", "1"],
      ]);
      response.end('{"result": {"status": true}}');
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    await using parent = await startParent([serverOf({ url: `http://127.0.0.1:${port}` })]);
    const { headers } = await check(parent.url, good);
    expect([...headers.keys()].sort()).toEqual([
      "cache-control",
      "connection",
      "content-length",
      "content-type",
      "date",
      "keep-alive",
    ]);
    server.close();
  });

  test.each([
    ["childpin287082", 204],
    ["childpin000000", 400],
  ])("to a RADIUS server has no content: %s", async (pass, status) => {
    await using child = await startChild({ users: [cornelius] });
    await using parent = await startParent([serverOf(child)]);
    const response = await fetch(`${parent.url}/validate/radiuscheck`, {
      method: "POST",
      body: new URLSearchParams({ user: "cornelius", realm: "realm1", pass }),
    });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe("");
  });
});

describe("a forwarded request", () => {
  test.each([
    ["form", "application/x-www-form-urlencoded", "user=a&pass=p%2520%2541%25%26%2B+%C3%A9100%"],
    ["JSON", "application/json", '{"user":"a","pass":"p%20%41%&+ é100%"}'],
  ])("reaches the child with every percent sign: %s", async (_name, type, content) => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)]);
    await fetch(`${parent.url}/validate/check`, {
      method: "POST",
      body: content,
      headers: { "content-type": type },
    });
    expect(child.requests[0]?.parameters.get("pass")).toBe("p%20%41%&+ é100%");
  });

  test("reaches the child with every percent sign in its query", async () => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)]);
    await fetch(`${parent.url}/validate/check?user=a&pass=%2541%25`);
    expect(child.requests[0]?.parameters.get("pass")).toBe("%41%");
  });

  test.each([
    ["privacyidea-cp/1.2", "%2541%25"],
    ["privacyIDEA-LDAP-Proxy", "%2541%25"],
    ["simpleSAMLphp/2 x", "%2541%25"],
    ["privacyidea-cp;1", "%2541%25"],
    ["privacyidea-cp(1)", "%2541%25"],
    ["privacyidea-cp.1", "%2541%25"],
    ["privacyidea-cp2", "%252541%2525"],
    ["privacyidea-cp-x/1", "%252541%2525"],
    ["x privacyidea-cp", "%252541%2525"],
  ])(
    "is encoded as often as the child decodes what comes of a user agent: %s",
    async (agent, pass) => {
      await using child = await startChild();
      await using parent = await startParent([serverOf(child)]);
      await check(parent.url, { user: "a", pass: "%41%" }, { "user-agent": agent });
      expect(child.requests[0]?.content).toBe(`user=a&pass=${pass}`);
      expect(child.requests[0]?.parameters.get("pass")).toBe("%41%");
    },
  );

  test("is encoded twice if the child does not learn of the user agent", async () => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)]);
    const sent = request(`${parent.url}/validate/check`, {
      method: "POST",
      headers: {
        connection: "user-agent",
        "user-agent": "privacyidea-cp/1.2",
        "content-type": "application/x-www-form-urlencoded",
      },
    });
    sent.end("user=a&pass=%2541");
    await once(sent, "response");
    expect(child.requests[0]?.parameters.get("pass")).toBe("%41");
  });

  test("is not encoded twice for a server that decodes once", async () => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child, { decoding: "once" })]);
    await check(parent.url, { user: "a", pass: "%41" });
    expect(child.requests[0]?.content).toBe("user=a&pass=%2541");
  });

  test("has the realm and the resolver of the child, in a form, in JSON and in a query", async () => {
    await using child = await startChild();
    const options = { privacyIDEA: "child", realm: "child%realm", resolver: "r2" };
    await using parent = await startParent([serverOf(child)], { rules: [rule({ options })] });
    const url = `${parent.url}/validate/check`;
    const type = "content-type";
    await check(parent.url, good);
    await fetch(`${url}?resolver=r1`, {
      method: "POST",
      body: '{"realm": "r", "user": "a", "n": 12345678901234567890}',
      headers: { [type]: "application/json" },
    });
    await fetch(`${url}?user=a&realm=r`);
    for (const { parameters } of child.requests) {
      expect(parameters.get("realm")).toBe("child%realm");
      expect(parameters.get("resolver")).toBe("r2");
    }
    expect(child.requests.map(({ content }) => content)).toEqual([
      "user=cornelius&pass=childpin755224&realm=child%2525realm&resolver=r2",
      '{"realm": "child%realm", "user": "a", "n": 12345678901234567890, "resolver": "r2"}',
      "",
    ]);
  });

  test("tells the child who the client is only if it is to, and a client cannot say it is another", async () => {
    await using child = await startChild();
    await using silent = await startParent([serverOf(child)]);
    await check(silent.url, { ...good, client: "10.9.9.9" }, { "x-forwarded-for": "10.9.9.9" });
    for (const name of ["client_ip", "forward_client_ip"]) {
      const options = { privacyIDEA: "child", [name]: true };
      await using parent = await startParent([serverOf(child)], { rules: [rule({ options })] });
      await check(parent.url, { ...good, client: "10.9.9.9" }, { "x-forwarded-for": "10.9.9.9" });
    }
    const told = child.requests.map(({ parameters, fields }) => [
      parameters.get("client"),
      fieldOf(fields, "x-forwarded-for"),
      fieldOf(fields, "forwarded"),
    ]);
    expect(told).toEqual([
      [undefined, undefined, undefined],
      ["127.0.0.1", undefined, "for=127.0.0.1;proto=http"],
      ["127.0.0.1", undefined, "for=127.0.0.1;proto=http"],
    ]);
  });

  test("tells who the client is by the word of a trusted proxy", async () => {
    await using child = await startChild();
    const options = { privacyIDEA: "child", client_ip: "1" };
    const behind = { rules: [rule({ options })], trustedProxies: ["127.0.0.0/8", "10.0.0.1"] };
    await using parent = await startParent([serverOf(child)], behind);
    await using other = await startParent([serverOf(child)], {
      ...behind,
      proxyField: "forwarded",
    });
    await check(parent.url, good, {
      "x-forwarded-for": "6.6.6.6, 192.0.2.7, 10.0.0.1",
      forwarded: "for=6.6.6.6",
    });
    await check(other.url, good, {
      "x-forwarded-for": "6.6.6.6",
      forwarded: 'for=6.6.6.6, for="[2001:db8::1]:4711";proto=https, for=10.0.0.1',
    });
    const told = child.requests.map(({ parameters, fields }) => [
      parameters.get("client"),
      fieldOf(fields, "x-forwarded-for"),
      fieldOf(fields, "forwarded"),
    ]);
    expect(told).toEqual([
      ["192.0.2.7", undefined, "for=192.0.2.7, for=10.0.0.1, for=127.0.0.1;proto=http"],
      [
        "2001:db8::1",
        undefined,
        'for="[2001:db8::1]:4711";proto=https, for=10.0.0.1, for=127.0.0.1;proto=http',
      ],
    ]);
  });

  test.each([{}, { client_ip: "1" }])(
    "does not name a client by the word of a client behind a trusted proxy: %j",
    async (options) => {
      await using child = await startChild();
      await using parent = await startParent([serverOf(child)], {
        rules: [rule({ options: { privacyIDEA: "child", ...options } })],
        trustedProxies: ["127.0.0.1"],
      });
      const named = { ...good, client: "10.9.9.9" };
      await check(parent.url, named, { "x-forwarded-for": "192.0.2.7" });
      await check(parent.url, named, { "x-forwarded-for": "unreadable" });
      await check(parent.url, named);
      const told = child.requests.map(({ parameters }) => parameters.get("client"));
      const isTold = "client_ip" in options;
      // The last one is made by the proxy itself, which may say it, as the plugin of a RADIUS server does.
      expect(told).toEqual([isTold ? "192.0.2.7" : undefined, undefined, "10.9.9.9"]);
    },
  );

  test.each([
    [{ "pi-authorization": "token1", authorization: "token2" }, "token1"],
    [{ authorization: "token2" }, "token2"],
    [{ authorization: "Bearer token3" }, "token3"],
    [{}, undefined],
  ])("has the token of the authenticated user, if it is to: %j", async (headers, token) => {
    await using child = await startChild();
    const options = { privacyIDEA: "child", forward_authorization_token: "True" };
    const rules = [rule({ options, event: ["token_list"] })];
    await using parent = await startParent([serverOf(child)], { rules });
    const response = await fetch(`${parent.url}/token/?serial=CHILDHOTP`, {
      headers: headers as Record<string, string>,
    });
    expect(response.status).toBe(token === undefined ? 401 : 200);
    const [request] = child.requests;
    expect(fieldOf(request?.fields ?? [], "pi-authorization")).toBe(token);
    expect(fieldOf(request?.fields ?? [], "authorization")).toBe(undefined);
  });

  test("has no credentials, no cookies and no fields of one connection", async () => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)]);
    const { request } = await import("node:http");
    await new Promise((resolve, reject) => {
      const sent = request(`${parent.url}/validate/check?user=a`, {
        headers: {
          authorization: "token",
          "pi-authorization": "token",
          cookie: "a=b",
          "x-api-key": "key",
          "proxy-authorization": "x",
          te: "trailers",
          connection: "close, accept-language",
          "accept-language": "de",
          traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
      });
      sent.on("response", (response) => response.resume().on("end", resolve));
      sent.on("error", reject);
      sent.end();
    });
    const [got] = child.requests;
    const fields = Object.fromEntries(
      (got?.fields ?? []).flatMap((name, at) =>
        at % 2 === 0 ? [[name, got?.fields[at + 1] ?? ""]] : [],
      ),
    );
    expect(fields).toEqual({
      host: child.url.slice("http://".length),
      connection: "keep-alive",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      via: "1.1 parent",
    });
  });

  test("leaves the parameters of the parent's policies at home, wherever they were put", async () => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)], {}, async (request, connection) => {
      const form = await request.formData();
      form.set("push_wait", "20");
      return await knowsNobody(request, connection);
    });
    await check(parent.url, {
      ...good,
      push_wait: "1",
      increase_failcounter_on_challenge: "1",
      webauthn_timeout: "1",
      passkey_trigger_by_pin: "1",
    });
    expect([...(child.requests[0]?.parameters.keys() ?? [])]).toEqual(["user", "realm", "pass"]);
  });

  test("goes on with its method and content", async () => {
    await using child = await startChild();
    const options = { privacyIDEA: "child", forward_authorization_token: "True" };
    await using parent = await startParent([serverOf(child)], {
      rules: [rule({ options, event: "token_delete, user_update" })],
    });
    const headers = { authorization: "token" };
    const gone = await fetch(`${parent.url}/token/NOTHERE`, { method: "DELETE", headers });
    expect(gone.status).toBe(404);
    await fetch(`${parent.url}/user/`, {
      method: "PUT",
      body: new URLSearchParams({ user: "a" }),
    });
    expect(child.requests.map(({ method, path, content }) => [method, path, content])).toEqual([
      ["DELETE", "/token/NOTHERE", ""],
      ["PUT", "/user/", "user=a"],
    ]);
  });

  test("is refused if it has a content that cannot be rewritten", async () => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)]);
    const form = new FormData();
    form.set("user", new Blob(["a"]));
    const upload = await fetch(`${parent.url}/validate/check`, { method: "POST", body: form });
    expect(upload.status).toBe(415);
    const encoded = await fetch(`${parent.url}/validate/check`, {
      method: "POST",
      body: "x",
      headers: { "content-encoding": "gzip", "content-type": "application/json" },
    });
    expect(encoded.status).toBe(415);
    expect(child.requests).toEqual([]);
  });
});

describe("the parent", () => {
  test("asks the child also when it has answered with an error itself", async () => {
    await using child = await startChild({ users: [cornelius] });
    await using parent = await startParent([serverOf(child)], {}, async () =>
      Response.json(
        { detail: null, result: { error: { code: 904, message: "ERR904" }, status: false } },
        { status: 400 },
      ),
    );
    expect((await check(parent.url, good)).body.result.value).toBe(true);
  });

  test("answers what there is no rule for by itself, content and answer as they come", async () => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)], {}, async (request) => {
      return new Response(`${request.method} ${await request.text()}`, { status: 201 });
    });
    const response = await fetch(`${parent.url}/auth`, { method: "POST", body: "a=b" });
    expect([response.status, await response.text()]).toEqual([201, "POST a=b"]);
    expect(child.requests).toEqual([]);
  });

  test("gives its own handler the request unchanged", async () => {
    await using child = await startChild();
    let seen = "";
    const options = { privacyIDEA: "child", realm: "other" };
    await using parent = await startParent(
      [serverOf(child)],
      { rules: [rule({ options }), rule({ options })] },
      async (request, connection) => {
        seen = `${await request.text()} ${connection?.remoteAddress}`;
        return await knowsNobody(request, connection);
      },
    );
    await check(parent.url, good);
    expect(seen).toBe("user=cornelius&realm=realm1&pass=childpin755224 127.0.0.1");
    // The second rule sees what the client sent, not what the first one made of it.
    expect(child.requests.map(({ content }) => content)).toEqual([
      "user=cornelius&pass=childpin755224&realm=other",
      "user=cornelius&pass=childpin755224&realm=other",
    ]);
  });

  test("does not ask its own handler where a rule before it has an answer", async () => {
    await using child = await startChild({ users: [cornelius] });
    await using parent = await startParent([serverOf(child)], {
      rules: [rule({ position: "pre" })],
    });
    expect((await check(parent.url, good)).body.result.value).toBe(true);
    expect(parent.asked.count).toBe(0);
  });

  test("does the same behind a handler of Web requests", async () => {
    await using child = await startChild({ users: [cornelius] });
    await using parent = await startParent([serverOf(child)]);
    const request = new Request("https://pi.example.com/validate/check", {
      method: "POST",
      body: new URLSearchParams(good),
    });
    const response = await parent.federation.handler(request, { remoteAddress: "192.0.2.1" });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toMatchObject({
      result: { value: true },
      detail: { origin: `${child.url}/validate/check` },
    });
    // The caller's request can still be read.
    expect(await request.text()).toBe("user=cornelius&realm=realm1&pass=childpin755224");
  });

  test("may serve its API under a path, as may the child", async () => {
    await using child = await startChild();
    await using parent = await startParent([serverOf({ url: `${child.url}/validate` })], {
      basePath: "/pi",
      eventOf: (_method, path) => (path === "/check" ? "validate_check" : undefined),
    });
    const response = await fetch(`${parent.url}/pi/check?user=a`);
    expect(child.requests[0]?.path).toBe("/validate/check");
    expect(JSON.parse(await response.text())).toMatchObject({
      detail: { origin: `${child.url}/validate/check` },
    });
  });
});

test("each of many clients is told of by its own address", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8"]);
  const from = (remoteAddress: string, fields: readonly string[] = []): EventRequest =>
    new EventRequest({
      method: "GET",
      target: "/",
      content: new Uint8Array(),
      fields,
      remoteAddress,
    });
  // More than are remembered, and twice.
  for (const _ of [1, 2]) {
    for (let number = 0; number < 1_100; number += 1) {
      const address = `192.0.${number >> 8}.${number & 255}`;
      expect(proxies.fieldsOf(from(address, ["x-forwarded-for", "6.6.6.6"]))).toEqual([
        "forwarded",
        `for=${address};proto=http`,
        "x-forwarded-for",
        address,
      ]);
    }
  }
  // What a proxy tells is not remembered.
  for (const client of ["192.0.2.1", "192.0.2.2"]) {
    const request = from("10.0.0.1", ["x-forwarded-for", client]);
    expect(proxies.clientOf(request)).toBe(client);
  }
});

test("the handler says what it is and what it can, in the words of privacyIDEA", async () => {
  await using forwarder = new Forwarder({ servers: new ConfiguredServers([]) });
  const handler = new FederationEventHandler({
    forwarder,
    guard: new LoopGuard(),
    proxies: new TrustedProxies(),
  });
  expect(handler.identifier).toBe("Federation");
  expect(handler.description).toBe(
    "This event handler can forward the request to other privacyIDEA servers.",
  );
  expect(handler.allowedPositions).toEqual(["pre", "post"]);
  expect(ACTION_TYPE.FORWARD).toBe("forward");
  expect(Object.keys(handler.actions["forward"] ?? {})).toEqual([
    "privacyIDEA",
    "realm",
    "resolver",
    "client_ip",
    "forward_client_ip",
    "forward_authorization_token",
  ]);
});

function fieldOf(fields: readonly string[], name: string): string | undefined {
  const at = fields.findIndex((field, index) => index % 2 === 0 && field.toLowerCase() === name);
  return at < 0 ? undefined : fields[at + 1];
}
