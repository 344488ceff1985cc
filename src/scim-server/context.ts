import type { KeyedMutex, Settled } from "../core/index.js";
import type { ResourceRepository } from "../repositories/index.js";
import type {
  PatchBudget,
  Resource,
  ResourceRequest,
  ResourceType,
  ScimProfile,
} from "../scim/index.js";
import type { RequestedChange } from "./access/policy.js";
import type { RequestRecord } from "./channel.js";
import type { ScimLimits } from "./limits.js";
import type { LostReferences } from "./options.js";
import type { ScimRepositories } from "./principal.js";
import type { Cursors } from "./query/cursors.js";
import type { Representations } from "./representation.js";
import { ScimRequestError } from "./request/error.js";
import type { Resolution } from "./resource/resolve.js";

/** What the service provider is, for every principal. */
export interface Settings {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly types: readonly ResourceType[];
  readonly limits: Settled<ScimLimits>;
  readonly cursors: Cursors;
  readonly representations: Representations;
  /** Whether users are returned with their groups without being asked, where the store can. */
  readonly userGroups: "default" | "request";
  /** Which names a user may have, and which a group. */
  readonly names: Readonly<Record<"User" | "Group", "distinct" | "any">>;
  /** What a PUT without `members` does with those that there are. */
  readonly missingMembers: "keep" | "remove";
  /** Keeps the order of writes to one resource. */
  readonly writeLocks: KeyedMutex;
}

/** A type of resources and where they are. */
export interface Endpoint {
  readonly type: ResourceType;
  readonly repository: ResourceRepository<Resource, ResourceRequest>;
}

/** One request that is being handled, and on whose behalf. */
export interface RequestContext {
  readonly settings: Settings;
  readonly principal: string;
  /** Whose the stores are, as far as the principal says. */
  readonly tenant: string | undefined;
  /** What the PATCHes of the request may compare together. */
  readonly budget: PatchBudget;
  readonly repositories: ScimRepositories;
  readonly profile: ScimProfile;
  readonly signal: AbortSignal;
  readonly record: RequestRecord;
  readonly lostReferences: (type: ResourceType) => LostReferences;
  readonly mayWrite: (path: string, type: ResourceType) => boolean;
  /** What the policy has to say; absent where there is none. */
  readonly before?: (change: RequestedChange) => Promise<void>;
  readonly resolve: (draft: ResourceRequest, endpoint: Endpoint) => Promise<Resolution>;
}

/** The types that the principal has stores for. */
export function endpointsOf({ settings, repositories }: RequestContext): readonly Endpoint[] {
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
export function endpointNamed(context: RequestContext, name: string): Endpoint {
  const type = context.settings.types.find(({ endpoint }) => endpoint === `/${name}`);
  const repository = type && repositoryOf(context.repositories, type);
  if (type === undefined || repository === undefined) {
    throw new ScimRequestError(404, "There is no such endpoint.");
  }
  return { type, repository };
}

function repositoryOf(
  { users, groups, others = {} }: ScimRepositories,
  { name }: ResourceType,
): Endpoint["repository"] | undefined {
  if (name === "User" && users !== undefined) return users;
  if (name === "Group" && groups !== undefined) return groups;
  return Object.hasOwn(others, name) ? others[name] : undefined;
}
