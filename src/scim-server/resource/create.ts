import { UniquenessError } from "../../core/index.js";
import {
  patchOpId,
  planPatch,
  type Resource,
  type ResourceRequest,
  readResource,
} from "../../scim/index.js";
import { writable } from "../access/writable.js";
import type { Endpoint, RequestContext } from "../context.js";
import { withReferences } from "../references/check.js";
import { readOptions, type Wanted } from "../representation.js";
import { ScimRequestError } from "../request/error.js";
import type { EndpointResponse } from "../response.js";
import { assertDistinctName, assertDistinctNameAt } from "./names.js";
import type { Resolution } from "./resolve.js";
import { resourceResponse } from "./response.js";
import { writePatch } from "./write-patch.js";

/**
 * Creates a resource. RFC 7644 §3.3.
 *
 * @throws {InvalidValueError} a value is wrong, or refers to what there is not.
 * @throws {UniquenessError} a unique value is taken.
 */
export async function createResource(
  context: RequestContext,
  endpoint: Endpoint,
  body: unknown,
  wanted: Wanted,
): Promise<EndpointResponse> {
  const { type, repository } = endpoint;
  const { signal } = context;
  const draft = await readDraft(context, endpoint, body);
  await context.before?.({ kind: "create", type, resource: draft });
  const resolution = await context.resolve(draft, endpoint);
  switch (resolution.kind) {
    case "conflict":
    case "pending":
      throw new ScimRequestError(409, resolution.detail ?? "Who is meant is not certain.", {
        scimType: "uniqueness",
      });
    case "link": {
      await assertDistinctNameAt(context, endpoint, resolution.id, draft);
      const linked = await linkTo(context, endpoint, resolution, draft);
      const response = await created(context, endpoint, linked, wanted, draft);
      return { ...response, isLinked: true };
    }
    case "create": {
      assertDistinctName(context, type, draft);
      const resource = await repository.create(draft, {
        signal,
        onIgnored: context.record.notKept,
      });
      return await created(context, endpoint, resource, wanted, draft);
    }
  }
}

async function readDraft(
  context: RequestContext,
  endpoint: Endpoint,
  body: unknown,
): Promise<ResourceRequest> {
  const { type, repository } = endpoint;
  const { profile, settings, record } = context;
  const { resource, ignored, rewrites } = readResource(type, body, {
    context: "creation",
    profile,
    limits: settings.limits,
  });
  record.ignored.push(...ignored);
  record.rewrites.push(...rewrites);
  const draft = writable(context, type, resource);
  if (Object.hasOwn(draft, "password") && (repository.capabilities.password ?? "none") === "none") {
    const { password: _, ...others } = draft;
    record.ignored.push({ path: "password", reason: "unsupported" });
    return await withReferences(context, { endpoint }, others);
  }
  return await withReferences(context, { endpoint }, draft);
}

/**
 * Gives a user who was there before what was sent, without taking away what was not: as a PATCH that replaces these
 * attributes.
 *
 * @throws {UniquenessError} the user was to be inactive, and is not any more; or is not there any more.
 */
async function linkTo(
  context: RequestContext,
  endpoint: Endpoint,
  { id, ifInactive = false }: Extract<Resolution, { readonly kind: "link" }>,
  draft: ResourceRequest,
): Promise<Resource> {
  const { type, repository } = endpoint;
  const { budget, mayWrite, settings, signal } = context;
  const value = { ...(mayWrite("active", type) && { active: true }), ...draft };
  const body = { schemas: [patchOpId], Operations: [{ op: "replace", value }] };
  const plan = planPatch(type, body, { limits: { values: settings.limits.values }, budget });
  await writePatch(context, { endpoint, id, plan, ifInactive });
  const linked = await repository.get(id, { signal });
  if (linked === undefined) throw new UniquenessError("externalId", id);
  return linked;
}

async function created(
  context: RequestContext,
  endpoint: Endpoint,
  resource: Resource,
  wanted: Wanted,
  draft: ResourceRequest,
): Promise<EndpointResponse> {
  const { type, repository } = endpoint;
  const options = readOptions(type, wanted, context.signal);
  // A store returns members only when they are asked for, which the creation cannot.
  const isWhole =
    !type.schema.attributes.has("members") || !options.attributes?.includes("members");
  const whole = isWhole ? resource : ((await repository.get(resource.id, options)) ?? resource);
  return await resourceResponse(context, endpoint, 201, whole, {
    ...wanted,
    stated: Object.keys(draft),
  });
}
