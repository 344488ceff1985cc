import { UnsupportedError } from "concordat";
import {
  bindFilter,
  comparedForm,
  enterpriseUserId,
  eq,
  filterToSql,
  isAnsweredInSql,
  parseFilter,
  type SqlColumns,
  type SqlFilterDialect,
  userResourceType,
} from "concordat/scim";
import { describe, expect, test } from "vitest";

const columns: SqlColumns = {
  table: "account",
  attributes: {
    id: { column: "id", type: "integer" },
    userName: { column: "login", key: "login_key" },
    externalId: "external_id",
    nickName: { column: "nick", lower: true },
    title: "title",
    active: { column: "disabled", invert: true },
    "name.familyName": { column: "family", key: "family_key", unassigned: "" },
    "meta.created": { column: "created", instant: "timestamp" },
    "meta.lastModified": "changed",
    displayName: { json: "display", compared: true },
    emails: {
      table: "email",
      owner: "account_id",
      id: "id",
      values: { value: { column: "address", key: "address_key" }, primary: "is_primary" },
    },
    phoneNumbers: { column: "phone", key: "phone_key" },
    ims: { json: "ims" },
  },
  others: { json: "others", compared: true },
};

function write(
  text: string,
  dialect: SqlFilterDialect = "sqlite",
): [string, readonly (string | number)[]] {
  const { sql, parameters } = filterToSql(
    bindFilter(parseFilter(text), userResourceType),
    columns,
    dialect,
  );
  return [sql, parameters];
}

