import { InvalidValueError } from "concordat";
import type { ChangeBatch } from "concordat/changes";
import type { SynchronizeOptions } from "concordat/sync";
import { expect, test } from "vitest";
import {
  type Application,
  application,
  type Call,
  groupNamed,
  interferedWith,
  onEveryTarget,
  type Target,
  userNamed,
} from "./stores.js";
import { apply, gone, live, person, present, refresh, refused, team, uid } from "./streams.js";

interface Scenario {
  readonly title: string;
  readonly before: readonly ChangeBatch[];
  /** What somebody in the application did. */
  readonly locally?: (target: Target) => Promise<void>;
  readonly later: readonly ChangeBatch[];
  /** What the directory says when the process is back, if not the same. */
  readonly resumed?: readonly ChangeBatch[];
  readonly options?: SynchronizeOptions;
  readonly expected: Application;
}

const ann = person("1", "ann");
const bob = person("2", "bob");
const inactive = person("1", "ann", { resource: { active: false } });
const staff = (...members: string[]) => team("g", "staff", members.map(uid));

async function addAnn(target: Target): Promise<void> {
  const { id: value } = await userNamed(target, "ann");
  await target.groups.changeMembers(await groupNamed(target, "staff"), { add: [{ value }] });
}

async function blockAnn(target: Target): Promise<void> {
  await target.users.modify((await userNamed(target, "ann")).id, { set: { active: false } });
}

