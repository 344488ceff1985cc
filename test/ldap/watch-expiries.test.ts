import type { ChangeBatch, ChangeStream } from "concordat/changes";
import {
  generalizedTime,
  inetOrgPerson,
  profile,
  readGeneralizedTime,
  type WatchOptions,
  watchDirectory,
} from "concordat/ldap";
import { type Directory, startDirectory } from "concordat/testing/directory";
import { describe, expect, test } from "vitest";
import { changesOf, Watching } from "./watching.js";

const people = "ou=people,dc=example,dc=com";
const hour = 3_600_000;
const start = Date.UTC(2030, 0, 1);

/** Whose `employeeNumber`, a moment, has passed is not active. */
const temporary = profile({
  extends: inetOrgPerson,
  expiries: [{ attribute: "employeeNumber", read: readGeneralizedTime }],
  user: {
    active: {
      reads: ["employeeNumber"],
      value: (entry) =>
        (readGeneralizedTime(entry.text("employeeNumber") ?? "") ?? Infinity) > entry.now,
    },
  },
});

/** A clock that goes when a test says so. */
class Clock {
  now: number = start;
  readonly #sleeps = new Set<{ readonly until: number; readonly wake: () => void }>();

  readonly sleep = (milliseconds: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const asleep = { until: this.now + milliseconds, wake: resolve };
      this.#sleeps.add(asleep);
      signal.addEventListener("abort", () => {
        this.#sleeps.delete(asleep);
        reject(signal.reason);
      });
    });

  set(now: number): void {
    this.now = now;
    for (const asleep of [...this.#sleeps]) {
      if (asleep.until > now) continue;
      this.#sleeps.delete(asleep);
      asleep.wake();
    }
  }
}

function watch(
  { url, suffix, adminDn, password }: Directory,
  clock: Clock,
  changes: Partial<WatchOptions> = {},
): ChangeStream {
  return watchDirectory({
    url,
    base: suffix,
    bind: { method: "simple", dn: adminDn, password },
    allowCleartext: true,
    reconcileEvery: false,
    profile: temporary,
    now: () => clock.now,
    sleep: clock.sleep,
    ...changes,
  });
}

function add(directory: Directory, uid: string, until: number): void {
  const employeeNumber = generalizedTime(until);
  const person = { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid, employeeNumber };
  directory.add(`uid=${uid},${people}`, person);
}

/** Who is said to be active, and who not. */
function activity(batches: readonly ChangeBatch[]): readonly string[] {
  return changesOf(batches).flatMap((change) =>
    change.kind === "upsert" && change.type === "User"
      ? [`${change.resource.userName} ${change.resource.active ? "active" : "expired"}`]
      : [],
  );
}

const hasUsers = (batch: ChangeBatch) => activity([batch]).length > 0;

describe("an entry that expires", () => {
  test("is read again at its moment, and not before", async () => {
    await using directory = await startDirectory();
    const clock = new Clock();
    add(directory, "ann", start + 10_000);
    add(directory, "bob", start + 5 * hour);
    await using watching = new Watching(watch(directory, clock));
    expect(activity(await watching.refreshed())).toEqual(["ann active", "bob active"]);
    expect(await watching.nextWithin(50)).toBe(undefined);
    clock.set(start + 9_999);
    expect(await watching.nextWithin(50)).toBe(undefined);
    clock.set(start + 10_000);
    expect(activity(await watching.until(hasUsers))).toEqual(["ann expired"]);
    for (let hours = 1; hours <= 5; hours++) clock.set(start + hours * hour + hours);
    expect(activity(await watching.until(hasUsers))).toEqual(["bob expired"]);
  });

  test("and comes to expire earlier by a change, is read again at that moment", async () => {
    await using directory = await startDirectory();
    const clock = new Clock();
    add(directory, "ann", start + 50 * hour);
    await using watching = new Watching(watch(directory, clock));
    await watching.refreshed();
    expect(await watching.nextWithin(50)).toBe(undefined);
    const employeeNumber = generalizedTime(start + 1_000);
    directory.modify(`uid=ann,${people}`, { replace: { employeeNumber } });
    expect(activity(await watching.until(hasUsers))).toEqual(["ann active"]);
    expect(await watching.nextWithin(50)).toBe(undefined);
    clock.set(start + 1_000);
    expect(activity(await watching.until(hasUsers))).toEqual(["ann expired"]);
  });

  test("while it was not followed is found at the next connection", async () => {
    await using directory = await startDirectory();
    const clock = new Clock();
    add(directory, "ann", start + 10_000);
    add(directory, "bob", start + 20_000);
    const stream = watch(directory, clock);
    const first = new Watching(stream);
    await first.refreshed();
    clock.set(start + 10_000);
    await first.reconciled();
    await first.stop();
    clock.set(start + 30_000);
    await using second = new Watching(stream, first.checkpoint);
    expect(activity(await second.until(hasUsers))).toEqual(["bob expired"]);
  });

  test("is found where the stream is read and not followed, too", async () => {
    await using directory = await startDirectory();
    const clock = new Clock();
    add(directory, "ann", start + 10_000);
    const stream = watch(directory, clock);
    const read = async (after?: string): Promise<ChangeBatch[]> => {
      const batches: ChangeBatch[] = [];
      const options = { follow: false, ...(after === undefined ? {} : { after }) };
      for await (const batch of stream.read(options)) batches.push(batch);
      return batches;
    };
    const first = await read();
    clock.set(start + 20_000);
    const second = await read(first.at(-1)?.checkpoint);
    expect(activity(second)).toEqual(["ann expired"]);
    expect(activity(await read(second.at(-1)?.checkpoint))).toEqual([]);
  });

  test("is active again where the clock was ahead when it was read", async () => {
    await using directory = await startDirectory();
    const clock = new Clock();
    add(directory, "ann", start + hour);
    const stream = watch(directory, clock);
    clock.set(start + 2 * hour);
    const first = new Watching(stream);
    expect(activity(await first.refreshed())).toEqual(["ann expired"]);
    await first.stop();
    clock.set(start);
    await using second = new Watching(stream, first.checkpoint);
    expect(activity(await second.until(hasUsers))).toEqual(["ann active"]);
    clock.set(start + hour);
    expect(activity(await second.until(hasUsers))).toEqual(["ann expired"]);
  });
});

test.each([
  ["20300101000000Z", start],
  ["20300101000000.5Z", start + 500],
  ["203001010130Z", start + 1.5 * hour],
  ["2030010102Z", start + 2 * hour],
  ["20300101020000+0200", start],
  ["20291231233000-0030", start],
  ["never", undefined],
])("the moment of %s is read", (text, moment) => {
  expect(readGeneralizedTime(text)).toBe(moment);
});
