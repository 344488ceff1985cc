import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { startChild } from "concordat/testing/federation";
import { describe, expect, test } from "vitest";
import { verifyResponse } from "../../src/federation/rewrite/response-signature.js";
import { check, rule, serverOf, startParent } from "./parent.js";

describe("an answer that a privacyIDEA above can read", () => {
  const unknown =
    '{"detail": null, "id": 1, "result": {"error": {"code": 904, "message": "ERR904"}, "status": false}, ' +
    '"signature": "rsa_sha256_pss:00"}';
  const knowsNoUser = async () =>
    new Response(unknown, { status: 400, headers: { "content-type": "application/json" } });
  const unmet = { rules: [rule({ conditions: { realm: "division" } })] };

  test("has no detail that is null, and then no signature of what is no longer there", async () => {
    await using parent = await startParent([], unmet, knowsNoUser);
    const response = await fetch(`${parent.url}/validate/check?user=a`);
    expect(response.status).toBe(400);
    expect(await response.text()).toBe(
      '{"id": 1, "result": {"error": {"code": 904, "message": "ERR904"}, "status": false}}',
    );
  });

  test("is signed, where there is a key to sign it with", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    await using parent = await startParent([], { ...unmet, responseKey: privateKey }, knowsNoUser);
    const text = await (await fetch(`${parent.url}/validate/check?user=a`)).text();
    expect(text).not.toContain("detail");
    expect(verifyResponse(text, createPublicKey(publicKey))).toBe(true);
  });

  test.each([
    '{"detail": {"x": {"detail": null}}, "result": {"status": true}}',
    '{"detail": null}',
    'no JSON, but "detail": null',
  ])("is else as its handler gave it: %s", async (text) => {
    await using parent = await startParent([], unmet, async () => {
      return new Response(text, { headers: { "content-type": "application/json" } });
    });
    expect(await (await fetch(`${parent.url}/validate/check?user=a`)).text()).toBe(text);
  });
});

test("an answer of a MiB is passed on, and none that is longer by a byte", async () => {
  await using child = await startChild();
  await using parent = await startParent([serverOf(child)]);
  const answer = '{"detail": {}, "result": {"status": true, "value": true}, "x": ""}';
  const longest = answer.replace('""', `"${"a".repeat(1_048_576 - answer.length)}"`);
  const answers: string[] = [];
  for (const content of [longest, longest.replace('"x": "', '"x": "a')]) {
    child.fault = { kind: "bytes", content };
    const { status, body } = await check(parent.url, { user: "a", pass: "1" });
    answers.push(`${status} ${body.result.value}`);
  }
  expect(answers).toEqual(["200 true", "502 undefined"]);
});

test("an interim response that was not asked for says that the password is spent", async () => {
  const server = createServer((socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 100 Continue\r\n\r\n");
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await using parent = await startParent([serverOf({ url: `http://127.0.0.1:${port}` })]);
  const { status, body } = await check(parent.url, { user: "a", pass: "1" });
  expect([status, body.result.error?.message]).toEqual([
    502,
    'The server "child" sent an interim response that was not asked for. It has got the request: a password in it ' +
      "is spent.",
  ]);
  server.close();
});

describe("an answer of the child", () => {
  const answering = async (status: number, content: string) => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)]);
    child.fault = { kind: "bytes", status, content };
    const response = await fetch(`${parent.url}/validate/check?user=a`);
    const text = await response.text();
    return [response.status, text.replace(child.url, "child")];
  };

  test("that there is no such page is passed back", async () => {
    expect(await answering(404, '{"error":"Not found"}')).toEqual([
      404,
      '{"error":"Not found", "detail": {"origin": "child/validate/check"}}',
    ]);
  });

  test.each([
    [200, '{"error":"Not found"}'],
    [403, '{"error":"Not found"}'],
    [404, '{"error":"Not found","error":"x"}'],
    [404, '{"result": 1}'],
    [404, '["error"]'],
    [200, '{"result": {"value": true}, "result": {"value": false}}'],
    [200, '{"result": {"value": true, "v\\u0061lue": false}}'],
    [200, '{"detail": {"serial": "A", "serial": "B"}, "result": {"value": true}}'],
    [200, '{"nonce": "1", "result": {"value": true}, "nonce": "2"}'],
  ])(
    "that can be read in two ways, or is none of its API, is not: %i %s",
    async (status, content) => {
      expect((await answering(status, content))[0]).toBe(502);
    },
  );
});
