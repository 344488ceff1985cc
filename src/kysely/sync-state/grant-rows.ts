import type { Grant, GrantKey, SourceGrant } from "../../repositories/index.js";
import type { TableNames } from "../column-map/table-names.js";
import { batches, lists, tuples } from "../sql/parameters.js";
import type { Session, StatementText } from "../sql/session.js";
import { decodeKey, encodeKey, type KeyedRow, wholeTexts } from "../sql/stored-key.js";
import { MembershipRows, type Pair } from "./membership-rows.js";
import { begun, bitsOf, granted, grantOf, held, ours } from "./membership-state.js";

/** A grant of resources that no entries of the source stand for. */
interface LooseRow extends KeyedRow {
  readonly source: string;
  readonly group_id: string;
  readonly member_id: string;
  readonly ours: number;
  readonly held: number;
}

/** A grant of resources that entries stand for. */
interface BoundRow {
  readonly source: string;
  readonly group_resource: string;
  readonly group_texts: string | null;
  readonly member_type: "User" | "Group";
  readonly member_resource: string;
  readonly member_texts: string | null;
  readonly state: number;
}

interface ResourceRow {
  readonly id: number | string;
  readonly type: "User" | "Group";
  readonly resource_id: string;
}

/** Entries of a source by the resources that stand for them; a resource should have one entry at most. */
type EntriesByResource = ReadonlyMap<string, readonly number[]>;

/**
 * Grants. One of resources that entries of the source stand for is part of the membership of these entries; any other
 * is a row of its own.
 */
export class GrantRows {
  readonly #session: Session;
  readonly #tables: TableNames;

  constructor(session: Session, tables: TableNames) {
    this.#session = session;
    this.#tables = tables;
  }

