import { createTables, KyselyGroupRepository, KyselyUserRepository } from "concordat/kysely";
import { InMemoryUserRepository, type UserRepository } from "concordat/repositories";
import { bindFilter, caseless, parseFilter, userResourceType } from "concordat/scim";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { databases, describeOn } from "./databases.js";

/** Every letter that Unicode composes, in both cases and both forms. */
function letters(): string[] {
  const found: string[] = [];
  for (let code = 0x80; code < 0x11_0000; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const letter = String.fromCodePoint(code);
    if (letter.normalize("NFD") === letter && letter.toLowerCase() === letter) continue;
    found.push(letter, letter.normalize("NFD"));
  }
  return found;
}

const find = async (users: UserRepository, filter: string): Promise<string[]> => {
  const query = { filter: bindFilter(parseFilter(filter), userResourceType) };
  return (await users.find(query)).resources.map(({ userName }) => userName);
};

async function assertFolding(users: UserRepository): Promise<void> {
  await users.create({ userName: "ΚΩΣΤΑΣ", displayName: "Ὀδυσσεύς" });
  for (const filter of [
    'userName sw "ΚΩΣ"',
    'userName sw "κως"',
    'userName eq "κωστας"',
    'userName eq "ΚΩΣΤΑΣ"',
    'displayName ew "ΣΕΎΣ"',
    'displayName co "σευς"'.normalize("NFC").replace("ευς", "εύς"),
  ]) {
    expect(await find(users, filter), filter).toEqual(["ΚΩΣΤΑΣ"]);
  }
  await expect(users.create({ userName: "κωστασ" })).rejects.toMatchObject({ code: "uniqueness" });
}

describe("the form in which case does not matter", () => {
  test("is one for a letter, its small one and the decomposed ones", () => {
    const differing = letters().filter((letter) => {
      const form = caseless(letter);
      const others = [letter.toLowerCase(), letter.normalize("NFC"), letter.normalize("NFD")];
      others.push(letter.normalize("NFD").toLowerCase(), form);
      return others.some((other) => caseless(other) !== form);
    });
    expect(differing).toEqual([]);
  });

  test("has one sigma, in memory too", async () => {
    expect(caseless("ΚΩΣΤΑΣ").startsWith(caseless("ΚΩΣ"))).toBe(true);
    await assertFolding(new InMemoryUserRepository());
  });
});

for (const kind of databases) {
  describeOn(kind, "keys in the package's own tables", () => {
    test("have one sigma", async () => {
      await using opened = await kind.open();
      await assertFolding(new KyselyUserRepository(opened.db));
    });

    test("of an earlier release are brought forward, and may be so again", async () => {
      await using opened = await kind.open();
      const { db } = opened;
      const users = new KyselyUserRepository(db);
      const groups = new KyselyGroupRepository(db);
      const { id, meta } = await users.create({ userName: "ΚΩΣΤΑΣ", title: "ΑΡΧΩΝ ΤΗΣ" });
      await users.create({ userName: "ada" });
      await groups.create({ displayName: "ΣΟΦΟΣ" });
      await sql`update concordat_user set user_name_key = ${"κωστας"} where id = ${id}`.execute(db);
      await sql`update concordat_user set attributes_key = ${'{"title":"αρχων της"}'}
        where id = ${id}`.execute(db);
      await sql`update concordat_group set display_name_key = ${"σοφος"}`.execute(db);
      await sql`update concordat_set_version set version = 1 where name = 'resources'`.execute(db);
      expect(await find(users, 'userName eq "ΚΩΣΤΑΣ"')).toEqual([]);
      for (const _ of [1, 2]) {
        await createTables(db);
        expect(await find(users, 'userName eq "ΚΩΣΤΑΣ"')).toEqual(["ΚΩΣΤΑΣ"]);
        expect(await find(users, 'title ew "ΤΗΣ"')).toEqual(["ΚΩΣΤΑΣ"]);
        expect(await users.get(id)).toMatchObject({ meta, title: "ΑΡΧΩΝ ΤΗΣ" });
        expect(await groups.checkKeys()).toMatchObject({ rows: 1, wrongKeys: 0 });
        expect(await users.checkKeys()).toMatchObject({ rows: 2, wrongKeys: 0 });
      }
    });

    test("of two users whose names are one by now, createTables and checkKeys report the second", async () => {
      await using opened = await kind.open();
      const { db } = opened;
      const users = new KyselyUserRepository(db);
      const made = [
        await users.create({ userName: "ada" }),
        await users.create({ userName: "bob" }),
      ];
      const [first, second] = made.sort((one, other) => (one.id < other.id ? -1 : 1));
      if (first === undefined || second === undefined) expect.fail();
      await users.replace(first.id, { userName: "ΚΩΣ" });
      await users.replace(second.id, { userName: "eve", title: "ΑΡΧΩΝ ΤΗΣ" });
      // As they were by the form of version 1, where a sigma at the end was another letter than one within.
      await sql`update concordat_user set user_name_key = ${"κως"} where id = ${first.id}`.execute(
        db,
      );
      await sql`update concordat_user set user_name = ${"ΚΩΣ"}, user_name_key = ${"κω\u03c2 "},
        attributes_key = ${'{"title":"αρχων της"}'} where id = ${second.id}`.execute(db);
      await sql`update concordat_set_version set version = 1 where name = 'resources'`.execute(db);
      const clash = { id: second.id, holder: first.id };
      expect(await createTables(db)).toEqual({
        clashes: [{ type: "User", attribute: "userName", ...clash }],
      });
      expect(await createTables(db)).toEqual({ clashes: [] });
      const taken = { column: "user_name_key", reason: "taken", ...clash };
      expect(await users.checkKeys()).toEqual({ rows: 2, wrongKeys: 1, examples: [taken] });
      // The other keys of the second are right, and it is found once it has a name of its own.
      await users.modify(second.id, { set: { userName: "ΚΩΣ the second" } });
      expect(await find(users, 'userName eq "ΚΩΣ"')).toEqual(["ΚΩΣ"]);
      expect(await find(users, 'userName eq "κως THE SECOND"')).toEqual(["ΚΩΣ the second"]);
      expect(await find(users, 'title ew "ΤΗΣ"')).toEqual(["ΚΩΣ the second"]);
      expect(await users.checkKeys()).toMatchObject({ wrongKeys: 0 });
    });
  });
}
