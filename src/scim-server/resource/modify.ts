import { TooManyError } from "../../core/index.js";
import {
  type PatchPlan,
  type PlanPatchOptions,
  planPatch,
  type ResourceType,
} from "../../scim/index.js";
import { writablePlan } from "../access/writable.js";
import type { Endpoint, Exchange } from "../context.js";
import { planWithReferences } from "../references/check.js";
import { ScimRequestError } from "../request/error.js";
import type { Outcome } from "../response.js";
import { answerChange, type ChangeOptions, versionToWrite } from "./change.js";
import { demandDistinctIn } from "./names.js";
import { writePatch } from "./write-patch.js";

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
  const plan = await readPlan(exchange, endpoint, id, body);
  try {
    await writePatch(exchange, { endpoint, id, plan, conditions });
  } catch (error) {
    throw asTooLarge(error);
  }
  // RFC 7644 §3.5.2 leaves it open what is answered; a group may have a million members, and nobody asked for them.
  const isAsked = options.attributes !== undefined || options.excludedAttributes !== undefined;
  const isLarge = type.schema.attributes.has("members") && exchange.profile.returnsGroups !== true;
  const answer = options.answer ?? (isLarge && !isAsked ? "minimal" : undefined);
  return await answerChange(exchange, endpoint, id, { ...options, answer }, plan.stated);
}

async function readPlan(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  body: unknown,
): Promise<PatchPlan> {
  const { type } = endpoint;
  const { profile, record, settings, budget } = exchange;
  const { patchOperations: operations, patchComparisons: comparisons, values } = settings.limits;
  const plan = planned(type, body, {
    profile,
    limits: { operations, comparisons, values },
    budget,
  });
  record.ignored.push(...plan.ignored);
  record.rewrites.push(...plan.rewrites);
  const permitted = writablePlan(exchange, plan);
  await demandDistinctIn(exchange, endpoint, id, permitted);
  return await planWithReferences(exchange, { endpoint, id }, permitted);
}

function planned(type: ResourceType, body: unknown, options: PlanPatchOptions): PatchPlan {
  try {
    return planPatch(type, body, options);
  } catch (error) {
    throw asTooLarge(error);
  }
}

/** A PATCH that asks for too much is too large a body, and no query that finds too much. */
function asTooLarge(error: unknown): unknown {
  return error instanceof TooManyError
    ? new ScimRequestError(413, error.message, { cause: error })
    : error;
}
