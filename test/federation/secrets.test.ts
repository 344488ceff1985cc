import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import {
  breakerChannelName,
  decisionChannelName,
  forwardChannelName,
  outageChannelName,
} from "concordat/federation";
import { type ChildFault, startChild } from "concordat/testing/federation";
import { describe, expect, test } from "vitest";
import { check, rule, serverOf, startParent } from "./parent.js";

const names = [decisionChannelName, forwardChannelName, breakerChannelName, outageChannelName];
const secret = "hunter2-755224";

/** Everything that is published while something is done. */
async function published(work: () => Promise<unknown>): Promise<readonly [string, unknown][]> {
  const events: [string, unknown][] = [];
  const listen = (event: unknown, name: string | symbol): void => {
    events.push([String(name), event]);
  };
  for (const name of names) subscribe(name, listen);
  await work();
  for (const name of names) unsubscribe(name, listen);
  return events;
}

test("the channels say what is decided, sent, left in peace, and answered in spite of a failure", async () => {
  await using child = await startChild();
  const rules = [
    rule({ name: "unknown", conditions: { tokentype: "hotp" } }),
    rule({ name: "no", conditions: { result_value: "True" } }),
    rule({ name: "yes", conditions: { result_value: "False" }, on_failure: "local-answer" }),
  ];
  await using parent = await startParent([serverOf(child)], { rules, breaker: { failures: 1 } });
  const events = await published(async () => {
    await check(parent.url, { user: "a", pass: secret });
    child.fault = { kind: "bytes", status: 503, content: secret };
    await check(parent.url, { user: "a", pass: secret });
  });
  const decision = { event: "validate_check", position: "post" };
  const decisions = [
    { ...decision, rule: "unknown", applies: false, condition: "tokentype", isUnknown: true },
    { ...decision, rule: "no", applies: false, condition: "result_value", isUnknown: false },
    { ...decision, rule: "yes", applies: true },
  ].map((event) => [decisionChannelName, event]);
  const forward = {
    server: "child",
    method: "POST",
    attempt: 0,
    duration: expect.any(Number),
    isSpent: true,
  };
  expect(events).toEqual([
    ...decisions,
    [forwardChannelName, { ...forward, status: 400 }],
    ...decisions,
    [breakerChannelName, { server: "child", state: "open" }],
    [forwardChannelName, { ...forward, status: 503, reason: "server_error" }],
    [outageChannelName, { event: "validate_check", reason: "server_error", server: "child" }],
  ]);
});

describe("no password and no token is in what is published, answered or thrown, whatever the child does:", () => {
  const faults: readonly (ChildFault | undefined)[] = [
    undefined,
    { kind: "reset" },
    { kind: "cut" },
    { kind: "slow-headers", delay: 300 },
    { kind: "redirect", status: 307, location: `http://evil.example/?pass=${secret}` },
    { kind: "bytes", content: `{"echo": "${secret}` },
    { kind: "bytes", status: 500, content: secret },
    { kind: "oversized", size: 2_000 },
  ];

  test.each(faults)("%j", async (fault) => {
    await using child = await startChild();
    child.fault = fault;
    const options = { privacyIDEA: "child", forward_authorization_token: true };
    await using parent = await startParent(
      [serverOf(child, { limits: { firstByte: 100, answerSize: 1_000 } })],
      {
        rules: [
          rule({
            options,
            event: ["validate_check", "token_getserial"],
            on_failure: "local-answer",
          }),
          rule({ options, event: ["validate_check", "token_getserial"] }),
        ],
        breaker: { failures: 1 },
      },
    );
    let answers = "";
    const events = await published(async () => {
      for (const path of [
        `/validate/check?user=a&pass=${secret}`,
        `/token/getserial/${secret}`,
        `/validate/check?user=a&user=b&pass=${secret}`,
      ]) {
        const response = await fetch(parent.url + path, { headers: { authorization: secret } });
        answers += (await response.text()) + JSON.stringify([...response.headers]);
      }
      const thrown = parent.federation.forwarder.forward(["child"], () => ({
        method: "POST",
        target: `/?${secret}`,
        fields: ["pi-authorization", secret],
        content: Buffer.from(secret),
      }));
      answers += await thrown.then(
        () => "",
        (error: unknown) => inspect(error, { depth: 10, showHidden: true }),
      );
    });
    expect(events.length).toBeGreaterThan(2);
    expect(inspect(events, { depth: 10, showHidden: true })).not.toContain(secret);
    // The child's own answers name where they come from, with the path that the client has asked for.
    expect(answers.replaceAll(`/token/getserial/${secret}`, "")).not.toContain(secret);
  });
});
