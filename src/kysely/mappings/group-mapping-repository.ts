import {
  type CallOptions,
  type GroupMapping,
  GroupMappingRepository,
} from "../../repositories/index.js";
import { quotedTableNames, type TableOptions } from "../column-map/table-names.js";
import { type KyselyDatabase, Session, type StatementText } from "../sql/session.js";
import { decodeKey, encodeKey, type KeyedRow, wholeTexts } from "../sql/stored-key.js";

interface MappingRow extends KeyedRow {
  readonly external_id: string;
  readonly local_id: string;
}

const key = ["external_id", "local_id"] as const;

/** Mappings of groups, in the table that `createTables` makes. */
export class KyselyGroupMappingRepository extends GroupMappingRepository {
  readonly #session: Session;
  readonly #table: string;

  constructor(db: KyselyDatabase, options?: TableOptions) {
    super();
    this.#session = new Session(db);
    this.#table = quotedTableNames(this.#session.dialect, options).groupMapping;
  }

  override async localGroups(external: string, options?: CallOptions): Promise<readonly string[]> {
    const found = await this.#read(
      (p) => ` where external_id = ${p.value(encodeKey(external))}`,
      options,
    );
    return found.map(({ local }) => local);
  }

  override async externalGroups(local: string, options?: CallOptions): Promise<readonly string[]> {
    const found = await this.#read(
      (p) => ` where local_id = ${p.value(encodeKey(local))}`,
      options,
    );
    return found.map(({ external }) => external);
  }

  override list(options?: CallOptions): Promise<readonly GroupMapping[]> {
    return this.#read(() => "", options);
  }

  override async save({ external, local }: GroupMapping, options?: CallOptions): Promise<void> {
    const texts = wholeTexts({ external_id: external, local_id: local });
    const row = [encodeKey(external), encodeKey(local), texts];
    await this.#session.write(
      (p) => `insert into ${this.#table} (${key.join(", ")}, whole_texts) values ${p.rows([row])}
        ${this.#session.dialect.onConflict(key, [])}`,
      options,
    );
  }

  override async remove({ external, local }: GroupMapping, options?: CallOptions): Promise<void> {
    await this.#session.write(
      (p) => `delete from ${this.#table} where external_id = ${p.value(encodeKey(external))}
        and local_id = ${p.value(encodeKey(local))}`,
      options,
    );
  }

  async #read(where: StatementText, options?: CallOptions): Promise<readonly GroupMapping[]> {
    const rows = await this.#session.read<MappingRow>(
      (p) => `select ${key.join(", ")}, whole_texts from ${this.#table}${where(p)}`,
      options,
    );
    return rows
      .map((row) => ({
        external: decodeKey(row, "external_id"),
        local: decodeKey(row, "local_id"),
      }))
      .sort((one, other) =>
        one.external === other.external
          ? compare(one.local, other.local)
          : compare(one.external, other.external),
      );
  }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : 1;
}