describe("a condition", () => {
  test.each<[string, Record<SqlFilterDialect, string>, readonly (string | number)[]]>([
    [
      'userName eq "BJensen"',
      {
        sqlite: '("account"."login_key" = ? and "account"."login_key" collate binary = ?)',
        postgres:
          '("account"."login_key" = $1 and cast("account"."login_key" as text) collate "C" = $2)',
        mariadb:
          "(`account`.`login_key` = ? and convert(`account`.`login_key` using utf8mb4) collate utf8mb4_nopad_bin = ?)",
      },
      ["bjensen", "bjensen"],
    ],
    [
      'not (externalId sw "a")',
      {
        sqlite: '((substr("account"."external_id" collate binary, 1, 1) = ?) is not true)',
        postgres:
          '((cast("account"."external_id" as text) collate "C" like $1 escape \'!\') is not true)',
        mariadb:
          "((convert(`account`.`external_id` using utf8mb4) collate utf8mb4_nopad_bin like ? escape '!') is not true)",
      },
      [],
    ],
    [
      "active eq true",
      {
        sqlite: 'cast("account"."disabled" as integer) = 0',
        postgres: 'cast("account"."disabled" as integer) = 0',
        mariadb: "cast(`account`.`disabled` as signed) = 0",
      },
      [],
    ],
    [
      'emails[primary eq true and value eq "x"]',
      {
        sqlite:
          'exists (select 1 from "email" as value_1 where (value_1."account_id" = "account"."id" and ' +
          '(cast(value_1."is_primary" as integer) = 1 and ' +
          '(value_1."address_key" = ? and value_1."address_key" collate binary = ?))))',
        postgres:
          'exists (select 1 from "email" as value_1 where (value_1."account_id" = "account"."id" and ' +
          '(cast(value_1."is_primary" as integer) = 1 and ' +
          '(value_1."address_key" = $1 and cast(value_1."address_key" as text) collate "C" = $2))))',
        mariadb:
          "exists (select 1 from `email` as value_1 where (value_1.`account_id` = `account`.`id` and " +
          "(cast(value_1.`is_primary` as signed) = 1 and " +
          "(value_1.`address_key` = ? and convert(value_1.`address_key` using utf8mb4) collate utf8mb4_nopad_bin = " +
          "?))))",
      },
      ["x", "x"],
    ],
    [
      "emails[primary eq false]",
      {
        sqlite:
          'exists (select 1 from "email" as value_1 where (value_1."account_id" = "account"."id" and ' +
          '((cast(value_1."is_primary" as integer) = 1) is not true)))',
        postgres:
          'exists (select 1 from "email" as value_1 where (value_1."account_id" = "account"."id" and ' +
          '((cast(value_1."is_primary" as integer) = 1) is not true)))',
        mariadb:
          "exists (select 1 from `email` as value_1 where (value_1.`account_id` = `account`.`id` and " +
          "((cast(value_1.`is_primary` as signed) = 1) is not true)))",
      },
      [],
    ],
  ])("%s", (text, written, parameters) => {
    for (const [dialect, sql] of Object.entries(written)) {
      const [ours, values] = write(text, dialect as SqlFilterDialect);
      expect(ours).toBe(sql);
      if (parameters.length > 0) expect(values).toEqual(parameters);
    }
  });

  test("has its parameters in the order of their places, also where a value is for none", () => {
    expect(write('name.familyName co "x" and name.familyName pr')).toEqual([
      '((instr("account"."family_key" collate binary, ?) > 0 and "account"."family" collate binary <> ?) and ' +
        '("account"."family" collate binary <> \'\' and "account"."family" collate binary <> ?))',
      ["x", "", ""],
    ]);
  });

  test("counts its parameters from where the statement has got to", () => {
    const filter = bindFilter(parseFilter('externalId eq "x" and id eq "7"'), userResourceType);
    expect(filterToSql(filter, columns, "postgres", { parametersBefore: 2 })).toEqual({
      sql:
        '(("account"."external_id" = $3 and cast("account"."external_id" as text) collate "C" = $4) ' +
        'and "account"."id" = $5)',
      parameters: ["x", "x", 7],
      fragments: [
        '(("account"."external_id" = ',
        ' and cast("account"."external_id" as text) collate "C" = ',
        ') and "account"."id" = ',
        ")",
      ],
    });
  });

  test("takes what LIKE gives a meaning for what it is", () => {
    expect(write('externalId co "50%_!\\\\"', "postgres")[1]).toEqual(["%50!%!_!!\\%"]);
    expect(write('externalId ew "50%"', "mariadb")[1]).toEqual(["%50!%"]);
    expect(write('externalId ew "50%"', "sqlite")[1]).toEqual(["50%"]);
  });

  test("counts characters as SQLite does", () => {
    expect(write('externalId sw "😀a"')[0]).toBe(
      'substr("account"."external_id" collate binary, 1, 2) = ?',
    );
    expect(write('externalId ew "😀a"')[0]).toBe(
      'substr("account"."external_id" collate binary, -2) = ?',
    );
  });

  test("compares instants in the form in which they are stored, between milliseconds too", () => {
    const text = '"2011-05-13T06:42:34.0004+02:00"';
    expect(write(`meta.lastModified ge ${text}`)).toEqual([
      '"account"."changed" collate binary > ?',
      ["2011-05-13T04:42:34.000Z"],
    ]);
    expect(write(`meta.created lt ${text}`, "mariadb")).toEqual([
      "`account`.`created` <= cast(? as datetime(6))",
      ["2011-05-13 04:42:34.000"],
    ]);
    expect(write(`meta.created eq ${text}`, "postgres")).toEqual(["1 = 0", []]);
    expect(write('meta.lastModified lt "9999-12-31T23:59:59-14:00"')[1]).toEqual([
      "9999-12-31T23:59:59.999Z",
    ]);
  });

  test("looks for no character that a database cannot hold", () => {
    const nul = String.raw`"a\u0000b"`;
    expect(write(`externalId eq ${nul}`)).toEqual(["1 = 0", []]);
    expect(write(`externalId co ${nul}`)).toEqual(["1 = 0", []]);
    expect(write(`externalId ge ${nul}`)).toEqual([
      '"account"."external_id" collate binary > ?',
      ["a"],
    ]);
  });

  test("finds no id that no column can hold", () => {
    for (const id of ["x", "07", "7.0", "1e3", "9007199254740993", "", " 7"]) {
      expect(filterToSql(bindFilter(eq("id", id), userResourceType), columns, "postgres")).toEqual({
        sql: "1 = 0",
        parameters: [],
        fragments: ["1 = 0"],
      });
    }
  });

  test("has nothing of the filter in its text", () => {
    const evil = `'); drop table account; --" \` $1 ? :x`;
    const quoted = JSON.stringify(evil);
    for (const dialect of ["sqlite", "postgres", "mariadb"] as const) {
      for (const operator of ["eq", "ne", "co", "sw", "ew", "gt", "le"]) {
        const [sql, parameters] = write(
          `userName ${operator} ${quoted} or emails.value ${operator} ${quoted} or profileUrl ${operator} ${quoted}`,
          dialect,
        );
        expect(sql).not.toContain("drop");
        expect(parameters.join()).toContain("drop");
      }
    }
  });

  test("quotes names, whatever is in them", () => {
    const odd: SqlColumns = { table: 'a"b', attributes: { externalId: "c`d" } };
    const filter = bindFilter(eq("externalId", "x"), userResourceType);
    expect(filterToSql(filter, odd, "sqlite").sql).toContain('"a""b"."c`d" = ?');
    expect(filterToSql(filter, odd, "mariadb").sql).toContain('`a"b`.`c``d` = ?');
    expect(() =>
      filterToSql(filter, { table: "a", attributes: { externalId: "b\x000c" } }, "sqlite"),
    ).toThrow(UnsupportedError);
  });
});

