import {
  type CallOptions,
  InMemoryGroupRepository,
  InMemoryUserRepository,
  type Modification,
  type Page,
  type Query,
  type ReadOptions,
  type WriteOptions,
} from "concordat/repositories";
import {
  type BoundFilter,
  compileFilter,
  type Group,
  type NewUser,
  type User,
} from "concordat/scim";
import { groupRepositoryContract, userRepositoryContract } from "concordat/testing";
import { type Flaw, testFlaws } from "./flaws.js";

type Leaf = Exclude<BoundFilter, { readonly operator: "and" | "or" | "not" }>;

/** Users that decide of each comparison, wherever it stands, whether they match. */
class FilteredBy extends InMemoryUserRepository {
  readonly #matchesLeaf: (filter: Leaf, user: User) => boolean;

  constructor(matchesLeaf: (filter: Leaf, user: User) => boolean) {
    super();
    this.#matchesLeaf = matchesLeaf;
  }

  #matches(filter: BoundFilter, user: User): boolean {
    switch (filter.operator) {
      case "and":
        return filter.filters.every((part) => this.#matches(part, user));
      case "or":
        return filter.filters.some((part) => this.#matches(part, user));
      case "not":
        return !this.#matches(filter.filter, user);
      default:
        return this.#matchesLeaf(filter, user);
    }
  }

  override async find({ filter, ...query }: Query, options?: ReadOptions): Promise<Page<User>> {
    if (filter === undefined || query.cursor !== undefined) {
      return await super.find({ ...query, ...(filter && { filter }) }, options);
    }
    await super.find({ filter }, options);
    const { resources: all } = await super.find({}, options);
    const resources = all.filter((user) => this.#matches(filter, user));
    const start = (query.startIndex ?? 1) - 1;
    const page = resources.slice(start, start + Math.max(query.count ?? 1000, 0));
    return { totalResults: resources.length, startIndex: start + 1, resources: page };
  }
}

const allFilters = "every filter that is declared finds what matches, and nothing else";
const allOrders =
  "every order that is declared is right in both directions, and holds every resource once";

const questions: readonly Flaw[] = [
  {
    flaw: "takes what is not there for neither equal nor unequal, as SQL does",
    cases: userRepositoryContract(
      () =>
        new FilteredBy((filter, user) => {
          if (filter.operator !== "ne") return compileFilter(filter)(user);
          const { target } = filter;
          const isThere = compileFilter({ operator: "pr", path: filter.path, target });
          return isThere(user) && compileFilter(filter)(user);
        }),
    ),
    caughtBy: allFilters,
  },
  {
    flaw: "lets several values of a list meet one value path",
    cases: userRepositoryContract(
      () =>
        new FilteredBy((filter, user) => {
          if (filter.operator !== "valuePath" || filter.filter.operator !== "and") {
            return compileFilter(filter)(user);
          }
          return filter.filter.filters.every((part) =>
            compileFilter({ ...filter, filter: part })(user),
          );
        }),
    ),
    caughtBy: allFilters,
  },
  {
    flaw: "takes an underscore for any character",
    cases: userRepositoryContract(
      () =>
        new FilteredBy((filter, user) => {
          if (filter.operator !== "sw" || !String(filter.value).includes("_")) {
            return compileFilter(filter)(user);
          }
          const [value = ""] = String(filter.value).split("_");
          return compileFilter({ ...filter, value })(user);
        }),
    ),
    caughtBy: allFilters,
  },
  {
    flaw: "looks at case where it does not matter",
    cases: userRepositoryContract(
      () =>
        new FilteredBy((filter, user) => {
          if (!("value" in filter)) return compileFilter(filter)(user);
          const { target } = filter;
          const exact = { ...(target.subAttribute ?? target.attribute), caseExact: true };
          const strict =
            target.subAttribute === undefined
              ? { ...target, attribute: exact }
              : { ...target, subAttribute: exact };
          return compileFilter({ ...filter, target: strict })(user);
        }),
    ),
    caughtBy: allFilters,
  },
  {
    flaw: "ignores part of a filter",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override find(query: Query, options?: ReadOptions): Promise<Page<User>> {
            const [filter] = query.filter?.operator === "and" ? query.filter.filters : [];
            return super.find({ ...query, ...(filter && { filter }) }, options);
          }
        })(),
    ),
    caughtBy: allFilters,
  },
  {
    flaw: "puts first what has no value",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override find({ sort, ...query }: Query, options?: ReadOptions): Promise<Page<User>> {
            const turned =
              sort?.order === "ascending" ? ({ ...sort, order: "descending" } as const) : sort;
            return super.find({ ...query, ...(turned && { sort: turned }) }, options);
          }
        })(),
    ),
    caughtBy: allOrders,
  },
  {
    flaw: "knows no order",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override find({ sort: _, ...query }: Query, options?: ReadOptions): Promise<Page<User>> {
            return super.find(query, options);
          }
        })(),
    ),
    caughtBy: allOrders,
  },
  {
    flaw: "counts in its cursors",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override async find(query: Query, options?: ReadOptions): Promise<Page<User>> {
            const { cursor, ...others } = query;
            if (cursor === undefined) return await super.find(query, options);
            const startIndex = cursor === "" ? 1 : Number(cursor);
            const page = await super.find({ ...others, startIndex }, options);
            const next = startIndex + page.resources.length;
            const isLast = next > (page.totalResults ?? 0);
            return { ...page, ...(!isLast && { nextCursor: String(next) }) };
          }
        })(),
    ),
    caughtBy: "a resource that stays is on one page by cursor, whatever comes and goes",
  },
  {
    flaw: "begins anew for a cursor that it does not know",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override find(query: Query, options?: ReadOptions): Promise<Page<User>> {
            return super
              .find(query, options)
              .catch(() => super.find({ ...query, cursor: "" }, options));
          }
        })(),
    ),
    caughtBy: "what is no cursor is InvalidValueError, and so is one beside an index",
  },
  {
    flaw: "gives a next cursor on the last page",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override async find(query: Query, options?: ReadOptions): Promise<Page<User>> {
            const page = await super.find(query, options);
            const nextCursor = query.cursor === "" ? "last" : undefined;
            return { ...(nextCursor !== undefined && { nextCursor }), ...page };
          }
        })(),
    ),
    caughtBy: "pages by cursor hold every resource once, and the last has no next",
  },
  {
    flaw: "puts a part in place of the whole attribute",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override async modify(
            id: string,
            modification: Modification<User, NewUser>,
            options?: WriteOptions,
          ): Promise<void> {
            const familyName =
              "plan" in modification ? undefined : modification.set?.["name.familyName"];
            if (typeof familyName === "string") {
              await super.modify(id, { set: { name: { familyName } } }, options);
            } else await super.modify(id, modification, options);
          }
        })(),
    ),
    caughtBy: "a part of an attribute is set and cleared, and what stands beside it stays",
  },
  {
    flaw: "leaves out more than it was told to",
    cases: userRepositoryContract(
      () =>
        new (class extends InMemoryUserRepository {
          override async get(id: string, options?: ReadOptions): Promise<User | undefined> {
            const user = await super.get(id, options);
            if (user === undefined || options?.excludedAttributes === undefined) return user;
            return { id: user.id, userName: user.userName };
          }
        })(),
    ),
    caughtBy: "attributes that are not needed may be left out, and no others",
  },
  {
    flaw: "sets passwords of nobody",
    cases: userRepositoryContract(() => {
      const setPassword = async (_: string, __: string, ___?: CallOptions): Promise<void> => {};
      return Object.assign(new InMemoryUserRepository({ setPassword }), { setPassword });
    }),
    caughtBy: "a password can be set, and is not returned",
  },
  {
    flaw: "does not read the members that a filter asks of",
    cases: groupRepositoryContract(() => ({
      groups: new (class extends InMemoryGroupRepository {
        override async find(query: Query, options?: ReadOptions): Promise<Page<Group>> {
          const { filter } = query;
          if (filter === undefined) return await super.find(query, options);
          const resources = (await super.find({})).resources.filter(compileFilter(filter));
          return { totalResults: resources.length, startIndex: 1, resources };
        }
      })(),
    })),
    caughtBy: allFilters,
  },
];

testFlaws("filters, orders, pages and parts", questions);
