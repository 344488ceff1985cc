import type { MemberReference } from "concordat/changes";
import { watchDirectory } from "concordat/ldap";
import { startDirectory } from "concordat/testing/directory";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { EncodedValues } from "../../src/ldap/profile/entry.js";
import { MemberLists } from "../../src/ldap/profile/member-lists.js";
import { changesOf, Watching } from "./watching.js";

const group = "cn=everybody,ou=groups,dc=example,dc=com";
const memberOf = (uid: string): string => `uid=${uid},ou=people,dc=example,dc=com`;

/** What becomes of a list: members that go, and members that come, of names of different lengths. */
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(3),
  insert: fc.array(fc.stringMatching(/^[a-zA-Z]{1,140}$/), { maxLength: 3 }),
});

test("a long list is told as it is, wherever members come and go", {
  timeout: 60_000,
}, async () => {
  const edits = fc.array(edit, { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 990, max: 3_000 }), edits, async (count, steps) => {
      await using directory = await startDirectory();
      let uids = Array.from({ length: count }, (_, i) => `${i}`);
      directory.add(group, {
        objectClass: "groupOfNames",
        cn: "everybody",
        member: uids.map(memberOf),
      });
      const { url, suffix, adminDn, password } = directory;
      await using watching = new Watching(
        watchDirectory({
          url,
          base: suffix,
          bind: { method: "simple", dn: adminDn, password },
          allowCleartext: true,
        }),
      );
      await watching.refreshed();
      for (const { at, remove, insert } of steps) {
        const next = uids.toSpliced(Math.floor(at * uids.length), remove, ...insert);
        uids = [...new Map(next.map((uid) => [uid.toLowerCase(), uid])).values()];
        directory.modify(group, { replace: { member: uids.map(memberOf) } });
        const batch = await watching.next();
        expect(changesOf([batch])).toMatchObject([
          {
            members: {
              kind: "all",
              members: uids.map((uid) => ({ kind: "dn", key: memberOf(uid.toLowerCase()) })),
            },
          },
        ]);
      }
    }),
    { numRuns: 20 },
  );
});

/** Encodes values as a server does: OCTET STRINGs, one after the other. */
function encode(values: readonly string[]): EncodedValues {
  const parts = values.flatMap((value) => [Buffer.of(4, value.length), Buffer.from(value)]);
  const bytes = Buffer.concat([Buffer.from("before"), ...parts, Buffer.from("after")]);
  return { bytes, start: 6, end: bytes.length - 5 };
}

/** What a value is read as: one in capitals means the same as another, and an empty one nobody. */
function readName(bytes: Buffer, start: number, end: number): MemberReference | undefined {
  const text = bytes.toString("latin1", start, end).toLowerCase();
  return text === "" ? undefined : { kind: "dn", key: text };
}

/** Values of which some come more than once in another spelling, and some are of no use. */
const someValues = fc.array(fc.constantFrom("a", "A", "b", "c", "d", ""), { maxLength: 2 });

/** More values than are read anew each time. */
const filling = Array.from({ length: 350 }, (_, i) => `${i}`.padStart(100, "x"));

/** Reads lists of one group one after the other, and requires of each what reading it alone would give. */
function expectEachRead(readings: readonly (readonly string[])[]): void {
  const lists = new MemberLists();
  for (const values of readings) {
    const keys = lists.read("group", 0, encode(values), readName).map(({ key }) => key);
    const expected = new Set(values.map((value) => value.toLowerCase()));
    expected.delete("");
    expect(new Set(keys)).toEqual(expected);
    expect(keys).toHaveLength(expected.size);
  }
}

test("a member that was stated twice stays when what stated it later goes", () => {
  const [first = "", ...rest] = filling;
  expectEachRead([[...filling], [first, "a", ...rest], ["a", first, "a", ...rest], ["a", ...rest]]);
});

test("each member of a long list comes once, however often and in whatever spelling it is stated", () => {
  // Mostly where the values are that can be alike, and often with none that are alike yet.
  const at = fc.oneof(fc.nat(4), fc.nat(360));
  const edits = fc.array(fc.tuple(at, fc.nat(4), someValues), { minLength: 1 });
  fc.assert(
    fc.property(fc.oneof(fc.constant([]), someValues), edits, (first, steps) => {
      const readings = [[...first, ...filling, ...first.map((value) => value.toUpperCase())]];
      for (const [at, remove, insert] of steps) {
        readings.push(readings.at(-1)?.toSpliced(at, remove, ...insert) ?? []);
      }
      expectEachRead(readings);
    }),
  );
});
