import { generateKeyPairSync } from "node:crypto";
import type { FailurePolicy } from "concordat/federation";
import type { FederationServer } from "concordat/repositories";
import { type ChildFault, startChild } from "concordat/testing/federation";
import { describe, expect, test } from "vitest";
import { check, localAnswer, rule, serverOf, startParent } from "./parent.js";

const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});
const users = [{ user: "a", realm: "r", pin: "", serial: "S", passwords: ["111111"] }];
const good = { user: "a", realm: "r", pass: "111111" };
const limits = { answerSize: 10_000 };
/** Shorter than what is slow, and longer than what a busy machine needs for anything else. */
const impatient = { firstByte: 1_000, total: 2_000 };

interface Broken {
  readonly name: string;
  readonly fault: ChildFault;
  readonly status: 502 | 504;
  readonly proxyError: string;
  readonly message: RegExp;
  readonly limits?: FederationServer["limits"];
}

const notOfTheApi = /sent a response that is not one of its API/;
const broken: readonly Broken[] = [
  {
    name: "never answers",
    fault: { kind: "silent" },
    limits: impatient,
    status: 504,
    proxyError: "http_response_timeout",
    message: /did not respond in time/,
  },
  {
    name: "is slow to begin",
    fault: { kind: "slow-headers", delay: 20_000 },
    limits: impatient,
    status: 504,
    proxyError: "http_response_timeout",
    message: /did not respond in time/,
  },
  {
    name: "is slow to end",
    fault: { kind: "slow-body", delay: 20_000 },
    limits: impatient,
    status: 504,
    proxyError: "http_response_timeout",
    message: /did not finish its response in time/,
  },
  {
    name: "breaks off in the middle",
    fault: { kind: "cut" },
    status: 502,
    proxyError: "http_response_incomplete",
    message: /broke off/,
  },
  {
    name: "closes the connection",
    fault: { kind: "reset" },
    status: 502,
    proxyError: "http_response_incomplete",
    message: /broke off/,
  },
  {
    name: "answers with half of a JSON text",
    fault: { kind: "bytes", content: '{"result": {"value": tr' },
    status: 502,
    proxyError: "http_protocol_error",
    message: notOfTheApi,
  },
  {
    name: "answers with JSON of another API",
    fault: { kind: "bytes", content: '{"access_token": "x"}' },
    status: 502,
    proxyError: "http_protocol_error",
    message: notOfTheApi,
  },
  {
    name: "answers with HTML",
    fault: { kind: "bytes", status: 404, type: "text/html", content: "<h1>Not Found</h1>" },
    status: 502,
    proxyError: "http_protocol_error",
    message: notOfTheApi,
  },
  {
    name: "answers with nothing",
    fault: { kind: "bytes", content: "" },
    status: 502,
    proxyError: "http_protocol_error",
    message: notOfTheApi,
  },
  {
    name: "answers with a list",
    fault: { kind: "bytes", content: '[{"result": {"value": true}}]' },
    status: 502,
    proxyError: "http_protocol_error",
    message: notOfTheApi,
  },
  {
    name: "answers with a string",
    fault: { kind: "bytes", content: '"{\\"result\\": {\\"value\\": true}}"' },
    status: 502,
    proxyError: "http_protocol_error",
    message: notOfTheApi,
  },
  {
    name: "answers with a detail in which nothing can be said",
    fault: { kind: "bytes", content: '{"detail": "x", "result": {"value": true}}' },
    status: 502,
    proxyError: "http_protocol_error",
    message: notOfTheApi,
  },
  {
    name: "answers with a text that is not UTF-8",
    fault: { kind: "bytes", content: Buffer.from('{"result": {"value": "\xe9"}}', "latin1") },
    status: 502,
    proxyError: "http_protocol_error",
    message: notOfTheApi,
  },
  {
    name: "answers with brackets a thousand deep",
    fault: {
      kind: "bytes",
      content: `{"result": {"value": true}, "x": ${"[".repeat(1_000)}${"]".repeat(1_000)}}`,
    },
    status: 502,
    proxyError: "http_protocol_error",
    message: notOfTheApi,
  },
  {
    name: "redirects with the password",
    fault: { kind: "redirect", status: 307, location: "http://127.0.0.1:1/" },
    status: 502,
    proxyError: "http_protocol_error",
    message: /responded with a redirect, which is never followed/,
  },
  {
    name: "redirects to another page",
    fault: { kind: "redirect", status: 302, location: "/elsewhere" },
    status: 502,
    proxyError: "http_protocol_error",
    message: /responded with a redirect, which is never followed/,
  },
  {
    name: "answers with too much",
    fault: { kind: "oversized", size: 20_000 },
    status: 502,
    proxyError: "http_response_body_size",
    message: /is too large/,
  },
  {
    name: "says that it has failed",
    fault: { kind: "bytes", status: 500, content: '{"result": {"value": true}}' },
    status: 502,
    proxyError: "http_protocol_error",
    message: /responded that it has failed/,
  },
  {
    name: "signs something else",
    fault: { kind: "bad-signature" },
    status: 502,
    proxyError: "http_protocol_error",
    message: /is not signed with its key/,
  },
  {
    name: "does not sign",
    fault: { kind: "no-signature" },
    status: 502,
    proxyError: "http_protocol_error",
    message: /is not signed with its key/,
  },
  {
    name: "answers another request",
    fault: { kind: "wrong-nonce" },
    status: 502,
    proxyError: "http_protocol_error",
    message: /belongs to another request/,
  },
];

