import { setImmediate } from "node:timers/promises";
import { UniquenessError } from "concordat";
import {
  InMemoryGroupRepository,
  type MemberOptions,
  type MembersChange,
} from "concordat/repositories";
import type { Group } from "concordat/scim";
import { groupRepositoryContract } from "concordat/testing";
import { type Flaw, testFlaws } from "./flaws.js";

const groups: readonly Flaw[] = [
  {
    flaw: "reads all members and writes them back",
    cases: groupRepositoryContract(() => ({
      groups: new (class extends InMemoryGroupRepository {
        override async changeMembers(id: string, change: MembersChange): Promise<void> {
          const group = await this.get(id, { attributes: ["members"] });
          if (group === undefined) return super.changeMembers(id, change);
          const values = change.clear ? [] : (group.members ?? []).map((member) => member.value);
          const left = values.filter(
            (value) => !change.remove?.some((member) => member.value === value),
          );
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
        override async groupsOf(
          member: string,
          options?: MemberOptions,
        ): Promise<readonly string[]> {
          return this.#ever.get(member) ?? super.groupsOf(member, options);
        }
      })(),
    })),
    caughtBy: "a deleted group has no members any more",
  },
  {
    flaw: "does not look at the version where members alone change",
    cases: groupRepositoryContract(() => ({
      groups: new (class extends InMemoryGroupRepository {
        override modify(...[id, change, options]: Parameters<InMemoryGroupRepository["modify"]>) {
          const { ifVersion: _, ...unconditional } = options ?? {};
          const isOfMembers = !("plan" in change) && change.set === undefined;
          return super.modify(id, change, isOfMembers ? unconditional : options);
        }
      })(),
    })),
    caughtBy: "a change of members alone is refused in another version, and then changes nothing",
  },
  {
    flaw: "tells members apart by their ids alone",
    cases: groupRepositoryContract(() => ({
      groups: new (class extends InMemoryGroupRepository {
        override changeMembers(id: string, change: MembersChange): Promise<void> {
          const remove = (change.remove ?? []).map(({ value }) => ({ value }));
          return super.changeMembers(id, { ...change, remove });
        }
      })(),
    })),
    caughtBy: "a user and a group of one id are two members, where the groups hold both",
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

testFlaws("groups", groups);
