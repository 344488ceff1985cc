import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { pathParametersOf } from "concordat/federation";
import { startChild } from "concordat/testing/federation";
import { describe, expect, test } from "vitest";
import { localAnswer, rule, serverOf, startParent } from "./parent.js";
import { passing, serve } from "./passing.js";

/** What a server answers to a request, as it comes. */
async function raw(url: string, line: string, host = "x"): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let received = "";
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
  });
  socket.write(
    `${line} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
  );
  await once(socket, "close");
  return received;
}

describe("a rule is not passed by", () => {
  test.each([
    ["POST", "/validate/check"],
    ["POST", "/validate/%63heck"],
    ["POST", "/v%61lidate%2Fcheck"],
    ["POST", "/validate%2fcheck"],
    ["GET", "/token/challenges/a%2Fb"],
    ["HEAD", "/validate/check"],
  ])("by another notation of its path or method: %s %s", async (method, path) => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)], {
      rules: [rule({ position: "pre", event: ["validate_check", "token_getchallenges"] })],
    });
    await raw(parent.url, `${method} ${path}`);
    expect([parent.asked.count, child.requests.length]).toEqual([0, 1]);
  });

  test("by a notation of the base path", async () => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)], { basePath: "/pi/" });
    const statuses: string[] = [];
    for (const path of ["/pi/validate/check", "/%70i/validate/check", "/validate/check"]) {
      statuses.push((await raw(parent.url, `GET ${path}`)).slice(9, 12));
    }
    // Outside of the base path there are no events: that is for the host's own handler.
    expect(statuses).toEqual(["400", "404", "200"]);
    expect([child.requests.length, parent.asked.count]).toEqual([1, 2]);
  });

  test.each([
    ["a file upload", new FormData(), {}],
    ["plain text", "user=a", { "content-type": "text/plain" }],
    [
      "encoded content",
      "user=a",
      { "content-type": "application/x-www-form-urlencoded", "content-encoding": "gzip" },
    ],
  ])("by content whose parameters nobody sees: %s", async (_name, body, headers) => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)], {
      rules: [rule({ conditions: { realm: "division" } })],
    });
    if (body instanceof FormData) body.set("realm", new Blob(["division"]));
    const init = { method: "POST", body, headers };
    const response = await fetch(`${parent.url}/validate/check`, init);
    const web = await parent.federation.handler(new Request("http://p/validate/check", init));
    expect([response.status, web.status, parent.asked.count]).toEqual([415, 415, 0]);
  });
});

describe("content that privacyIDEA does not read", () => {
  const form = "application/x-www-form-urlencoded";
  const parts =
    '--XX\r\ncontent-disposition: form-data; name="realm"\r\n\r\ndivision\r\n--XX--\r\n';

  test.each([
    ["GET", form, "realm=division", 415],
    ["GET", form, "x=y", 415],
    ["HEAD", form, "realm=division", 415],
    ["GET", "multipart/form-data; boundary=XX", parts, 415],
    ["GET", "application/json", '{"realm": "division"}', 200],
    ["POST", form, "realm=division", 200],
    ["DELETE", form, "realm=division", 200],
    ["PUT", form, "realm=division", 200],
    ["PATCH", "multipart/form-data; boundary=XX", parts, 200],
  ])("fulfils no condition, and is refused: %s %s", async (method, type, content, status) => {
    const got: string[] = [];
    await using api = await serve((_got, response) => {
      got.push("asked");
      response.setHeader("content-type", "application/json").end('{"result": {"status": true}}');
    });
    await using parent = await startParent([serverOf(api)], {
      eventOf: () => "everything",
      rules: [rule({ position: "pre", event: "everything", conditions: { realm: "division" } })],
    });
    const sent = request(`${parent.url}/x`, {
      method,
      headers: { "content-type": type, "content-length": content.length },
    }).end(content);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    response.resume();
    expect([response.statusCode, got.length, parent.asked.count]).toEqual([
      status,
      status === 200 ? 1 : 0,
      0,
    ]);
  });
});

test("a rule may be about what is in the path", async () => {
  await using child = await startChild();
  await using parent = await startParent([serverOf(child)], {
    rules: [
      rule({
        position: "pre",
        event: ["token_enable", "validate_poll_transaction", "container_assign"],
        conditions: { serial: "^DIV" },
      }),
    ],
  });
  const asks = async (path: string, content?: string): Promise<readonly [number, number]> => {
    const before = child.requests.length;
    const { status } = await fetch(parent.url + path, {
      method: "POST",
      ...(content === undefined ? {} : { body: new URLSearchParams(content) }),
    });
    return [status, child.requests.length - before];
  };
  expect((await asks("/token/enable/DIV1"))[1]).toBe(1);
  expect((await asks("/token/enable/%44IV1"))[1]).toBe(1);
  expect((await asks("/token/enable", "serial=DIV1"))[1]).toBe(1);
  expect(await asks("/token/enable/OTHER")).toEqual([200, 0]);
  expect(await asks("/container/DIV1/assign")).toEqual([200, 0]);
  expect((await asks("/token/enable/DIV1", "serial=DIV1"))[1]).toBe(1);
  // In the path one thing, and in the content another.
  expect(await asks("/token/enable/OTHER", "serial=DIV1")).toEqual([400, 0]);
});

test("the parameters of a path have privacyIDEA's names", () => {
  const parametersOf = pathParametersOf();
  expect([
    ...parametersOf("GET", "/validate/polltransaction/17"),
    ...parametersOf("DELETE", "/token/challenges/transaction/18"),
    ...parametersOf("DELETE", "/token/info/S1/key"),
    ...parametersOf("POST", "/container/C1/add"),
    ...parametersOf("HEAD", "/token/challenges/S2"),
    ...parametersOf("POST", "/validate/check"),
    ...parametersOf("POST", "/nowhere/x"),
    ...parametersOf("DELETE", "/user/attribute/colour/ann/division"),
    ...parametersOf("DELETE", "/user/division/ann"),
  ]).toEqual([
    ["transaction_id", "17"],
    ["transaction_id", "18"],
    ["serial", "S1"],
    ["key", "key"],
    ["container_serial", "C1"],
    ["serial", "S2"],
    ["attrkey", "colour"],
    ["username", "ann"],
    ["realm", "division"],
    ["resolvername", "division"],
    ["username", "ann"],
  ]);
});

describe("what no handler can be asked is refused:", () => {
  test.each([
    ["a b", "400"],
    ["u:p@evil", "400"],
    ["evil/x", "400"],
    ["p:80", "200"],
    ["[::1]:80", "200"],
  ])("the host %j", async (host, status) => {
    await using parent = await startParent([]);
    const answer = await raw(parent.url, "GET /x", host);
    expect(answer.slice(9, 12)).toBe(status);
  });

  test("a method that is not passed on, with those that are", async () => {
    await using api = await serve((_got, response) => response.end());
    await using passed = await passing(api);
    await using parent = await startParent([]);
    for (const answer of [
      await raw(passed.url, "PROPFIND /x"),
      await raw(parent.url, "TRACE /x"),
    ]) {
      expect(answer).toMatch(/^HTTP\/1\.1 405 /);
      expect(answer).toMatch(/\r\nallow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n/i);
    }
  });
});

describe("the base path", () => {
  test("is where what is passed through begins", async () => {
    await using api = await serve((got, response) => response.end(got.url));
    await using parent = await passing(api, { basePath: "/api" });
    const answers: string[] = [];
    for (const path of ["/api/x?y", "/api", "/api?x=1", "/apikeys", "/other/x", "/"]) {
      const response = await fetch(parent.url + path);
      const text = await response.text();
      answers.push(response.ok ? text : String(response.status));
    }
    expect(answers).toEqual(["/base/x?y", "/base/", "/base/?x=1", "404", "404", "404"]);
    const web = await parent.federation.handler(new Request("http://parent/other"));
    expect(web.status).toBe(404);
  });
});

test("the length of the host's own answer is said once", async () => {
  await using parent = await startParent(
    [],
    { rules: [rule({ conditions: { result_value: "True" } })] },
    async () =>
      new Response(localAnswer, {
        headers: { "content-type": "application/json", "content-length": `${localAnswer.length}` },
      }),
  );
  const answer = await raw(parent.url, "POST /validate/check");
  expect(answer.match(/content-length: \d+/gi)).toEqual([`content-length: ${localAnswer.length}`]);
});
