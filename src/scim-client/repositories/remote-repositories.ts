import { InvalidValueError, UnsupportedError } from "../../core/index.js";
import type { CallOptions, Capabilities } from "../../repositories/index.js";
import { groupResourceType, type ResourceType, userResourceType } from "../../scim/index.js";
import type { ScimClient } from "../client.js";
import { capabilitiesOf } from "../discovery/capabilities.js";
import { bulkLimits } from "../discovery/configuration.js";
import type { NotUnderstood, RemoteResourceType } from "../discovery/resource-types.js";
import type { ProviderBehaviour, ProviderPreset } from "../provider-preset.js";
import { RemoteGroupRepository } from "./group-repository.js";
import { RemoteUserRepository } from "./user-repository.js";

/** Some of what a service provider can do; what is `undefined` is concluded from what it says itself. */
export type StatedCapabilities = {
  readonly [K in keyof Capabilities]?: Capabilities[K] | undefined;
};

/** What is known of a service provider that it does not say itself, and how far it is believed. */
export interface RemoteRepositoriesOptions extends CallOptions, ProviderBehaviour {
  /** What is known of a service provider of this kind. What else is stated here takes precedence. */
  readonly preset?: ProviderPreset | undefined;
  /** What it can do with users, in place of what is concluded from ServiceProviderConfig. */
  readonly users?: StatedCapabilities | undefined;
  /** What it can do with groups. */
  readonly groups?: StatedCapabilities | undefined;
  /** The types of its resources, in place of the document `/ResourceTypes`. */
  readonly resourceTypes?: readonly RemoteResourceType[] | undefined;
  /**
   * One in how many changes is looked at, by a read, once its form was seen to work. 1: each; `Infinity`: none but the
   * first. Default: 100.
   */
  readonly lookEvery?: number | undefined;
  /**
   * Whether a removal from a group is taken for done whose response was a success and that cannot be verified, since
   * the service provider does not return the members of its groups. Default: false, so that it is an
   * `UnsupportedError`.
   */
  readonly trustRemovals?: boolean | undefined;
}

/** Repositories whose store is a service provider. */
export interface RemoteRepositories {
  /** The users at the service provider. */
  readonly users: RemoteUserRepository;
  /** Absent where the service provider has no groups. */
  readonly groups?: RemoteGroupRepository;
  /** What the service provider names and no repository is made of, with the reason. */
  readonly notUnderstood: readonly NotUnderstood[];
}

/**
 * Repositories of the users and groups at a service provider, as it says that it can do.
 *
 * ```ts
 * const { users, groups } = await remoteRepositories(client);
 * ```
 *
 * @throws {UnsupportedError} it does not say what it can do: the option `configuration` of the client can.
 * @throws {InvalidValueError} an option is wrong.
 */
export async function remoteRepositories(
  client: ScimClient,
  options: RemoteRepositoriesOptions = {},
): Promise<RemoteRepositories> {
  const { preset, lookEvery, trustRemovals } = options;
  const behaviour = behaviourOf(options);
  if (lookEvery !== undefined && !(lookEvery >= 1)) {
    throw new InvalidValueError("lookEvery", "it is a number from 1.");
  }
  const configuration = await client.configuration(options);
  const { types, notUnderstood } = await typesAt(client, options);
  const found: NotUnderstood[] = [...notUnderstood];
  const user = types === undefined ? userResourceType : typeAmong(types, userResourceType);
  const group = types === undefined ? groupResourceType : typeAmong(types, groupResourceType);
  if (user === undefined) {
    const reason = "There is no type of users; /Users is asked for all the same.";
    found.push({ document: "/ResourceTypes", name: userResourceType.name, reason });
  }
  for (const type of types ?? []) found.push(...notUnderstoodOf(type));
  const means = {
    canPatch: configuration.patch?.supported === true,
    ...(bulkLimits(configuration) !== undefined && { bulk: client.bulk.bind(client) }),
    behaviour,
    ...(lookEvery !== undefined && { lookEvery }),
    ...(trustRemovals !== undefined && { trustRemovals }),
  };
  const users = new RemoteUserRepository({
    resources: client.resources(user ?? userResourceType),
    capabilities: {
      ...capabilitiesOf(configuration, userResourceType),
      ...preset?.users,
      ...stated(options.users),
    },
    ...means,
  });
  if (group === undefined) return { users, notUnderstood: found };
  const groups = new RemoteGroupRepository({
    resources: client.resources(group),
    capabilities: {
      ...capabilitiesOf(configuration, groupResourceType),
      ...preset?.groups,
      ...stated(options.groups),
    },
    ...means,
    returnsMembers: once(() => areMembersReturned(client)),
  });
  return { users, groups, notUnderstood: found };
}