describe("the parent says that the child has failed, and neither accepts nor rejects, when it", () => {
  test.for(broken)(
    "$name",
    async ({ fault, status, proxyError, message, limits: own = limits }) => {
      await using child = await startChild({ users, key: privateKey });
      const signs = /signature|nonce/.test(fault.kind) ? { responseKey: publicKey } : {};
      await using parent = await startParent([serverOf(child, { limits: own, ...signs })]);
      child.fault = fault;
      const answer = await check(parent.url, good);
      expect(answer.status).toBe(status);
      expect(answer.headers.get("proxy-status")).toBe(
        `"parent"; error=${proxyError}; next-hop="child"`,
      );
      expect(answer.body).toMatchObject({
        id: 1,
        jsonrpc: "2.0",
        result: {
          error: { code: -status, message: expect.stringMatching(message) },
          status: false,
        },
      });
      expect(answer.body.result).not.toHaveProperty("value");
      // Whatever came of it, the password was sent once.
      expect(child.requests).toHaveLength(1);
      // The next request is answered as if nothing had been.
      child.fault = undefined;
      expect((await check(parent.url, { ...good, pass: "222222" })).body.result.value).toBe(false);
    },
  );

  test("cannot be reached", async () => {
    const child = await startChild();
    await child.stop();
    await using parent = await startParent([serverOf(child, { limits })]);
    const answer = await check(parent.url, good);
    expect(answer.status).toBe(502);
    expect(answer.headers.get("proxy-status")).toBe(
      '"parent"; error=connection_refused; next-hop="child"',
    );
    expect(answer.body.result.error?.message).toBe('The server "child" cannot be reached.');
  });

  test("is not known", async () => {
    await using parent = await startParent([]);
    const answer = await check(parent.url, good);
    expect(answer.status).toBe(502);
    expect(answer.body.result.error?.message).toBe('There is no server "child".');
  });
});

describe("a rule says what becomes of a request when a child fails", () => {
  async function answerWith(on_failure: FailurePolicy, fault: ChildFault | undefined) {
    const child = await startChild({ users });
    if (fault === undefined) await child.stop();
    else child.fault = fault;
    await using second = await startChild({ users });
    await using parent = await startParent(
      [serverOf(child, { limits: impatient }), serverOf(second, { identifier: "second" })],
      {
        rules: [
          rule({ on_failure }),
          rule({
            name: "to the second",
            options: { privacyIDEA: "second" },
            conditions: { result_value: "False" },
          }),
        ],
      },
    );
    const answer = await check(parent.url, good);
    await child.stop();
    return { ...answer, asked: second.requests.length };
  }

  test("fail: the failure is the answer", async () => {
    const { status, asked } = await answerWith("fail", undefined);
    expect([status, asked]).toEqual([502, 0]);
  });

  test("next: the next rule answers if nothing was sent to the child", async () => {
    const { status, asked, body } = await answerWith("next", undefined);
    expect([status, asked, body.result.value]).toEqual([200, 1, true]);
  });

  test("next: the failure is the answer if the child may have got the password", async () => {
    const { status, asked } = await answerWith("next", { kind: "reset" });
    expect([status, asked]).toEqual([502, 0]);
  });

  test("next: the failure is the answer if no other rule has one", async () => {
    const child = await startChild();
    await child.stop();
    await using parent = await startParent([serverOf(child)], {
      rules: [rule({ on_failure: "next" })],
    });
    expect((await check(parent.url, good)).status).toBe(502);
  });

  test.each(["pre", "post"])(
    "local-answer, %s: it is unchanged but for a field that says so",
    async (position) => {
      const child = await startChild();
      await child.stop();
      await using parent = await startParent([serverOf(child)], {
        rules: [rule({ position, on_failure: "local-answer" })],
      });
      const response = await fetch(`${parent.url}/validate/check?user=a`);
      expect(response.status).toBe(200);
      expect(await response.text()).toBe(localAnswer);
      expect(response.headers.get("proxy-status")).toBe(
        '"parent"; error=connection_refused; next-hop="child"',
      );
      expect(parent.asked.count).toBe(1);
    },
  );

  test("abort_on_error, as privacyIDEA has it, is fail or local-answer", async () => {
    const child = await startChild();
    await child.stop();
    for (const [abort_on_error, status] of [
      [true, 502],
      [false, 200],
    ] as const) {
      await using parent = await startParent([serverOf(child)], {
        rules: [rule({ abort_on_error })],
      });
      expect((await check(parent.url, good)).status).toBe(status);
    }
  });
});
