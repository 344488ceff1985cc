import { InvalidValueError, VersionConflictError } from "../../core/index.js";
import {
  type CallOptions,
  type IdentifiedType,
  IdentityMapRepository,
  type MappedIdentity,
} from "../../repositories/index.js";
import { quotedTableNames, type TableOptions } from "../column-map/table-names.js";
import { driverFailure } from "../sql/driver-failure.js";
import { lists } from "../sql/parameters.js";
import { type KyselyDatabase, Session } from "../sql/session.js";
import { decodeKey, encodeKey, type KeyedRow, wholeTexts } from "../sql/stored-key.js";

interface IdentityRow extends KeyedRow {
  readonly type: IdentifiedType;
  readonly id: string;
  readonly local_id: string | null;
  readonly former_local_id: string | null;
  readonly mark: string | null;
  readonly external_id: string | null;
  readonly origin: MappedIdentity["origin"];
  readonly created: string;
  readonly last_modified: string;
  readonly deleted: string | null;
  readonly version: number;
  readonly revision: number;
}

const columns = [
  "type",
  "id",
  "local_id",
  "former_local_id",
  "mark",
  "external_id",
  "origin",
  "created",
  "last_modified",
  "deleted",
  "version",
  "revision",
  "whole_texts",
] as const;

/** Identities, in the table that `createTables` makes. */
export class KyselyIdentityMapRepository extends IdentityMapRepository {
  readonly #session: Session;
  readonly #table: string;

  constructor(db: KyselyDatabase, options?: TableOptions) {
    super();
    this.#session = new Session(db);
    this.#table = quotedTableNames(this.#session.dialect, options).identity;
  }

  override get(
    type: IdentifiedType,
    ids: readonly string[],
    options?: CallOptions,
  ): Promise<readonly (MappedIdentity | undefined)[]> {
    return this.#among(type, "id", ids, options);
  }

  override byLocalId(
    type: IdentifiedType,
    localIds: readonly string[],
    options?: CallOptions,
  ): Promise<readonly (MappedIdentity | undefined)[]> {
    return this.#among(type, "local_id", localIds, options);
  }

  override async byExternalId(
    type: IdentifiedType,
    externalId: string,
    options?: CallOptions,
  ): Promise<readonly MappedIdentity[]> {
    options?.signal?.throwIfAborted();
    const rows = await this.#session.read<IdentityRow>(
      (p) => `select ${columns.join(", ")} from ${this.#table}
        where external_id = ${p.value(encodeKey(externalId))} and type = ${p.value(type)}
        and deleted is null`,
      options,
    );
    return rows.map(toIdentity);
  }

  override async hasRetained(type: IdentifiedType, options?: CallOptions): Promise<boolean> {
    options?.signal?.throwIfAborted();
    const rows = await this.#session.read(
      (p) => `select 1 as found from ${this.#table} where type = ${p.value(type)}
        and deleted is not null and local_id is not null limit 1`,
      options,
    );
    return rows.length > 0;
  }

  /** The unique key over the store's own ids decides between concurrent additions. */
  override async add(
    identities: readonly MappedIdentity[],
    options?: CallOptions,
  ): Promise<readonly MappedIdentity[]> {
    options?.signal?.throwIfAborted();
    const stored: MappedIdentity[] = [];
    for (const identity of identities) {
      stored.push(
        (await this.#insert(identity, options)) ?? (await this.#holder(identity, options)),
      );
    }
    return stored;
  }

  override async save(identity: MappedIdentity, options?: CallOptions): Promise<MappedIdentity> {
    options?.signal?.throwIfAborted();
    const { type, id, revision } = identity;
    const saved = { ...identity, revision: revision + 1 };
    const row = toRow(saved);
    const written = await this.#session.write((p) => {
      const values = columns.map((column, at) => `${column} = ${p.value(row[at])}`);
      return `update ${this.#table} set ${values.join(", ")} where type = ${p.value(type)}
        and id = ${p.value(encodeKey(id))} and revision = ${p.value(revision)}`;
    }, options);
    if (written === 0) {
      throw new VersionConflictError(`Another writer has changed the identity "${id}".`);
    }
    return saved;
  }

  override async touch(
    type: IdentifiedType,
    id: string,
    lastModified: string,
    options?: CallOptions,
  ): Promise<void> {
    options?.signal?.throwIfAborted();
    await this.#session.write(
      (p) => `update ${this.#table} set version = version + 1,
        last_modified = ${p.value(lastModified)}
        where type = ${p.value(type)} and id = ${p.value(encodeKey(id))}`,
      options,
    );
  }

  async #among(
    type: IdentifiedType,
    column: "id" | "local_id",
    texts: readonly string[],
    options?: CallOptions,
  ): Promise<readonly (MappedIdentity | undefined)[]> {
    options?.signal?.throwIfAborted();
    const keys = texts.map(encodeKey);
    const found = new Map<string | null, MappedIdentity>();
    for (const part of lists(keys)) {
      const rows = await this.#session.read<IdentityRow>(
        (p) => `select ${columns.join(", ")} from ${this.#table}
          where ${column} in ${p.list(part)} and type = ${p.value(type)}`,
        options,
      );
      for (const row of rows) found.set(row[column], toIdentity(row));
    }
    return keys.map((key) => found.get(key));
  }

  /** `undefined` if the store's own id has an identity already. */
  async #insert(
    identity: MappedIdentity,
    options?: CallOptions,
  ): Promise<MappedIdentity | undefined> {
    try {
      await this.#session.guarded(() =>
        this.#session.write(
          (p) => `insert into ${this.#table} (${columns.join(", ")})
            values ${p.rows([toRow(identity)])}`,
          options,
        ),
      );
      return identity;
    } catch (error) {
      if (driverFailure(error)?.kind === "unique") return undefined;
      throw error;
    }
  }

  async #holder(
    { type, id, localId }: MappedIdentity,
    options?: CallOptions,
  ): Promise<MappedIdentity> {
    const [holder] = localId === undefined ? [] : await this.byLocalId(type, [localId], options);
    if (holder !== undefined) return holder;
    throw new InvalidValueError("id", `"${id}" is the id of another resource.`);
  }
}

function toRow(identity: MappedIdentity): readonly unknown[] {
  const { type, id, localId, formerLocalId, externalId } = identity;
  const { origin, created, lastModified, deleted } = identity;
  const key = (text?: string): string | null => (text === undefined ? null : encodeKey(text));
  return [
    type,
    encodeKey(id),
    key(localId),
    key(formerLocalId),
    identity.mark ?? null,
    key(externalId),
    origin,
    created,
    lastModified,
    deleted ?? null,
    identity.version,
    identity.revision,
    wholeTexts({
      id,
      local_id: localId,
      former_local_id: formerLocalId,
      external_id: externalId,
    }),
  ];
}

function toIdentity(row: IdentityRow): MappedIdentity {
  const { type, local_id, former_local_id, external_id } = row;
  const { origin, created, last_modified, deleted } = row;
  return {
    type,
    id: decodeKey(row, "id"),
    ...(local_id !== null && { localId: decodeKey({ ...row, local_id }, "local_id") }),
    ...(former_local_id !== null && {
      formerLocalId: decodeKey({ ...row, former_local_id }, "former_local_id"),
    }),
    ...(row.mark !== null && { mark: row.mark }),
    ...(external_id !== null && { externalId: decodeKey({ ...row, external_id }, "external_id") }),
    origin,
    created,
    lastModified: last_modified,
    ...(deleted !== null && { deleted }),
    version: row.version,
    revision: row.revision,
  };
}
