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
import { type Endpoint, type Exchange, inTurn, type Outcome, writing } from "./exchange.js";
import { changeWithPassword } from "./password.js";
import { planWithReferences } from "./references.js";
import { ScimRequestError } from "./request-error.js";
import { endSessionsOf } from "./sessions.js";
import { writablePlan } from "./write-access.js";

/** What a PATCH comes to. */
type Changes = ChangeSet<ResourceRequest>;

/** What a PATCH comes to that depends on the resource. */
type Computed = Extract<Modification<Resource, ResourceRequest>, { readonly reads: unknown }>;

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
  const write = { endpoint, id, plan, conditions };
  const modification: Modification<Resource, ResourceRequest> = modificationOf(plan);
  const deactivates =
    "plan" in modification
      ? await modifyComputed(exchange, write, modification)
      : await modifyBlindly(exchange, write, modification);
  if (deactivates) await endSessionsOf(exchange, endpoint, id);
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

/** A PATCH that is to be written. */
interface PatchWrite {
  readonly endpoint: Endpoint;
  readonly id: string;
  readonly plan: PatchPlan;
  /** The version that the client demands. */
  readonly conditions: { readonly ifVersion?: string };
}

/** Writes what does not depend on the resource, and says whether it deactivates. */
async function modifyBlindly(
  exchange: Exchange,
  write: PatchWrite,
  changes: Changes,
): Promise<boolean> {
  const { endpoint, id, conditions } = write;
  await askPolicy(exchange, write, changes);
  await writing(exchange, endpoint, id, () => modify(exchange, write, changes, conditions));
  return isDeactivated(changes.set);
}

/** Writes what depends on the resource, as the store computes it; or here, so that a policy sees what it comes to. */
async function modifyComputed(
  exchange: Exchange,
  write: PatchWrite,
  modification: Computed,
): Promise<boolean> {
  const { endpoint, id, conditions } = write;
  if (exchange.before !== undefined) {
    return await inTurn(exchange, endpoint, id, () => modifyAsSeen(exchange, write, modification));
  }
  const made = { deactivates: false };
  const plan = (current: Resource): Changes => {
    const changes = modification.plan(current);
    made.deactivates = isDeactivated(changes.set);
    return changes;
  };
  const watched = { reads: modification.reads, plan };
  await writing(exchange, endpoint, id, () => modify(exchange, write, watched, conditions));
  return made.deactivates;
}

/** Computes what a PATCH comes to and asks the policy, and does so again when another writer has come between. */
async function modifyAsSeen(
  exchange: Exchange,
  write: PatchWrite,
  { reads, plan }: Computed,
): Promise<boolean> {
  const { endpoint, id, conditions } = write;
  for (let attempt = 1; ; attempt++) {
    const current = await endpoint.repository.get(id, {
      attributes: reads,
      signal: exchange.signal,
    });
    if (current === undefined) throw new NotFoundError(id);
    const changes = plan(current);
    await askPolicy(exchange, write, changes);
    const { ifVersion = current.meta?.version } = conditions;
    try {
      await modify(exchange, write, changes, ifVersion === undefined ? {} : { ifVersion });
      return isDeactivated(changes.set);
    } catch (error) {
      const isOurs = error instanceof VersionConflictError && conditions.ifVersion === undefined;
      if (!isOurs || attempt === attempts) throw error;
    }
  }
}

async function askPolicy(
  { before }: Exchange,
  { endpoint: { type }, id, plan }: PatchWrite,
  changes: Changes,
): Promise<void> {
  await before?.({ kind: "modify", type, id, paths: plan.stated, ...statedOf(changes) });
}

/** Has the store make the change, with the password if there is one. */
async function modify(
  exchange: Exchange,
  { endpoint, id, plan }: PatchWrite,
  modification: Changes | Computed,
  conditions: PatchWrite["conditions"],
): Promise<void> {
  const { signal } = exchange;
  await changeWithPassword(exchange, endpoint, id, plan.password, async (repository) => {
    if (changesAnything(modification)) {
      await repository.modify(id, modification, { signal, ...conditions });
    }
  });
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