  /** A source's grants to these members. */
  async to(source: string, members: readonly string[]): Promise<Grant[]> {
    const uris = [...new Set(members)];
    const found: SourceGrant[] = [];
    for (const [type, ids] of resourcesByType(uris)) {
      for (const part of lists(ids)) {
        found.push(
          ...(await this.#bound(
            "u",
            (p) => `u.resource_id in ${p.list(part)} and u.type = ${p.value(type)}
              and u.source = ${p.value(encodeKey(source))}`,
          )),
        );
      }
    }
    found.push(...(await this.looseTo(source, uris)));
    return found.map(withoutSource);
  }

  /** The rows of their own among a source's grants to these members. */
  async looseTo(source: string, members: readonly string[]): Promise<SourceGrant[]> {
    const found: SourceGrant[] = [];
    for (const part of lists([...new Set(members)].map(encodeKey))) {
      found.push(
        ...(await this.#loose(
          (p) => `where member_id in ${p.list(part)} and source = ${p.value(encodeKey(source))}`,
        )),
      );
    }
    return found;
  }

  /** Whether there is any grant in a row of its own. */
  async hasLoose(): Promise<boolean> {
    const rows = await this.#session.read(() => `select 1 from ${this.#tables.grant} limit 1`);
    return rows.length > 0;
  }

  /** A source's grants in a group, after the member named, by member. */
  async in(
    source: string,
    group: string,
    { after, count }: { readonly after?: string; readonly count: number },
  ): Promise<Grant[]> {
    const loose = await this.#loose((p) => {
      const of = `group_id = ${p.value(encodeKey(group))} and source = ${p.value(encodeKey(source))}`;
      const later = after === undefined ? "" : ` and member_id > ${p.value(encodeKey(after))}`;
      return `where ${of}${later} order by member_id limit ${p.value(count)}`;
    });
    const [type, id] = after === undefined ? [undefined, ""] : resourceOf(after);
    const bound = await this.#bound("g", (p) => {
      const of = `g.resource_id = ${p.value(encodeKey(group))} and g.type = 'Group'
        and g.source = ${p.value(encodeKey(source))}`;
      const later =
        after === undefined
          ? ""
          : type === undefined
            ? ` and (case when u.type = 'User' then 'Users/' else 'Groups/' end) > ${p.value(encodeKey(after))}`
            : ` and (u.type > ${p.value(type)}
              or u.type = ${p.value(type)} and u.resource_id > ${p.value(encodeKey(id))})`;
      return `${of}${later} order by u.type, u.resource_id limit ${p.value(count)}`;
    });
    if (loose.length === 0) return bound.map(withoutSource);
    if (bound.length === 0) return loose.map(withoutSource);
    return [...bound, ...loose]
      .map((grant) => ({ grant: withoutSource(grant), key: Buffer.from(encodeKey(grant.member)) }))
      .sort((one, other) => Buffer.compare(one.key, other.key))
      .slice(0, count)
      .map(({ grant }) => grant);
  }

  /** At most so many of a source's grants that are not held. */
  async notHeld(source: string, count: number): Promise<Grant[]> {
    const bound = await this.#bound(
      "m",
      (p) => `m.state & ${ours | begun} <> 0 and m.state & ${held} = 0
        and g.source = ${p.value(encodeKey(source))} limit ${p.value(count)}`,
    );
    const loose = await this.#loose(
      (p) => `where source = ${p.value(encodeKey(source))} and held = 0 limit ${p.value(count)}`,
    );
    return [...bound, ...loose].slice(0, count).map(withoutSource);
  }

  /** The grants of every source with these keys. */
  async of(keys: readonly GrantKey[]): Promise<SourceGrant[]> {
    const asked = new Map(keys.map((key) => [keyOf(key), key]));
    const found: SourceGrant[] = [];
    const members = [...new Set([...asked.values()].map(({ member }) => member))];
    for (const [type, ids] of resourcesByType(members)) {
      for (const part of lists(ids)) {
        const bound = await this.#bound(
          "u",
          (p) => `u.resource_id in ${p.list(part)} and u.type = ${p.value(type)}`,
        );
        found.push(...bound.filter((grant) => asked.has(keyOf(grant))));
      }
    }
    for (const part of tuples(this.#session.dialect, [...asked.values()].map(encodeMembership))) {
      found.push(
        ...(await this.#loose((p) => `where ${p.among(["group_id", "member_id"], part)}`)),
      );
    }
    return found;
  }

  /** Stores a source's grants; each replaces the one with its key. */
  async save(source: string, grants: readonly Grant[]): Promise<void> {
    const latest = [...new Map(grants.map((grant) => [keyOf(grant), grant])).values()];
    const entries = await this.#entries(source, latest);
    const loose: Grant[] = [];
    const bound: Grant[] = [];
    const rows: [...Pair, number][] = [];
    const surplus: Pair[] = [];
    for (const grant of latest) {
      const [first, ...others] = pairsOf(entries, grant);
      if (first === undefined) loose.push(grant);
      else {
        bound.push(grant);
        rows.push([...first, bitsOf(grant)]);
        surplus.push(...others);
      }
    }
    const memberships = new MembershipRows(this.#session, this.#tables);
    await memberships.put(rows, granted);
    await memberships.clear(surplus, granted);
    if (bound.length > 0 && (await this.hasLoose())) await this.#removeLoose(source, bound);
    await this.#saveLoose(source, loose);
  }

  /** Forgets a source's grants with these keys. */
  async remove(source: string, keys: readonly GrantKey[]): Promise<void> {
    const entries = await this.#entries(source, keys);
    const pairs = keys.flatMap((key) => pairsOf(entries, key));
    await new MembershipRows(this.#session, this.#tables).clear(pairs, granted);
    await this.#removeLoose(source, keys);
  }

  /**
   * Puts the grants of the resources of these entries into rows of their own: the entries are about to have others, or
   * none.
   */
  async loosen(ids: readonly number[]): Promise<void> {
    const memberships = new MembershipRows(this.#session, this.#tables);
    for (const side of ["member", "grp"] as const) {
      for (const part of lists(ids)) {
        const pairs = await this.#session.read<{ grp: number | string; member: number | string }>(
          (p) => `select grp, member from ${this.#tables.membership}
            where ${side} in ${p.list(part)} and state & ${granted} <> 0`,
        );
        if (pairs.length === 0) continue;
        const grants = await this.#bound(
          "m",
          (p) => `m.${side} in ${p.list(part)} and m.state & ${granted} <> 0`,
        );
        for (const [source, own] of Map.groupBy(grants, (grant) => grant.source)) {
          await this.#saveLoose(source, own);
        }
        await memberships.clear(
          pairs.map(({ grp, member }) => [Number(grp), Number(member)] as const),
          granted,
        );
      }
    }
  }

  /**
   * Grants of memberships. Of a cross join, SQLite begins with the left side, here `first`, and looks up the others.
   */
  async #bound(first: "u" | "g" | "m", condition: StatementText): Promise<SourceGrant[]> {
    const { link, membership } = this.#tables;
    const from = {
      u: [`${link} u`, `${membership} m`, `${link} g`],
      g: [`${link} g`, `${membership} m`, `${link} u`],
      m: [`${membership} m`, `${link} g`, `${link} u`],
    }[first].join(" cross join ");
    const rows = await this.#session.read<BoundRow>(
      (p) => `select g.source, g.resource_id as group_resource, g.whole_texts as group_texts,
        u.type as member_type, u.resource_id as member_resource, u.whole_texts as member_texts, m.state
        from ${from} where m.grp = g.id and m.member = u.id and m.state & ${granted} <> 0
        and g.resource_id is not null and u.resource_id is not null and ${condition(p)}`,
    );
    return rows.map(decodeBound);
  }

  async #loose(condition: StatementText): Promise<SourceGrant[]> {
    const rows = await this.#session.read<LooseRow>(
      (p) =>
        `select source, group_id, member_id, ours, held, whole_texts from ${this.#tables.grant} ${condition(p)}`,
    );
    return rows.map((row) => ({
      source: decodeKey(row, "source"),
      group: decodeKey(row, "group_id"),
      member: decodeKey(row, "member_id"),
      ours: row.ours === 1,
      held: row.held === 1,
    }));
  }

  async #saveLoose(source: string, grants: readonly Grant[]): Promise<void> {
    const key = ["group_id", "member_id", "source"];
    const onConflict = this.#session.dialect.onConflict(key, ["ours", "held"]);
    const stored = encodeKey(source);
    for (const part of batches(grants)) {
      const rows = part.map((grant) => [
        ...encodeMembership(grant),
        ...[stored, Number(grant.ours), Number(grant.held)],
        wholeTexts({ source, group_id: grant.group, member_id: grant.member }),
      ]);
      await this.#session.write(
        (p) => `insert into ${this.#tables.grant} (${key.join(", ")}, ours, held, whole_texts)
          values ${p.rows(rows)} ${onConflict}`,
      );
    }
  }

  async #removeLoose(source: string, keys: readonly GrantKey[]): Promise<void> {
    for (const part of tuples(this.#session.dialect, keys)) {
      await this.#session.write(
        (p) => `delete from ${this.#tables.grant} where source = ${p.value(encodeKey(source))}
          and ${p.among(["group_id", "member_id"], part.map(encodeMembership))}`,
      );
    }
  }

  /** The entries of a source that these grants are about. */
  async #entries(source: string, keys: readonly GrantKey[]): Promise<EntriesByResource> {
    const asked = new Set<string>();
    for (const { group, member } of keys) asked.add(`Groups/${group}`).add(member);
    const found = new Map<string, number[]>();
    for (const [type, ids] of resourcesByType([...asked])) {
      for (const part of lists(ids)) {
        const rows = await this.#session.read<ResourceRow>(
          (p) => `select id, type, resource_id from ${this.#tables.link}
            where resource_id in ${p.list(part)} and type = ${p.value(type)}
            and source = ${p.value(encodeKey(source))} order by id`,
        );
        for (const row of rows) {
          const key = `${row.type} ${row.resource_id}`;
          found.set(key, [...(found.get(key) ?? []), Number(row.id)]);
        }
      }
    }
    return found;
  }
}