describe("what the columns cannot answer", () => {
  const isAnswered = isAnsweredInSql(columns, "sqlite");

  test.each([
    [
      'title eq "x"',
      'The column "title" has no key, by which text is compared that is not case exact: name a column of keys, or ' +
        'say "lower".',
    ],
    ['phoneNumbers.type eq "work"', 'No column serves filters of "phoneNumbers.type".'],
    ['phoneNumbers eq "x"', 'No column serves filters of "phoneNumbers.value".'],
    ['emails.type eq "work"', 'The table "email" has no column for "type".'],
    [
      'ims eq "x"',
      'The column "ims" is not in the form in which text is compared that is not case exact.',
    ],
    ['schemas eq "x"', 'No column serves filters of "schemas".'],
    ['meta.version eq "x"', 'No column serves filters of "meta.version".'],
    [
      'meta.created gt "2011-05-13T04:42:34Z"',
      "SQLite has no type for times: they are text, or milliseconds.",
    ],
  ])("is refused: %s", (text, message) => {
    const filter = bindFilter(parseFilter(text), userResourceType);
    expect(() => filterToSql(filter, columns, "sqlite")).toThrow(
      expect.objectContaining({ code: "unsupported", message }),
    );
    expect(isAnswered(filter)).toBe(false);
    expect(isAnswered({ operator: "not", filter })).toBe(false);
  });

  test.each([
    "title pr",
    'userName co "x"',
    'nickName eq "x"',
    'displayName ew "x"',
    "ims pr",
    "emails pr",
    "name pr",
    "ims[primary eq true]",
    'addresses[locality eq "x"]',
    `${enterpriseUserId}:manager.value eq "x"`,
    'name[familyName eq "x" and givenName eq "y"]',
  ])("is not this: %s", (text) => {
    expect(isAnswered(bindFilter(parseFilter(text), userResourceType))).toBe(true);
  });

  test("is no error of another kind", () => {
    const broken = { table: "a", attributes: undefined } as unknown;
    const filter = bindFilter(eq("externalId", "x"), userResourceType);
    expect(() => isAnsweredInSql(broken as SqlColumns, "sqlite")(filter)).toThrow(TypeError);
  });
});

test("the form in which text is compared keeps what is case exact, and what is unknown", () => {
  expect(
    comparedForm(userResourceType, {
      externalId: "ABC",
      title: "Chef ﬁn",
      name: { familyName: "JENSEN", Unknown: "X" },
      emails: [{ value: "BJensen@Example.COM", type: "Work", primary: true }],
      x509Certificates: [{ value: "MIIDQ" }],
      profileUrl: "https://example.com/BJensen",
      Unknown: "X",
      [enterpriseUserId]: { department: "Tour", manager: { value: "ID", displayName: "John" } },
      title2: null,
    }),
  ).toEqual({
    externalId: "ABC",
    title: "chef fin",
    name: { familyName: "jensen", Unknown: "X" },
    emails: [{ value: "bjensen@example.com", type: "work", primary: true }],
    x509Certificates: [{ value: "MIIDQ" }],
    profileUrl: "https://example.com/BJensen",
    Unknown: "X",
    [enterpriseUserId]: { department: "tour", manager: { value: "ID", displayName: "john" } },
    title2: null,
  });
});
