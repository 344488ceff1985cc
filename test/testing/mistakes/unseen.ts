import type { Unseen } from "./mistake.js";

/** Mistakes that no case can see. Whoever writes an adapter has to look for them in another way. */
export const unseenMistakes: readonly Unseen[] = [
  {
    mistake: "ends no sessions",
    suite: "users",
    because: "a repository cannot be asked who is signed in",
    make: ({ users }) => ({
      users: {
        capabilities: { ...users.capabilities, sessions: true },
        revokeSessions: async () => {},
      },
    }),
  },
  {
    mistake: "keeps the old password",
    suite: "users",
    because: "a repository cannot be asked whether a password is right",
    make: ({ users }) => ({
      users: {
        capabilities: { ...users.capabilities, password: "set" },
        setPassword: async (id, _, options) => {
          await users.modify(id, {}, options);
        },
      },
    }),
  },
  {
    mistake: "has no more than 10,000 users",
    suite: "users",
    because: "no case stores more than some hundreds, since a suite is run at each change",
    make: ({ users }) => {
      let count = 0;
      return {
        users: {
          create(user, options) {
            if (count++ > 10_000) throw new Error("The table is full.");
            return users.create(user, options);
          },
        },
      };
    },
  },
  {
    mistake: "keeps an attribute that it does not declare",
    suite: "users",
    because: "what is kept beside what is declared does no harm: it is read as it was written",
    make: ({ users }) => ({
      users: {
        capabilities: {
          ...users.capabilities,
          attributes: [...users.type.attributes.values()]
            .map(({ path }) => path)
            .filter((path) => path !== "nickName"),
        },
      },
    }),
  },
  {
    mistake: "reads every group to say whose groups they are",
    suite: "groups",
    because: "the suite measures no time, which would fail on a busy machine",
    make: ({ groups }) => ({
      groups: {
        async groupsOf(member, options) {
          await groups.find({}, options?.signal && { signal: options.signal });
          return await groups.groupsOf(member, options);
        },
      },
    }),
  },
  {
    mistake: "keeps the new name though a member of the same change is refused",
    suite: "groups",
    because:
      "attributes and members are two steps in many stores, and in the `modify` that a store has by default",
    make: ({ groups }) => ({
      groups: {
        async modify(id, change, options) {
          if ("plan" in change || change.set === undefined || change.relations === undefined) {
            return await groups.modify(id, change, options);
          }
          const { relations, ...attributes } = change;
          await groups.modify(id, attributes, options);
          await groups.modify(id, { relations }, options?.signal && { signal: options.signal });
        },
      },
    }),
  },
  {
    mistake: "writes what it is given to a log, passwords too",
    suite: "users",
    because: "nothing but the repository is looked at",
    make: ({ users }) => {
      const log: unknown[] = [];
      return {
        users: {
          create(user, options) {
            log.push(user);
            return users.create(user, options);
          },
        },
      };
    },
  },
];
