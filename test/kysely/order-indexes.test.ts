import { createTables, KyselyGroupRepository, KyselyUserRepository } from "concordat/kysely";
import { bindSort, enterpriseUserId, groupResourceType, userResourceType } from "concordat/scim";
import { type Kysely, sql } from "kysely";
import { expect, test } from "vitest";
import { databases, describeOn, mariadb } from "./databases.js";

const department = `${enterpriseUserId}:department`;
const indexes = {
  users: ["displayName", "name.familyName", "title", "active", "externalId", department],
  groups: ["externalId"],
};

/** How the database does what was asked last, when it sorts nothing that an index has in its order. */
async function planOf(db: Kysely<unknown>, isSqlite: boolean, statement: string): Promise<string> {
  const literal = statement.replaceAll(/\$\d+|\?/g, "3");
  if (isSqlite) {
    const { rows } = await sql.raw(`explain query plan ${literal}`).execute(db);
    return JSON.stringify(rows);
  }
  return await db.connection().execute(async (one) => {
    await sql.raw("set enable_seqscan = off").execute(one);
    await sql.raw("set enable_sort = off").execute(one);
    const { rows } = await sql.raw(`explain ${literal}`).execute(one);
    return JSON.stringify(rows);
  });
}

for (const kind of databases.filter((one) => one !== mariadb)) {
  describeOn(kind, "indexes for orders", () => {
    test("serve the order by each attribute that is named, and are made once", async () => {
      await using opened = await kind.open();
      const { db } = opened;
      const users = new KyselyUserRepository(db);
      const groups = new KyselyGroupRepository(db);
      await users.create({ userName: "ann", displayName: "Ann", title: 'O\'Neill \\ "x"' });
      await createTables(db, { indexes });
      await createTables(db, { indexes });
      await users.create({ userName: "bob", [enterpriseUserId]: { department: "Sales" } });
      await groups.create({ displayName: "staff", externalId: "1" });
      const asked = async (repository: typeof users | typeof groups, path: string) => {
        const type = repository === users ? userResourceType : groupResourceType;
        opened.statements.length = 0;
        const { resources } = await repository.find({ sort: bindSort(path, type), count: 1 });
        expect(resources).toHaveLength(1);
        const statement = opened.statements[0] ?? expect.fail();
        return await planOf(db, kind.name === "SQLite", statement);
      };
      for (const path of indexes.users) {
        const plan = await asked(users, path);
        expect(plan, path).toMatch(/concordat_user_order_[a-z_]*/);
        expect(plan, path).not.toMatch(/TEMP B-TREE|Sort Key/);
      }
      expect(await asked(groups, "externalId")).toContain("concordat_group_order_external_id");
      expect(await asked(users, "nickName")).not.toContain("_order_");
    });

    test("are refused for what has no order, or several values", async () => {
      await using opened = await kind.open();
      for (const path of ["emails.value", "password", "nobody"]) {
        await expect(createTables(opened.db, { indexes: { users: [path] } })).rejects.toMatchObject(
          {
            code: "invalid_value",
            path: "indexes",
          },
        );
      }
    });

    test("take long texts, or the database refuses them by the attribute's value", async () => {
      await using opened = await kind.open();
      await createTables(opened.db, { indexes });
      const users = new KyselyUserRepository(opened.db);
      const title = Array.from({ length: 4000 }, (_, at) => String.fromCodePoint(0x4e00 + at)).join(
        "",
      );
      const made = await users.create({ userName: "ann", title }).catch((error: unknown) => error);
      if (kind.name === "SQLite") expect(made).toMatchObject({ title });
      else expect(made).toMatchObject({ code: "invalid_value" });
    });
  });
}

describeOn(mariadb, "indexes for orders", () => {
  test("are refused, since there are none over expressions", async () => {
    await using opened = await mariadb.open();
    await expect(createTables(opened.db, { indexes })).rejects.toMatchObject({
      code: "unsupported",
    });
  });
});
