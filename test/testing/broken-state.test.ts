import {
  type Grant,
  type HeldName,
  InMemoryCheckpointRepository,
  InMemoryLinkRepository,
  InMemoryMembershipRepository,
  type Link,
  type LinkOwner,
  type LinkSelection,
  type Membership,
  type Reference,
  type SourceGrant,
  type StreamPosition,
} from "concordat/repositories";
import {
  checkpointRepositoryContract,
  linkRepositoryContract,
  membershipRepositoryContract,
} from "concordat/testing";
import { type Flaw, testFlaws } from "./flaws.js";

const links: readonly Flaw[] = [
  {
    flaw: "merges a link into the one that is stored",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async save(source: string, given: readonly Link[]): Promise<void> {
            const stored = await this.get(
              source,
              given.map((link) => link.sourceId),
            );
            await super.save(
              source,
              given.map((link, at) => ({ ...stored[at], ...link })),
            );
          }
        })(),
    ),
    caughtBy: "a link that is saved again is replaced, with what it no longer has",
  },
  {
    flaw: "sorts as people do",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async list(source: string, selection: LinkSelection, page: { count: number }) {
            const found = await super.list(source, selection, page);
            return [...found].sort((one, other) => one.sourceId.localeCompare(other.sourceId));
          }
        })(),
    ),
    caughtBy: "list and count answer every selection, in code unit order and page by page",
  },
  {
    flaw: "sorts by code point",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async list(source: string, selection: LinkSelection, page: { count: number }) {
            const found = await super.list(source, selection, page);
            return [...found].sort((one, other) =>
              Buffer.compare(Buffer.from(one.sourceId), Buffer.from(other.sourceId)),
            );
          }
        })(),
    ),
    caughtBy: "ids beyond the basic multilingual plane are in code unit order too",
  },
  {
    flaw: "forgets links but not their names",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          readonly #names = new Map<string, readonly HeldName[]>();
          override async remove(source: string, sourceIds: readonly string[]): Promise<void> {
            for (const id of sourceIds) this.#names.set(id, await super.names(source, [id]));
            await super.remove(source, sourceIds);
          }
          override async names(source: string, sourceIds: readonly string[]) {
            const left = sourceIds.flatMap((id) => this.#names.get(id) ?? []);
            return [...left, ...(await super.names(source, sourceIds))];
          }
        })(),
    ),
    caughtBy: "remove forgets links and their names, and passes over unknown ids",
  },
  {
    flaw: "compares intended names as they are written",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async intents(
            type: "User" | "Group",
            name: string,
          ): Promise<readonly LinkOwner[]> {
            return (await super.intents(type, name)).filter((owner) => owner.intent?.name === name);
          }
        })(),
    ),
    caughtBy: "intents are found across sources, without regard to case and to nothing else",
  },
  {
    flaw: "does not tell of the dead",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async holders(...asked: Parameters<InMemoryLinkRepository["holders"]>) {
            return (await super.holders(...asked)).filter((holder) => holder.state !== "gone");
          }
        })(),
    ),
    caughtBy: "holders are known in every state, and a name of kind id is its link",
  },
];

const memberships: readonly Flaw[] = [
  {
    flaw: "orders references by key alone",
    cases: membershipRepositoryContract(
      () =>
        new (class extends InMemoryMembershipRepository {
          override async references(source: string, group: string, page: { count: number }) {
            const found = await super.references(source, group, page);
            return [...found].sort((one, other) => (one.key < other.key ? -1 : 1));
          }
        })(),
    ),
    caughtBy: "references of a group come ordered by kind and key, page by page",
  },
  {
    flaw: "forgets a reference only with its target",
    cases: membershipRepositoryContract(
      () =>
        new (class extends InMemoryMembershipRepository {
          override async removeReferences(
            source: string,
            given: readonly Reference[],
          ): Promise<void> {
            const stored = await this.referencesBy(source, given);
            const equal = given.filter((each) =>
              stored.some((one) => one.group === each.group && one.target === each.target),
            );
            await super.removeReferences(source, equal);
          }
        })(),
    ),
    caughtBy: "references are forgotten whatever their targets, and only those that are named",
  },
  {
    flaw: "keeps the old target",
    cases: membershipRepositoryContract(
      () =>
        new (class extends InMemoryMembershipRepository {
          override async saveReferences(
            source: string,
            given: readonly Reference[],
          ): Promise<void> {
            for (const each of given) {
              const stored = await this.referencesBy(source, [each]);
              const known = stored.find((one) => one.group === each.group);
              await super.saveReferences(source, [known ?? each]);
            }
          }
        })(),
    ),
    caughtBy: "a reference that is saved again has its new target, or none",
  },
  {
    flaw: "knows the grants of one source only",
    cases: membershipRepositoryContract(
      () =>
        new (class extends InMemoryMembershipRepository {
          override async grantsOf(asked: readonly Membership[]): Promise<readonly SourceGrant[]> {
            return (await super.grantsOf(asked)).filter((grant) => grant.source === "s");
          }
        })(),
    ),
    caughtBy: "grants are found by member, by group page by page, and by membership across sources",
  },
  {
    flaw: "keeps the first grant",
    cases: membershipRepositoryContract(
      () =>
        new (class extends InMemoryMembershipRepository {
          override async saveGrants(source: string, given: readonly Grant[]): Promise<void> {
            const stored = (await this.grantsOf(given)).filter((each) => each.source === source);
            await super.saveGrants(source, [
              ...given,
              ...stored.map(({ source: _, ...grant }) => grant),
            ]);
          }
        })(),
    ),
    caughtBy: "a grant is stored in place of the one for the same membership",
  },
];

const checkpoints: readonly Flaw[] = [
  {
    flaw: "saves whatever the revision",
    cases: checkpointRepositoryContract(
      () =>
        new (class extends InMemoryCheckpointRepository {
          override async save(stream: string, position: StreamPosition): Promise<StreamPosition> {
            const revision = (await this.load(stream))?.revision ?? 0;
            return super.save(stream, { ...position, revision });
          }
        })(),
    ),
    caughtBy: "a save against another revision is VersionConflictError and changes nothing",
  },
  {
    flaw: "keeps the checkpoint when there is none any more",
    cases: checkpointRepositoryContract(
      () =>
        new (class extends InMemoryCheckpointRepository {
          override async save(stream: string, position: StreamPosition): Promise<StreamPosition> {
            return super.save(stream, { ...(await this.load(stream)), ...position });
          }
        })(),
    ),
    caughtBy: "each save counts the revision, and load returns what was saved",
  },
];

testFlaws("links", links);
testFlaws("memberships", memberships);
testFlaws("checkpoints", checkpoints);
