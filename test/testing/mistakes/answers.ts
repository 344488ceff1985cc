import type { Page, Query, ReadOptions } from "concordat/repositories";
import type { User } from "concordat/scim";
import { supportsFilter } from "../../../src/repositories/internal.js";
import type { Mistake, Stores } from "./mistake.js";

const gone = "a resource that was deleted is on no page, matches no filter, and is counted nowhere";
const everyFilter = "every filter that is declared finds what matches, and nothing else";
const everyOrder =
  "every order that is declared is right in both directions, and holds every resource once";
const pages = "pages are stable: together they hold every resource once";

type Answer = (
  query: Query,
  options: ReadOptions | undefined,
  sound: Stores,
) => Promise<Page<User>>;

/** A mistake in what users `find` answers with. */
function answering(mistake: string, caughtBy: string, find: Answer): Mistake {
  return {
    mistake,
    caughtBy,
    suite: "users",
    make: (sound) => ({ users: { find: (query, options) => find(query, options, sound) } }),
  };
}

/** Mistakes in the answers to questions. */
export const answerMistakes: readonly Mistake[] = [
  {
    mistake: "counts who was deleted among those whom a filter finds",
    suite: "users",
    caughtBy: gone,
    make: ({ users }) => {
      const deleted: User[] = [];
      return {
        users: {
          async delete(id, options) {
            const user = await users.get(id);
            await users.delete(id, options);
            if (user !== undefined) deleted.push(user);
          },
          async find(query, options) {
            const page = await users.find(query, options);
            if (query.filter === undefined || page.totalResults === undefined) return page;
            return { ...page, totalResults: page.totalResults + deleted.length };
          },
        },
      };
    },
  },
  {
    mistake: "counts who was deleted among all",
    suite: "users",
    caughtBy: gone,
    make: ({ users }) => {
      let deleted = 0;
      return {
        users: {
          async delete(id, options) {
            await users.delete(id, options);
            deleted++;
          },
          async find(query, options) {
            const page = await users.find(query, options);
            if (query.filter !== undefined || page.totalResults === undefined) return page;
            return { ...page, totalResults: page.totalResults + deleted };
          },
        },
      };
    },
  },
  {
    mistake: "finds by a filter who was deleted",
    suite: "users",
    caughtBy: gone,
    make: ({ users }) => {
      const deleted: User[] = [];
      return {
        users: {
          async delete(id, options) {
            const user = await users.get(id);
            await users.delete(id, options);
            if (user !== undefined) deleted.push(user);
          },
          async find(query, options) {
            const page = await users.find(query, options);
            if (query.filter === undefined) return page;
            return { ...page, resources: [...page.resources, ...deleted] };
          },
        },
      };
    },
  },
  answering("counts what is on the page", pages, async (query, options, { users }) => {
    const page = await users.find(query, options);
    return { ...page, totalResults: page.resources.length };
  }),
  answering("begins every page at the first", pages, ({ startIndex: _, ...query }, o, { users }) =>
    users.find(query, o),
  ),
  answering(
    "gives more than was asked for",
    "a page is never larger than asked for, and may begin after the end",
    ({ count: _, ...query }, options, { users }) => users.find(query, options),
  ),
  answering(
    "answers a filter that it does not declare with everybody",
    "a filter that is not declared is refused, never widened",
    ({ filter, ...query }, options, { users }) =>
      filter === undefined || supportsFilter(users.capabilities, filter)
        ? users.find({ ...query, ...(filter && { filter }) }, options)
        : users.find(query, options),
  ),
  answering(
    "looks at the case of names",
    "a filter of userName ignores case and nothing else",
    async (query, options, { users }) => {
      const page = await users.find(query, options);
      const { filter } = query;
      if (filter?.operator !== "eq" || filter.target.path !== "userName") return page;
      return { ...page, resources: page.resources.filter((one) => one.userName === filter.value) };
    },
  ),
  answering(
    "takes an id in capitals for the same",
    "externalId is kept, filtered by exactly, changed and cleared",
    async (query, options, { users }) => {
      const { filter } = query;
      if (filter?.operator !== "eq" || filter.target.path !== "externalId") {
        return await users.find(query, options);
      }
      const { resources } = await users.find({}, options);
      const sought = String(filter.value).toLowerCase();
      const found = resources.filter((one) => one.externalId?.toLowerCase() === sought);
      return { totalResults: found.length, startIndex: 1, resources: found };
    },
  ),
  answering("ignores all but the first part of a filter", everyFilter, (query, o, { users }) => {
    const [filter] = query.filter?.operator === "and" ? query.filter.filters : [];
    return users.find({ ...query, ...(filter && { filter }) }, o);
  }),
  answering("takes or for and", everyFilter, (query, options, { users }) => {
    const { filter } = query;
    const changed = filter?.operator === "or" ? ({ ...filter, operator: "and" } as const) : filter;
    return users.find({ ...query, ...(changed && { filter: changed }) }, options);
  }),
  answering("does not hear a not", everyFilter, (query, options, { users }) => {
    const filter = query.filter?.operator === "not" ? query.filter.filter : query.filter;
    return users.find({ ...query, ...(filter && { filter }) }, options);
  }),
  answering("takes greater for greater or equal", everyFilter, (query, options, { users }) => {
    const { filter } = query;
    const changed = filter?.operator === "gt" ? ({ ...filter, operator: "ge" } as const) : filter;
    return users.find({ ...query, ...(changed && { filter: changed }) }, options);
  }),
  answering("knows no order", everyOrder, ({ sort: _, ...query }, options, { users }) =>
    users.find(query, options),
  ),
  answering("orders one way only", everyOrder, ({ sort, ...query }, options, { users }) =>
    users.find(
      { ...query, ...(sort && { sort: { ...sort, order: "ascending" as const } }) },
      options,
    ),
  ),
  answering(
    "begins anew for a cursor that it does not know",
    "what is no cursor is InvalidValueError, and so is one beside an index",
    (query, options, { users }) =>
      users.find(query, options).catch((error: unknown) => {
        if (query.cursor === undefined) throw error;
        return users.find({ ...query, cursor: "" }, options);
      }),
  ),
  answering(
    "gives a next cursor on the last page",
    "pages by cursor hold every resource once, and the last has no next",
    async (query, options, { users }) => {
      const page = await users.find(query, options);
      return query.cursor === "" ? { nextCursor: "last", ...page } : page;
    },
  ),
  {
    mistake: "hands out what it keeps",
    suite: "users",
    caughtBy: "callers cannot change the store through what was passed or returned",
    make: ({ users }) => {
      const kept = new Map<string, User>();
      return {
        users: {
          async create(user, options) {
            const created = structuredClone(await users.create(user, options));
            kept.set(created.id, created);
            return created;
          },
          get: async (id, options) => kept.get(id) ?? (await users.get(id, options)),
        },
      };
    },
  },
];
