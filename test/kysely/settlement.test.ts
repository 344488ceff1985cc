import { KyselyLinkRepository, KyselyMembershipRepository, kyselyTarget } from "concordat/kysely";
import { inMemoryTarget, type Link, type SyncTarget } from "concordat/repositories";
import { synchronize } from "concordat/sync";
import type { Kysely } from "kysely";
import { expect, test } from "vitest";
import { application, type Target } from "../sync/stores.js";
import { apply, person, refresh, scripted, team } from "../sync/streams.js";
import { databases, describeOn } from "./databases.js";

const source = "ldap";

function link(sourceId: string, more: Partial<Link> = {}): Link {
  return {
    ...{ sourceId, type: "User", state: "live", adopted: false, seen: 1, disabledByUs: false },
    ...{ dirty: false, resourceId: `r-${sourceId}`, ...more },
  };
}

const dn = (key: string) => ({ kind: "dn", key }) as const;
const uid = (key: string) => ({ kind: "uid", key }) as const;

/** A group "g" and two people in the content, by the names of their ids. */
async function filled(db: Kysely<unknown>): Promise<Required<SyncTarget>> {
  const target = kyselyTarget({ db }) as Required<SyncTarget>;
  const { links } = target;
  await links.save(source, [link("g", { type: "Group" }), link("ann"), link("bob")]);
  await links.setNames(
    source,
    ["ann", "bob"].map((sourceId) => ({ sourceId, names: [dn(`cn=${sourceId}`), uid(sourceId)] })),
  );
  return target;
}

