import { setImmediate } from "node:timers/promises";
import { UniquenessError } from "concordat";
import {
  type Grant,
  type HeldName,
  InMemoryCheckpointRepository,
  InMemoryGroupRepository,
  InMemoryLinkRepository,
  InMemoryMembershipRepository,
  InMemoryUserRepository,
  inMemoryTarget,
  type Link,
  type LinkOwner,
  type LinkSelection,
  type MembersChange,
  type Membership,
  type Page,
  type Query,
  type Reference,
  type SourceGrant,
  type StreamPosition,
  type SyncTarget,
} from "concordat/repositories";
import type { Group, NewUser, User } from "concordat/scim";
import {
  type ContractCase,
  checkpointRepositoryContract,
  groupRepositoryContract,
  linkRepositoryContract,
  membershipRepositoryContract,
  syncTargetContract,
  userRepositoryContract,
} from "concordat/testing";
import { describe, expect, test } from "vitest";

/** A suite over a repository with one flaw, and the case that must see it. */
interface Flaw {
  readonly flaw: string;
  readonly cases: Promise<readonly ContractCase[]>;
  readonly caughtBy: string;
}

const users: readonly Flaw[] = [
  {
    flaw: "looks for the name first and creates later",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override async create(resource: NewUser): Promise<User> {
            const filter = { operator: "eq", path: "userName", value: resource.userName } as const;
            const [taken] = (await this.find({ filter })).resources;
            if (taken !== undefined) throw new UniquenessError("userName", taken.id);
            await setImmediate();
            return super
              .create(resource)
              .catch(() => ({ id: "second", userName: resource.userName }));
          }
        })(),
    ),
    caughtBy: "of 100 concurrent creates of one userName exactly one is done",
  },
  {
    flaw: "takes accents for the same letter",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override async create(resource: NewUser): Promise<User> {
            const plain = (name: string): string =>
              name.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
            const others = (await this.find({})).resources;
            const taken = others.find((user) => plain(user.userName) === plain(resource.userName));
            if (taken !== undefined) throw new UniquenessError("userName", taken.id);
            return super.create(resource);
          }
        })(),
    ),
    caughtBy: "userNames that differ in an accent are different",
  },
  {
    flaw: "drops trailing spaces",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override create(resource: NewUser): Promise<User> {
            return super.create({ ...resource, userName: resource.userName.trimEnd() });
          }
        })(),
    ),
    caughtBy:
      "userNames that differ in trailing spaces are different, or refused as InvalidValueError",
  },
  {
    flaw: "folds only ASCII letters",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override async find(query: Query): Promise<Page<User>> {
            const fold = (name: string): string =>
              name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
            const page = await super.find(query);
            const { filter } = query;
            if (filter?.path !== "userName") return page;
            const resources = page.resources.filter(
              (user) => fold(user.userName) === fold(String(filter.value)),
            );
            return { ...page, resources };
          }
        })(),
    ),
    caughtBy: "a filter of userName ignores case and nothing else",
  },
  {
    flaw: "answers a filter that it does not know with everything",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override find(query: Query): Promise<Page<User>> {
            return super.find(query).catch(() => super.find({}));
          }
        })(),
    ),
    caughtBy: "a filter that is not declared is refused, never widened",
  },
  {
    flaw: "pages in an order that changes",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          #calls = 0;
          override async find({ startIndex = 1, count = 1000 }: Query): Promise<Page<User>> {
            const { resources, totalResults } = await super.find({});
            const order = this.#calls++ % 2 === 0 ? resources : [...resources].reverse();
            const page = order.slice(startIndex - 1, startIndex - 1 + count);
            return { totalResults, startIndex, resources: page };
          }
        })(),
    ),
    caughtBy: "pages are stable: together they hold every resource once",
  },
  {
    flaw: "does not look at ifVersion",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override replace(id: string, resource: NewUser | User): Promise<User> {
            return super.replace(id, resource);
          }
        })(),
    ),
    caughtBy: "a write against an old version is VersionConflictError and changes nothing",
  },
  {
    flaw: "compares versions first and writes later",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override async replace(
            id: string,
            resource: NewUser | User,
            options?: { ifVersion?: string },
          ): Promise<User> {
            const current = await this.get(id);
            if (options?.ifVersion !== current?.meta?.version)
              await super.replace(id, resource, options);
            await setImmediate();
            return super.replace(id, resource);
          }
        })(),
    ),
    caughtBy: "of 20 concurrent writes against one version exactly one is done",
  },
  {
    flaw: "hands out the objects that it keeps",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          readonly #kept = new Map<string, User>();
          override async create(resource: NewUser): Promise<User> {
            const user = structuredClone(await super.create(resource));
            this.#kept.set(user.id, user);
            return user;
          }
          override async get(id: string): Promise<User | undefined> {
            return this.#kept.get(id);
          }
        })(),
    ),
    caughtBy: "nobody changes the store through what was passed or returned",
  },
  {
    flaw: "returns the password",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override async create(resource: NewUser): Promise<User> {
            return { ...(await super.create(resource)), ...resource };
          }
        })(),
    ),
    caughtBy: "a password is never returned",
  },
  {
    flaw: "does not look at the signal",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override create(resource: NewUser): Promise<User> {
            return super.create(resource);
          }
        })(),
    ),
    caughtBy: "a call whose signal is aborted rejects with the signal's reason and writes nothing",
  },
];

