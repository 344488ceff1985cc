import { NotFoundError, TooManyError, VersionConflictError } from "../core/index.js";
import type { ChangeSet, Modification } from "../repositories/index.js";
import {
  modificationOf,
  type PatchPlan,
  type PlanPatchOptions,
  planPatch,
  type Resource,
  type ResourceRequest,
  type ResourceType,
} from "../scim/index.js";
import { answerChange, type ChangeOptions, isDeactivated, versionToWrite } from "./change.js";
import { type Endpoint, type Exchange, type Outcome, writing } from "./exchange.js";
import { changeWithPassword } from "./password.js";
import { planWithReferences } from "./references.js";
import { ScimRequestError } from "./request-error.js";
import { endSessionsOf } from "./sessions.js";
import { writablePlan } from "./write-access.js";

type Changes = ChangeSet<ResourceRequest>;

/** How often a PATCH is computed anew, where other writers come between. */
const attempts = 10;

/**
 * Changes part of a resource. RFC 7644 §3.5.2. Members come and go without any being read.
 *
 * @throws {NotFoundError} there is no such resource.
 * @throws {VersionConflictError} it is not in the version that was asked for.
 */
export async function modifyResource(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  body: unknown,
  options: ChangeOptions,
): Promise<Outcome> {
  const { type } = endpoint;
  const conditions = await versionToWrite(exchange, endpoint, id, options);
  const plan = await readPlan(exchange, endpoint, body);
  const made = { deactivates: false };
  await writing(exchange, endpoint, id, () =>
    carryOut(exchange, endpoint, id, plan, conditions, (changes) => {
      made.deactivates = isDeactivated(changes.set);
    }),
  );
  if (made.deactivates) await endSessionsOf(exchange, id);
  // RFC 7644 §3.5.2 leaves it open what is answered; a group may have a million members, and nobody asked for them.
  const isAsked = options.attributes !== undefined || options.excludedAttributes !== undefined;
  const answer =
    options.answer ?? (type.schema.attributes.has("members") && !isAsked ? "minimal" : undefined);
  return await answerChange(exchange, endpoint, id, { ...options, answer }, plan.stated);
}

async function readPlan(exchange: Exchange, { type }: Endpoint, body: unknown): Promise<PatchPlan> {
  const { profile, record, settings } = exchange;
  const { patchOperations: operations, values } = settings.limits;
  const plan = planned(type, body, { profile, limits: { operations, values } });
  record.ignored.push(...plan.ignored);
  record.rewrites.push(...plan.rewrites);
  return await planWithReferences(exchange, writablePlan(exchange, plan));
}

/** The plan of a PATCH. One that is too long is too large a body, and no query that finds too much. */
function planned(type: ResourceType, body: unknown, options: PlanPatchOptions): PatchPlan {
  try {
    return planPatch(type, body, options);
  } catch (error) {
    if (!(error instanceof TooManyError)) throw error;
    throw new ScimRequestError(413, error.message, { cause: error });
  }
}

/**
 * Writes what a PATCH comes to, which the policy sees before. What depends on the resource is computed by the store as it writes; or
 * here, for the policy, and then anew with another look by the policy when another writer has come between.
 */
async function carryOut(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  plan: PatchPlan,
  conditions: { readonly ifVersion?: string },
  tell: (changes: Changes) => void,
): Promise<void> {
  const { before, signal } = exchange;
  const { type, repository } = endpoint;
  const modification: Modification<Resource, ResourceRequest> = modificationOf(plan);
  const write = (changes: typeof modification, version: typeof conditions): Promise<void> =>
    changeWithPassword(exchange, endpoint, id, plan.password, async (store) => {
      if (changesAnything(changes)) await store.modify(id, changes, { signal, ...version });
    });
  const seen = async (changes: Changes): Promise<void> =>
    await before?.({ kind: "modify", type, id, paths: plan.stated, ...statedOf(changes) });
  if (before === undefined || !("plan" in modification)) {
    if (!("plan" in modification)) await seen(modification);
    await write(watching(modification, tell), conditions);
    return;
  }
  for (let attempt = 1; ; attempt++) {
    const current = await repository.get(id, { attributes: modification.reads, signal });
    if (current === undefined) throw new NotFoundError(id);
    const changes = modification.plan(current);
    await seen(changes);
    const { ifVersion = current.meta?.version } = conditions;
    try {
      await write(changes, ifVersion === undefined ? {} : { ifVersion });
      tell(changes);
      return;
    } catch (error) {
      const again =
        error instanceof VersionConflictError &&
        conditions.ifVersion === undefined &&
        attempt < attempts;
      if (!again) throw error;
    }
  }
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
function changesAnything(modification: Modification<Resource, ResourceRequest>): boolean {
  if ("plan" in modification) return true;
  const { set, unset, relations } = modification;
  return set !== undefined || unset !== undefined || relations?.members !== undefined;
}

/** The same modification, which tells what it comes to. */
function watching(
  modification: Modification<Resource, ResourceRequest>,
  tell: (changes: Changes) => void,
): Modification<Resource, ResourceRequest> {
  if (!("plan" in modification)) {
    tell(modification);
    return modification;
  }
  const { reads } = modification;
  return {
    reads,
    plan: (current) => {
      const changes = modification.plan(current);
      tell(changes);
      return changes;
    },
  };
}
