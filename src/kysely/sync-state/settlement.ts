import { UnsupportedError } from "../../core/index.js";
import {
  type Bindings,
  type Grant,
  type LinkedEntry,
  type LinkRepository,
  type MadeMembership,
  type MembershipDifferences,
  type MembershipRepository,
  type MissingMembership,
  type Reference,
  SettlementStore,
  type StatedGroup,
  type StatedReferences,
} from "../../repositories/index.js";
import { membershipKey, memberUri } from "../../repositories/internal.js";
import { quotedTableNames, type TableNames, type TableOptions } from "../column-map/table-names.js";
import { lists } from "../sql/parameters.js";
import { type KyselyDatabase, type Session, sessionOn } from "../sql/session.js";
import { decodeKey, encodeKey, type KeyedRow } from "../sql/stored-key.js";
import { Entries } from "./entries.js";
import { GrantRows } from "./grant-rows.js";
import { KyselyLinkRepository } from "./link-repository.js";
import { decodeLink, entryIdOf, type LinkRow, readColumns } from "./link-rows.js";
import { KyselyMembershipRepository } from "./membership-repository.js";
import { MembershipRows, type Pair } from "./membership-rows.js";
import { byDn, granted, grantOf, held, ours, stated } from "./membership-state.js";
import { ReferenceRows } from "./reference-rows.js";
import { isIn } from "./store-tables.js";

interface DifferenceRow {
  readonly grp: number | string;
  readonly member: number | string;
  readonly state: number;
  /** Whether both are accepted. */
  readonly accepted: number;
}

interface HolderRow {
  readonly id: number | string;
  readonly name_key: string;
  readonly unsettled: number;
}

interface SourceRow extends KeyedRow {
  readonly id: number | string;
  readonly source_id: string;
}

/**
 * Compares references with grants in the database, in the tables that `createTables` makes: nothing is read of
 * memberships that are as they should be.
 */
export class KyselySettlement extends SettlementStore {
  readonly #session: Session;
  readonly #tables: TableNames;
  /** The numbers of both sides, of what was found to be missing. */
  readonly #pairs = new WeakMap<MissingMembership, Pair>();

  constructor(db: KyselyDatabase | Session, options?: TableOptions) {
    super();
    this.#session = sessionOn(db);
    this.#tables = quotedTableNames(this.#session.dialect, options);
  }

