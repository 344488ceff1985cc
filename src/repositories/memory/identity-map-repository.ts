import { VersionConflictError } from "../../core/index.js";
import {
  type IdentifiedType,
  IdentityMapRepository,
  type MappedIdentity,
} from "../identity-map-repository.js";
import type { CallOptions } from "../resource-repository.js";
import { frozenCopy } from "./frozen.js";
import { composite, Table } from "./table.js";
import { TransactionScope } from "./transaction-scope.js";

/** Identities in memory: for tests, and for stores that are themselves in memory. */
export class InMemoryIdentityMapRepository extends IdentityMapRepository {
  readonly #scope = new TransactionScope();
  readonly #identities = new Table<MappedIdentity, "localId" | "externalId" | "retained">(
    ({ type, id }) => composite(type, id),
    {
      localId: ({ type, localId }) => (localId === undefined ? [] : [composite(type, localId)]),
      externalId: ({ type, externalId, deleted }) =>
        externalId === undefined || deleted !== undefined ? [] : [composite(type, externalId)],
      retained: ({ type, localId, deleted }) =>
        localId === undefined || deleted === undefined ? [] : [type],
    },
  );

  override get(
    type: IdentifiedType,
    ids: readonly string[],
    options?: CallOptions,
  ): Promise<readonly (MappedIdentity | undefined)[]> {
    return this.#scope.run(
      () => ids.map((id) => this.#identities.get(composite(type, id))),
      options?.signal,
    );
  }

  override byLocalId(
    type: IdentifiedType,
    localIds: readonly string[],
    options?: CallOptions,
  ): Promise<readonly (MappedIdentity | undefined)[]> {
    return this.#scope.run(
      () => localIds.map((localId) => this.#withLocalId(type, localId)),
      options?.signal,
    );
  }

  override byExternalId(
    type: IdentifiedType,
    externalId: string,
    options?: CallOptions,
  ): Promise<readonly MappedIdentity[]> {
    return this.#scope.run(
      () => [...this.#identities.rows("externalId", composite(type, externalId))],
      options?.signal,
    );
  }

  override hasRetained(type: IdentifiedType, options?: CallOptions): Promise<boolean> {
    return this.#scope.run(() => this.#identities.count("retained", type) > 0, options?.signal);
  }

  override add(
    identities: readonly MappedIdentity[],
    options?: CallOptions,
  ): Promise<readonly MappedIdentity[]> {
    return this.#scope.run(
      (journal) =>
        identities.map((identity) => {
          const { type, localId } = identity;
          const known = localId === undefined ? undefined : this.#withLocalId(type, localId);
          if (known !== undefined) return known;
          const added = frozenCopy(identity);
          this.#identities.put(journal, added);
          return added;
        }),
      options?.signal,
    );
  }

  override save(identity: MappedIdentity, options?: CallOptions): Promise<MappedIdentity> {
    return this.#scope.run((journal) => {
      const { type, id, revision } = identity;
      if (this.#identities.get(composite(type, id))?.revision !== revision) {
        throw new VersionConflictError(`Another writer has changed the identity "${id}".`);
      }
      const saved = frozenCopy({ ...identity, revision: revision + 1 });
      this.#identities.put(journal, saved);
      return saved;
    }, options?.signal);
  }

  override touch(
    type: IdentifiedType,
    id: string,
    lastModified: string,
    options?: CallOptions,
  ): Promise<void> {
    return this.#scope.run((journal) => {
      const identity = this.#identities.get(composite(type, id));
      if (identity === undefined) return;
      const version = identity.version + 1;
      this.#identities.put(journal, frozenCopy({ ...identity, lastModified, version }));
    }, options?.signal);
  }

  #withLocalId(type: IdentifiedType, localId: string): MappedIdentity | undefined {
    const [identity] = this.#identities.rows("localId", composite(type, localId));
    return identity;
  }
}
