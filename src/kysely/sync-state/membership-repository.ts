import type { Name } from "../../changes/index.js";
import {
  type Grant,
  type GrantKey,
  MembershipRepository,
  type Reference,
  type SourceGrant,
} from "../../repositories/index.js";
import { quotedTableNames, type TableNames, type TableOptions } from "../column-map/table-names.js";
import { type KyselyDatabase, type Session, sessionOn } from "../sql/session.js";
import { GrantRows } from "./grant-rows.js";
import { ReferenceRows } from "./reference-rows.js";
import { noteTables } from "./store-tables.js";

/** References and grants, in the tables that `createTables` makes. */
export class KyselyMembershipRepository extends MembershipRepository {
  readonly #session: Session;
  readonly #tables: TableNames;
  readonly #references: ReferenceRows;
  readonly #grants: GrantRows;

  constructor(db: KyselyDatabase | Session, options?: TableOptions) {
    super();
    this.#session = sessionOn(db);
    this.#tables = quotedTableNames(this.#session.dialect, options);
    noteTables(this, this.#session, this.#tables);
    this.#references = new ReferenceRows(this.#session, this.#tables);
    this.#grants = new GrantRows(this.#session, this.#tables);
  }

  override references(
    source: string,
    group: string,
    page: { readonly after?: Name; readonly count: number },
  ): Promise<readonly Reference[]> {
    return this.#references.of(source, group, page);
  }

  override async saveReferences(source: string, references: readonly Reference[]): Promise<void> {
    if (references.length === 0) return;
    await this.#session.together((session) =>
      new ReferenceRows(session, this.#tables).save(source, references),
    );
  }

  override async removeReferences(source: string, references: readonly Reference[]): Promise<void> {
    if (references.length === 0) return;
    await this.#session.together((session) =>
      new ReferenceRows(session, this.#tables).remove(source, references),
    );
  }

  override referencesBy(source: string, names: readonly Name[]): Promise<readonly Reference[]> {
    return this.#references.by(source, names);
  }

  override referencesTo(source: string, targets: readonly string[]): Promise<readonly Reference[]> {
    return this.#references.to(source, targets);
  }

  override grantsTo(source: string, members: readonly string[]): Promise<readonly Grant[]> {
    return this.#grants.to(source, members);
  }

  override grantsIn(
    source: string,
    group: string,
    page: { readonly after?: string; readonly count: number },
  ): Promise<readonly Grant[]> {
    return this.#grants.in(source, group, page);
  }

  override grantsNotHeld(source: string, count: number): Promise<readonly Grant[]> {
    return this.#grants.notHeld(source, count);
  }

  override grantsOf(keys: readonly GrantKey[]): Promise<readonly SourceGrant[]> {
    return this.#grants.of(keys);
  }

  override async saveGrants(source: string, grants: readonly Grant[]): Promise<void> {
    if (grants.length === 0) return;
    await this.#session.together((session) =>
      new GrantRows(session, this.#tables).save(source, grants),
    );
  }

  override async removeGrants(source: string, keys: readonly GrantKey[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#session.together((session) =>
      new GrantRows(session, this.#tables).remove(source, keys),
    );
  }
}
