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
  readResource,
} from "../scim/index.js";
import { demandedVersion } from "./conditions.js";
import type { Endpoint, Exchange, Outcome } from "./exchange.js";
import { setPassword } from "./password.js";
import { planWithReferences, withReferences } from "./references.js";
import {
  bareOutcome,
  isObject,
  readOptions,
  resourceOutcome,
  type Wanted,
} from "./representation.js";
import { ScimRequestError } from "./request-error.js";
import { endSessionsOf } from "./sessions.js";
import { merged, unwritable, writable, writablePlan } from "./write-access.js";

/** So often a replacement is begun again when other writers come between. */
const attempts = 10;

/** What a client says of a change beside the change itself. */
export interface ChangeOptions extends Wanted {
  /** The value of If-Match. */
  readonly ifMatch?: string | undefined;
  /** Whether the client wants to see the resource afterwards. */
  readonly answer?: "minimal" | "representation" | undefined;
}

/**
 * Gives a resource the attributes that were sent, and no others but those that the client cannot write. RFC 7644 §3.5.1.
 *
 * @throws {NotFoundError} there is no such resource: PUT creates none.
 * @throws {VersionConflictError} it is not in the version that was asked for, or others wrote it again and again.
 */
export async function replaceResource(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  body: unknown,
  options: ChangeOptions,
): Promise<Outcome> {
  const { type, repository } = endpoint;
  const { signal } = exchange;
  for (let attempt = 1; ; attempt++) {
    const current = await demandCurrent(endpoint, id, signal);
    const asked = demandedVersion(options.ifMatch, current);
    const { resource, password } = await readReplacement(exchange, endpoint, body, current);
    if (attempt === 1) await exchange.before({ kind: "replace", type, id, resource });
    // What is kept of the resource was read, so it must not have changed when it is written.
    const ifVersion = asked ?? current.meta?.version;
    try {
      await repository.replace(id, resource, {
        signal,
        ...(ifVersion !== undefined && { ifVersion }),
      });
    } catch (error) {
      const again =
        error instanceof VersionConflictError && asked === undefined && attempt < attempts;
      if (!again) throw error;
      exchange.record.ignored.length = 0;
      exchange.record.rewrites.length = 0;
      continue;
    }
    await setPassword(exchange, endpoint, id, password);
    if (isDeactivated(resource)) await endSessionsOf(exchange, id);
    return await changed(exchange, endpoint, id, options, Object.keys(resource));
  }
}

async function readReplacement(
  exchange: Exchange,
  { type }: Endpoint,
  body: unknown,
  current: Resource,
): Promise<{ resource: ResourceRequest; password: unknown }> {
  const { profile, settings, record } = exchange;
  const { resource, ignored, rewrites } = readResource(type, body, {
    context: "replacement",
    current,
    profile,
    limits: settings.limits,
  });
  record.ignored.push(...ignored);
  record.rewrites.push(...rewrites);
  const { password, ...sent } = writable(exchange, type, resource);
  const referring = await withReferences(exchange, type, {
    ...sent,
    ...(clearsMembers(type.schema.attributes, body) && { members: [] }),
  });
  return {
    resource: merged(referring, unwritable(exchange, type, current)),
    password,
  };
}

/** An empty list is no value, and is read as none; of members, which stay when they are not sent, it means that all go. */
function clearsMembers(attributes: ReadonlyMap<string, unknown>, body: unknown): boolean {
  if (!attributes.has("members") || !isObject(body)) return false;
  return Object.entries(body).some(
    ([name, value]) =>
      name.toLowerCase() === "members" &&
      (value === null || (Array.isArray(value) && value.length === 0)),
  );
}

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
  const ifVersion =
    options.ifMatch === undefined
      ? undefined
      : demandedVersion(options.ifMatch, await demandCurrent(endpoint, id, signal));
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
    await repository.modify(id, watched, { signal, ...(ifVersion !== undefined && { ifVersion }) });
  }
  await setPassword(exchange, endpoint, id, plan.password);
  if (made.deactivates) await endSessionsOf(exchange, id);
  // RFC 7644 §3.5.2 leaves it open what is answered; a group may have a million members, and nobody asked for them.
  const isAsked = options.attributes !== undefined || options.excludedAttributes !== undefined;
  const answer =
    options.answer ?? (type.schema.attributes.has("members") && !isAsked ? "minimal" : undefined);
  return await changed(exchange, endpoint, id, { ...options, answer }, plan.stated);
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

/** Whether attributes are those of a user who is not active. */
function isDeactivated(attributes: object | undefined): boolean {
  return attributes !== undefined && Reflect.get(attributes, "active") === false;
}

/**
 * Deletes a resource, or has the store deactivate it, as it can. RFC 7644 §3.6.
 *
 * @throws {NotFoundError} there is no such resource.
 */
export async function deleteResource(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  { ifMatch }: ChangeOptions,
): Promise<Outcome> {
  const { type, repository } = endpoint;
  const { signal } = exchange;
  const ifVersion =
    ifMatch === undefined
      ? undefined
      : demandedVersion(ifMatch, await demandCurrent(endpoint, id, signal));
  await exchange.before({ kind: "delete", type, id });
  await repository.delete(id, { signal, ...(ifVersion !== undefined && { ifVersion }) });
  if (type.name === "User") await endSessionsOf(exchange, id);
  return { status: 204 };
}

/** The resource as it is now, without its members. */
async function demandCurrent(
  { repository }: Endpoint,
  id: string,
  signal: AbortSignal,
): Promise<Resource> {
  const current = await repository.get(id, { excludedAttributes: ["members"], signal });
  if (current === undefined) throw new NotFoundError(id);
  return current;
}

/** The answer to a change. */
async function changed(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  { attributes, excludedAttributes, answer }: ChangeOptions,
  stated: readonly string[],
): Promise<Outcome> {
  const { repository, type } = endpoint;
  if (answer === "minimal") {
    const resource = await demandCurrent(endpoint, id, exchange.signal);
    return bareOutcome(exchange.settings, type, 204, resource);
  }
  const wanted: Wanted = {
    ...(attributes !== undefined && { attributes }),
    ...(excludedAttributes !== undefined && { excludedAttributes }),
  };
  const resource = await repository.get(id, readOptions(endpoint, wanted, exchange.signal));
  if (resource === undefined) throw new NotFoundError(id);
  return resourceOutcome(exchange, endpoint, 200, resource, { ...wanted, stated });
}
