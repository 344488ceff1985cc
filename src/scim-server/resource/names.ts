import { InvalidValueError, isIndistinct } from "../../core/index.js";
import type { PatchPlan, ResourceType } from "../../scim/index.js";
import type { Endpoint, RequestContext } from "../context.js";

/**
 * Refuses a `userName`, or the `displayName` of a group, that people cannot distinguish from another one, unless the
 * host takes any: an account named `" admin"`, or `admin` with a zero-width space in it, beside `admin`. RFC 7644 §5
 * has names prepared by PRECIS, whose profile for user names (RFC 8265 §3) has no such names; an application that maps
 * a group to a role chooses it by its name.
 *
 * @param current The resource as it is; what is named so already may stay.
 * @throws {InvalidValueError} the name is one of these.
 */
export function assertDistinctName(
  { settings }: RequestContext,
  type: ResourceType,
  resource: object,
  current: object = {},
): void {
  const naming = namingOf(type);
  if (naming === undefined || settings.names[naming.type] === "any") return;
  const name: unknown = Reflect.get(resource, naming.path);
  const isNew = typeof name === "string" && name !== Reflect.get(current, naming.path);
  if (isNew && isIndistinct(name)) {
    throw new InvalidValueError(
      naming.path,
      "it begins or ends with a space, has two in a row, or has characters that are invisible (RFC 8265 §3).",
    );
  }
}

/**
 * The same of what is written to a resource that is there, which is read where the name would be refused of another.
 */
export async function assertDistinctNameAt(
  context: RequestContext,
  { type, repository }: Endpoint,
  id: string,
  resource: object,
): Promise<void> {
  try {
    assertDistinctName(context, type, resource);
  } catch (error) {
    const path = namingOf(type)?.path;
    if (path === undefined) throw error;
    const options = {
      attributes: [path],
      excludedAttributes: ["members"],
      signal: context.signal,
    };
    assertDistinctName(context, type, resource, await repository.get(id, options));
  }
}

/** The same of a PATCH. */
export async function assertDistinctNameInPatch(
  context: RequestContext,
  endpoint: Endpoint,
  id: string,
  { type, steps }: PatchPlan,
): Promise<void> {
  const path = namingOf(type)?.path;
  for (const step of steps) {
    if (step.kind === "assign" && path !== undefined && step.node.path === path) {
      await assertDistinctNameAt(context, endpoint, id, { [path]: step.value });
    }
  }
}

/** The attribute by which people know resources of a type; `undefined` for types of the host's own. */
function namingOf({
  name,
}: ResourceType):
  | { readonly type: "User"; readonly path: "userName" }
  | { readonly type: "Group"; readonly path: "displayName" }
  | undefined {
  if (name === "User") return { type: name, path: "userName" };
  return name === "Group" ? { type: name, path: "displayName" } : undefined;
}
