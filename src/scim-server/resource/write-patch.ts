import { UniquenessError, VersionConflictError } from "../../core/index.js";
import type { ChangeSet, Modification } from "../../repositories/index.js";
import { changeSetFor } from "../../repositories/internal.js";
import {
  modificationOf,
  type PatchPlan,
  type Resource,
  type ResourceRequest,
} from "../../scim/index.js";
import type { Endpoint, RequestContext } from "../context.js";
import { assertExactId, assertExists } from "./exact-id.js";
import { writeChange } from "./write-change.js";
import { withWriteLock, withWriteLockIfNeeded } from "./write-lock.js";

/** What a PATCH comes to. */
type Changes = ChangeSet<ResourceRequest>;

/** What a PATCH comes to that depends on the resource. */
type Computed = Extract<Modification<Resource, ResourceRequest>, { readonly reads: unknown }>;

/** How often a PATCH is computed anew, where other writers come between. */
const attempts = 10;

/** A PATCH that is to be written. */
export interface PatchWrite {
  readonly endpoint: Endpoint;
  readonly id: string;
  readonly plan: PatchPlan;
  /** The version that the client requires. */
  readonly conditions?: { readonly ifVersion?: string };
  /** Whether the resource must not be active when it is written. */
  readonly ifInactive?: boolean;
}

/**
 * Asks the policy about a PATCH, and writes it.
 *
 * @throws {NotFoundError} there is no such resource.
 * @throws {VersionConflictError} it is not in the version that was asked for.
 * @throws {UniquenessError} it is active, and must not be.
 */
export async function writePatch(context: RequestContext, write: PatchWrite): Promise<void> {
  const modification: Modification<Resource, ResourceRequest> = modificationOf(write.plan);
  if (write.ifInactive) await writeComputed(context, write, ofInactive(write.id, modification));
  else if ("plan" in modification) await writeComputed(context, write, modification);
  else await writeBlindly(context, write, modification);
}

/** The same modification, of a resource that is not active. */
function ofInactive(id: string, modification: Changes | Computed): Computed {
  const reads = "plan" in modification ? modification.reads : [];
  return {
    reads: [...new Set([...reads, "active"])],
    plan: (current: Resource & { readonly active?: unknown }) => {
      if (current.active !== false) throw new UniquenessError("externalId", id);
      return changeSetFor(modification, current);
    },
  };
}

/** Writes what does not depend on the resource. */
async function writeBlindly(
  context: RequestContext,
  write: PatchWrite,
  changes: Changes,
): Promise<void> {
  const { endpoint, id, conditions, plan } = write;
  if (context.before !== undefined || deactivates(plan)) {
    await assertExists(context, endpoint, id);
  }
  await askPolicy(context, write, changes);
  await withWriteLockIfNeeded(context, endpoint, id, () =>
    store(context, write, changes, conditions),
  );
}

/** Writes what depends on the resource, as the store computes it; or here, so that a policy sees what it comes to. */
async function writeComputed(
  context: RequestContext,
  write: PatchWrite,
  modification: Computed,
): Promise<void> {
  const { endpoint, id, conditions } = write;
  if (context.before === undefined) {
    const { reads, plan } = modification;
    const spelled: Computed = { reads, plan: (current) => plan(assertExactId(current, id)) };
    await withWriteLockIfNeeded(context, endpoint, id, () =>
      store(context, write, spelled, conditions),
    );
  } else {
    await withWriteLock(context, endpoint, id, () => writeAsSeen(context, write, modification));
  }
}

/** Computes what a PATCH comes to and asks the policy, and does so again when another writer has come between. */
async function writeAsSeen(
  context: RequestContext,
  write: PatchWrite,
  { reads, plan }: Computed,
): Promise<void> {
  const { endpoint, id, conditions } = write;
  for (let attempt = 1; ; attempt++) {
    const { repository } = endpoint;
    const found = await repository.get(id, { attributes: reads, signal: context.signal });
    const current = assertExactId(found, id);
    const changes = plan(current);
    await askPolicy(context, write, changes);
    const { ifVersion = current.meta?.version } = conditions ?? {};
    try {
      await store(context, write, changes, ifVersion === undefined ? {} : { ifVersion });
      return;
    } catch (error) {
      const isOurs = error instanceof VersionConflictError && conditions?.ifVersion === undefined;
      if (!isOurs || attempt === attempts) throw error;
    }
  }
}

async function askPolicy(
  { before }: RequestContext,
  { endpoint: { type }, id, plan }: PatchWrite,
  changes: Changes,
): Promise<void> {
  await before?.({ kind: "modify", type, id, paths: plan.stated, ...statedOf(changes) });
}

/** Has the store make the change, with the password if there is one. */
async function store(
  context: RequestContext,
  { endpoint, id, plan }: PatchWrite,
  modification: Changes | Computed,
  conditions: NonNullable<PatchWrite["conditions"]> = {},
): Promise<void> {
  const change = { endpoint, id, password: plan.password, deactivates: deactivates(plan) };
  await writeChange(context, change, async (repository, call) => {
    if (changesAnything(modification)) {
      await repository.modify(id, modification, { ...call, ...conditions });
    }
  });
}

/**
 * Whether a PATCH says that a user is not active. It may say what is so: the client that asks again got no response
 * before.
 */
function deactivates({ steps }: PatchPlan): boolean {
  const last = steps.findLast((step) => step.kind === "assign" && step.node.path === "active");
  return last?.kind === "assign" && last.value === false;
}

function statedOf({ set = {}, unset = [], relations }: Changes): {
  values: Readonly<Record<string, unknown>>;
  members?: NonNullable<NonNullable<typeof relations>["members"]>;
} {
  const cleared = unset.map((path) => [path, undefined] as const);
  return {
    values: { ...set, ...Object.fromEntries(cleared) },
    ...(relations?.members !== undefined && { members: relations.members }),
  };
}

/** Whether there is anything to do, as the resource need not be touched for a password alone. */
function changesAnything(modification: Changes | Computed): boolean {
  if ("plan" in modification) return true;
  const { set, unset, relations } = modification;
  return set !== undefined || unset !== undefined || relations?.members !== undefined;
}
