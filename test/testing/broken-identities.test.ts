import {
  type IdentifiedType,
  InMemoryIdentityMapRepository,
  type MappedIdentity,
} from "concordat/repositories";
import { identityMapRepositoryContract } from "concordat/testing";
import { type Flaw, testFlaws } from "./flaws.js";

const identities: readonly Flaw[] = [
  {
    flaw: "looks for the id of the store first and adds later",
    cases: identityMapRepositoryContract(
      () =>
        new (class extends InMemoryIdentityMapRepository {
          override async add(added: readonly MappedIdentity[]): Promise<readonly MappedIdentity[]> {
            const [first] = added;
            const localIds = added.map(({ localId = "" }) => localId);
            const known = await this.byLocalId(first?.type ?? "User", localIds);
            if (known.some((one) => one !== undefined)) return await super.add(added);
            await super.add(added);
            return added;
          }
        })(),
    ),
    caughtBy: "of 100 concurrent additions for one localId the first has it, and all get that",
  },
  {
    flaw: "does not compare revisions",
    cases: identityMapRepositoryContract(
      () =>
        new (class extends InMemoryIdentityMapRepository {
          override async save(identity: MappedIdentity): Promise<MappedIdentity> {
            const [stored] = await this.get(identity.type, [identity.id]);
            return await super.save({ ...identity, revision: stored?.revision ?? 0 });
          }
        })(),
    ),
    caughtBy: "a save counts the revision, and is refused against another one",
  },
  {
    flaw: "counts a write by reading and saving",
    cases: identityMapRepositoryContract(
      () =>
        new (class extends InMemoryIdentityMapRepository {
          override async touch(type: IdentifiedType, id: string, time: string): Promise<void> {
            const [stored] = await this.get(type, [id]);
            if (stored === undefined) return;
            const { version, revision } = stored;
            await this.save({
              ...stored,
              version: version + 1,
              lastModified: time,
              revision,
            }).catch(() => undefined);
          }
        })(),
    ),
    caughtBy: "of 100 concurrent touches none is lost, and none is in the way of a save",
  },
  {
    flaw: "finds by its externalId who was deleted",
    cases: identityMapRepositoryContract(
      () =>
        new (class extends InMemoryIdentityMapRepository {
          readonly #saved: MappedIdentity[] = [];
          override async save(identity: MappedIdentity): Promise<MappedIdentity> {
            const saved = await super.save(identity);
            this.#saved.push(saved);
            return saved;
          }
          override async byExternalId(
            type: IdentifiedType,
            externalId: string,
          ): Promise<readonly MappedIdentity[]> {
            const living = await super.byExternalId(type, externalId);
            return [...living, ...this.#saved.filter((one) => one.externalId === externalId)];
          }
        })(),
    ),
    caughtBy: "what is deleted is known by its id, and by its localId while the store has it",
  },
];

testFlaws("identities", identities);