const scenarios: readonly Scenario[] = [
  {
    title: "people and groups are created",
    before: [],
    later: refresh([staff("ann", "bob"), ann, bob]),
    expected: { users: { ann: "active", bob: "active" }, groups: { staff: ["ann", "bob"] } },
  },
  {
    title: "somebody is created and gone again",
    before: refresh([bob]),
    later: [live([ann]), live([gone("1")])],
    options: { onDelete: "delete" },
    expected: { users: { bob: "active" }, groups: {} },
  },
  {
    title: "somebody is created disabled, and enabled later",
    before: refresh([]),
    later: [live([inactive]), live([ann])],
    expected: { users: { ann: "active" }, groups: {} },
  },
  {
    title: "somebody is disabled",
    before: refresh([ann]),
    later: [live([inactive])],
    expected: { users: { ann: "inactive" }, groups: {} },
  },
  {
    title: "somebody is disabled and comes into a group",
    before: refresh([ann, staff()]),
    later: [live([staff("ann"), inactive])],
    expected: { users: { ann: "inactive" }, groups: { staff: ["ann"] } },
  },
  {
    title: "somebody is disabled and enabled again",
    before: refresh([ann]),
    later: [live([inactive]), live([ann])],
    expected: { users: { ann: "active" }, groups: {} },
  },
  {
    title: "somebody who is blocked is disabled and enabled again",
    before: refresh([ann]),
    locally: blockAnn,
    later: [live([inactive]), live([person("1", "ann", { resource: { title: "Dr" } })])],
    expected: { users: { ann: "inactive" }, groups: {} },
  },
  {
    title: "somebody leaves and returns",
    before: refresh([ann, staff("ann")]),
    later: [live([gone("1")]), live([ann])],
    expected: { users: { ann: "active" }, groups: { staff: ["ann"] } },
  },
  {
    title: "somebody is deleted",
    before: refresh([ann, bob, staff("ann", "bob")]),
    later: [live([gone("1")])],
    options: { onDelete: "delete" },
    expected: { users: { bob: "active" }, groups: { staff: ["bob"] } },
  },
  {
    title: "a group is deleted",
    before: refresh([ann, staff("ann")]),
    later: [live([gone("g")])],
    options: { onDelete: "delete" },
    expected: { users: { ann: "active" }, groups: {} },
  },
  {
    title: "a group is left behind",
    before: refresh([ann, bob, staff("ann", "bob")]),
    later: refresh([ann, bob]),
    expected: { users: { ann: "active", bob: "active" }, groups: { staff: [] } },
  },
  {
    title: "members change places",
    before: refresh([ann, bob, staff("ann")]),
    later: [live([staff("bob")])],
    expected: { users: { ann: "active", bob: "active" }, groups: { staff: ["bob"] } },
  },
  {
    title: "a member's name goes to somebody new",
    before: [...refresh([ann, bob, staff("ann")]), live([person("1", "anna")])],
    later: [live([person("3", "ann")])],
    expected: {
      users: { anna: "active", ann: "active", bob: "active" },
      groups: { staff: ["ann"] },
    },
  },
  {
    title: "a membership is stated and withdrawn",
    before: refresh([ann, staff()]),
    later: [live([staff("ann")]), live([staff()])],
    expected: { users: { ann: "active" }, groups: { staff: [] } },
  },
  {
    title: "a membership is withdrawn and stated again",
    before: refresh([ann, staff("ann")]),
    later: [live([staff()]), live([staff("ann")])],
    expected: { users: { ann: "active" }, groups: { staff: ["ann"] } },
  },
  {
    title: "a membership that was there is stated and withdrawn",
    before: refresh([ann, staff()]),
    locally: addAnn,
    later: [live([staff("ann")]), live([staff()])],
    expected: { users: { ann: "active" }, groups: { staff: ["ann"] } },
  },
  {
    title: "a membership is withdrawn, and stated again before that was finished",
    before: refresh([ann, staff("ann")]),
    later: [live([staff()])],
    resumed: refresh([ann, staff("ann")]),
    expected: { users: { ann: "active" }, groups: { staff: ["ann"] } },
  },
  {
    title: "a membership is stated, and withdrawn before that was finished",
    before: refresh([ann, staff()]),
    later: [live([staff("ann")])],
    resumed: refresh([ann, staff()]),
    expected: { users: { ann: "active" }, groups: { staff: [] } },
  },
  {
    title: "somebody is disabled, and enabled before that was finished",
    before: refresh([ann]),
    later: [live([inactive])],
    resumed: refresh([ann]),
    expected: { users: { ann: "active" }, groups: {} },
  },
  {
    title: "somebody goes, and is back before that was finished",
    before: refresh([ann, staff("ann")]),
    later: [live([gone("1")])],
    resumed: refresh([ann, staff("ann")]),
    expected: { users: { ann: "active" }, groups: { staff: ["ann"] } },
  },
  {
    title: "somebody comes, and is gone before that was finished",
    before: refresh([bob]),
    later: [live([ann])],
    resumed: refresh([bob]),
    options: { onDelete: "delete" },
    expected: { users: { bob: "active" }, groups: {} },
  },
  {
    title: "two swap their names",
    before: refresh([ann, bob, staff("ann")]),
    later: [live([person("1", "bob"), person("2", "ann")])],
    expected: { users: { ann: "active", bob: "active" }, groups: { staff: ["ann"] } },
  },
  {
    title: "an account that was deleted behind our back is created anew",
    before: refresh([ann, staff("ann")]),
    locally: async (target) => {
      const { id } = await userNamed(target, "ann");
      await target.groups.changeMembers(await groupNamed(target, "staff"), {
        remove: [{ value: id }],
      });
      await target.users.delete(id);
    },
    later: [live([person("1", "ann", { resource: { title: "Dr" } })])],
    expected: { users: { ann: "active" }, groups: { staff: ["ann"] } },
  },
  {
    title: "a group that was deleted behind our back is created anew",
    before: refresh([ann, staff("ann")]),
    locally: async (target) => target.groups.delete(await groupNamed(target, "staff")),
    later: [live([team("g", "the staff", [uid("ann")])])],
    expected: { users: { ann: "active" }, groups: { "the staff": ["ann"] } },
  },
  {
    title: "a local account is adopted and its entry goes",
    before: [],
    locally: async (target) => {
      await target.users.create({ userName: "ann" });
    },
    later: [live([ann]), live([gone("1")])],
    options: { onDelete: "delete", match: { users: "userName" } },
    expected: { users: { ann: "inactive" }, groups: {} },
  },
  {
    title: "a name is used again",
    before: refresh([ann]),
    later: [live([gone("1")]), live([person("9", "ann")])],
    options: { onDelete: "delete" },
    expected: { users: { ann: "active" }, groups: {} },
  },
];