  override assertOwn(links: LinkRepository, memberships: MembershipRepository): void {
    const database = this.#session.database;
    const isOwn =
      links instanceof KyselyLinkRepository && memberships instanceof KyselyMembershipRepository;
    if (isOwn && [links, memberships].every((store) => isIn(store, database, this.#tables))) return;
    throw new UnsupportedError(
      "The target settles memberships in tables of its own, which do not hold its links or its memberships: " +
        "leave out `settlement`.",
    );
  }

  /** References that are part of memberships mean whom they are bound to: that changes together with the names. */
  override async bindings(source: string, sourceIds: readonly string[]): Promise<Bindings> {
    const rows = new ReferenceRows(this.#session, this.#tables);
    const found = new Map<string, Reference>();
    for (const reference of await rows.oddAbout(source, sourceIds)) {
      const { group, kind, key } = reference;
      found.set(`${group.length} ${group}${kind} ${key}`, reference);
    }
    return { references: [...found.values()], held: [] };
  }

  override async differences(
    source: string,
    members: readonly LinkedEntry[],
  ): Promise<MembershipDifferences> {
    const byId = await this.#byId(source, members);
    const rows = await this.#differing([...byId.keys()]);
    const groups = await this.#groups(rows);
    const missing: MissingMembership[] = [];
    const surplus: Grant[] = [];
    for (const { grp, member: memberId, state, accepted } of rows) {
      const group = groups.get(Number(grp));
      const member = byId.get(Number(memberId));
      if (group === undefined || member === undefined) continue;
      const grant =
        (state & granted) === 0
          ? undefined
          : { group: group.resourceId, member: memberUri(member), ...grantOf(state) };
      if ((state & stated) !== 0 && Number(accepted) === 1) {
        const one = { group, member, ...(grant === undefined ? {} : { grant }) };
        this.#pairs.set(one, [Number(grp), Number(memberId)]);
        missing.push(one);
      } else if (grant !== undefined) surplus.push(grant);
    }
    return await this.#withLoose(source, members, { missing, surplus });
  }

  override async confirm(source: string, made: readonly MadeMembership[]): Promise<void> {
    const rows: [...Pair, number][] = [];
    const others: Grant[] = [];
    for (const { membership, ours: isOurs } of made) {
      const pair = this.#pairs.get(membership);
      if (pair !== undefined) rows.push([...pair, held | (isOurs ? ours : 0)]);
      else {
        const { group, member } = membership;
        const grant = {
          group: group.resourceId,
          member: memberUri(member),
          ours: isOurs,
          held: true,
        };
        others.push(grant);
      }
    }
    await new MembershipRows(this.#session, this.#tables).put(rows, granted);
    if (others.length > 0) await new GrantRows(this.#session, this.#tables).save(source, others);
  }

  override async state(
    source: string,
    groups: readonly StatedGroup[],
    seen: number,
  ): Promise<StatedReferences> {
    const keys = new Map<string, ReadonlySet<string>>();
    for (const { group, names } of groups) {
      if (names.some(({ kind }) => kind !== "dn")) continue;
      keys.set(group, new Set(names.map(({ key }) => encodeKey(key))));
    }
    const free = await this.#withoutReferences(source, [...keys.keys()]);
    const asked = new Set<string>();
    for (const group of free.keys()) for (const key of keys.get(group) ?? []) asked.add(key);
    const holders = await this.#holders(source, [...asked], seen);
    const stored = new Set<string>();
    const unmarked = new Set<number | string>();
    const rows: [...Pair, number][] = [];
    for (const [group, id] of free) {
      const members: HolderRow[] = [];
      for (const key of keys.get(group) ?? []) {
        const holder = holders.get(key);
        if (holder === undefined) break;
        members.push(holder);
      }
      if (members.length !== keys.get(group)?.size) continue;
      stored.add(group);
      for (const member of members) {
        rows.push([id, Number(member.id), byDn]);
        if (member.unsettled !== 1) unmarked.add(member.id);
      }
    }
    await new MembershipRows(this.#session, this.#tables).add(rows);
    return { groups: stored, marked: await this.#mark([...unmarked]) };
  }

  override async *references(source: string, group: string): AsyncGenerator<readonly Reference[]> {
    const entry = (await new Entries(this.#session, this.#tables).find(source, [group])).get(group);
    if (entry !== undefined) yield* new ReferenceRows(this.#session, this.#tables).all(entry.id);
  }

  /** The numbers of those of these groups of which no reference is stored. */
  async #withoutReferences(
    source: string,
    groups: readonly string[],
  ): Promise<ReadonlyMap<string, number>> {
    const { link, membership, reference } = this.#tables;
    const found = new Map<string, number>();
    for (const part of lists(groups)) {
      const rows = await this.#session.read<SourceRow>(
        (p) => `select l.id, l.source_id, l.whole_texts from ${link} l
          where l.source = ${p.value(encodeKey(source))} and l.source_id in ${p.list(part.map(encodeKey))}
          and not exists (select 1 from ${reference} o where o.grp = l.id)
          and not exists (select 1 from ${membership} m where m.grp = l.id and m.state & ${stated} <> 0)`,
      );
      for (const row of rows) found.set(decodeKey(row, "source_id"), Number(row.id));
    }
    return found;
  }

  /** The entries in the content that have these distinguished names, each alone, and were seen since. */
  async #holders(
    source: string,
    keys: readonly string[],
    seen: number,
  ): Promise<ReadonlyMap<string, HolderRow | undefined>> {
    const holders = new Map<string, HolderRow | undefined>();
    for (const part of lists(keys)) {
      const rows = await this.#session.read<HolderRow>(
        (p) => `select id, dn as name_key, unsettled from ${this.#tables.link}
          where dn in ${p.list(part)} and source = ${p.value(encodeKey(source))}
          and state in ('live', 'entering') and seen >= ${p.value(seen)}`,
      );
      for (const row of rows) {
        holders.set(row.name_key, holders.has(row.name_key) ? undefined : row);
      }
    }
    return holders;
  }

  /** Marks entries as dirty, and returns their ids. */
  async #mark(ids: readonly (number | string)[]): Promise<readonly string[]> {
    const { link } = this.#tables;
    const marked: string[] = [];
    for (const part of lists(ids)) {
      const rows = await this.#session.read<SourceRow>(
        (p) => `select id, source_id, whole_texts from ${link} where id in ${p.list(part)}`,
      );
      marked.push(...rows.map((row) => decodeKey(row, "source_id")));
      await this.#session.write(
        (p) => `update ${link} set unsettled = 1 where id in ${p.list(part)}`,
      );
    }
    return marked;
  }

  /** The members by their numbers, of which most have just been read. */
  async #byId(
    source: string,
    members: readonly LinkedEntry[],
  ): Promise<ReadonlyMap<number, LinkedEntry>> {
    const byId = new Map<number, LinkedEntry>();
    const others: LinkedEntry[] = [];
    for (const link of members) {
      const id = entryIdOf(link);
      if (id === undefined) others.push(link);
      else byId.set(id, link);
    }
    const entries = await new Entries(this.#session, this.#tables).find(
      source,
      others.map(({ sourceId }) => sourceId),
    );
    for (const link of others) {
      const id = entries.get(link.sourceId)?.id;
      if (id !== undefined) byId.set(id, link);
    }
    return byId;
  }

  /** The memberships of these members in which what is stated and what was granted differ. */
  async #differing(members: readonly number[]): Promise<readonly DifferenceRow[]> {
    const { link, membership } = this.#tables;
    const isAccepted = (side: string) =>
      `${side}.state = 'live' and ${side}.resource_id is not null`;
    const accepted = `case when ${isAccepted("g")} and ${isAccepted("u")} then 1 else 0 end`;
    const found: DifferenceRow[] = [];
    for (const part of lists(members)) {
      const rows = await this.#session.read<DifferenceRow>(
        (p) => `select m.grp, m.member, m.state, ${accepted} as accepted
          from ${membership} m cross join ${link} g cross join ${link} u
          where m.member in ${p.list(part)} and g.id = m.grp and u.id = m.member
          and case when m.state & ${stated} <> 0 and ${isAccepted("g")} and ${isAccepted("u")}
            then m.state & ${held} = 0 else m.state & ${granted} <> 0 end`,
      );
      found.push(...rows);
    }
    return found;
  }

  /** The groups of these memberships. */
  async #groups(rows: readonly DifferenceRow[]): Promise<ReadonlyMap<number, LinkedEntry>> {
    const groups = new Map<number, LinkedEntry>();
    for (const part of lists([...new Set(rows.map(({ grp }) => grp))])) {
      const found = await this.#session.read<LinkRow>(
        (p) => `select ${readColumns} from ${this.#tables.link} where id in ${p.list(part)}`,
      );
      for (const row of found) {
        const { resourceId, ...link } = decodeLink(row);
        if (resourceId !== undefined) groups.set(Number(row.id), { ...link, resourceId });
      }
    }
    return groups;
  }

  /** Grants in rows of their own are honoured like others. */
  async #withLoose(
    source: string,
    members: readonly LinkedEntry[],
    found: MembershipDifferences,
  ): Promise<MembershipDifferences> {
    const grants = new GrantRows(this.#session, this.#tables);
    if (!(await grants.hasLoose())) return found;
    const loose = new Map<string, Grant>();
    for (const { source: _, ...grant } of await grants.looseTo(source, members.map(memberUri))) {
      loose.set(membershipKey(grant), grant);
    }
    if (loose.size === 0) return found;
    const missing: MissingMembership[] = [];
    for (const one of found.missing) {
      const key = membershipKey({ group: one.group.resourceId, member: memberUri(one.member) });
      const grant = loose.get(key);
      loose.delete(key);
      if (grant === undefined) missing.push(one);
      // It is confirmed as a grant, so that the row of its own goes.
      else if (!grant.held) missing.push({ ...one, grant });
    }
    return { missing, surplus: [...found.surplus, ...loose.values()] };
  }
}
