import { TooManyError } from "../core/index.js";
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
import { setPassword } from "./password.js";
import { planWithReferences } from "./references.js";
import { ScimRequestError } from "./request-error.js";
import { endSessionsOf } from "./sessions.js";
import { writablePlan } from "./write-access.js";

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
  const { type, repository } = endpoint;
  const { signal } = exchange;
  const conditions = await versionToWrite(exchange, endpoint, id, options);
  const plan = await readPlan(exchange, endpoint, body);
  const modification: Modification<Resource, ResourceRequest> = modificationOf(plan);
  await exchange.before({
    kind: "modify",
    type,
    id,
    paths: plan.stated,
    ...("plan" in modification ? { values: {} } : statedOf(modification)),
  });
  const made = { deactivates: false };
  const watched = watching(modification, (changes) => {
    made.deactivates = isDeactivated(changes.set);
  });
  if (changesAnything(modification)) {
    const written = { signal, ...conditions };
    await writing(exchange, endpoint, id, () => repository.modify(id, watched, written));
  }
  await setPassword(exchange, endpoint, id, plan.password);
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

function statedOf({ set = {}, unset = [], relations }: ChangeSet<ResourceRequest>): {
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
  tell: (changes: ChangeSet<ResourceRequest>) => void,
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