const groups: readonly Flaw[] = [
  {
    flaw: "reads all members and writes them back",
    cases: groupRepositoryContract(() => ({
      groups: new (class extends InMemoryGroupRepository {
        override async changeMembers(id: string, change: MembersChange): Promise<void> {
          const group = await this.get(id, { attributes: ["members"] });
          if (group === undefined) return super.changeMembers(id, change);
          const values = change.clear ? [] : (group.members ?? []).map((member) => member.value);
          const left = values.filter((value) => !change.remove?.includes(value));
          const all = new Set([...left, ...(change.add ?? []).map((member) => member.value)]);
          await setImmediate();
          const members = Array.from(all, (value) => ({ value }));
          await super.replace(id, { displayName: group.displayName, members });
        }
      })(),
    })),
    caughtBy: "of 100 concurrent additions of members none is lost",
  },
  {
    flaw: "refuses a member that is there already",
    cases: groupRepositoryContract(() => ({
      groups: new (class extends InMemoryGroupRepository {
        override async changeMembers(id: string, change: MembersChange): Promise<void> {
          const added = (change.add ?? []).map((member) => member.value);
          const [taken] = await this.whichAreMembers(id, added);
          if (taken !== undefined) throw new UniquenessError("members", taken);
          return super.changeMembers(id, change);
        }
      })(),
    })),
    caughtBy: "member changes are idempotent",
  },
  {
    flaw: "returns members always",
    cases: groupRepositoryContract(() => ({
      groups: new (class extends InMemoryGroupRepository {
        override get(id: string): Promise<Group | undefined> {
          return super.get(id, { attributes: ["members"] });
        }
      })(),
    })),
    caughtBy: "members come only when asked for, and an empty group has none",
  },
  {
    flaw: "keeps the memberships of a deleted group",
    cases: groupRepositoryContract(() => ({
      groups: new (class extends InMemoryGroupRepository {
        readonly #ever = new Map<string, readonly string[]>();
        override async delete(id: string): Promise<void> {
          for (const { value } of (await this.members(id)).members) this.#ever.set(value, [id]);
          await super.delete(id);
        }
        override async groupsOf(member: string): Promise<readonly string[]> {
          return this.#ever.get(member) ?? super.groupsOf(member);
        }
      })(),
    })),
    caughtBy: "a deleted group has no members any more",
  },
  {
    flaw: "ends the pages of members too early",
    cases: groupRepositoryContract(() => ({
      groups: new (class extends InMemoryGroupRepository {
        override async members(id: string, page?: { after?: string; count?: number }) {
          const { members } = await super.members(id, page);
          return { members };
        }
      })(),
    })),
    caughtBy: "pages of members are stable: together they hold every member once",
  },
];

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

