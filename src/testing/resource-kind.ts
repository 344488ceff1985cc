import type { Capabilities, ResourceRepository } from "../repositories/index.js";
import type { Resource, ResourceRequest } from "../scim/index.js";

/** The type of resource that a suite is about, and how the suite reaches the repository. */
export interface ResourceKind<S, T extends Resource, N extends ResourceRequest> {
  readonly naming: "userName" | "displayName";
  /** A resource to create; also the attributes to set to rename one. */
  named(name: string): N;
  nameOf(resource: T): string | undefined;
  repository(subject: S): ResourceRepository<T, N>;
}

/** The ids of resources, in their order. */
export function ids(resources: readonly Resource[]): string[] {
  return resources.map((resource) => resource.id);
}

/** Whether a store answers filters of an attribute. */
export function answers({ filter }: Capabilities, path: string): boolean {
  return Object.hasOwn(filter, path) && filter[path]?.includes("eq") === true;
}

/** Why a case about filters of an attribute does not apply, if it does not. */
export function skipUnlessAnswered(capabilities: Capabilities, path: string): string | undefined {
  return answers(capabilities, path) ? undefined : `the store declares no filter of ${path}`;
}