/** The memberships of entries that a grant is about: one, unless a resource stands for several entries. */
function pairsOf(entries: EntriesByResource, { group, member }: GrantKey): Pair[] {
  const [type, id] = resourceOf(member);
  if (type === undefined) return [];
  const groups = entries.get(`Group ${encodeKey(group)}`) ?? [];
  const members = entries.get(`${type} ${encodeKey(id)}`) ?? [];
  return groups.flatMap((one) => members.map((other) => [one, other] as const));
}

/** The type and the id of a resource by its relative URI; without a type, it is none that an entry could stand for. */
function resourceOf(uri: string): ["User" | "Group" | undefined, string] {
  if (uri.startsWith("Users/")) return ["User", uri.slice("Users/".length)];
  if (uri.startsWith("Groups/")) return ["Group", uri.slice("Groups/".length)];
  return [undefined, uri];
}

/** The ids of resources as keys, by their types. */
function resourcesByType(uris: readonly string[]): Map<"User" | "Group", string[]> {
  const ids = new Map<"User" | "Group", string[]>();
  for (const uri of uris) {
    const [type, id] = resourceOf(uri);
    if (type === undefined) continue;
    const some = ids.get(type);
    if (some === undefined) ids.set(type, [encodeKey(id)]);
    else some.push(encodeKey(id));
  }
  return ids;
}

function decodeBound(row: BoundRow): SourceGrant {
  const group = { resource_id: row.group_resource, whole_texts: row.group_texts };
  const member = { resource_id: row.member_resource, whole_texts: row.member_texts };
  const source = { source: row.source, whole_texts: row.group_texts };
  return {
    source: decodeKey(source, "source"),
    group: decodeKey(group, "resource_id"),
    member: `${row.member_type}s/${decodeKey(member, "resource_id")}`,
    ...grantOf(row.state),
  };
}

function withoutSource({ source: _, ...grant }: SourceGrant): Grant {
  return grant;
}

function encodeMembership({ group, member }: GrantKey): [string, string] {
  return [encodeKey(group), encodeKey(member)];
}

/** A grant's key as one string. */
function keyOf({ group, member }: GrantKey): string {
  return `${group.length} ${group}${member}`;
}
