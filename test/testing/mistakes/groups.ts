import { setImmediate } from "node:timers/promises";
import { InvalidValueError, NotFoundError, UniquenessError } from "concordat";
import type { GroupRepository, MemberPage } from "concordat/repositories";
import type { Group } from "concordat/scim";
import { type Mistake, unsignalled } from "./mistake.js";

const replaced =
  "replace leaves exactly the members that it names, also those who were there before";
const deaf =
  "a call about members whose signal is aborted rejects with the signal's reason and changes nothing";
const questions = "questions about memberships are answered exactly";
const versions = "a group has a new version when members come or go, and the same while none does";
const refusedCreate = "a create that is refused because of a member leaves no group";
const refusedWrite = "a write that is refused because of a member changes nothing";

/** Mistakes in the reading and writing of members. */
export const groupMistakes: readonly Mistake[] = (
  [
    {
      mistake: "replaces [a, b] by [b, c] and leaves [c]",
      caughtBy: replaced,
      make: ({ groups }) => ({
        groups: {
          async replace(id, { members, ...group }, options) {
            const was = await allMembers(groups, id);
            const answer = await groups.replace(id, group, options);
            const add = (members ?? []).filter(({ value }) => !was.includes(value));
            const values = add.map(({ value }) => ({ value }));
            await groups.changeMembers(id, { clear: members !== undefined, add: values });
            return answer;
          },
        },
      }),
    },
    {
      mistake: "adds the members of a replacement to those who are there",
      caughtBy: replaced,
      make: ({ groups }) => ({
        groups: {
          async replace(id, { members, ...group }, options) {
            const answer = await groups.replace(id, group, options);
            await groups.changeMembers(id, {
              add: (members ?? []).map(({ value }) => ({ value })),
            });
            return answer;
          },
        },
      }),
    },
    {
      mistake: "clears the members where a replacement says nothing of them",
      caughtBy: "replace leaves the members alone unless it has members",
      make: ({ groups }) => ({
        groups: {
          replace: (id, group, options) => groups.replace(id, { members: [], ...group }, options),
        },
      }),
    },
    {
      mistake: "adds the members that a change sets",
      caughtBy: "modify that sets members leaves exactly those, also those who were there before",
      make: ({ groups }) => ({
        groups: {
          async modify(id, change, options) {
            if ("plan" in change) return await groups.modify(id, change, options);
            const { members, ...set } = change.set ?? {};
            const add = (members ?? []).map(({ value }) => ({ value }));
            await groups.modify(id, { ...change, set }, options);
            await groups.changeMembers(id, { add });
          },
        },
      }),
    },
    {
      mistake: "does not hear that the members are unset",
      caughtBy: "modify that sets members leaves exactly those, also those who were there before",
      make: ({ groups }) => ({
        groups: {
          modify: (id, change, options) =>
            groups.modify(id, "plan" in change ? change : { ...change, unset: [] }, options),
        },
      }),
    },
    {
      mistake: "leaves the group whose creation was refused",
      caughtBy: refusedCreate,
      make: ({ groups }) => ({
        groups: {
          async create({ members = [], ...group }, options) {
            const created = await groups.create(group, options);
            return await groups.replace(created.id, { ...group, members });
          },
        },
      }),
    },
    {
      mistake: "takes a member of a type that there is not for a user",
      caughtBy: refusedCreate,
      make: ({ groups }) => ({
        groups: {
          create: ({ members = [], ...group }, options) => {
            const known = members.filter(({ type = "User" }) => ["User", "Group"].includes(type));
            return groups.create({ ...group, members: known }, options);
          },
        },
      }),
    },
    {
      mistake: "renames the group though its members are refused",
      caughtBy: refusedWrite,
      make: ({ groups }) => ({
        groups: {
          async replace(id, { members, ...group }, options) {
            const answer = await groups.replace(id, group, options);
            return members === undefined ? answer : await groups.replace(id, { ...group, members });
          },
        },
      }),
    },
    {
      mistake: "clears the members though those who are to come are refused",
      caughtBy: refusedWrite,
      make: ({ groups }) => ({
        groups: {
          async modify(id, change, options) {
            const isSet = !("plan" in change) && change.set?.members !== undefined;
            if (isSet) await groups.changeMembers(id, { clear: true });
            await groups.modify(id, change, options);
          },
        },
      }),
    },
    {
      mistake: "has a version of the group that does not move with its members",
      caughtBy: versions,
      make: ({ groups }) => {
        const known = new Map<string, string>();
        const still = (group: Group): Group => {
          const version = known.get(group.id) ?? group.meta?.version ?? "";
          known.set(group.id, version);
          return { ...group, meta: { ...group.meta, version } };
        };
        return {
          groups: {
            create: async (...args) => still(await groups.create(...args)),
            async get(...args) {
              const group = await groups.get(...args);
              return group && still(group);
            },
          },
        };
      },
    },
    {
      mistake: "gives a new version to every reader",
      caughtBy: versions,
      make: ({ groups }) => {
        let count = 0;
        return {
          groups: {
            async get(...args) {
              const group = await groups.get(...args);
              return group && { ...group, meta: { ...group.meta, version: `W/"r${count++}"` } };
            },
          },
        };
      },
    },
    {
      mistake: "removes users only, where no type is said",
      caughtBy: "a member who is removed without a type leaves, whether a user or a group",
      make: ({ groups }) => ({
        groups: {
          changeMembers: (id, change, options) => {
            const remove = (change.remove ?? []).map(({ value, type = "User" as const }) => ({
              value,
              type,
            }));
            return groups.changeMembers(id, { ...change, remove }, options);
          },
        },
      }),
    },
    {
      mistake: "tells members apart by their ids alone",
      caughtBy: "a user and a group of one id are two members, where the groups hold both",
      make: ({ groups }) => ({
        groups: { whichAreMembers: (id, ids) => groups.whichAreMembers(id, ids) },
      }),
    },
    {
      mistake: "changes members though the caller waits no more",
      caughtBy: deaf,
      make: ({ groups }) => ({
        groups: {
          changeMembers: (id, change, options) =>
            groups.changeMembers(id, change, unsignalled(options)),
        },
      }),
    },
    {
      mistake: "modifies members though the caller waits no more",
      caughtBy: deaf,
      make: ({ groups }) => ({
        groups: {
          modify: (id, change, options) => groups.modify(id, change, unsignalled(options)),
        },
      }),
    },
    {
      mistake: "reads members though the caller waits no more",
      caughtBy: deaf,
      make: ({ groups }) => ({
        groups: { members: (id, page, options) => groups.members(id, page, unsignalled(options)) },
      }),
    },
    {
      mistake: "says who is a member though the caller waits no more",
      caughtBy: deaf,
      make: ({ groups }) => ({
        groups: {
          whichAreMembers: (id, ids, options) =>
            groups.whichAreMembers(id, ids, unsignalled(options)),
        },
      }),
    },
    {
      mistake: "says whose groups they are though the caller waits no more",
      caughtBy: deaf,
      make: ({ groups }) => ({
        groups: { groupsOf: (id, options) => groups.groupsOf(id, unsignalled(options)) },
      }),
    },
    {
      mistake: "says which memberships there are though the caller waits no more",
      caughtBy: deaf,
      make: ({ groups }) => ({
        groups: { whichExist: (asked, options) => groups.whichExist(asked, unsignalled(options)) },
      }),
    },
    {
      mistake: "keeps a user who was deleted in the groups",
      caughtBy: "a user who is deleted is a member of no group any more",
      make: ({ users, groups }) => {
        const ghosts = new Map<string, readonly string[]>();
        return {
          users: {
            async delete(id, options) {
              const of = await groups.groupsOf(id);
              await users.delete(id, options);
              ghosts.set(id, of);
            },
          },
          groups: {
            groupsOf: async (id, options) => ghosts.get(id) ?? (await groups.groupsOf(id, options)),
          },
        };
      },
    },
    {
      mistake: "keeps a user who was deleted on the pages of members",
      caughtBy: "a user who is deleted is a member of no group any more",
      make: ({ users, groups }) => {
        const ghosts: string[] = [];
        return {
          users: {
            async delete(id, options) {
              await users.delete(id, options);
              ghosts.push(id);
            },
          },
          groups: {
            async members(...args) {
              const page = await groups.members(...args);
              const gone = ghosts.map((value) => ({ value, type: "User" as const }));
              return { ...page, members: [...page.members, ...gone] };
            },
          },
        };
      },
    },
    {
      mistake: "adds a user who is deleted just then",
      caughtBy: "a user who is deleted while being added to a group is no member afterwards",
      make: ({ users, groups }) => {
        const late = new Map<string, string>();
        return {
          users: {
            async delete(id, options) {
              late.delete(id);
              await users.delete(id, options);
            },
          },
          groups: {
            async changeMembers(id, change, options) {
              await groups.changeMembers(id, change, options).catch((error: unknown) => {
                if (!(error instanceof InvalidValueError)) throw error;
              });
              for (const { value } of change.add ?? []) late.set(value, id);
            },
            async groupsOf(id, options) {
              const group = late.get(id);
              return group === undefined ? await groups.groupsOf(id, options) : [group];
            },
          },
        };
      },
    },
    {
      mistake: "keeps a group that was deleted in other groups",
      caughtBy: "a group that is deleted is a member of no group any more",
      make: ({ groups }) => {
        const ghosts = new Map<string, readonly string[]>();
        return {
          groups: {
            async delete(id, options) {
              const of = await groups.groupsOf(id);
              await groups.delete(id, options);
              ghosts.set(id, of);
            },
            groupsOf: async (id, options) => ghosts.get(id) ?? (await groups.groupsOf(id, options)),
          },
        };
      },
    },
    {
      mistake: "keeps the memberships of a group that was deleted",
      caughtBy: "a deleted group has no members any more",
      make: ({ groups }) => {
        const ever = new Map<string, readonly string[]>();
        return {
          groups: {
            async delete(id, options) {
              for (const value of await allMembers(groups, id)) ever.set(value, [id]);
              await groups.delete(id, options);
            },
            groupsOf: async (id, options) => ever.get(id) ?? (await groups.groupsOf(id, options)),
          },
        };
      },
    },
    {
      mistake: "refuses a member who is there already",
      caughtBy: "member changes are idempotent",
      make: ({ groups }) => ({
        groups: {
          async changeMembers(id, change, options) {
            const added = (change.add ?? []).map(({ value }) => value);
            const [taken] = await groups.whichAreMembers(id, added);
            if (taken !== undefined) throw new UniquenessError("members", taken);
            await groups.changeMembers(id, change, options);
          },
        },
      }),
    },
    {
      mistake: "misses who is to be removed and is not there",
      caughtBy: "member changes are idempotent",
      make: ({ groups }) => ({
        groups: {
          async changeMembers(id, change, options) {
            for (const { value } of change.remove ?? []) {
              const { size } = await groups.whichAreMembers(id, [value]);
              if (size === 0) throw new NotFoundError(value);
            }
            await groups.changeMembers(id, change, options);
          },
        },
      }),
    },
    {
      mistake: "clears nothing",
      caughtBy: "one change adds, removes and clears",
      make: ({ groups }) => ({
        groups: {
          changeMembers: (id, { clear: _, ...change }, options) =>
            groups.changeMembers(id, change, options),
        },
      }),
    },
    {
      mistake: "clears last, also who is to come",
      caughtBy: "one change adds, removes and clears",
      make: ({ groups }) => ({
        groups: {
          changeMembers: (id, change, options) =>
            groups.changeMembers(id, change.clear ? { clear: true } : change, options),
        },
      }),
    },
    {
      mistake: "removes nobody where somebody comes",
      caughtBy: "one change adds, removes and clears",
      make: ({ groups }) => ({
        groups: {
          changeMembers: (id, { remove = [], ...change }, options) =>
            groups.changeMembers(id, change.add ? change : { ...change, remove }, options),
        },
      }),
    },
    {
      mistake: "modifies attributes, and not the members",
      caughtBy: "modify changes attributes and members, members alone too",
      make: ({ groups }) => ({
        groups: {
          modify: (id, change, options) => {
            if ("plan" in change) return groups.modify(id, change, options);
            const { relations: _, ...attributes } = change;
            return groups.modify(id, attributes, options);
          },
        },
      }),
    },
    {
      mistake: "does not look at the version where members alone change",
      caughtBy: "a change of members alone is refused in another version, and then changes nothing",
      make: ({ groups }) => ({
        groups: {
          modify: (id, change, options) => {
            const isOfMembers = !("plan" in change) && change.set === undefined;
            return groups.modify(id, change, isOfMembers ? {} : options);
          },
        },
      }),
    },
    {
      mistake: "says of all who are asked for that they are members",
      caughtBy: questions,
      make: ({ groups }) => ({
        groups: {
          whichAreMembers: async (id, ids, options) => {
            const found = await groups.whichAreMembers(id, ids, options);
            return found.size > 0 ? new Set(ids) : found;
          },
        },
      }),
    },
    {
      mistake: "knows one group of each member",
      caughtBy: questions,
      make: ({ groups }) => ({
        groups: { groupsOf: async (...args) => (await groups.groupsOf(...args)).slice(0, 1) },
      }),
    },
    {
      mistake: "looks for a membership in any group",
      caughtBy: questions,
      make: ({ groups }) => ({
        groups: {
          whichExist: async (asked) => {
            const found = [];
            for (const one of asked) {
              if ((await groups.groupsOf(one.member)).length > 0) found.push(one);
            }
            return found;
          },
        },
      }),
    },
    {
      mistake: "has an empty group for every id",
      caughtBy: "members of an unknown group are NotFoundError, and questions about it say no",
      make: ({ groups }) => ({
        groups: {
          members: (...args) =>
            groups.members(...args).catch((error: unknown): MemberPage => {
              if (!(error instanceof NotFoundError)) throw error;
              return { members: [] };
            }),
        },
      }),
    },
    {
      mistake: "ends the pages of members too early",
      caughtBy: "pages of members are stable: together they hold every member once",
      make: ({ groups }) => ({
        groups: {
          members: async (...args) => ({ members: (await groups.members(...args)).members }),
        },
      }),
    },
    {
      mistake: "gives more members than were asked for",
      caughtBy: "pages of members are stable: together they hold every member once",
      make: ({ groups }) => ({
        groups: {
          members: (id, { count: _, ...page } = {}, options) => groups.members(id, page, options),
        },
      }),
    },
    {
      mistake: "repeats the last member of a page on the next",
      caughtBy: "pages of members are stable: together they hold every member once",
      make: ({ groups }) => ({
        groups: {
          async members(id, page, options) {
            const found = await groups.members(id, page, options);
            const [first] = (await groups.members(id, {}, options)).members;
            if (page?.after === undefined || first === undefined) return found;
            return { ...found, members: [first, ...found.members.slice(1)] };
          },
        },
      }),
    },
    {
      mistake: "says of a group in a group that it is a user",
      caughtBy: "a group in a group says that it is one, or is refused as InvalidValueError",
      make: ({ groups }) => ({
        groups: {
          async members(...args) {
            const page = await groups.members(...args);
            return { ...page, members: page.members.map(({ value }) => ({ value, type: "User" })) };
          },
        },
      }),
    },
    {
      mistake: "returns members always",
      caughtBy: "members come only when asked for, and an empty group has none",
      make: ({ groups }) => ({
        groups: { get: (id) => groups.get(id, { attributes: ["members"] }) },
      }),
    },
    {
      mistake: "has no members in what it reads",
      caughtBy: "members come only when asked for, and an empty group has none",
      make: ({ groups }) => ({ groups: { get: (id) => groups.get(id) } }),
    },
    {
      mistake: "reads all members and writes them back",
      caughtBy: "of 100 concurrent additions of members none is lost",
      make: ({ groups }) => ({
        groups: {
          async changeMembers(id, change, options) {
            const was = await allMembers(groups, id);
            await setImmediate();
            const add = [...was.map((value) => ({ value })), ...(change.add ?? [])];
            await groups.changeMembers(id, { clear: true, add }, options);
          },
        },
      }),
    },
    {
      mistake: "does removals that come together one for all",
      caughtBy: "of 100 concurrent additions and removals of members none is lost",
      make: ({ groups }) => {
        let isBusy = false;
        return {
          groups: {
            async changeMembers(id, change, options) {
              const isPassedOver = isBusy && change.remove !== undefined;
              isBusy = true;
              if (!isPassedOver) await groups.changeMembers(id, change, options);
              isBusy = false;
            },
          },
        };
      },
    },
    {
      mistake: "writes back the old name with the members",
      caughtBy: "changes of attributes and of members at once lose neither",
      make: ({ groups }) => ({
        groups: {
          async changeMembers(id, change, options) {
            const group = await groups.get(id);
            await groups.changeMembers(id, change, options);
            await setImmediate();
            if (group !== undefined) {
              await groups.modify(id, { set: { displayName: group.displayName } });
            }
          },
        },
      }),
    },
  ] satisfies readonly Omit<Mistake, "suite">[]
).map((mistake) => ({ ...mistake, suite: "groups" }));

async function allMembers(groups: GroupRepository, id: string): Promise<readonly string[]> {
  const group = await groups.get(id, { attributes: ["members"] });
  return (group?.members ?? []).map(({ value }) => value);
}