/** A target whose transactions are flawed. */
function withTransaction(
  transaction: <R>(work: (target: SyncTarget) => Promise<R>, sound: SyncTarget) => Promise<R>,
): SyncTarget {
  const sound = inMemoryTarget();
  return { ...sound, transaction: (work) => transaction(work, sound) };
}

function soundTransaction<R>(sound: SyncTarget, work: (target: SyncTarget) => Promise<R>) {
  if (sound.transaction === undefined) throw new Error("The target has no transactions.");
  return sound.transaction(work);
}

const targets: readonly Flaw[] = [
  {
    flaw: "does not roll back",
    cases: syncTargetContract(() => {
      const target: SyncTarget = {
        ...inMemoryTarget({ transactions: false }),
        transaction: (work) => work(target),
      };
      return target;
    }),
    caughtBy: "a transaction rejects with what its work rejects with, and every store is as it was",
  },
  {
    flaw: "does not bind its links to the transaction",
    cases: syncTargetContract(() => {
      const links = new InMemoryLinkRepository();
      const sound = inMemoryTarget();
      return {
        ...sound,
        links,
        transaction: (work) => soundTransaction(sound, (inside) => work({ ...inside, links })),
      };
    }),
    caughtBy: "a transaction rejects with what its work rejects with, and every store is as it was",
  },
  {
    flaw: "does not bind its groups to the transaction",
    cases: syncTargetContract(() => {
      const groups = new InMemoryGroupRepository();
      const sound = inMemoryTarget();
      return {
        ...sound,
        groups,
        transaction: (work) => soundTransaction(sound, (inside) => work({ ...inside, groups })),
      };
    }),
    caughtBy: "groups and their members are in the transaction too",
  },
  {
    flaw: "has no savepoints",
    cases: syncTargetContract(() =>
      withTransaction((work, sound) =>
        soundTransaction(sound, (inside) => {
          const flat: SyncTarget = { ...inside, transaction: (inner) => inner(flat) };
          return work(flat);
        }),
      ),
    ),
    caughtBy: "a savepoint that is rolled back takes its own writes with it and no others",
  },
  {
    flaw: "wraps what the work rejects with",
    cases: syncTargetContract(() =>
      withTransaction((work, sound) =>
        soundTransaction(sound, work).catch((cause: unknown) => {
          throw new Error("The transaction failed.", { cause });
        }),
      ),
    ),
    caughtBy: "a transaction rejects with what its work rejects with, and every store is as it was",
  },
];

for (const [title, flaws] of Object.entries({
  users,
  groups,
  links,
  memberships,
  checkpoints,
  targets,
})) {
  describe(`the contract of ${title} catches a store that`, () => {
    test.for(flaws)("$flaw", async ({ cases, caughtBy }) => {
      const failed: string[] = [];
      for (const { name, skip, run } of await cases) {
        if (skip === undefined) await run().catch(() => failed.push(name));
      }
      expect(failed).toContain(caughtBy);
    });
  });
}

test("a case that does not apply says why, and rejects when it is run all the same", async () => {
  const cases = await userRepositoryContract(() => new InMemoryUserRepository());
  const sessions = cases.find((each) => each.name === "sessions can be revoked");
  expect(sessions?.skip).toBe("the store declares no sessions");
  await expect(sessions?.run()).rejects.toThrow("the store declares no sessions");
});

test("every subject is disposed of, also when a case fails", async () => {
  const counted = { made: 0, disposed: 0 };
  const cases = await userRepositoryContract(() => {
    counted.made++;
    const broken = new (class extends InMemoryUserRepository {
      override create(): Promise<User> {
        return Promise.reject(new Error("out of order"));
      }
    })();
    const dispose = async (): Promise<void> => {
      counted.disposed++;
    };
    return Object.assign(broken, { [Symbol.asyncDispose]: dispose });
  });
  await Promise.allSettled(cases.map((each) => each.run()));
  expect(counted.made).toBeGreaterThan(10);
  expect(counted.disposed).toBe(counted.made);
});
