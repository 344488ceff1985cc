import type { Name, NameKind } from "../changes/index.js";
import {
  type Grant,
  type Membership,
  MembershipRepository,
  type Reference,
  type SourceGrant,
} from "../repositories/index.js";
import { batches, lists } from "./parameters.js";
import { type KyselyDatabase, type Session, type StatementText, sessionOn } from "./session.js";
import { decodeKey, encodeKey, type KeyedRow, wholeTexts } from "./stored-key.js";
import { quotedTableNames, type TableNames, type TableOptions } from "./table-names.js";

interface ReferenceRow extends KeyedRow {
  readonly group_id: string;
  readonly kind: NameKind;
  readonly name_key: string;
  readonly target: string | null;
}

interface GrantRow extends KeyedRow {
  readonly source: string;
  readonly group_id: string;
  readonly member_id: string;
  readonly ours: number;
  readonly held: number;
}

/** References and grants, in the tables that `createTables` makes. */
export class KyselyMembershipRepository extends MembershipRepository {
  readonly #session: Session;
  readonly #tables: TableNames;

  constructor(db: KyselyDatabase | Session, options?: TableOptions) {
    super();
    this.#session = sessionOn(db);
    this.#tables = quotedTableNames(this.#session.dialect, options);
  }

  override references(
    source: string,
    group: string,
    page: { readonly after?: Name; readonly count: number },
  ): Promise<readonly Reference[]> {
    return this.#references((p) => {
      const of = `source = ${p.value(encodeKey(source))} and group_id = ${p.value(encodeKey(group))}`;
      const after =
        page.after === undefined
          ? ""
          : ` and (kind, name_key) > (${p.value(page.after.kind)}, ${p.value(encodeKey(page.after.key))})`;
      return `where ${of}${after} order by kind, name_key limit ${p.value(page.count)}`;
    });
  }

  override async saveReferences(source: string, references: readonly Reference[]): Promise<void> {
    const stored = encodeKey(source);
    const key = ["source", "group_id", "kind", "name_key"];
    // A statement cannot write one row twice; of two references with one key the last is meant.
    const rows = new Map(
      references.map((reference) => {
        const [group, kind, name] = encodeReference(reference);
        const target = reference.target === undefined ? null : encodeKey(reference.target);
        const whole = wholeTexts({
          group_id: reference.group,
          name_key: reference.key,
          target: reference.target,
        });
        return [`${group}\u0000${kind}\u0000${name}`, [stored, group, kind, name, target, whole]];
      }),
    );
    for (const part of batches([...rows.values()])) {
      await this.#session.write(
        (p) => `insert into ${this.#tables.reference} (${key.join(", ")}, target, whole_texts)
          values ${p.rows(part)} ${this.#session.dialect.onConflict(key, ["target", "whole_texts"])}`,
      );
    }
  }

  override async removeReferences(source: string, references: readonly Reference[]): Promise<void> {
    for (const part of lists(references)) {
      await this.#session.write(
        (p) => `delete from ${this.#tables.reference} where source = ${p.value(encodeKey(source))}
          and ${p.among(["group_id", "kind", "name_key"], part.map(encodeReference))}`,
      );
    }
  }

  override async referencesBy(
    source: string,
    names: readonly Name[],
  ): Promise<readonly Reference[]> {
    const found: Reference[] = [];
    for (const [kind, sameKind] of Map.groupBy(names, (name) => name.kind)) {
      for (const part of lists([...new Set(sameKind.map((name) => name.key))])) {
        const rows = await this.#references(
          (p) => `where source = ${p.value(encodeKey(source))} and kind = ${p.value(kind)}
            and name_key in ${p.list(part.map(encodeKey))}`,
        );
        found.push(...rows);
      }
    }
    return found;
  }

  override async referencesTo(
    source: string,
    targets: readonly string[],
  ): Promise<readonly Reference[]> {
    const found: Reference[] = [];
    for (const part of lists([...new Set(targets)])) {
      const rows = await this.#references(
        (p) => `where source = ${p.value(encodeKey(source))}
          and target in ${p.list(part.map(encodeKey))}`,
      );
      found.push(...rows);
    }
    return found;
  }

  override async grantsTo(source: string, members: readonly string[]): Promise<readonly Grant[]> {
    const found: Grant[] = [];
    for (const part of lists([...new Set(members)])) {
      const rows = await this.#grants(
        (p) => `where source = ${p.value(encodeKey(source))}
          and member_id in ${p.list(part.map(encodeKey))}`,
      );
      found.push(...rows.map(decodeGrant));
    }
    return found;
  }

  override async grantsIn(
    source: string,
    group: string,
    page: { readonly after?: string; readonly count: number },
  ): Promise<readonly Grant[]> {
    const rows = await this.#grants((p) => {
      const of = `group_id = ${p.value(encodeKey(group))} and source = ${p.value(encodeKey(source))}`;
      const after =
        page.after === undefined ? "" : ` and member_id > ${p.value(encodeKey(page.after))}`;
      return `where ${of}${after} order by member_id limit ${p.value(page.count)}`;
    });
    return rows.map(decodeGrant);
  }

  override async grantsNotHeld(source: string, count: number): Promise<readonly Grant[]> {
    const rows = await this.#grants(
      (p) => `where source = ${p.value(encodeKey(source))} and held = 0 limit ${p.value(count)}`,
    );
    return rows.map(decodeGrant);
  }

  override async grantsOf(memberships: readonly Membership[]): Promise<readonly SourceGrant[]> {
    const found: SourceGrant[] = [];
    for (const part of lists(distinct(memberships))) {
      const rows = await this.#grants((p) => `where ${p.among(["group_id", "member_id"], part)}`);
      found.push(...rows.map((row) => ({ ...decodeGrant(row), source: decodeKey(row, "source") })));
    }
    return found;
  }

  override async saveGrants(source: string, grants: readonly Grant[]): Promise<void> {
    const stored = encodeKey(source);
    const key = ["group_id", "member_id", "source"];
    const rows = new Map(
      grants.map((grant) => {
        const [group, member] = encodeMembership(grant);
        const whole = wholeTexts({ source, group_id: grant.group, member_id: grant.member });
        return [
          `${group}\u0000${member}`,
          [group, member, stored, Number(grant.ours), Number(grant.held), whole],
        ];
      }),
    );
    for (const part of batches([...rows.values()])) {
      await this.#session.write(
        (p) => `insert into ${this.#tables.grant} (${key.join(", ")}, ours, held, whole_texts)
          values ${p.rows(part)} ${this.#session.dialect.onConflict(key, ["ours", "held"])}`,
      );
    }
  }

  override async removeGrants(source: string, memberships: readonly Membership[]): Promise<void> {
    for (const part of lists(memberships)) {
      await this.#session.write(
        (p) => `delete from ${this.#tables.grant} where source = ${p.value(encodeKey(source))}
          and ${p.among(["group_id", "member_id"], part.map(encodeMembership))}`,
      );
    }
  }

  async #references(condition: StatementText): Promise<Reference[]> {
    const rows = await this.#session.read<ReferenceRow>(
      (p) =>
        `select group_id, kind, name_key, target, whole_texts from ${this.#tables.reference} ${condition(p)}`,
    );
    return rows.map((row) => ({
      group: decodeKey(row, "group_id"),
      kind: row.kind,
      key: decodeKey(row, "name_key"),
      ...targetOf(row),
    }));
  }

  #grants(condition: StatementText): Promise<GrantRow[]> {
    return this.#session.read<GrantRow>(
      (p) =>
        `select source, group_id, member_id, ours, held, whole_texts from ${this.#tables.grant} ${condition(p)}`,
    );
  }
}

function encodeReference({ group, kind, key }: Reference): [string, NameKind, string] {
  return [encodeKey(group), kind, encodeKey(key)];
}

function encodeMembership({ group, member }: Membership): [string, string] {
  return [encodeKey(group), encodeKey(member)];
}

/** Memberships as rows hold them, each once. */
function distinct(memberships: readonly Membership[]): [string, string][] {
  const rows = memberships.map(encodeMembership);
  return [...new Map(rows.map((row) => [row.join("\u0000"), row])).values()];
}

function targetOf({ target, whole_texts }: ReferenceRow): { target?: string } {
  return target === null ? {} : { target: decodeKey({ target, whole_texts }, "target") };
}

function decodeGrant(row: GrantRow): Grant {
  return {
    group: decodeKey(row, "group_id"),
    member: decodeKey(row, "member_id"),
    ours: row.ours === 1,
    held: row.held === 1,
  };
}
