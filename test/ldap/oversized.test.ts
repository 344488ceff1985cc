import { LdapMessageTooLargeError, type WatchOptions, watchDirectory } from "concordat/ldap";
import { inMemoryTarget } from "concordat/repositories";
import type { Outcome } from "concordat/sync";
import { synchronize } from "concordat/sync";
import { type Directory, startDirectory } from "concordat/testing/directory";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Deliver, MessageFramer } from "../../src/ldap/wire/framing.js";

/** An element of BER with its length in the octets that OpenLDAP uses: one, or four after `0x84`. */
function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  const header = Buffer.from([tag, 0x84, 0, 0, 0, 0]);
  if (length >= 128) header.writeUInt32BE(length, 2);
  const short = Buffer.from([tag, length & 127]);
  return Buffer.concat([length < 128 ? short : header, ...contents]);
}

interface SentEntry {
  readonly id: number;
  readonly dn: string;
  /** How long its attributes are. */
  readonly length: number;
  readonly controls: string;
}

/** An entry of a search with its controls. RFC 4511 §4.1.1, §4.5.2 */
function entry({ id, dn, length, controls }: SentEntry): Buffer {
  const number = Buffer.of(0x02, 2, id >> 8, id & 0xff);
  const attributes = element(0x30, Buffer.alloc(length, 0x41));
  const operation = element(0x64, element(0x04, Buffer.from(dn)), attributes);
  const trailer = controls === "" ? [] : [element(0xa0, Buffer.from(controls))];
  return element(0x30, number, operation, ...trailer);
}

const entries = fc.array(
  fc.record({
    id: fc.integer({ min: 1, max: 0x7fff }),
    dn: fc.string({ maxLength: 300 }),
    length: fc.oneof(fc.nat(400), fc.nat(5_000), fc.integer({ min: 60_000, max: 200_000 })),
    controls: fc.oneof(fc.constant(""), fc.string({ maxLength: 400 })),
  }),
  { minLength: 1, maxLength: 8 },
);

