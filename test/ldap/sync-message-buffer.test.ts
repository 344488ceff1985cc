import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { Arrivals, Wakeup } from "../../src/ldap/sync/message-buffer.js";
import type { EncodedMessage } from "../../src/ldap/wire/message.js";

const message = (oid: string): EncodedMessage => ({ kind: "intermediate", oid, controls: [] });

async function* batches(...lists: readonly (readonly string[])[]) {
  for (const oids of lists) yield oids.map(message);
}

test("messages that nobody has taken yet are not lost when more is asked for", async () => {
  const wakeup = new Wakeup();
  const arrivals = new Arrivals(batches(["1", "2"], ["3"]), wakeup.wake);
  arrivals.request();
  await wakeup.wait();
  expect(arrivals.take()).toEqual(message("1"));
  arrivals.request();
  await setImmediate();
  expect(arrivals.take()).toEqual(message("2"));
  expect(arrivals.take()).toBeUndefined();
  arrivals.request();
  await wakeup.wait();
  expect(arrivals.take()).toEqual(message("3"));
});

test("messages that arrive while one waits for something else wake the next wait", async () => {
  const wakeup = new Wakeup();
  const arrivals = new Arrivals(batches(["1"], ["2"]), wakeup.wake);
  arrivals.request();
  await setImmediate();
  arrivals.request();
  await wakeup.wait();
  expect(arrivals.take()).toEqual(message("1"));
});
