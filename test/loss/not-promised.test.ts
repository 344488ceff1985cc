import { watchDirectory } from "concordat/ldap";
import { inMemoryTarget } from "concordat/repositories";
import { startDirectory } from "concordat/testing/directory";
import { describe, expect, test } from "vitest";
import { application, groupsOf, interferedWith, targetKinds } from "../sync/stores.js";
import { apply, dn, follow, gone, live, person, refresh, scripted, team } from "../sync/streams.js";

const people = "ou=people,dc=example,dc=com";
const groups = "ou=groups,dc=example,dc=com";

/** Each of these is a limit of what is promised: a test that fails here says that more can be promised. */
describe("what is not promised", () => {
  test.each(targetKinds)(
    "an account of the name, made between our intent and its replay: $kind",
    async ({ open, transactions }) => {
      const target = await open();
      const crash = () => {
        throw new Error("killed");
      };
      const killed = interferedWith(target, {
        before: ({ store, method }) =>
          store === "users" && method === "write" ? crash() : undefined,
      });
      const stream = scripted([live([person("1", "ann")])]);
      const once = { outages: { attempts: 1 } };
      await expect(follow(stream, killed, once)).rejects.toThrow("killed");
      // Somebody else's account of that name, before we are back.
      await target.users.create({ userName: "ann" });
      await apply(target, [live([person("1", "ann")])]);
      await apply(target, [live([gone("1")])], { onDelete: "delete" });
      // In a transaction nothing is intended before it is done. Without one, the account is taken for the one intended.
      const { users } = await application(target);
      expect(users).toEqual(transactions ? { ann: "active" } : {});
    },
  );

  test("a refresh is not atomic: a name that changes hands meanwhile is bound wrongly until the event for it", async () => {
    for (const { open } of targetKinds) {
      const target = await open();
      await apply(target, refresh([person("1", "ann"), team("g", "staff", [dn("cn=ann")])]));
      // The group was read before ann was renamed, and the rest after that.
      await apply(
        target,
        refresh([team("g", "staff", [dn("cn=ann")]), person("1", "anna"), person("2", "ann")]),
      );
      expect(await groupsOf(target)).toEqual({ staff: ["ann"] });
      await apply(target, [live([team("g", "staff", [dn("cn=anna")])])]);
      expect(await groupsOf(target)).toEqual({ staff: ["anna"] });
    }
  });

  test("a member whom refint renames while nobody sees it is missing until all groups are read", async () => {
    await using directory = await startDirectory({ refint: true });
    const ann = { objectClass: "inetOrgPerson", uid: "ann", cn: "ann", sn: "ann" };
    directory.add(`uid=ann,${people}`, ann);
    const board = { objectClass: "groupOfNames", cn: "board", member: [`uid=ann,${people}`] };
    directory.add(`cn=board,${groups}`, board);
    const later: (() => void)[] = [];
    const stream = watchDirectory({
      url: directory.url,
      base: directory.suffix,
      filter: "(!(ou=archive))",
      bind: { method: "simple", dn: directory.adminDn, password: directory.password },
      allowCleartext: true,
      reconcileEvery: 3_600_000,
      reconcileGroups: true,
      sleep: () => new Promise((resolve) => later.push(resolve)),
    });
    const target = inMemoryTarget();
    const stop = new AbortController();
    const following = follow(stream, target, { signal: stop.signal }).catch(() => undefined);
    const becomes = (expected: object) =>
      expect.poll(() => application(target), { timeout: 5_000 }).toEqual(expected);
    await becomes({ users: { ann: "active" }, groups: { board: ["ann"] } });

    directory.modify(`uid=ann,${people}`, { replace: { ou: "archive" } });
    directory.rename(`uid=ann,${people}`, `uid=anne,${people}`);
    directory.modify(`uid=anne,${people}`, { replace: { ou: [] } });
    await becomes({ users: { anne: "active" }, groups: { board: [] } });
    later[0]?.();
    await becomes({ users: { anne: "active" }, groups: { board: ["anne"] } });
    stop.abort();
    await following;
  });
});
