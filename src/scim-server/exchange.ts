import type { KeyedMutex } from "../core/index.js";
import type { ResourceRepository } from "../repositories/index.js";
import type {
  PatchBudget,
  Profile,
  Resource,
  ResourceRequest,
  ResourceType,
} from "../scim/index.js";
import type { Operation } from "./access/policy.js";
import type { RequestRecord } from "./channel.js";
import type { ScimLimits } from "./limits.js";
import type { LostReferences, ScimRepositories } from "./options.js";
import type { Cursors } from "./query/cursors.js";
import { demandStored } from "./references/spelling.js";
import type { Representations } from "./representation.js";
import { ScimRequestError } from "./request/request-error.js";
import type { Resolution } from "./resource/resolve.js";

/** What the service provider is, whoever asks. */
export interface Settings {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly types: readonly ResourceType[];
  readonly limits: Required<ScimLimits>;
  readonly cursors: Cursors;
  readonly representations: Representations;
  /** Whether users are told with their groups without being asked, where the store can. */
  readonly userGroups: "default" | "request";
  /** Which names a user may have, and which a group. */
  readonly names: Readonly<Record<"User" | "Group", "distinct" | "any">>;
  /** What a PUT without `members` does with those that there are. */
  readonly missingMembers: "keep" | "remove";
  /** The writes to resources of which one must be made after the other. */
  readonly mutex: KeyedMutex;
}

/** A type of resources and where they are. */
export interface Endpoint {
  readonly type: ResourceType;
  readonly repository: ResourceRepository<Resource, ResourceRequest>;
}

/** One request that is being answered, and on whose behalf. */
export interface Exchange {
  readonly settings: Settings;
  readonly principal: string;
  /** Whose the stores are, as far as the principal says. */
  readonly tenant: string | undefined;
  /** What the PATCHes of the request may compare together. */
  readonly budget: PatchBudget;
  readonly repositories: ScimRepositories;
  readonly profile: Profile;
  readonly signal: AbortSignal;
  readonly record: RequestRecord;
  readonly lostReferences: (type: ResourceType) => LostReferences;
  readonly mayWrite: (path: string, type: ResourceType) => boolean;
  /** What the policy has to say; absent where there is none. */
  readonly before?: (operation: Operation) => Promise<void>;
  readonly resolve: (draft: ResourceRequest, endpoint: Endpoint) => Promise<Resolution>;
}

/** How a request was answered, before it becomes a response or a result of a bulk request. */
export interface Outcome {
  readonly status: number;
  readonly body?: object;
  /** The URL of the resource. */
  readonly location?: string;
  /** The entity-tag of the resource. */
  readonly version?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether a resource that is told to be created was there before. */
  readonly isLinked?: boolean;
}

/** The types that the principal has stores for. */
export function endpointsOf({ settings, repositories }: Exchange): readonly Endpoint[] {
  return settings.types.flatMap((type) => {
    const repository = repositoryOf(repositories, type);
    return repository === undefined ? [] : [{ type, repository }];
  });
}

/**
 * The type with an endpoint such as `Users`, and its store.
 *
 * @throws {ScimRequestError} 404: there is none.
 */
export function endpointNamed(exchange: Exchange, name: string): Endpoint {
  const type = exchange.settings.types.find(({ endpoint }) => endpoint === `/${name}`);
  const repository = type && repositoryOf(exchange.repositories, type);
  if (type === undefined || repository === undefined) {
    throw new ScimRequestError(404, "There is no such endpoint.");
  }
  return { type, repository };
}

/**
 * Writes to a resource. Where a store has no versions, nothing keeps two writers from undoing what the other did, so the writes of
 * this service provider to one id are made one after the other.
 */
export async function writing<R>(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  write: () => Promise<R>,
): Promise<R> {
  return endpoint.repository.capabilities.versions === "atomic"
    ? await write()
    : await inTurn(exchange, endpoint, id, write);
}

/**
 * Writes to a resource when all others have written that were here before.
 *
 * KeyedMutex belong to a tenant, so that nobody waits for others' requests. Where the principal does not say which tenant it belongs to, they
 * belong to the principal if the store has versions, which keep two principals apart. If it has none, nothing here tells whose resource
 * it is, since a host may have other repositories for each request: then those of all take turns who have a resource with the id.
 *
 * @throws {NotFoundError} there is none with this id.
 */
export async function inTurn<R>(
  exchange: Exchange,
  endpoint: Endpoint,
  id: string,
  write: () => Promise<R>,
): Promise<R> {
  const { settings, signal, tenant, principal } = exchange;
  const hasVersions = endpoint.repository.capabilities.versions === "atomic";
  const owner = tenant === undefined ? hasVersions && ["principal", principal] : ["tenant", tenant];
  if (owner === false) await demandStored(exchange, endpoint, id);
  const key = JSON.stringify([owner, endpoint.type.name, id]);
  return await settings.mutex.run(key, write, signal);
}

/** The URL of a resource. */
export function locationOf({ baseUrl }: Settings, type: ResourceType, id: string): string {
  return `${baseUrl}${type.endpoint}/${encodeURIComponent(id)}`;
}

function repositoryOf(
  { users, groups, others = {} }: ScimRepositories,
  { name }: ResourceType,
): Endpoint["repository"] | undefined {
  if (name === "User" && users !== undefined) return users;
  if (name === "Group" && groups !== undefined) return groups;
  return Object.hasOwn(others, name) ? others[name] : undefined;
}
