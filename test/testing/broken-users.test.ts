import { setImmediate } from "node:timers/promises";
import { UniquenessError } from "concordat";
import { InMemoryUserRepository, type Page, type Query } from "concordat/repositories";
import { bindFilter, eq, type NewUser, type User, userResourceType } from "concordat/scim";
import { userRepositoryContract } from "concordat/testing";
import { expect, test } from "vitest";
import { type Flaw, testFlaws } from "./flaws.js";

const users: readonly Flaw[] = [
  {
    flaw: "looks for the name first and creates later",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override async create(resource: NewUser): Promise<User> {
            const filter = bindFilter(eq("userName", resource.userName), userResourceType);
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
            if (filter?.operator !== "eq" || filter.target.path !== "userName") return page;
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
            const { resources } = await super.find({});
            const order = this.#calls++ % 2 === 0 ? resources : [...resources].reverse();
            const page = order.slice(startIndex - 1, startIndex - 1 + count);
            return { totalResults: resources.length, startIndex, resources: page };
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
    caughtBy: "callers cannot change the store through what was passed or returned",
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

testFlaws("users", users);

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
