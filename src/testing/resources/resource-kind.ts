import type { Capabilities, ChangeSet, ResourceRepository } from "../../repositories/index.js";
import { supportsFilter } from "../../repositories/internal.js";
import {
  type BoundFilter,
  bindFilter,
  eq,
  type Resource,
  type ResourceRequest,
  type ResourceType,
} from "../../scim/index.js";

/** The type of resource that a suite is about, and how the suite reaches the repository. */
export interface ResourceKind<S, T extends Resource, N extends ResourceRequest> {
  readonly naming: "userName" | "displayName";
  readonly type: ResourceType;
  /** A resource to create. */
  named(name: string): N;
  /** The change that renames one. */
  renamed(name: string): ChangeSet<N>;
  nameOf(resource: T): string | undefined;
  repository(subject: S): ResourceRepository<T, N>;
  /** Members that the resources can have. Without it, resources of the kind have none. */
  relations?(subject: S): Promise<readonly { readonly value: string }[]>;
}

/** The ids of resources, in their order. */
export function ids(resources: readonly Resource[]): string[] {
  return resources.map((resource) => resource.id);
}

/** The filter that an attribute has a value. */
export function equal(type: ResourceType, path: string, value: string): BoundFilter {
  return bindFilter(eq(path, value), type);
}

/** Whether a store supports filters of an attribute. */
export function supports(capabilities: Capabilities, type: ResourceType, path: string): boolean {
  return supportsFilter(capabilities, equal(type, path, ""));
}

/** Why a case about filters of an attribute does not apply, if it does not. */
export function skipUnlessSupported(
  capabilities: Capabilities,
  type: ResourceType,
  path: string,
): string | undefined {
  return supports(capabilities, type, path) ? undefined : `the store declares no filter of ${path}`;
}
