import { startChild } from "concordat/testing/federation";
import { describe, expect, test } from "vitest";
import { rule, serverOf, startParent } from "./parent.js";

const json = { "content-type": "application/json" };
const form = { "content-type": "application/x-www-form-urlencoded" };

/** Sends a request to a parent that forwards it, and returns the status, and what the child has got. */
async function sent(
  path: string,
  body: string,
  headers: Readonly<Record<string, string>> = form,
): Promise<readonly [status: number, content?: string, target?: string]> {
  await using child = await startChild();
  await using parent = await startParent([serverOf(child)], {
    rules: [rule({ position: "pre", event: ["validate_check", "token_enable"] })],
  });
  const { status } = await fetch(parent.url + path, { method: "POST", body, headers });
  const [request] = child.requests;
  return request === undefined ? [status] : [status, request.content, request.path];
}

describe("a parameter that occurs more than once", () => {
  test.each([
    ["/validate/check", "user=a&user=a&pass=1", "user=a&pass=1"],
    ["/validate/check?user=a", "user=a&pass=1", "pass=1"],
    ["/validate/check?user=%61", "pass=1&%75ser=a", "pass=1"],
    ["/token/enable/S1", "serial=S1&user=a", "serial=S1&user=a"],
    ["/token/enable/%C3%BC%201", "serial=%C3%BC+1&serial=%c3%bc%201", "serial=%C3%BC+1"],
  ])("goes on once, if it decides and is equal: %s %s", async (path, body, content) => {
    expect((await sent(path, body))[1]).toBe(content);
  });

  test.each([
    ["/validate/check", "user=a&x=1&x=2&x=1", "user=a&x=1&x=2&x=1"],
    ["/validate/check", "user=a&=&=1&t[]=usb&t[]=nfc", "user=a&=&=1&t[]=usb&t[]=nfc"],
    [
      "/validate/check",
      "user=a&webauthn_allowed_transports=usb&webauthn_allowed_transports=ble",
      "user=a",
    ],
  ])(
    "goes on in its order, or stays at home, if it does not: %s %s",
    async (path, body, content) => {
      expect((await sent(path, body))[1]).toBe(content);
    },
  );

  test.each([
    ["/validate/check", "user=a&user=b"],
    ["/validate/check?realm=a", "realm=b&user=a"],
    ["/validate/check", "user=a&resolver=a&resolver="],
    ["/validate/check", "user=a&serial=S1&serial=s1"],
    ["/validate/check", "user=a&client=10.0.0.1&client=10.0.0.2"],
    ["/validate/check", "user=a&pass=1&pass=2"],
    ["/validate/check", "user=a&password=1&password=2"],
    ["/validate/check", "user=a&transaction_id=1&transaction_id=2"],
    ["/validate/check", "user=a&state=1&state=2"],
    ["/validate/check", "user=a&nonce=1&nonce=2"],
    ["/validate/check", "user=a&user=a&user=A"],
    ["/token/enable/S1", "serial=S2"],
    ["/token/enable/S1?serial=S1", "serial=S2"],
  ])("is refused, if it decides and is not equal: %s %s", async (path, body) => {
    expect(await sent(path, body)).toEqual([400]);
  });

  test.each([
    ['{"user": "a", "user": "a"}', '{"user": "a", "user": "a"}'],
    ['{"user": "a", "x": 1, "x": [2]}', '{"user": "a", "x": 1, "x": [2]}'],
    ['{"user": "a", "transaction_id": 17}', '{"user": "a", "transaction_id": 17}'],
  ])("is the same in JSON: %s", async (body, content) => {
    expect((await sent("/validate/check", body, json))[1]).toBe(content);
  });

  test.each([
    ['{"user": "a", "user": "b"}'],
    ['{"user": "a", "user": "b", "user": "a"}'],
    ['{"user": "a", "realm": ["a"], "realm": ["a"]}'],
    // Python keeps more digits, and JavaScript another notation.
    ['{"user": "a", "transaction_id": 12345678901234567890}'],
    ['{"user": "a", "serial": 1.0}'],
    ['{"user": "a", "serial": 1e2}'],
  ])("is refused in JSON: %s", async (body) => {
    expect(await sent("/validate/check", body, json)).toEqual([400]);
  });

  test.each([
    ["/validate/check?user=a", '{"user": "a", "pass": "1"}', 400, '{"user": "a", "pass": "1"}'],
    ["/validate/check?transaction_id=17", '{"user": "a", "transaction_id": 17}', 400, undefined],
  ])("may be in the query and in JSON, if it is equal: %s", async (path, body, status, content) => {
    const [got, seen] = await sent(path, body, json);
    expect([got, seen]).toEqual([status, content ?? body]);
  });

  test("is refused in the query and in JSON, if it is not", async () => {
    expect(await sent("/validate/check?user=b", '{"user": "a"}', json)).toEqual([400]);
  });
});