/** Without what is `undefined`: that would take the place of what is known otherwise. */
function stated(capabilities: StatedCapabilities = {}): Partial<Capabilities> {
  return Object.fromEntries(
    Object.entries(capabilities).filter(([, value]) => value !== undefined),
  );
}

function behaviourOf(options: RemoteRepositoriesOptions): ProviderBehaviour {
  const { preset = {} } = options;
  const behaviour: Record<string, unknown> = {};
  for (const key of [
    "updates",
    "membersAtOnce",
    "emptying",
    "doublesMembers",
    "newUsers",
  ] as const satisfies readonly (keyof ProviderBehaviour)[]) {
    const value = options[key] ?? (preset as ProviderBehaviour)[key];
    if (value !== undefined) behaviour[key] = value;
  }
  const { membersAtOnce } = behaviour as ProviderBehaviour;
  if (membersAtOnce !== undefined && !(Number.isSafeInteger(membersAtOnce) && membersAtOnce > 0)) {
    throw new InvalidValueError("membersAtOnce", "it is a whole number from 1.");
  }
  return behaviour;
}

/**
 * The types that a service provider names. One that does not say is asked for users and groups when they are needed.
 */
async function typesAt(
  client: ScimClient,
  options: RemoteRepositoriesOptions,
): Promise<{
  readonly types?: readonly RemoteResourceType[];
  readonly notUnderstood: readonly NotUnderstood[];
}> {
  if (options.resourceTypes !== undefined) {
    return { types: options.resourceTypes, notUnderstood: [] };
  }
  try {
    return await client.discover(options);
  } catch (error) {
    if (error instanceof UnsupportedError) return { notUnderstood: [] };
    throw error;
  }
}

/**
 * The type of resources that has a schema, at the endpoint where the service provider has it; by the endpoint, if no
 * schema is.
 */
function typeAmong<T extends ResourceType>(
  types: readonly RemoteResourceType[],
  known: T,
): T | undefined {
  const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();
  const found =
    types.find(({ schema }) => same(schema, known.schema.id)) ??
    types.find(({ endpoint }) => same(endpoint, known.endpoint));
  if (found === undefined) return undefined;
  return found.endpoint === known.endpoint ? known : { ...known, endpoint: found.endpoint };
}

/** What of a type of resources is not understood. */
function notUnderstoodOf(type: RemoteResourceType): readonly NotUnderstood[] {
  const document = "/ResourceTypes";
  const known = [userResourceType, groupResourceType].find((one) => typeAmong([type], one));
  if (known === undefined) {
    const reason = `No repository is made of the resources at ${type.endpoint}.`;
    return [{ document, name: type.name, reason }];
  }
  const ours = new Set(known.schemaExtensions.map(({ schema }) => schema.id.toLowerCase()));
  return type.schemaExtensions
    .filter(({ schema }) => !ours.has(schema.toLowerCase()))
    .map(({ schema, required }) => ({
      document,
      name: schema,
      reason: required
        ? `Resources of the type ${type.name} must have this extension, which is not known here.`
        : `Resources of the type ${type.name} may have this extension, which is not known here.`,
    }));
}

/** Whether the schema of groups at the service provider says that members are returned. */
async function areMembersReturned(client: ScimClient): Promise<boolean> {
  try {
    const schemas = await client.schemas();
    const schema = schemas.find(
      ({ id }) => id.toLowerCase() === groupResourceType.schema.id.toLowerCase(),
    );
    const returned = schema?.attributes.get("members")?.returned;
    return returned !== undefined && returned !== "never";
  } catch {
    return false;
  }
}

/** Does work once, when it is first asked for. */
function once<R>(work: () => Promise<R>): () => Promise<R> {
  let result: Promise<R> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
