import { applyChangeSet } from "concordat/repositories";
import { type Group, type NewUser, type User, userResourceType } from "concordat/scim";
import { changeSetFor } from "../../../src/repositories/internal.js";
import type { Mistake } from "./mistake.js";

const spelling = "an id in another spelling is unknown, whether it is read, written or deleted";
const believed = "an id that comes with a resource is not believed";
const texts =
  "texts of every attribute that the store keeps are kept as they are, or refused as InvalidValueError";
const roundTrip =
  "every attribute that the store keeps is read as create, replace and modify have written it";
const unchanged = "a modify that changes nothing leaves the version and the times as they were";
const unchangedMembers =
  "a change of members that changes nothing leaves the version of the group, and its times, as they were";
const memberSpelling = "a member in another spelling is unknown, and not removed by it";
const many = "a group is read with all of its members, and all groups of a user are returned";

/**
 * Mistakes that everything seems to go well with: of spellings, of what has not changed, and of what is beside the
 * name.
 */
export const unnoticedMistakes: readonly Mistake[] = [
  {
    mistake: "finds an id in any case",
    suite: "users",
    caughtBy: spelling,
    make: ({ users }) => ({
      users: { get: async (id, options) => users.get(await idInAnyCase(users, id), options) },
    }),
  },
  {
    mistake: "changes by an id in any case",
    suite: "users",
    caughtBy: spelling,
    make: ({ users }) => ({
      users: {
        modify: async (id, change, options) =>
          users.modify(await idInAnyCase(users, id), change, options),
      },
    }),
  },
  {
    mistake: "deletes by an id in any case",
    suite: "users",
    caughtBy: spelling,
    make: ({ users }) => ({
      users: { delete: async (id, options) => users.delete(await idInAnyCase(users, id), options) },
    }),
  },
  {
    mistake: "replaces whom the body names",
    suite: "users",
    caughtBy: believed,
    make: ({ users }) => ({
      users: {
        replace: (id, resource, options) =>
          users.replace("id" in resource ? resource.id : id, resource, options),
      },
    }),
  },
  {
    mistake: "answers a creation with the id of the body",
    suite: "users",
    caughtBy: believed,
    make: ({ users }) => ({
      users: {
        async create(resource, options) {
          const created = await users.create(resource, options);
          const id: unknown = Reflect.get(resource, "id");
          return typeof id === "string" ? { ...created, id } : created;
        },
      },
    }),
  },
  {
    mistake: "gives a new version to what a change leaves as it was",
    suite: "users",
    caughtBy: unchanged,
    make: ({ users }) => ({
      users: {
        async modify(id, change, options) {
          const before = await users.get(id);
          await users.modify(id, change, options);
          const after = await users.get(id);
          const isSame = after?.meta?.version === before?.meta?.version;
          if (after !== undefined && isSame) await users.replace(id, after);
        },
      },
    }),
  },
  {
    mistake: "says for good that a user was changed when made",
    suite: "users",
    caughtBy: "meta.lastModified moves with each write",
    make: ({ users }) => ({
      users: {
        async get(...args) {
          const user = await users.get(...args);
          return user && unmoved(user);
        },
      },
    }),
  },
  {
    mistake: "clears the nickName where the title changes",
    suite: "users",
    caughtBy: "a change of any one attribute leaves all the others as they are",
    make: ({ users }) => ({
      users: {
        async modify(id, change, options) {
          await users.modify(id, change, options);
          const isOfTitle = !("plan" in change) && change.set?.title !== undefined;
          if (isOfTitle) await users.modify(id, { unset: ["nickName"] });
        },
      },
    }),
  },
  {
    mistake: "finds whom it renamed by the old name",
    suite: "users",
    caughtBy: "what was renamed is found by the new name, and by the old one no more",
    make: ({ users }) => {
      const index = new Map<string, string>();
      return {
        users: {
          async modify(id, change, options) {
            const before = await users.get(id);
            await users.modify(id, change, options);
            if (before !== undefined) index.set(before.userName, id);
          },
          async find(query, options) {
            const { filter } = query;
            const sought = filter?.operator === "eq" ? index.get(String(filter.value)) : undefined;
            const stale = sought === undefined ? undefined : await users.get(sought);
            return stale === undefined
              ? await users.find(query, options)
              : { totalResults: 1, startIndex: 1, resources: [stale] };
          },
        },
      };
    },
  },
  {
    mistake: "has e-mail addresses in lower case",
    suite: "users",
    caughtBy: texts,
    make: rewriting((user) =>
      user.emails === undefined
        ? user
        : {
            ...user,
            emails: user.emails.map((email) => ({
              ...email,
              ...(email.value !== undefined && { value: email.value.toLowerCase() }),
            })),
          },
    ),
  },
  {
    mistake: "makes one space of two in a displayName",
    suite: "users",
    caughtBy: texts,
    make: rewriting((user) =>
      user.displayName === undefined
        ? user
        : { ...user, displayName: user.displayName.replaceAll(/ +/g, " ") },
    ),
  },
  {
    mistake: "trims what does not name the user",
    suite: "users",
    caughtBy: texts,
    make: rewriting((user) =>
      user.nickName === undefined ? user : { ...user, nickName: user.nickName.trim() },
    ),
  },
  {
    mistake: "cuts titles at 100 characters",
    suite: "users",
    caughtBy: texts,
    make: rewriting((user) =>
      user.title === undefined ? user : { ...user, title: user.title.slice(0, 100) },
    ),
  },
  {
    mistake: "keeps two values of three",
    suite: "users",
    caughtBy: roundTrip,
    make: rewriting((user) =>
      user.emails === undefined ? user : { ...user, emails: user.emails.slice(0, 2) },
    ),
  },
  {
    mistake: "has the old version of a group whose member was deleted",
    suite: "groups",
    caughtBy: "a group has a new version when one of its members is deleted",
    make: ({ users, groups }) => {
      const held = new Map<string, Group>();
      return {
        users: {
          async delete(id, options) {
            for (const group of await groups.groupsOf(id)) {
              const before = await groups.get(group);
              if (before !== undefined) held.set(group, before);
            }
            await users.delete(id, options);
          },
        },
        groups: {
          async get(id, options) {
            const group = await groups.get(id, options);
            const { meta } = held.get(id) ?? {};
            return group && meta !== undefined ? { ...group, meta } : group;
          },
        },
      };
    },
  },
  {
    mistake: "gives a group a new version where a member comes who is there",
    suite: "groups",
    caughtBy: unchangedMembers,
    make: ({ groups }) => ({
      groups: {
        async changeMembers(id, change, options) {
          await groups.changeMembers(id, change, options);
          const group = await groups.get(id);
          if (change.add !== undefined && group !== undefined) await groups.replace(id, group);
        },
      },
    }),
  },
  {
    mistake: "replaces members by removing all and adding all",
    suite: "groups",
    caughtBy: unchangedMembers,
    make: ({ groups }) => ({
      groups: {
        async changeMembers(id, { clear, ...change }, options) {
          if (clear) await groups.changeMembers(id, { clear }, options);
          await groups.changeMembers(id, change, options);
        },
      },
    }),
  },
  {
    mistake: "says for good that a group was changed when made",
    suite: "groups",
    caughtBy: "meta.lastModified of a group moves when members come or go",
    make: ({ groups }) => ({
      groups: {
        async get(...args) {
          const group = await groups.get(...args);
          return group && unmoved(group);
        },
      },
    }),
  },
  {
    mistake: "adds by a replacement a user who is deleted just then",
    suite: "groups",
    caughtBy: "a user who is deleted while being added to a group is no member afterwards",
    make: ({ users, groups }) => {
      const begun = new Set<string>();
      const left = new Map<string, string>();
      return {
        users: {
          async delete(id, options) {
            begun.add(id);
            await users.delete(id, options);
          },
        },
        groups: {
          async replace(id, resource, options) {
            for (const { value } of resource.members ?? []) if (value) left.set(value, id);
            return await groups.replace(id, resource, options);
          },
          async groupsOf(member, options) {
            const of = await groups.groupsOf(member, options);
            const stale = begun.has(member) ? left.get(member) : undefined;
            return stale === undefined ? of : [...of, stale];
          },
        },
      };
    },
  },
  {
    mistake: "takes out a member in any case",
    suite: "groups",
    caughtBy: memberSpelling,
    make: ({ groups }) => ({
      groups: {
        async changeMembers(id, change, options) {
          const { members } = await groups.members(id);
          const remove = (change.remove ?? []).map((one) => ({
            ...one,
            value:
              members.find(({ value }) => value.toLowerCase() === one.value.toLowerCase())?.value ??
              one.value,
          }));
          await groups.changeMembers(id, { ...change, remove }, options);
        },
      },
    }),
  },
  {
    mistake: "changes the members of a group by its id in any case",
    suite: "groups",
    caughtBy: "the members of a group in another spelling are those of nothing",
    make: ({ groups }) => ({
      groups: {
        changeMembers: async (id, change, options) =>
          groups.changeMembers(await idInAnyCase(groups, id), change, options),
      },
    }),
  },
  {
    mistake: "begins a page of members at a number",
    suite: "groups",
    caughtBy: "a member who stays is on a page of members, though others leave between two pages",
    make: ({ groups }) => ({
      groups: {
        async members(id, { after = "0", count = 100 } = {}, options) {
          const { members } = await groups.members(id, {}, options);
          const end = Number(after) + count;
          const page = members.slice(Number(after), end);
          return { members: page, ...(end < members.length && { next: String(end) }) };
        },
      },
    }),
  },
  {
    mistake: "knows twenty groups of a member",
    suite: "groups",
    caughtBy: many,
    make: ({ groups }) => ({
      groups: { groupsOf: async (...args) => (await groups.groupsOf(...args)).slice(0, 20) },
    }),
  },
  {
    mistake: "reads the first ten members",
    suite: "groups",
    caughtBy: many,
    make: ({ groups }) => ({
      groups: {
        async get(...args) {
          const group = await groups.get(...args);
          const { members } = group ?? {};
          return group && members ? { ...group, members: members.slice(0, 10) } : group;
        },
      },
    }),
  },
  {
    mistake: "says of each of a page the groups of the first",
    suite: "groups",
    caughtBy: many,
    make: ({ groups }) => ({
      groups: {
        async groupsOfEach(ids, options) {
          const [first = ""] = ids;
          const of = await groups.groupsOf(first, options);
          return new Map(ids.map((id) => [id, of]));
        },
      },
    }),
  },
  {
    mistake: "changes the members of the first group of a batch, and says that of all",
    suite: "groups",
    caughtBy: "a batch changes the members of each of its groups, and says of which it could not",
    make: ({ groups }) => ({
      groups: {
        async write(writes, options) {
          const [first, ...others] = writes;
          if (first === undefined) return [];
          const done = await groups.write([first], options);
          return [
            ...done,
            ...others.map((write) => ({
              written: true as const,
              id: write.kind === "create" ? "" : write.id,
            })),
          ];
        },
      },
    }),
  },
];

/** The id of somebody who is there, in any case. */
async function idInAnyCase(
  resources: {
    get(id: string): Promise<object | undefined>;
    find(query: object): Promise<{ readonly resources: readonly { readonly id: string }[] }>;
  },
  id: string,
): Promise<string> {
  if ((await resources.get(id)) !== undefined) return id;
  const all = await resources.find({});
  return all.resources.find((one) => one.id.toLowerCase() === id.toLowerCase())?.id ?? id;
}

function unmoved<R extends User | Group>(resource: R): R {
  const { created } = resource.meta ?? {};
  return { ...resource, meta: { ...resource.meta, ...(created && { lastModified: created }) } };
}

/** Users who are stored as something else than was asked for. */
function rewriting(rewrite: (user: NewUser) => NewUser): Mistake["make"] {
  return ({ users }) => ({
    users: {
      create: (user, options) => users.create(rewrite(user), options),
      replace: (id, user, options) => users.replace(id, rewrite(user), options),
      async modify(id, change, options) {
        const current = await users.get(id);
        if (current === undefined) return await users.modify(id, change, options);
        const next = applyChangeSet(userResourceType, current, changeSetFor(change, current));
        await users.replace(id, rewrite(next), options);
      },
    },
  });
}
