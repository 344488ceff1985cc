import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { MessageBuffer, Wakeup } from "../../src/ldap/sync/message-buffer.js";
import type { EncodedMessage } from "../../src/ldap/wire/message.js";

const message = (oid: string): EncodedMessage => ({ kind: "intermediate", oid, controls: [] });

async function* batches(...lists: readonly (readonly string[])[]) {
  for (const oids of lists) yield oids.map(message);
}

test("messages that were not taken yet are not lost when more is asked for", async () => {
  const wakeup = new Wakeup();
  const buffer = new MessageBuffer(batches(["1", "2"], ["3"]), wakeup.wake);
  buffer.request();
  await wakeup.wait();
  expect(buffer.take()).toEqual(message("1"));
  buffer.request();
  await setImmediate();
  expect(buffer.take()).toEqual(message("2"));
  expect(buffer.take()).toBeUndefined();
  buffer.request();
  await wakeup.wait();
  expect(buffer.take()).toEqual(message("3"));
});

test("messages that arrive while one waits for something else wake the next wait", async () => {
  const wakeup = new Wakeup();
  const buffer = new MessageBuffer(batches(["1"], ["2"]), wakeup.wake);
  buffer.request();
  await setImmediate();
  buffer.request();
  await wakeup.wait();
  expect(buffer.take()).toEqual(message("1"));
});
