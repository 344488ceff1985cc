import { startChild } from "concordat/testing/federation";
import { describe, expect, test } from "vitest";
import { Breaker, type BreakerState } from "../../src/federation/transport/breaker.js";
import { check, rule, serverOf, startParent } from "./parent.js";

const users = [{ user: "a", realm: "r", pin: "", serial: "S", passwords: ["111111"] }];
const good = { user: "a", realm: "r", pass: "111111" };

describe("the breaker is not opened by what a stranger can bring about:", () => {
  test.each([
    ["slow answers", { kind: "slow-headers", delay: 60_000 }, 504],
    ["answers that do not end", { kind: "slow-body", delay: 60_000 }, 504],
    ["answers that are cut", { kind: "cut" }, 502],
    ["connections that are closed", { kind: "reset" }, 502],
    ["answers of another kind", { kind: "bytes", content: "x" }, 502],
    ["answers that are too large", { kind: "oversized", size: 50_000 }, 502],
  ] as const)("%s", async (_name, fault, status) => {
    await using child = await startChild({ users });
    const limits = { firstByte: 500, total: 1_000, answerSize: 10_000 };
    await using parent = await startParent([
      serverOf(child, { limits: fault.kind.startsWith("slow") ? limits : { answerSize: 10_000 } }),
    ]);
    child.fault = fault;
    const asked = await Promise.all([1, 2, 3, 4, 5, 6].map(() => check(parent.url, good)));
    expect(asked.map((answer) => answer.status)).toEqual(Array(6).fill(status));
    expect(parent.federation.forwarder.breakerState("child")).toBe("closed");
  });

  test("a gateway that has waited long enough", async () => {
    await using child = await startChild({ users });
    await using parent = await startParent([serverOf(child)]);
    for (const status of [502, 504, 502, 504, 502, 504]) {
      child.fault = { kind: "bytes", status, content: "{}" };
      expect((await check(parent.url, good)).status).toBe(502);
    }
    child.fault = undefined;
    expect((await check(parent.url, good)).status).toBe(200);
  });
});

test("a server that hangs is left in peace if its health check says so", async () => {
  await using child = await startChild({ users });
  child.fault = { kind: "silent" };
  const healthCheck = { path: "/validate/polltransaction", interval: 50 };
  await using parent = await startParent(
    [serverOf(child, { limits: { firstByte: 200 }, healthCheck })],
    { breaker: { failures: 2, pause: 60_000 }, rules: [rule({ position: "pre" })] },
  );
  expect((await check(parent.url, good)).status).toBe(504);
  const state = () => parent.federation.forwarder.breakerState("child");
  await expect.poll(state, { timeout: 10_000 }).toBe("open");
});

describe("a breaker", () => {
  function breaker(failures: number) {
    const states: BreakerState[] = [];
    const clock = { now: 0 };
    const made = new Breaker(
      { failures, pause: 1_000 },
      (state) => states.push(state),
      () => clock.now,
    );
    return { breaker: made, states, clock };
  }

  test("counts failures in a row, which a good end or a good health check ends", () => {
    const { breaker: one, states } = breaker(2);
    one.leave("request", "failed");
    one.leave("request", "unknown");
    one.leave("request", "well");
    one.leave("request", "failed");
    one.learn("well");
    one.leave("request", "failed");
    expect(states).toEqual([]);
    one.learn("failed");
    expect(states).toEqual(["open"]);
    expect(one.remaining).toBe(1_000);
    one.learn("well");
    expect([states, one.remaining]).toEqual([["open", "closed"], 0]);
    one.leave("request", "failed");
    expect(one.state).toBe("closed");
  });

  test("lets one request try when the pause is over, and another one when that takes as long", () => {
    const { breaker: one, states, clock } = breaker(1);
    one.leave("request", "failed");
    clock.now = 999;
    expect(one.enter()).toBeUndefined();
    clock.now = 1_000;
    expect([one.enter(), one.enter(), one.remaining]).toEqual(["probe", undefined, 1_000]);
    clock.now = 2_000;
    expect([one.enter(), one.enter()]).toEqual(["probe", undefined]);
    one.leave("probe", "well");
    expect([one.enter(), states]).toEqual(["request", ["open", "half-open", "closed"]]);
    // What the one before says is too late to matter alone.
    one.leave("probe", "unknown");
    expect(one.state).toBe("closed");
  });

  test("learns nothing from a try that says nothing, and waits again after one that fails", () => {
    const { breaker: one, clock } = breaker(1);
    one.leave("request", "failed");
    clock.now = 1_000;
    expect(one.enter()).toBe("probe");
    one.leave("probe", "unknown");
    expect([one.state, one.enter()]).toEqual(["open", "probe"]);
    clock.now = 1_500;
    one.leave("probe", "failed");
    expect([one.state, one.remaining, one.enter()]).toEqual(["open", 1_000, undefined]);
    // Requests that were under way before say nothing now.
    one.leave("request", "well");
    one.leave("request", "failed");
    expect([one.state, one.remaining]).toEqual(["open", 1_000]);
  });
});
