import { type WatchOptions, watchDirectory } from "concordat/ldap";
import { type Directory, type StoredEntry, startDirectory } from "concordat/testing/directory";
import { expect, test } from "vitest";
import { changesOf, Watching } from "./watching.js";

const people = "ou=people,dc=example,dc=com";

function optionsFor(directory: Directory): WatchOptions {
  return {
    url: directory.url,
    base: people,
    bind: { method: "simple", dn: directory.adminDn, password: directory.password },
    allowCleartext: true,
    reconcileEvery: false,
  };
}

function addPerson(directory: Directory, uid: string): StoredEntry {
  const person = { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid };
  return directory.add(`uid=${uid},${people}`, person);
}

test.each(["389ds", "freeipa"] as const)(
  "of a directory of the kind %s, what is written while the search for changes is registered is not lost",
  async (kind) => {
    await using directory = await startDirectory({ kind });
    const { entryUUID: ann } = addPerson(directory, "ann");
    const { entryUUID: bob } = addPerson(directory, "bob");
    // A list reads who has just come whole; here there is no such entry.
    const options = { ...optionsFor(directory), now: () => Date.now() + 3_600_000 };
    await using first = new Watching(watchDirectory(options));
    await first.until(({ checkpoint }) => checkpoint !== undefined);
    await first.stop();

    // It is in the refresh no more, and not in the changes after it.
    directory.modify(`uid=bob,${people}`, { replace: { title: "before" } });
    directory.faults.duringRefresh(() => {
      directory.modify(`uid=ann,${people}`, { replace: { title: "meanwhile" } });
    }, 1);
    await using again = new Watching(watchDirectory(options), first.checkpoint);
    const changes = changesOf(await again.until(({ checkpoint }) => checkpoint !== undefined));
    const upserts = changes.filter(({ kind }) => kind === "upsert");
    expect(upserts).toContainEqual(
      expect.objectContaining({
        sourceId: ann,
        resource: expect.objectContaining({ title: "meanwhile" }),
      }),
    );
    expect(upserts).toContainEqual(expect.objectContaining({ sourceId: bob }));
    // Its numbers are no versions: a later change of an entry was seen with a lower one.
    for (const change of upserts) expect(change).not.toHaveProperty("stamp");
  },
);

test.each(["389ds", "freeipa"] as const)(
  "of a directory of the kind %s, a change that it has undone is not believed",
  async (kind) => {
    await using directory = await startDirectory({ kind });
    const add = (uid: string) => addPerson(directory, uid);
    const { entryUUID: ann } = add("ann");
    await using watching = new Watching(watchDirectory(optionsFor(directory)));
    await watching.until(({ checkpoint }) => checkpoint !== undefined);
    expect(await watching.nextWithin(50)).toBe(undefined);
    const live = async () => changesOf(await watching.until((batch) => batch.refresh === "ends"));

    directory.faults.undo(() =>
      directory.modify(`uid=ann,${people}`, { replace: { title: "no" } }),
    );
    expect(await live()).toMatchObject([
      { kind: "upsert", sourceId: ann, resource: { title: null } },
    ]);
    directory.faults.undo(() => directory.delete(`uid=ann,${people}`));
    expect(await live()).toMatchObject([{ kind: "upsert", sourceId: ann }]);
    directory.faults.undo(() => add("bob"));
    expect(await live()).toMatchObject([{ kind: "delete" }]);
    directory.delete(`uid=ann,${people}`);
    expect(await live()).toEqual([{ kind: "delete", sourceId: ann }]);
  },
);
