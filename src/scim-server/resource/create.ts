import { UniquenessError } from "../../core/index.js";
import {
  patchOpId,
  planPatch,
  type Resource,
  type ResourceRequest,
  readResource,
} from "../../scim/index.js";
import { writable } from "../access/writable.js";
import type { Endpoint, Exchange } from "../context.js";
import { withReferences } from "../references/check.js";
import { readOptions, type Wanted } from "../representation.js";
import { ScimRequestError } from "../request/error.js";
import type { Outcome } from "../response.js";
import { demandDistinct, demandDistinctOf } from "./names.js";
import type { Resolution } from "./resolve.js";
import { resourceOutcome } from "./response.js";
import { writePatch } from "./write-patch.js";

/**
 * Creates a resource. RFC 7644 §3.3.
 *
 * @throws {InvalidValueError} a value is wrong, or refers to what there is not.
 * @throws {UniquenessError} a unique value is taken.
 */
export async function createResource(
  exchange: Exchange,
  endpoint: Endpoint,
  body: unknown,
  wanted: Wanted,
): Promise<Outcome> {
  const { type, repository } = endpoint;
  const { signal } = exchange;
  const draft = await readDraft(exchange, endpoint, body);
  await exchange.before?.({ kind: "create", type, resource: draft });
  const resolution = await exchange.resolve(draft, endpoint);
  switch (resolution.kind) {
    case "conflict":
    case "pending":
      throw new ScimRequestError(409, resolution.detail ?? "Who is meant is not certain.", {
        scimType: "uniqueness",
      });
    case "link": {
      await demandDistinctOf(exchange, endpoint, resolution.id, draft);
      const linked = await linkTo(exchange, endpoint, resolution, draft);
      const outcome = await created(exchange, endpoint, linked, wanted, draft);
      return { ...outcome, isLinked: true };
    }
    case "create": {
      demandDistinct(exchange, type, draft);
      const resource = await repository.create(draft, {
        signal,
        onIgnored: exchange.record.notKept,
      });
      return await created(exchange, endpoint, resource, wanted, draft);
    }
  }
}

async function readDraft(
  exchange: Exchange,
  endpoint: Endpoint,
  body: unknown,
): Promise<ResourceRequest> {
  const { type, repository } = endpoint;
  const { profile, settings, record } = exchange;
  const { resource, ignored, rewrites } = readResource(type, body, {
    context: "creation",
    profile,
    limits: settings.limits,
  });
  record.ignored.push(...ignored);
  record.rewrites.push(...rewrites);
  const draft = writable(exchange, type, resource);
  if (Object.hasOwn(draft, "password") && (repository.capabilities.password ?? "none") === "none") {
    const { password: _, ...others } = draft;
    record.ignored.push({ path: "password", reason: "unsupported" });
    return await withReferences(exchange, { endpoint }, others);
  }
  return await withReferences(exchange, { endpoint }, draft);
}

/**
 * Gives a user who was there before what was sent, without taking away what was not: as a PATCH that replaces these attributes.
 *
 * @throws {UniquenessError} the user was to be inactive, and is not any more; or is not there any more.
 */
async function linkTo(
  exchange: Exchange,
  endpoint: Endpoint,
  { id, ifInactive = false }: Extract<Resolution, { readonly kind: "link" }>,
  draft: ResourceRequest,
): Promise<Resource> {
  const { type, repository } = endpoint;
  const { budget, mayWrite, settings, signal } = exchange;
  const value = { ...(mayWrite("active", type) && { active: true }), ...draft };
  const body = { schemas: [patchOpId], Operations: [{ op: "replace", value }] };
  const plan = planPatch(type, body, { limits: { values: settings.limits.values }, budget });
  await writePatch(exchange, { endpoint, id, plan, ifInactive });
  const linked = await repository.get(id, { signal });
  if (linked === undefined) throw new UniquenessError("externalId", id);
  return linked;
}

async function created(
  exchange: Exchange,
  endpoint: Endpoint,
  resource: Resource,
  wanted: Wanted,
  draft: ResourceRequest,
): Promise<Outcome> {
  const { type, repository } = endpoint;
  const options = readOptions(type, wanted, exchange.signal);
  // A store returns members only when they are asked for, which the creation cannot.
  const isWhole =
    !type.schema.attributes.has("members") || !options.attributes?.includes("members");
  const whole = isWhole ? resource : ((await repository.get(resource.id, options)) ?? resource);
  return await resourceOutcome(exchange, endpoint, 201, whole, {
    ...wanted,
    stated: Object.keys(draft),
  });
}
