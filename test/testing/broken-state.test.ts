import {
  type Grant,
  InMemoryCheckpointRepository,
  InMemoryMembershipRepository,
  type Membership,
  type Reference,
  type SourceGrant,
  type StreamPosition,
} from "concordat/repositories";
import { checkpointRepositoryContract, membershipRepositoryContract } from "concordat/testing";
import { type Flaw, testFlaws } from "./flaws.js";

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
  {
    flaw: "answers every grant where those are asked for that are not held",
    cases: membershipRepositoryContract(
      () =>
        new (class extends InMemoryMembershipRepository {
          override async grantsNotHeld(source: string, count: number): Promise<readonly Grant[]> {
            return await this.grantsIn(source, "g", { count });
          }
        })(),
    ),
    caughtBy: "grants that are not held are found, of this source and no more than were asked for",
  },
  {
    flaw: "still takes a grant for not held that has been confirmed",
    cases: membershipRepositoryContract(
      () =>
        new (class extends InMemoryMembershipRepository {
          readonly #begun: Grant[] = [];
          override async saveGrants(source: string, given: readonly Grant[]): Promise<void> {
            if (source === "s") this.#begun.push(...given.filter((grant) => !grant.held));
            await super.saveGrants(source, given);
          }
          override async grantsNotHeld(source: string, count: number): Promise<readonly Grant[]> {
            if (source !== "s") return await super.grantsNotHeld(source, count);
            return this.#begun.slice(0, count);
          }
        })(),
    ),
    caughtBy: "grants that are not held are found, of this source and no more than were asked for",
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
  {
    flaw: "lets an older epoch pass",
    cases: checkpointRepositoryContract(
      () =>
        new (class extends InMemoryCheckpointRepository {
          override async hold(stream: string, epoch: number): Promise<void> {
            const stored = (await this.load(stream))?.epoch ?? 0;
            if (epoch === 0 || epoch > stored) await super.hold(stream, epoch);
          }
        })(),
    ),
    caughtBy:
      "hold passes for the epoch that claimed last, and is StreamTakenError for every other",
  },
  {
    flaw: "takes over whatever is there",
    cases: checkpointRepositoryContract(
      () =>
        new (class extends InMemoryCheckpointRepository {
          override claim(stream: string): Promise<StreamPosition> {
            return super.claim(stream);
          }
        })(),
    ),
    caughtBy: "a claim of a position that was seen takes over that one alone",
  },
  ...(["mapping", "taken", "unconfirmed"] as const).map(
    (lost): Flaw => ({
      flaw: `has no column for ${lost}`,
      cases: checkpointRepositoryContract(
        () =>
          new (class extends InMemoryCheckpointRepository {
            override save(stream: string, position: StreamPosition): Promise<StreamPosition> {
              const { [lost]: _, ...kept } = position;
              return super.save(stream, kept);
            }
          })(),
      ),
      caughtBy: "a position is kept whole",
    }),
  ),
];

testFlaws("memberships", memberships);
testFlaws("checkpoints", checkpoints);
