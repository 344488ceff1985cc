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

async function demandFolding(users: UserRepository): Promise<void> {
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
    await demandFolding(new InMemoryUserRepository());
  });
});

for (const kind of databases) {
  describeOn(kind, "keys in the package's own tables", () => {
    test("have one sigma", async () => {
      await using opened = await kind.open();
      await demandFolding(new KyselyUserRepository(opened.db));
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
  });
}