/** Whether a call changes anything. */
function isWrite({ method }: Call): boolean {
  return /^(write|save|set|mark|remove|delete)/.test(method);
}

/** The process ends before its write of this number. @returns whether it came so far. */
async function dies(
  target: Target,
  writes: number,
  batches: readonly ChangeBatch[],
  options: SynchronizeOptions = {},
): Promise<boolean> {
  let left = writes;
  const mortal = interferedWith(target, {
    before: (call) => {
      if (left < 0 || (isWrite(call) && left-- <= 0)) throw new Error("the process has ended");
    },
  });
  await apply(mortal, batches, { ...options, outages: { attempts: 1 } }).catch(() => undefined);
  return left < 0;
}

onEveryTarget(({ open, transactions }) => {
  test("nobody signs in any more while an account is still to be deleted", async () => {
    const target = await open();
    await apply(target, refresh([ann, staff("ann")]));
    const failing = interferedWith(target, {
      before: ({ store, method }) => {
        if (store === "users" && method === "delete") throw new Error("the process has ended");
      },
    });
    const options = { onDelete: "delete", outages: { attempts: 1 } } as const;
    await expect(apply(failing, [live([gone("1")])], options)).rejects.toThrow("ended");
    const { users } = await application(target);
    expect(users).toEqual({ ann: transactions ? "active" : "inactive" });
  });

  test.for(scenarios)(
    "$title: whatever the last write was, the next delivery finishes it",
    async ({ before, locally, later, resumed = later, options, expected }) => {
      for (let writes = 0, died = true; died; writes++) {
        const target = await open();
        await apply(target, before, options);
        await locally?.(target);
        died = await dies(target, writes, later, options);
        await apply(target, resumed, options);
        expect(await application(target), `after ${writes} writes`).toEqual(expected);
        expect(await refused(target)).toEqual([]);
      }
    },
  );

  test("a group that is accepted late has its members, whatever the last write was", async () => {
    for (let writes = 0, died = true; died; writes++) {
      const target = await open({ uniqueDisplayName: true });
      const local = await target.groups.create({ displayName: "staff" });
      await apply(target, refresh([ann, staff("ann")]));
      await target.groups.delete(local.id);
      const again = refresh([present("1", "g")]);
      died = await dies(target, writes, again);
      await apply(target, again);
      expect((await application(target)).groups, `after ${writes} writes`).toEqual({
        staff: ["ann"],
      });
    }
  });

  test("a user who is disabled although the rest is refused is in the group, whatever the last write was", async () => {
    for (let writes = 0, died = true; died; writes++) {
      const strict = interferedWith(await open(), {
        refuse: ({ store, method, args }) =>
          store === "users" && method === "write" && JSON.stringify(args).includes("Dr")
            ? new InvalidValueError("title", "it is not true.")
            : undefined,
      });
      await apply(strict, refresh([ann, staff()]));
      const later = [
        live([person("1", "ann", { resource: { active: false, title: "Dr" } }), staff("ann")]),
      ];
      died = await dies(strict, writes, later);
      await apply(strict, later);
      expect(await application(strict), `after ${writes} writes`).toEqual({
        users: { ann: "inactive" },
        groups: { staff: ["ann"] },
      });
    }
  });

  test("entries that go while the process is down are gone, however far the refresh before came", async () => {
    for (let writes = 0, died = true; died; writes++) {
      const target = await open();
      const everybody = [ann, bob, staff("ann", "bob")];
      await apply(target, refresh(everybody));
      died = await dies(target, writes, refresh(everybody));
      await apply(target, refresh([bob, staff("ann", "bob")]));
      expect(await application(target), `after ${writes} writes`).toEqual({
        users: { ann: "inactive", bob: "active" },
        groups: { staff: ["bob"] },
      });
    }
  });
});
