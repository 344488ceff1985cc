import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { check, rule, serverOf, startParent } from "./parent.js";

const program = fileURLToPath(new URL("child-process.ts", import.meta.url));

/** Starts a child in a process of its own. */
async function startProcess(
  port: number,
  journal: string,
): Promise<{ port: number; child: ChildProcess }> {
  const child = fork(program, [String(port), journal]);
  const [listening] = (await once(child, "message")) as [number];
  return { port: listening, child };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

test("1,000 requests while the first child is killed and restarted: none is wrong or sent twice", async () => {
  const folder = mkdtempSync(join(tmpdir(), "concordat-federation-"));
  const journals = ["first", "second"].map((name) => join(folder, name));
  let first = await startProcess(0, journals[0] ?? "");
  const second = await startProcess(0, journals[1] ?? "");
  const limits = { connect: 1_000, firstByte: 5_000, connections: 16 };
  const serverAt = (identifier: string, port: number) =>
    serverOf({ url: `http://127.0.0.1:${port}` }, { identifier, limits });
  await using parent = await startParent(
    [serverAt("first", first.port), serverAt("second", second.port)],
    {
      rules: [rule({ options: { privacyIDEA: ["first", "second"] } })],
      breaker: { failures: 3, pause: 50 },
    },
  );
  const total = 1_000;
  const outcomes: { pass: string; status: number; value: unknown; message: unknown }[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < total) {
      const at = next;
      next += 1;
      const pass = `${at % 2 === 0 ? "right" : "wrong"}${at}`;
      const { status, body } = await check(parent.url, { user: "a", pass });
      outcomes.push({ pass, status, value: body.result.value, message: body.detail?.["message"] });
    }
  };
  const clients = Promise.all(Array.from({ length: 16 }, client));
  for (const when of [150, 400, 650]) {
    await expect
      .poll(() => outcomes.length, { timeout: 20_000, interval: 1 })
      .toBeGreaterThan(when);
    await kill(first.child);
    await pause(30);
    first = await startProcess(first.port, journals[0] ?? "");
  }
  await clients;
  await kill(first.child);
  await kill(second.child);

  const sent = journals.map((journal) => readFileSync(journal, "utf8").trim().split("\n"));
  rmSync(folder, { recursive: true });
  const all = sent.flat();
  expect(new Set(all).size, "no password was sent twice").toBe(all.length);
  expect(outcomes).toHaveLength(total);
  let unavailable = 0;
  for (const { pass, status, value, message } of outcomes) {
    if (status === 200) {
      // The answer to this request, and a true one.
      expect([message, value]).toEqual([pass, pass.startsWith("right")]);
    } else {
      expect([status, value]).toEqual([502, undefined]);
      unavailable += 1;
    }
  }
  // Only what was under way to a child that was killed is lost.
  expect(unavailable).toBeLessThan(total / 10);
  for (const one of sent) expect(one.length).toBeGreaterThan(10);
}, 60_000);
