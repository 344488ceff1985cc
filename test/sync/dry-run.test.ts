import type { ChangeBatch, ChangeStream, Upsert } from "concordat/changes";
import { inMemoryTarget, type SyncTarget } from "concordat/repositories";
import { type Outcome, type SynchronizeOptions, synchronize } from "concordat/sync";
import { describe, expect, test } from "vitest";

const source = "directory";

function stream(batches: readonly ChangeBatch[]): ChangeStream {
  return {
    source,
    async *read() {
      yield* batches;
    },
  };
}

function refresh(...changes: readonly Upsert[]): ChangeStream {
  return stream([
    { phase: "snapshot", refresh: "begins", changes },
    { phase: "snapshot", refresh: "ends", changes: [{ kind: "sweep" }], checkpoint: "c" },
  ]);
}

function user(sourceId: string, userName: string, active?: boolean): Upsert {
  return {
    kind: "upsert",
    type: "User",
    sourceId,
    names: [{ kind: "dn", key: `uid=${sourceId}` }],
    resource: { userName, ...(active === undefined ? {} : { active }) },
    complete: true,
  };
}

function group(sourceId: string, displayName: string, ...members: readonly string[]): Upsert {
  return {
    kind: "upsert",
    type: "Group",
    sourceId,
    names: [{ kind: "dn", key: `cn=${sourceId}` }],
    resource: { displayName },
    complete: true,
    members: { kind: "all", members: members.map((id) => ({ kind: "dn", key: `uid=${id}` })) },
  };
}

async function outcomes(
  changes: ChangeStream,
  target: SyncTarget,
  options: SynchronizeOptions = {},
): Promise<readonly Outcome[]> {
  const all: Outcome[] = [];
  for await (const outcome of synchronize(changes, target, options)) all.push(outcome);
  return all;
}

/** What happened, without the ids of resources, which a dry run cannot foresee. */
function told(all: readonly Outcome[]): readonly string[] {
  return all.flatMap((outcome) => {
    if ("type" in outcome) return [`${outcome.kind} ${outcome.name}`];
    if ("member" in outcome) {
      return [`${outcome.kind} ${outcome.member.name} ${outcome.group.name}`];
    }
    return [];
  });
}

async function everything(target: SyncTarget): Promise<unknown> {
  const users = await target.users.find({});
  const groups = await target.groups?.find({});
  const members = await Promise.all(
    (groups?.resources ?? []).map(async ({ id }) => await target.groups?.members(id)),
  );
  const links = await target.links.list(source, {}, { count: 100 });
  const ids = links.map((link) => link.sourceId);
  return {
    users,
    groups,
    members,
    links,
    names: await target.links.names(source, ids),
    references: await target.memberships.referencesTo(source, ids),
    grants: await target.memberships.grantsTo(
      source,
      users.resources.map(({ id }) => `Users/${id}`),
    ),
    position: await target.checkpoints.load(source),
  };
}

describe.each([true, false])("a dry run (transactions: %s)", (transactions) => {
  const first = [
    user("1", "anna"),
    user("2", "ben"),
    user("3", "carl"),
    group("g", "staff", "1", "2"),
  ];
  const then = refresh(
    user("1", "anna", false),
    user("2", "benjamin"),
    user("4", "dora"),
    user("5", "local"),
    group("g", "staff", "2", "4"),
    group("h", "board", "4"),
  );

  test("reports what a run would do, and writes nothing", async () => {
    const target = inMemoryTarget({ transactions });
    await target.users.create({ userName: "local" });
    await outcomes(refresh(...first), target);
    const before = await everything(target);

    const foretold = await outcomes(then, target, { dryRun: true });
    expect(await everything(target)).toEqual(before);

    const done = await outcomes(then, target);
    expect([...told(foretold)].sort()).toEqual([...told(done)].sort());
    expect(told(foretold)).toEqual(
      expect.arrayContaining([
        "deactivated anna",
        "renamed benjamin",
        "created dora",
        "deferred local",
        "deactivated carl",
        "memberRemoved anna staff",
        "memberAdded dora staff",
        "memberAdded dora board",
      ]),
    );
  });

  test("ends nobody's sessions", async () => {
    const ended: string[] = [];
    const target = inMemoryTarget({
      transactions,
      users: { revokeSessions: async (id) => void ended.push(id) },
    });
    await outcomes(refresh(...first), target);
    const foretold = await outcomes(refresh(user("1", "anna")), target, { dryRun: true });
    expect(told(foretold)).toContain("deactivated ben");
    expect(ended).toEqual([]);
  });

  test("deletes nothing, and finds the names free that it would free", async () => {
    const target = inMemoryTarget({ transactions });
    await outcomes(refresh(...first), target);
    const before = await everything(target);
    const again = refresh(user("9", "ben"), user("1", "anna"), user("3", "carl"));
    const foretold = await outcomes(again, target, { dryRun: true, onDelete: "delete" });
    expect(told(foretold)).toEqual(
      expect.arrayContaining(["deleted ben", "deleted staff", "created ben"]),
    );
    expect(await everything(target)).toEqual(before);
  });

  test("stops at the same limit", async () => {
    const target = inMemoryTarget({ transactions });
    await outcomes(refresh(...first), target);
    const options = { dryRun: true, maxDeletes: 1 };
    await expect(outcomes(refresh(user("1", "anna")), target, options)).rejects.toMatchObject({
      code: "too_many",
      message:
        "Nothing was changed: the step would bring 3 deletions, deactivations and members leaving groups, " +
        "and maxDeletes allows 1. Raise it if this is what the directory means.",
    });
  });

  test("foretells that one of two entries of one name is refused", async () => {
    const target = inMemoryTarget({ transactions });
    const both = refresh(user("1", "anna"), user("2", "Anna"), user("3", "ben"));
    const foretold = await outcomes(both, target, { dryRun: true });
    expect([...new Set(told(foretold))]).toEqual(["created anna", "created ben", "deferred Anna"]);
    expect(told(await outcomes(both, target)).toSorted()).toEqual(told(foretold).toSorted());
  });

  test("knows which accounts are another source's, and leaves them alone", async () => {
    const target = inMemoryTarget({ transactions });
    const match = { users: "userName" } as const;
    const elsewhere: ChangeStream = { ...refresh(user("x", "anna")), source: "elsewhere" };
    await outcomes(elsewhere, target);
    const foretold = await outcomes(refresh(user("1", "anna")), target, { dryRun: true, match });
    expect(foretold).toContainEqual(
      expect.objectContaining({ kind: "deferred", name: "anna", code: "uniqueness" }),
    );
    expect(new Set(told(foretold))).toEqual(new Set(["deferred anna"]));
    expect(told(await outcomes(refresh(user("1", "anna")), target, { match }))).toEqual(
      told(foretold),
    );
  });
});
