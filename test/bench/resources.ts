import {
  applyPatch,
  groupResourceType,
  modificationOf,
  patchOpId,
  planPatch,
  projection,
  readResource,
  userResourceType,
} from "concordat/scim";
import { scimPatch } from "scim-patch";
import SCIMMY from "scimmy";
import { vector } from "../vectors/vector.ts";
import { inTurn, perSecond, ratios, timesOf } from "./cpu-time.ts";
import type { Report } from "./figures.ts";

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/** What a provider changes of a user: a value, a value that a filter selects, and some attributes without a path. */
const userOperations = [
  { op: "replace", path: "active", value: false },
  { op: "replace", path: 'emails[type eq "work"].value', value: "babs@example.com" },
  {
    op: "add",
    value: {
      title: "Vice President",
      name: { givenName: "Babs" },
      [enterprise]: { department: "HR" },
    },
  },
] as const;

const member = "2819c223-7f76-453a-919d-413861904646";
const additions = [{ op: "add", path: "members", value: [{ value: member }] }] as const;
const removals = [{ op: "remove", path: `members[value eq "${member}"]` }] as const;

function patchOf(operations: readonly object[]): { schemas: string[]; Operations: object[] } {
  return { schemas: [patchOpId], Operations: [...operations] };
}

/**
 * Measures what is done to SCIM resources before a store sees them, beside scimmy and scim-patch. The time is the
 * CPU's, of this process alone; each figure is taken of all in turn. What the peers are measured with gives the same
 * results as ours.
 */
export async function measureResources(report: Report, runs: number): Promise<void> {
  const user = vector("rfc7643-8.3-user");
  SCIMMY.Schemas.User.definition.extend(SCIMMY.Schemas.EnterpriseUser.definition, false);

  report.section(
    "Reading the full user of RFC 7643 §8.3 as a creation, times a second of CPU time",
  );
  const [read, readByScimmy] = inTurn(
    runs,
    () => readResource(userResourceType, user, { context: "creation" }),
    () => new SCIMMY.Schemas.User(user, "in"),
  );
  report.figure("read and checked", read.map(perSecond), "/s", "≥ 50,000");
  report.figure("  scimmy", readByScimmy.map(perSecond), "/s");
  report.figure("  how many times as fast", ratios(read, readByScimmy), "");

  report.section("Answering with the same user, times a second of CPU time");
  const returned = projection<{ id: string }>(userResourceType);
  const stored = { ...user, id: "2819c223" };
  const [projected, projectedByScimmy] = inTurn(
    runs,
    () => returned(stored),
    () => new SCIMMY.Schemas.User(user, "out"),
  );
  report.figure("projected", projected.map(perSecond), "/s");
  report.figure("  scimmy", projectedByScimmy.map(perSecond), "/s");
  report.figure("  how many times as fast", ratios(projected, projectedByScimmy), "");

  await measureUserPatch(report, runs, user);
  await measureMembers(report, runs);
}

async function measureUserPatch(report: Report, runs: number, user: object): Promise<void> {
  report.section("A PATCH of that user with three operations, times a second of CPU time");
  const body = patchOf(userOperations);
  const patched = (): object => applyPatch(planPatch(userResourceType, body), user);
  const patchedByPeer = (): object =>
    scimPatch(user as Parameters<typeof scimPatch>[0], body.Operations as never, {
      mutateDocument: false,
    });
  const patchedByScimmy = async (): Promise<object> => {
    const message = new SCIMMY.Messages.PatchOp(body as never);
    const target = new SCIMMY.Schemas.User(user, "out");
    return (await message.apply(target, (changed) => Promise.resolve({ ...changed }))) as object;
  };
  for (const result of [patched(), patchedByPeer(), await patchedByScimmy()]) {
    const { active, title } = result as { readonly active?: boolean; readonly title?: string };
    if (active !== false || title !== "Vice President") throw new Error("It was not patched.");
  }
  const [ours, theirs] = inTurn(runs, patched, patchedByPeer);
  const scimmys = await timesOf(runs, patchedByScimmy);
  report.figure("planned, checked and applied", ours.map(perSecond), "/s", "≥ 50,000");
  report.figure("  scim-patch, without a schema", theirs.map(perSecond), "/s");
  report.figure("  how many times as fast", ratios(ours, theirs), "");
  report.figure("  scimmy", scimmys.map(perSecond), "/s");
  report.figure("  how many times as fast", ratios(ours, scimmys), "");
  const [modified] = inTurn(runs, () => modificationOf(planPatch(userResourceType, body)), patched);
  report.figure("planned as a modification for a store", modified.map(perSecond), "/s");
}

/** What a store does with a change of members that needs no read: nothing that depends on how many there are. */
function changeMembers(members: Set<string>, operations: readonly object[]): void {
  const changes = modificationOf(planPatch(groupResourceType, patchOf(operations)));
  if ("plan" in changes) throw new Error("The members would have been read.");
  const { remove = [], add = [] } = changes.relations?.members ?? {};
  for (const { value } of remove) members.delete(value);
  for (const { value } of add) members.add(value);
}

async function measureMembers(report: Report, runs: number): Promise<void> {
  report.section("A member added to a group, and removed by a filter, times a second of CPU time");
  for (const size of [100, 1_000, 10_000, 100_000, 1_000_000]) {
    const ids = Array.from({ length: size }, (_, index) => `member-${index}`);
    const members = new Set(ids);
    const [added, removed] = inTurn(
      runs,
      () => changeMembers(members, additions),
      () => changeMembers(members, removals),
    );
    const label = `${size.toLocaleString("en")} members`;
    report.figure(`${label}, one added`, added.map(perSecond), "/s", "≥ 200,000");
    report.figure(`${label}, one removed`, removed.map(perSecond), "/s", "≥ 200,000");
    // The peers read and copy the group, and so are soon too slow to be waited for.
    if (size > 1_000) continue;
    const group = {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
      id: "e9e30dba",
      displayName: "Tour Guides",
      members: ids.map((value) => ({ value })),
      meta: { resourceType: "Group", location: "/Groups/e9e30dba" },
    };
    const [byPeer] = inTurn(
      runs,
      () => scimPatch(group as never, [...additions] as never, { mutateDocument: false }) as object,
      () => undefined,
    );
    const byScimmy = await timesOf(runs, async () => {
      const message = new SCIMMY.Messages.PatchOp(patchOf(additions) as never);
      await message.apply(new SCIMMY.Schemas.Group(group as never, "out"), (changed) =>
        Promise.resolve({ ...changed }),
      );
    });
    report.figure("  scim-patch, one added", byPeer.map(perSecond), "/s");
    report.figure("  how many times as fast", ratios(added, byPeer), "");
    report.figure("  scimmy, one added", byScimmy.map(perSecond), "/s");
    report.figure("  how many times as fast", ratios(added, byScimmy), "");
  }
}