test("of an entry that is too long come its number, its name and its controls, however it is read", () => {
  const limit = 2_000;
  fc.assert(
    fc.property(
      entries,
      fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.nat(70_000)), { minLength: 1 }),
      fc.infiniteStream(fc.boolean()),
      (sent, steps, isChunk) => {
        const framer = new MessageFramer(limit, "ignore");
        const delivered: [string, number | undefined][] = [];
        const deliver: Deliver = (bytes, start, end, oversized) => {
          delivered.push([bytes.subarray(start, end).toString("base64"), oversized]);
        };
        const stream = Buffer.concat(sent.map(entry));
        let offset = 0;
        for (let step = 0; offset < stream.length; step += 1) {
          const most = Math.max(1, steps[step % steps.length] ?? 1);
          if (isChunk.next().value) {
            framer.push(Buffer.from(stream.subarray(offset, offset + most)), deliver);
            offset += most;
          } else {
            const length = stream.copy(framer.room(), 0, offset, offset + most);
            framer.fill(length, deliver);
            offset += length;
          }
        }
        expect(delivered).toEqual(
          sent.map((one) => {
            const whole = entry(one);
            const isLong = whole.length > limit;
            const short = isLong ? entry({ ...one, length: 0 }) : whole;
            return [short.toString("base64"), isLong ? whole.length : undefined];
          }),
        );
        expect(framer.pending).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});

describe("a message that is too long", () => {
  const long = entry({ id: 7, dn: "uid=ann,dc=example,dc=com", length: 5_000, controls: "" });
  const nobody: Deliver = () => undefined;

  test("is an error that names its entry, as soon as the name has come", () => {
    const framer = new MessageFramer(1_000);
    framer.push(long.subarray(0, 20), nobody);
    expect(() => framer.push(long.subarray(20, 60), nobody)).toThrow(
      expect.objectContaining({
        code: "ldap_message_too_large",
        size: long.length,
        limit: 1_000,
        dn: "uid=ann,dc=example,dc=com",
      }),
    );
  });

  test.each([
    ["is no entry", element(0x30, Buffer.of(0x02, 1, 7), element(0x65, Buffer.alloc(3_000)))],
    [
      "is none of LDAP",
      Buffer.concat([Buffer.of(0x30, 0x84, 0, 0, 0x13, 0x88), Buffer.alloc(5_000)]),
    ],
    [
      "has a name longer than what is looked at",
      entry({ id: 7, dn: "x".repeat(70_000), length: 0, controls: "" }),
    ],
    [
      "has controls where there can be none",
      element(
        0x30,
        Buffer.of(0x02, 1, 7),
        element(0x64, element(0x04), element(0x30)),
        Buffer.alloc(70_000),
      ),
    ],
    ["claims to be longer than any entry is", Buffer.of(0x30, 0x84, 0x7f, 0xff, 0xff, 0xff)],
  ])("is an error where entries are ignored, if it %s", (_, bytes) => {
    const framer = new MessageFramer(1_000, "ignore");
    expect(() => framer.push(bytes, nobody)).toThrow(
      /the limit is 1000|not one of LDAP|none of LDAP|controls/,
    );
  });
});

/** The options for a directory whose entries may be of some kilobytes. */
function optionsFor({ url, suffix, adminDn, password }: Directory): WatchOptions {
  return {
    url,
    base: suffix,
    bind: { method: "simple", dn: adminDn, password },
    allowCleartext: true,
    maxMessageSize: 3_000,
    reconcileEvery: false,
    mode: "refreshOnly",
  };
}

async function outcomesOf(directory: Directory, options: Partial<WatchOptions> = {}) {
  const target = inMemoryTarget();
  const outcomes: Outcome[] = [];
  const run = async (changes: Partial<WatchOptions> = options) => {
    outcomes.length = 0;
    const stream = watchDirectory({ ...optionsFor(directory), ...changes });
    for await (const outcome of synchronize(stream, target)) outcomes.push(outcome);
    const names = (await target.users.find({})).resources.map(({ userName }) => userName).sort();
    return { names, kinds: outcomes.map(({ kind }) => kind) };
  };
  return { run, outcomes };
}

describe("an entry that is longer than maxMessageSize", () => {
  const ann = "uid=ann,ou=people,dc=example,dc=com";

  async function directoryOf(...others: string[]) {
    const directory = await startDirectory();
    for (const uid of ["ann", ...others]) {
      directory.add(`uid=${uid},ou=people,dc=example,dc=com`, {
        objectClass: "inetOrgPerson",
        uid,
        cn: uid,
        sn: uid,
      });
    }
    return directory;
  }

  test("ends the stream with an error that names it, and is what it was until it is read", async () => {
    await using directory = await directoryOf("bob");
    directory.modify(ann, { replace: { title: "x".repeat(5_000) } });
    const { run } = await outcomesOf(directory);
    const failure = await run({ reconnect: false }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(LdapMessageTooLargeError);
    expect(failure).toMatchObject({ dn: ann, limit: 3_000 });
    expect(String(failure)).toContain(ann);
    expect((await run({ maxMessageSize: 10_000 })).names).toEqual(["ann", "bob"]);
  });

  test("is ignored where the host says so, told by an outcome, and neither changed nor swept", async () => {
    await using directory = await directoryOf("bob");
    const { run, outcomes } = await outcomesOf(directory, { oversized: "ignore" });
    expect((await run()).names).toEqual(["ann", "bob"]);
    directory.modify(ann, { replace: { title: "x".repeat(5_000), sn: "other" } });
    expect((await run()).names).toEqual(["ann", "bob"]);
    expect(outcomes.filter(({ kind }) => kind === "unreadable")).toMatchObject([
      { kind: "unreadable", code: "too_large", message: expect.stringContaining(ann) as string },
    ]);
    expect(outcomes.map(({ kind }) => kind)).not.toContain("deactivated");
    directory.modify(ann, { replace: { title: "" } });
    await run();
    expect(outcomes.map(({ kind }) => kind)).toContain("updated");
  });

  test("is none of ours below another base, where names are compared", async () => {
    await using directory = await startDirectory({ kind: "389ds" });
    const person = { objectClass: "inetOrgPerson", cn: "x", sn: "x" };
    directory.add("uid=bob,ou=people,dc=example,dc=com", { ...person, uid: "bob" });
    directory.add("uid=big,dc=example,dc=com", { ...person, uid: "big", title: "x".repeat(5_000) });
    const base = ["ou=people,dc=example,dc=com", "ou=groups,dc=example,dc=com"];
    const { run, outcomes } = await outcomesOf(directory, { base, oversized: "ignore" });
    expect((await run()).names).toEqual(["bob"]);
    expect(outcomes.map(({ kind }) => kind)).not.toContain("unreadable");
  });
});
