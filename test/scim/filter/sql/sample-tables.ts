import { caseless, comparedForm, type SqlColumns, type SqlFilterDialect } from "concordat/scim";
import { type Kysely, type RawBuilder, sql } from "kysely";
import { badgeId, sampleType } from "../samples.js";

/**
 * The samples in tables, with attributes in every place in which they can be. The collations of text are the database's
 * own.
 */
export function sampleColumns(dialect: SqlFilterDialect): SqlColumns {
  return {
    table: "sample",
    attributes: {
      nick: { column: "nick", key: "nick_key" },
      code: { column: "code", unassigned: "" },
      link: "link",
      active: { column: "inactive", invert: true },
      age: { column: "age", unassigned: 1 },
      born: "born",
      colours: { table: "sample_colour", owner: "sample", id: "id", values: { value: colour } },
      emails: {
        table: "sample_email",
        owner: "sample",
        id: "id",
        values: {
          value: { column: "value", key: "value_key" },
          type: "type",
          primary: "primary",
          since: { column: "since", instant: dialect === "sqlite" ? "milliseconds" : "timestamp" },
          rank: "rank",
        },
      },
      places: { json: "places", compared: true },
      "name.family": { column: "family", key: "family_key" },
      [`${badgeId}:label`]: { column: "label", key: "label_key" },
    },
    others: { json: "others", compared: true },
  };
}

const colour = { column: "colour", key: "colour_key" };

const types: Record<
  SqlFilterDialect,
  Record<"text" | "flag" | "time" | "double" | "json", RawBuilder<unknown>>
> = {
  sqlite: {
    text: sql`text`,
    flag: sql`integer`,
    time: sql`integer`,
    double: sql`real`,
    json: sql`text`,
  },
  postgres: {
    text: sql`text`,
    flag: sql`boolean`,
    time: sql`timestamptz`,
    double: sql`double precision`,
    json: sql`jsonb`,
  },
  mariadb: {
    text: sql`varchar(100)`,
    flag: sql`boolean`,
    time: sql`datetime(3)`,
    double: sql`double`,
    json: sql`json`,
  },
};

export async function createSampleTables(
  db: Kysely<unknown>,
  dialect: SqlFilterDialect,
): Promise<void> {
  const { text, flag, time, double, json } = types[dialect];
  await sql`create table sample (
    id integer primary key, nick ${text}, nick_key ${text}, code ${text}, link ${text},
    inactive ${flag}, age ${double}, born ${text}, family ${text}, family_key ${text},
    label ${text}, label_key ${text}, places ${json}, others ${json}
  )`.execute(db);
  await sql`create table sample_colour (sample integer, colour ${text}, colour_key ${text})`.execute(
    db,
  );
  await sql`create table sample_email (
    sample integer, value ${text}, value_key ${text}, type ${text}, ${sql.id("primary")} ${flag},
    since ${time}, ${sql.id("rank")} ${double}
  )`.execute(db);
}

type Json = { readonly [name: string]: unknown };

/**
 * A resource as these tables can hold it: without secrets, without null among the values that have rows, and in UTC.
 */
export function storable(resource: Json): Json {
  const { secret: _, hidden: __, name, emails, colours, born, ...others } = resource;
  const list = (values: unknown): unknown[] =>
    Array.isArray(values) ? values.filter((value) => value !== null) : [];
  const { pin: ___, ...names } = (name ?? {}) as Json;
  const assigned = Object.entries(names).filter(([, value]) => value !== null);
  return {
    ...others,
    ...(others["code"] === "" && { code: null }),
    ...(others["age"] === 1 && { age: null }),
    ...(assigned.length > 0 && { name: Object.fromEntries(assigned) }),
    emails: list(emails).map((email) => {
      const { pin: _, since, ...rest } = email as Json;
      return { ...rest, since: inUtc(since) };
    }),
    colours: list(colours),
    born: inUtc(born),
  };
}

function inUtc(dateTime: unknown): string | null {
  if (typeof dateTime !== "string") return null;
  const hasOffset = /(Z|[+-]\d\d:\d\d)$/.test(dateTime);
  return new Date(hasOffset ? dateTime : `${dateTime}Z`).toISOString();
}

/** Stores resources, with their places in the list as ids. */
export async function storeSamples(
  db: Kysely<unknown>,
  dialect: SqlFilterDialect,
  resources: readonly Json[],
): Promise<void> {
  const rows: Json[] = [];
  const colours: Json[] = [];
  const emails: Json[] = [];
  for (const [id, resource] of resources.entries()) {
    const { nick, code, link, active, age, born, name, places, ...rest } = resource;
    const { colours: own, emails: ownEmails, [badgeId]: badge, ...others } = rest;
    const { family, ...names } = (name ?? {}) as Json;
    const { label, ...badges } = (badge ?? {}) as Json;
    const form = comparedForm(sampleType, { ...others, places, name: names, [badgeId]: badges });
    rows.push({
      id,
      nick: nick ?? null,
      nick_key: keyOf(nick),
      code: code ?? "",
      link: link ?? null,
      inactive: flagOf(active, dialect, true),
      age: age ?? 1,
      born: born ?? null,
      family: family ?? null,
      family_key: keyOf(family),
      label: label ?? null,
      label_key: keyOf(label),
      places: form["places"] === undefined ? null : JSON.stringify(form["places"]),
      others: JSON.stringify({ ...form, places: [] }),
    });
    for (const value of own as unknown[]) {
      colours.push({ sample: id, colour: value, colour_key: keyOf(value) });
    }
    for (const { value, type, primary, since, rank } of ownEmails as Json[]) {
      emails.push({
        sample: id,
        value: value ?? null,
        value_key: keyOf(value),
        type: type ?? null,
        primary: flagOf(primary, dialect, false),
        since: timeOf(since, dialect),
        rank: rank ?? null,
      });
    }
  }
  for (const [table, values] of Object.entries({
    sample: rows,
    sample_colour: colours,
    sample_email: emails,
  })) {
    await sql`delete from ${sql.table(table)}`.execute(db);
    for (const row of values) {
      const columns = Object.keys(row).map((column) => sql.id(column));
      const places = Object.values(row).map((value) => sql`${value}`);
      await sql`insert into ${sql.table(table)} (${sql.join(columns)}) values (${sql.join(places)})`.execute(
        db,
      );
    }
  }
}

function keyOf(value: unknown): string | null {
  return typeof value === "string" ? caseless(value) : null;
}

function flagOf(
  value: unknown,
  dialect: SqlFilterDialect,
  invert: boolean,
): boolean | number | null {
  if (typeof value !== "boolean") return null;
  const flag = value !== invert;
  return dialect === "sqlite" ? Number(flag) : flag;
}

function timeOf(value: unknown, dialect: SqlFilterDialect): string | number | null {
  if (typeof value !== "string") return null;
  if (dialect === "sqlite") return Date.parse(value);
  return dialect === "postgres" ? value : value.replace("T", " ").replace("Z", "");
}
