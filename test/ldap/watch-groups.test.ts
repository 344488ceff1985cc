import { watchDirectory } from "concordat/ldap";
import { startDirectory } from "concordat/testing/directory";
import { expect, test } from "vitest";
import { Watching } from "./watching.js";

const people = "ou=people,dc=example,dc=com";
const groups = "ou=groups,dc=example,dc=com";

test("from time to time all groups are read whole, since what rewrites their members may not tell", async () => {
  await using directory = await startDirectory({ refint: true });
  const sleeps: (() => void)[] = [];
  const ann = { objectClass: "inetOrgPerson", uid: "ann", cn: "Ann", sn: "Ann" };
  directory.add(`uid=ann,${people}`, ann);
  const { entryUUID: staff } = directory.add(`cn=staff,${groups}`, {
    objectClass: "groupOfNames",
    cn: "staff",
    member: [`uid=ann,${people}`],
  });
  await using watching = new Watching(
    watchDirectory({
      url: directory.url,
      base: directory.suffix,
      bind: { method: "simple", dn: directory.adminDn, password: directory.password },
      allowCleartext: true,
      reconcileEvery: 60_000,
      reconcileGroups: true,
      sleep: () => new Promise((resolve) => sleeps.push(resolve)),
    }),
  );
  await watching.refreshed();
  watching.ask();
  directory.rename(`uid=ann,${people}`, `uid=anne,${people}`);
  await expect.poll(() => sleeps.length).toBe(1);
  sleeps[0]?.();
  await watching.reconciled();
  const check = await watching.reconciled();
  expect(check.filter(({ phase }) => phase === "reconcile")).toEqual([
    { phase: "reconcile", refresh: "begins", changes: [], state: expect.any(Array) },
    {
      phase: "reconcile",
      refresh: "ends",
      changes: [
        expect.objectContaining({
          kind: "upsert",
          sourceId: staff,
          complete: true,
          members: {
            kind: "all",
            members: [{ kind: "dn", key: `uid=anne,${people}` }],
          },
        }),
      ],
      checkpoint: expect.any(String),
    },
  ]);
});
