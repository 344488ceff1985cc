import type { ChangeSet, MembersChange, Modification } from "../../repositories/index.js";
import {
  type NewGroup,
  type Resource,
  type ResourceRequest,
  type ResourceType,
  readResource,
} from "../../scim/index.js";
import { isJsonObject } from "../../scim/internal.js";
import { merged, unwritable, writable } from "../access/writable.js";
import type { Endpoint, Exchange } from "../context.js";
import { type Referring, withReferences } from "../references/check.js";
import type { Outcome } from "../response.js";
import { answerChange, type ChangeOptions, versionToWrite } from "./change.js";
import { demandSpelled, demandStored } from "./exact-id.js";
import { demandDistinct } from "./names.js";
import { writeChange } from "./write-change.js";
import { writing } from "./write-lock.js";

/**
 * Gives a resource the attributes that were sent, and no others but those that the client cannot write. RFC 7644 §3.5.1.
 *
 * The store is asked for a modification, since what is kept depends on the resource as it is when it is written.
 *
 * @throws {NotFoundError} there is no such resource: PUT creates none.
 * @throws {VersionConflictError} it is not in the version that was asked for.
 * @throws {MutabilityError} something immutable would change.
 */
export async function replaceResource(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  body: unknown,
  options: ChangeOptions,
): Promise<Outcome> {
  const { type } = endpoint;
  const conditions = await versionToWrite(exchange, endpoint, id, options);
  const { password, ...sent } = await readReplacement(exchange, { endpoint, id }, body);
  // As at a creation, the policy sees that there is a password, and which.
  const resource = password === undefined ? sent : { ...sent, password };
  if (exchange.before !== undefined) await demandStored(exchange, endpoint, id);
  await exchange.before?.({ kind: "replace", type, id, resource });
  const replacement: Modification<Resource, ResourceRequest> = {
    reads: namesIn(type).filter((name) => name !== "members"),
    plan: (current) => replacing(exchange, type, demandSpelled(current, id), sent),
  };
  const change = { endpoint, id, password, deactivates: sent.active === false };
  await writing(exchange, endpoint, id, () =>
    writeChange(exchange, change, (repository, call) =>
      repository.modify(id, replacement, { ...call, ...conditions }),
    ),
  );
  return await answerChange(exchange, endpoint, id, options, Object.keys(sent));
}

/** A resource as it was sent, with what is not stored as attributes are. */
interface Sent extends ResourceRequest {
  readonly active?: unknown;
  readonly password?: unknown;
  readonly members?: NewGroup["members"];
}

/** What was sent, with its references checked, and without what the client cannot write. */
async function readReplacement(
  exchange: Exchange,
  referring: Referring,
  body: unknown,
): Promise<Sent> {
  const { type } = referring.endpoint;
  const { profile, settings, record } = exchange;
  const { resource, ignored, rewrites } = readResource(type, body, {
    context: "replacement",
    profile,
    limits: settings.limits,
  });
  record.ignored.push(...ignored);
  record.rewrites.push(...rewrites);
  const sent = writable(exchange, type, {
    ...resource,
    ...(clearsMembers(settings, type, body, resource) && { members: [] }),
  });
  const known = await withReferences<Sent>(exchange, referring, { ...sent });
  // Members were sent of whom none is known: the group has none then, and does not keep those that it had.
  return Object.hasOwn(sent, "members") && known.members === undefined
    ? { ...known, members: [] }
    : known;
}

/** Members stay when they are not sent. When they are, and come to none, be it an empty list, null or what is read so, all of them go. */
function clearsMembers(
  { missingMembers }: Exchange["settings"],
  type: ResourceType,
  body: unknown,
  read: object,
): boolean {
  const isAbsent = type.schema.attributes.has("members") && !Object.hasOwn(read, "members");
  if (!isAbsent || !isJsonObject(body)) return false;
  const isStated = Object.keys(body).some((name) => name.toLowerCase() === "members");
  return isStated || missingMembers === "remove";
}

/** What makes of a resource, as it is, the one that was sent. Members stay if none were sent. */
function replacing(
  exchange: Exchange,
  type: ResourceType,
  current: Resource,
  sent: Sent,
): ChangeSet<ResourceRequest> {
  // It was read before; now what is immutable is held against the resource.
  const { resource } = readResource(
    type,
    merged({ ...sent }, unwritable(exchange, type, current)),
    {
      context: "replacement",
      current,
    },
  );
  demandDistinct(exchange, type, resource, current);
  const {
    schemas: _,
    members: __,
    ...next
  }: ResourceRequest & Pick<NewGroup, "members"> = resource;
  // A user who is disabled stays so: many clients do not state what they do not change.
  const stays = type.name === "User" ? ["active"] : [];
  const kept = new Set(["schemas", "members", ...stays, ...Object.keys(next)]);
  const { members } = sent;
  return {
    set: next,
    unset: namesIn(type).filter((name) => !kept.has(name) && Object.hasOwn(current, name)),
    ...(members !== undefined && { relations: { members: onlyThese(members) } }),
  };
}

function onlyThese(members: NonNullable<Sent["members"]>): MembersChange {
  const add = members.map(({ value, type }) =>
    type === undefined
      ? { value }
      : ({ value, type: type === "Group" ? "Group" : "User" } as const),
  );
  return { clear: true, add };
}

/** The names under which a resource holds what a client can set: attributes, and the URIs of extensions. */
function namesIn({ schema, schemaExtensions }: ResourceType): readonly string[] {
  const own = [...schema.attributes.values()].filter(({ mutability }) => mutability !== "readOnly");
  return [
    "externalId",
    ...own.map(({ name }) => name),
    ...schemaExtensions.map((extension) => extension.schema.id),
  ];
}
