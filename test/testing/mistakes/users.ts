import { setImmediate } from "node:timers/promises";
import { InvalidValueError, NotFoundError, UniquenessError } from "concordat";
import { applyChangeSet, type WriteResult } from "concordat/repositories";
import { enterpriseUserId, type NewUser, type User } from "concordat/scim";
import { changeSetFor } from "../../../src/repositories/internal.js";
import { type Mistake, unsignalled } from "./mistake.js";

const roundTrip =
  "every attribute that the store keeps is read as create, replace and modify have written it";
const signals =
  "a call whose signal is aborted rejects with the signal's reason and writes nothing";
const created = "meta.created stays as it was, whatever is written later";
const oldVersion = "a write against an old version is VersionConflictError and changes nothing";
const batches = "one refused write of a batch stops no other, and results come in order";

/** Mistakes in the reading and writing of users. */
export const userMistakes: readonly Mistake[] = (
  [
    {
      mistake: "answers a creation and stores nothing",
      caughtBy: "create stores a resource under an id of its own, and get returns it",
      make: () => ({
        users: { create: async (resource) => ({ ...plain(resource), id: crypto.randomUUID() }) },
      }),
    },
    {
      mistake: "has a user for every id",
      caughtBy: "get of an id that was never given out is undefined",
      make: ({ users }) => ({
        users: {
          get: async (id, options) => (await users.get(id, options)) ?? { id, userName: id },
        },
      }),
    },
    {
      mistake: "creates whom it is to replace",
      caughtBy: "replace and modify of an unknown id are NotFoundError",
      make: ({ users }) => ({
        users: {
          replace: async (id, resource, options) =>
            (await users.get(id)) === undefined
              ? await users.create(plain(resource))
              : await users.replace(id, resource, options),
        },
      }),
    },
    {
      mistake: "changes nobody without a word",
      caughtBy: "replace and modify of an unknown id are NotFoundError",
      make: ({ users }) => ({
        users: {
          modify: (...args) =>
            users.modify(...args).catch((error: unknown) => {
              if (!(error instanceof NotFoundError)) throw error;
            }),
        },
      }),
    },
    {
      mistake: "merges where it is to replace",
      caughtBy: roundTrip,
      make: ({ users }) => ({
        users: {
          replace: async (id, resource, options) =>
            await users.replace(id, { ...(await users.get(id)), ...resource }, options),
        },
      }),
    },
    {
      mistake: "ignores the externalId at creation",
      caughtBy: roundTrip,
      make: ({ users }) => ({
        users: { create: ({ externalId: _, ...user }, options) => users.create(user, options) },
      }),
    },
    {
      mistake: "keeps the first of several e-mail addresses",
      caughtBy: roundTrip,
      make: ({ users }) => ({
        users: {
          create: ({ emails, ...user }, options) =>
            users.create({ ...user, ...(emails && { emails: emails.slice(0, 1) }) }, options),
        },
      }),
    },
    {
      mistake: "drops the enterprise extension",
      caughtBy: roundTrip,
      make: ({ users }) => ({
        users: {
          create: ({ [enterpriseUserId]: _, ...user }, options) => users.create(user, options),
        },
      }),
    },
    {
      mistake: "answers with what it was given, and has dropped the title",
      caughtBy: roundTrip,
      make: ({ users }) => ({
        users: {
          create: async ({ title, ...user }, options) => ({
            ...(await users.create(user, options)),
            ...(title !== undefined && { title }),
          }),
        },
      }),
    },
    {
      mistake: "drops the title in a replacement, and answers as if it had not",
      caughtBy: roundTrip,
      make: ({ users }) => ({
        users: {
          async replace(id, { title, ...user }, options) {
            const replaced = await users.replace(id, user, options);
            return { ...replaced, ...(title !== undefined && { title }) };
          },
        },
      }),
    },
    {
      mistake: "declares attributes that it does not keep, and answers with them",
      caughtBy:
        "an attribute that is not declared is refused as InvalidValueError, or left out of what is returned",
      make: ({ users }) => ({
        users: {
          capabilities: { ...users.capabilities, attributes: ["userName", "active"] },
          async create({ nickName, ...user }, options) {
            const stored = await users.create(user, options);
            return { ...stored, ...(nickName !== undefined && { nickName }) };
          },
        },
      }),
    },
    {
      mistake: "declares paths that there are not",
      caughtBy: "every path in capabilities.attributes is that of an attribute",
      make: ({ users }) => ({
        users: { capabilities: { ...users.capabilities, attributes: ["userName", "login"] } },
      }),
    },
    {
      mistake: "clears nothing in a change",
      caughtBy: roundTrip,
      make: ({ users }) => ({
        users: {
          modify: (id, change, options) =>
            users.modify(id, "plan" in change ? change : { ...change, unset: [] }, options),
        },
      }),
    },
    {
      mistake: "sets a part of a name in place of the name",
      caughtBy: "a part of an attribute is set and cleared, and what stands beside it stays",
      make: ({ users }) => ({
        users: {
          async modify(id, change, options) {
            const familyName = "plan" in change ? undefined : change.set?.["name.familyName"];
            if (typeof familyName !== "string") return await users.modify(id, change, options);
            await users.modify(id, { set: { name: { familyName } } }, options);
          },
        },
      }),
    },
    {
      mistake: "replaces the extension to set a part of it",
      caughtBy: "an attribute of an extension is set and cleared, and what stands beside it stays",
      make: ({ users }) => ({
        users: {
          async modify(id, change, options) {
            const path = `${enterpriseUserId}:department` as const;
            const department = "plan" in change ? undefined : change.set?.[path];
            if (typeof department === "string") {
              await users.modify(id, { set: { [enterpriseUserId]: { costCenter: "1" } } });
            }
            const { unset: _, ...set } = "plan" in change ? { unset: [] } : change;
            await users.modify(id, department === undefined ? change : set, options);
          },
        },
      }),
    },
    {
      mistake: "trims names",
      caughtBy: "strings are kept as they are, or refused as InvalidValueError",
      make: ({ users }) => ({
        users: {
          create: (user, options) =>
            users.create({ ...user, userName: user.userName.trim() }, options),
        },
      }),
    },
    {
      mistake: "renames nobody",
      caughtBy: "the naming attribute can be changed, and the old name is free again",
      make: ({ users }) => ({
        users: {
          async modify(id, change, options) {
            if ("plan" in change) return await users.modify(id, change, options);
            const { userName: _, ...set } = change.set ?? {};
            await users.modify(id, { ...change, set }, options);
          },
        },
      }),
    },
    {
      mistake: "deletes nobody",
      caughtBy: "delete removes the resource, and its name is free again",
      make: ({ users }) => ({
        users: {
          async delete(id) {
            if ((await users.get(id)) === undefined) throw new NotFoundError(id);
          },
        },
      }),
    },
    {
      mistake: "deletes again who is gone",
      caughtBy: "delete removes the resource, and its name is free again",
      make: ({ users }) => ({
        users: {
          delete: (...args) =>
            users.delete(...args).catch((error: unknown) => {
              if (!(error instanceof NotFoundError)) throw error;
            }),
        },
      }),
    },
    {
      mistake: "brings back who was deleted when they are written",
      caughtBy: "a resource that was deleted cannot be written any more",
      make: ({ users }) => {
        const gone = new Set<string>();
        return {
          users: {
            async delete(id, options) {
              await users.delete(id, options);
              gone.add(id);
            },
            replace: (id, resource, options) =>
              gone.has(id)
                ? users.create(plain(resource), options)
                : users.replace(id, resource, options),
          },
        };
      },
    },
    {
      mistake: "stops a batch at the first write that is refused",
      caughtBy: batches,
      make: ({ users }) => ({
        users: {
          async write(writes, options) {
            const results: WriteResult[] = [];
            for (const write of writes) {
              const [result] = await users.write([write], options);
              if (result !== undefined) results.push(result);
              if (result?.written === false) break;
            }
            return results;
          },
        },
      }),
    },
    {
      mistake: "gives the results of a batch as they come",
      caughtBy: batches,
      make: ({ users }) => ({
        users: {
          write: async (...args) => {
            const results = await users.write(...args);
            return [...results].sort((one, other) => Number(other.written) - Number(one.written));
          },
        },
      }),
    },
    {
      mistake: "says of a batch that all of it was written",
      caughtBy: batches,
      make: ({ users }) => ({
        users: {
          write: async (...args) => {
            const results = await users.write(...args);
            return results.map((one) => (one.written ? one : { written: true, id: "unknown" }));
          },
        },
      }),
    },
    {
      mistake: "creates though the caller waits no more",
      caughtBy: signals,
      make: ({ users }) => ({
        users: { create: (user, options) => users.create(user, unsignalled(options)) },
      }),
    },
    {
      mistake: "replaces though the caller waits no more",
      caughtBy: signals,
      make: ({ users }) => ({
        users: { replace: (id, user, options) => users.replace(id, user, unsignalled(options)) },
      }),
    },
    {
      mistake: "modifies though the caller waits no more",
      caughtBy: signals,
      make: ({ users }) => ({
        users: { modify: (id, change, options) => users.modify(id, change, unsignalled(options)) },
      }),
    },
    {
      mistake: "deletes though the caller waits no more",
      caughtBy: signals,
      make: ({ users }) => ({
        users: { delete: (id, options) => users.delete(id, unsignalled(options)) },
      }),
    },
    {
      mistake: "writes a batch though the caller waits no more",
      caughtBy: signals,
      make: ({ users }) => ({
        users: { write: (writes, options) => users.write(writes, unsignalled(options)) },
      }),
    },
    {
      mistake: "reads though the caller waits no more",
      caughtBy: signals,
      make: ({ users }) => ({
        users: { get: (id, options) => users.get(id, unsignalled(options)) },
      }),
    },
    {
      mistake: "searches though the caller waits no more",
      caughtBy: signals,
      make: ({ users }) => ({
        users: { find: (query, options) => users.find(query, unsignalled(options)) },
      }),
    },
    {
      mistake: "says that whom it replaces was created now",
      caughtBy: created,
      make: ({ users }) => {
        const times = new Map<string, string>();
        return {
          users: {
            async replace(id, user, options) {
              const replaced = await users.replace(id, user, options);
              times.set(id, new Date().toISOString());
              return withCreated(replaced, times.get(id));
            },
            async get(id, options) {
              const user = await users.get(id, options);
              return user && withCreated(user, times.get(id));
            },
          },
        };
      },
    },
    {
      mistake: "believes a client when a user was created",
      caughtBy: created,
      make: ({ users }) => {
        const times = new Map<string, string | undefined>();
        return {
          users: {
            async replace(id, user, options) {
              if ("meta" in user) times.set(id, user.meta?.created);
              return await users.replace(id, user, options);
            },
            async get(id, options) {
              const user = await users.get(id, options);
              return user && withCreated(user, times.get(id));
            },
          },
        };
      },
    },
    {
      mistake: "gives every user one version for good",
      caughtBy: "every write gives a new version, which the next reader sees",
      make: ({ users }) => {
        const versions = new Map<string, string | undefined>();
        const still = (user: User): User => {
          if (!versions.has(user.id)) versions.set(user.id, user.meta?.version);
          const version = versions.get(user.id);
          return { ...user, meta: { ...user.meta, ...(version !== undefined && { version }) } };
        };
        return {
          users: {
            create: async (...args) => still(await users.create(...args)),
            replace: async (...args) => still(await users.replace(...args)),
            async get(...args) {
              const user = await users.get(...args);
              return user && still(user);
            },
          },
        };
      },
    },
    {
      mistake: "replaces whatever the version",
      caughtBy: oldVersion,
      make: ({ users }) => ({ users: { replace: (id, user) => users.replace(id, user) } }),
    },
    {
      mistake: "modifies whatever the version",
      caughtBy: oldVersion,
      make: ({ users }) => ({ users: { modify: (id, change) => users.modify(id, change) } }),
    },
    {
      mistake: "deletes whatever the version",
      caughtBy: oldVersion,
      make: ({ users }) => ({ users: { delete: (id) => users.delete(id) } }),
    },
    {
      mistake: "says of an old version that there is no such user",
      caughtBy: oldVersion,
      make: ({ users }) => ({
        users: {
          replace: (id, user, options) =>
            users.replace(id, user, options).catch(() => Promise.reject(new NotFoundError(id))),
        },
      }),
    },
    {
      mistake: "compares versions first and writes later",
      caughtBy: "of 20 concurrent writes against one version exactly one is done",
      make: ({ users }) => ({
        users: {
          async replace(id, user, options) {
            const current = await users.get(id);
            if (current?.meta?.version !== options?.ifVersion) {
              return await users.replace(id, user, options);
            }
            await setImmediate();
            return await users.replace(id, user);
          },
        },
      }),
    },
    {
      mistake: "computes a change from what it read, and writes it whatever has come between",
      caughtBy: "concurrent changes that are computed from what they read are all applied",
      make: ({ users }) => ({
        users: {
          async modify(id, change) {
            const current = await users.get(id);
            if (current === undefined) throw new NotFoundError(id);
            await setImmediate();
            const changes = changeSetFor(change, current);
            await users.replace(id, applyChangeSet(users.type, current, changes));
          },
        },
      }),
    },
    {
      mistake: "names somebody else as who has the name",
      caughtBy: "a userName belongs to one user, whatever its case",
      make: ({ users }) => ({
        users: {
          create: (...args) =>
            users.create(...args).catch((error: unknown) => {
              if (!(error instanceof UniquenessError)) throw error;
              throw new UniquenessError(error.attribute, "somebody");
            }),
        },
      }),
    },
    {
      mistake: "says of a name that is taken that the value is wrong",
      caughtBy: "a userName belongs to one user, whatever its case",
      make: ({ users }) => ({
        users: {
          create: (...args) =>
            users.create(...args).catch((error: unknown) => {
              if (!(error instanceof UniquenessError)) throw error;
              throw new InvalidValueError("userName", "it is taken.");
            }),
        },
      }),
    },
    {
      mistake: "answers with the user who has the name already",
      caughtBy: "of 100 concurrent creates of one userName exactly one is done",
      make: ({ users }) => ({
        users: {
          create: (...args) =>
            users.create(...args).catch(async (error: unknown) => {
              const holder = error instanceof UniquenessError ? error.resourceId : undefined;
              const user = holder === undefined ? undefined : await users.get(holder);
              if (user === undefined) throw error;
              return user;
            }),
        },
      }),
    },
    {
      mistake: "takes a rename to a name that is taken for done",
      caughtBy: "a rename to a userName that is taken is refused and changes nothing",
      make: ({ users }) => ({
        users: {
          modify: (...args) =>
            users.modify(...args).catch((error: unknown) => {
              if (!(error instanceof UniquenessError)) throw error;
            }),
        },
      }),
    },
    {
      mistake: "has active users only",
      caughtBy: "a user can be deactivated and activated again",
      make: ({ users }) => ({
        users: { create: (user, options) => users.create({ ...user, active: true }, options) },
      }),
    },
    {
      mistake: "activates whom it renames",
      caughtBy: "a change of one attribute leaves the others",
      make: ({ users }) => ({
        users: {
          modify: (id, change, options) =>
            "plan" in change
              ? users.modify(id, change, options)
              : users.modify(id, { ...change, set: { active: true, ...change.set } }, options),
        },
      }),
    },
    {
      mistake: "answers a creation with the password",
      caughtBy: "a password is never returned",
      make: ({ users }) => ({
        users: {
          create: async (user, options) => ({ ...(await users.create(user, options)), ...user }),
        },
      }),
    },
    {
      mistake: "leaves out more than it was told to",
      caughtBy: "attributes that are not needed may be left out, and no others",
      make: ({ users }) => ({
        users: {
          async get(id, options) {
            const user = await users.get(id, options);
            if (user === undefined || options?.excludedAttributes === undefined) return user;
            return { id, userName: user.userName };
          },
        },
      }),
    },
    {
      mistake: "sets passwords, and does not say so",
      caughtBy: "a store that sets no passwords has no setPassword",
      make: () => ({ users: { setPassword: async () => {} } }),
    },
  ] satisfies readonly Omit<Mistake, "suite">[]
).map((mistake) => ({ ...mistake, suite: "users" }));

/** What a client may say of a user, without what it has read. */
function plain(resource: NewUser | User): NewUser {
  const { id: _, meta: __, groups: ___, ...user } = resource as User;
  return user;
}

function withCreated(user: User, created: string | undefined): User {
  return created === undefined ? user : { ...user, meta: { ...user.meta, created } };
}