for (const kind of databases) {
  describeOn(kind, "settling in the database", () => {
    test("a renamed entry leaves its references behind, by the name that the group states", async () => {
      await using database = await kind.open();
      const { links, memberships, settlement } = await filled(database.db);
      const stated = { group: "g", ...dn("cn=ann"), target: "ann" };
      expect(await settlement.state(source, [{ group: "g", names: [dn("cn=ann")] }], 1)).toEqual({
        groups: new Set(["g"]),
        marked: ["ann"],
      });
      expect(await memberships.references(source, "g", { count: 9 })).toEqual([stated]);
      expect((await settlement.bindings(source, ["ann"])).references).toEqual([]);

      await links.setNames(source, [{ sourceId: "ann", names: [dn("cn=anna"), uid("ann")] }]);
      expect(await memberships.references(source, "g", { count: 9 })).toEqual([stated]);
      expect(await memberships.referencesBy(source, [dn("cn=anna")])).toEqual([]);
      // Somebody else takes the name: the group has to be looked at by whoever is settled then.
      await links.setNames(source, [{ sourceId: "bob", names: [dn("cn=ann"), uid("bob")] }]);
      for (const who of ["ann", "bob"]) {
        expect((await settlement.bindings(source, [who])).references).toEqual([stated]);
      }
      await memberships.saveReferences(source, [{ ...stated, target: "bob" }]);
      expect(await memberships.referencesTo(source, ["ann"])).toEqual([]);
      expect(await memberships.referencesTo(source, ["bob"])).toEqual([
        { ...stated, target: "bob" },
      ]);
    });

    test("an entry that gets another user name leaves its references behind, too", async () => {
      await using database = await kind.open();
      const { links, memberships, settlement } = await filled(database.db);
      const stated = { group: "g", ...uid("ann"), target: "ann" };
      await memberships.saveReferences(source, [stated]);
      expect((await settlement.bindings(source, ["ann"])).references).toEqual([]);
      await links.setNames(source, [{ sourceId: "ann", names: [dn("cn=ann"), uid("anna")] }]);
      expect(await memberships.references(source, "g", { count: 9 })).toEqual([stated]);
      expect(await memberships.referencesBy(source, [uid("anna")])).toEqual([]);
      expect((await settlement.bindings(source, ["ann"])).references).toEqual([stated]);
    });

    test("an entry that loses its name, or leaves, keeps its bound references until they are settled", async () => {
      await using database = await kind.open();
      const { links, memberships, settlement } = await filled(database.db);
      const references = [
        { group: "g", ...dn("cn=ann"), target: "ann" },
        { group: "g", ...dn("cn=bob"), target: "bob" },
      ];
      await memberships.saveReferences(source, references);
      await links.setNames(source, [{ sourceId: "new", names: [dn("cn=ann")] }]);
      await links.save(source, [link("bob", { state: "leaving" })]);
      expect(await memberships.references(source, "g", { count: 9 })).toEqual(references);
      const { references: unsure } = await settlement.bindings(source, ["ann", "bob"]);
      expect([...unsure].sort((one, other) => (one.key < other.key ? -1 : 1))).toEqual(references);
    });

    test("a second holder of a user name makes a reference by it one to be looked at", async () => {
      await using database = await kind.open();
      const { links, memberships, settlement } = await filled(database.db);
      const stated = { group: "g", ...uid("ann"), target: "ann" };
      await memberships.saveReferences(source, [stated]);
      expect((await settlement.bindings(source, ["ann"])).references).toEqual([]);
      await links.setNames(source, [{ sourceId: "bob", names: [dn("cn=bob"), uid("ann")] }]);
      for (const who of ["ann", "bob"]) {
        expect((await settlement.bindings(source, [who])).references).toEqual([stated]);
      }
      // As long as there are two it stays so, whoever it is bound to.
      await memberships.saveReferences(source, [stated]);
      expect((await settlement.bindings(source, ["bob"])).references).toEqual([stated]);
    });

    test("an account that is forgotten takes what was granted to it along", async () => {
      await using database = await kind.open();
      const { links, memberships, settlement } = await filled(database.db);
      await memberships.saveReferences(source, [{ group: "g", ...dn("cn=ann"), target: "ann" }]);
      const grant = { group: "r-g", member: "Users/r-ann", ours: true, held: true };
      await memberships.saveGrants(source, [grant]);
      const differences = async (resourceId: string) =>
        await settlement.differences(source, [{ ...link("ann"), resourceId }]);
      expect(await differences("r-ann")).toEqual({ missing: [], surplus: [] });
      await links.save(source, [link("ann", { resourceId: "another" })]);
      // The new account is in no group yet, and was granted nothing.
      const { missing, surplus } = await differences("another");
      expect(missing.map((one) => [one.member.resourceId, one.grant])).toEqual([
        ["another", undefined],
      ]);
      expect(surplus).toEqual([]);
      expect(await memberships.grantsTo(source, ["Users/another"])).toEqual([]);
      // What was granted to the account before is known still, since that may be there.
      expect(await memberships.grantsTo(source, ["Users/r-ann"])).toEqual([grant]);
      await memberships.removeGrants(source, [grant]);
      expect(await memberships.grantsIn(source, "r-g", { count: 9 })).toEqual([]);
    });

    test("a grant of what no entry stood for is honoured once one does", async () => {
      await using database = await kind.open();
      const { links, memberships, settlement } = await filled(database.db);
      const grant = { group: "r-g", member: "Users/r-eve", ours: true, held: true };
      await memberships.saveGrants(source, [grant]);
      await links.save(source, [link("eve")]);
      const eve = { ...link("eve"), resourceId: "r-eve" };
      // Nothing states it.
      expect(await settlement.differences(source, [eve])).toEqual({
        missing: [],
        surplus: [grant],
      });
      await links.setNames(source, [{ sourceId: "eve", names: [dn("cn=eve")] }]);
      await memberships.saveReferences(source, [{ group: "g", ...dn("cn=eve"), target: "eve" }]);
      expect(await settlement.differences(source, [eve])).toEqual({ missing: [], surplus: [] });
      await memberships.saveGrants(source, [{ ...grant, held: false }]);
      expect(await memberships.grantsTo(source, ["Users/r-eve"])).toEqual([
        { ...grant, held: false },
      ]);
      const { missing } = await settlement.differences(source, [eve]);
      expect(missing.map((one) => one.grant)).toEqual([{ ...grant, held: false }]);
    });

    test("entries that go and come again are not taken for one another", async () => {
      await using database = await kind.open();
      const { links, memberships } = await filled(database.db);
      await memberships.saveReferences(source, [{ group: "g", ...dn("cn=bob"), target: "bob" }]);
      await links.remove(source, ["ann", "bob"]);
      await links.save(source, [link("cyd")]);
      await links.setNames(source, [{ sourceId: "cyd", names: [dn("cn=ann"), uid("ann")] }]);
      expect(await memberships.referencesTo(source, ["cyd"])).toEqual([]);
      expect(await memberships.references(source, "g", { count: 9 })).toEqual([
        { group: "g", ...dn("cn=bob"), target: "bob" },
      ]);
    });

    test("an entry of which nothing is known but its id has no link, whatever is asked or said of it", async () => {
      await using database = await kind.open();
      const { links, memberships } = await filled(database.db);
      const stated = { group: "no group", ...dn("cn=eve"), target: "eve" };
      await memberships.saveReferences(source, [stated]);
      await links.setNames(source, [{ sourceId: "eve", names: [dn("cn=eve"), uid("eve")] }]);
      await links.markDirty(source, ["eve", "no group"], true);
      await links.markSeen(source, ["eve", "no group"], 9);
      expect(await links.get(source, ["eve", "no group"])).toEqual([undefined, undefined]);
      expect(await links.holders(source, [dn("cn=eve"), { kind: "id", key: "eve" }])).toEqual([]);
      expect(await links.count(source, {})).toBe(3);
      expect(await links.count(source, { dirty: true })).toBe(0);
      expect(await links.count(source, { unfinished: true })).toBe(3);
      expect(await links.latestSeen(source)).toBe(1);
      await links.save(source, [link("eve")]);
      expect(await links.get(source, ["eve"])).toEqual([link("eve")]);
      expect(await links.holders(source, [uid("eve")])).toMatchObject([
        { sourceId: "eve", seen: 1 },
      ]);
      expect(await memberships.referencesTo(source, ["eve"])).toEqual([stated]);
    });

    test("what is flattened into groups stays, settled again and again", async () => {
      await using database = await kind.open();
      const target = kyselyTarget({ db: database.db }) as Target;
      const content = refresh([
        person("1", "ann"),
        team("2", "inner", [dn("cn=ann")]),
        team("3", "outer", [dn("cn=inner")]),
      ]);
      await apply(target, content, { nested: "flatten" });
      await target.links.markDirty("directory", ["1", "2", "3"], true);
      expect(await apply(target, content, { nested: "flatten" })).toEqual([]);
      expect((await application(target)).groups).toEqual({ inner: ["ann"], outer: ["ann"] });
    });

    test("a membership that may not be made is not looked at again before something changes", async () => {
      await using database = await kind.open();
      const target = kyselyTarget({ db: database.db }) as Target;
      await apply(target, refresh([person("1", "ann"), team("2", "staff", [])]));
      const content = [person("1", "ann"), team("2", "staff", [dn("cn=ann")])];
      await apply(target, refresh(content), { protect: ["staff"] });
      expect(await target.links.count("directory", { dirty: true })).toBe(0);
      expect((await application(target)).groups).toEqual({ staff: [] });
    });

    test("stores of links or memberships of another kind are refused beside it", async () => {
      await using database = await kind.open();
      const target = kyselyTarget({ db: database.db });
      await using elsewhere = await kind.open();
      const own = (db: Kysely<unknown>, prefix?: string) => {
        const tables = prefix === undefined ? {} : { prefix };
        return {
          links: new KyselyLinkRepository(db, tables),
          memberships: new KyselyMembershipRepository(db, tables),
        };
      };
      const run = async (stores: Partial<SyncTarget>) => {
        for await (const _ of synchronize(scripted([]), { ...target, ...stores }));
      };
      for (const other of [inMemoryTarget(), own(elsewhere.db), own(database.db, "other_")]) {
        for (const store of ["links", "memberships"] as const) {
          const refusal = expect(run({ [store]: other[store] })).rejects;
          await refusal.toThrow(
            /which do not hold its links or its memberships: leave out `settlement`/,
          );
        }
      }
      await run(own(database.db));
    });
  });
}
