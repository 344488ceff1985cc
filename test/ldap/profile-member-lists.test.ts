import { watchDirectory } from "concordat/ldap";
import { startDirectory } from "concordat/testing/directory";
import fc from "fast-check";
import { expect, test } from "vitest";
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
    fc.asyncProperty(fc.integer({ min: 990, max: 1_500 }), edits, async (count, steps) => {
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
