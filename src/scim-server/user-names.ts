import { InvalidValueError, isIndistinct } from "../core/index.js";
import type { PatchPlan, ResourceType } from "../scim/index.js";
import type { Exchange } from "./exchange.js";

/**
 * Refuses a `userName` that people cannot tell from another one, unless the host takes any: an account named `" admin"`, or `admin` with
 * a zero-width space in it, beside `admin`. RFC 7644 §5 has names prepared by PRECIS, whose profile for user names (RFC 8265 §3) has no
 * such names.
 *
 * @param current The resource as it is; what is named so already may stay.
 * @throws {InvalidValueError} the name is one of these.
 */
export function demandDistinct(
  { settings }: Exchange,
  type: ResourceType,
  resource: object,
  current: object = {},
): void {
  const name: unknown = Reflect.get(resource, "userName");
  const isNew = typeof name === "string" && name !== Reflect.get(current, "userName");
  if (settings.userNames === "any" || type.name !== "User" || !isNew) return;
  if (isIndistinct(name)) {
    throw new InvalidValueError(
      "userName",
      "it begins or ends with a space, or has characters that nobody sees (RFC 8265 §3).",
    );
  }
}

/** The same of a PATCH. */
export function demandDistinctIn(exchange: Exchange, { type, steps }: PatchPlan): void {
  for (const step of steps) {
    if (step.kind === "assign" && step.node.path === "userName") {
      demandDistinct(exchange, type, { userName: step.value });
    }
  }
}
