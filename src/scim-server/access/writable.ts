import type { PatchPlan, PatchStep, ResourceType } from "../../scim/index.js";
import { isJsonObject } from "../../scim/internal.js";
import type { IgnoredPart } from "../channel.js";
import type { Exchange } from "../context.js";

type Entries = Record<string, unknown>;

/** A resource as it was sent, without what the principal may not write; that is reported. */
export function writable(exchange: Exchange, type: ResourceType, resource: object): Entries {
  return filtered(type, resource, (path) => {
    if (exchange.mayWrite(path, type)) return true;
    exchange.record.ignored.push({ path, reason: "forbidden" });
    return false;
  });
}

/** Of a resource as it is stored, what the principal may not write, and so does not take away by leaving it out. */
export function unwritable(exchange: Exchange, type: ResourceType, resource: object): Entries {
  const { schemas: _, ...others } = filtered(
    type,
    resource,
    (path) => !exchange.mayWrite(path, type),
  );
  return others;
}

/** Two parts of one resource, where the first has precedence. */
export function merged(one: Entries, other: Entries): Entries {
  const whole = { ...other, ...one };
  for (const [name, value] of Object.entries(other)) {
    const own = one[name];
    if (isJsonObject(own) && isJsonObject(value)) whole[name] = { ...value, ...own };
  }
  return whole;
}

/** A plan without what the principal may not write; that is reported. */
export function writablePlan(exchange: Exchange, plan: PatchPlan): PatchPlan {
  const { mayWrite, record } = exchange;
  const refused = new Set<string>();
  const isWritable = (path: string): boolean => {
    if (mayWrite(path, plan.type)) return true;
    refused.add(path);
    return false;
  };
  const steps = plan.steps.flatMap((step): readonly PatchStep[] => {
    if (step.kind === "extension" && step.extension.schema.standard === undefined) {
      return removalOf(step, isWritable);
    }
    const { path } = step.kind === "extension" ? step.extension : step.node;
    return isWritable(path) ? [step] : [];
  });
  const { password, ...others } = plan;
  const keepsPassword = password !== undefined && isWritable("password");
  const ignored = Array.from(refused, (path): IgnoredPart => ({ path, reason: "forbidden" }));
  record.ignored.push(...ignored);
  return { ...others, steps, ...(keepsPassword && { password }) };
}

/** The removal of an extension; of what is writable in it, if that is not all. Only one with a Standard Schema is ever given a value. */
function removalOf(
  step: Extract<PatchStep, { readonly kind: "extension" }>,
  isWritable: (path: string) => boolean,
): readonly PatchStep[] {
  const { all } = step.extension.children;
  const removed = all.filter(({ path }) => isWritable(path));
  return removed.length === all.length
    ? [step]
    : removed.map((node) => ({ kind: "assign", node, value: undefined }));
}

/** The attributes of a resource, those of extensions one by one, whose paths pass. */
function filtered(
  type: ResourceType,
  resource: object,
  passes: (path: string) => boolean,
): Entries {
  const entries: Entries = {};
  for (const [name, value] of Object.entries(resource) as [string, unknown][]) {
    const extension = type.schemaExtensions.find(({ schema }) => schema.id === name)?.schema;
    if (name === "schemas") entries[name] = value;
    else if (extension === undefined || extension.standard !== undefined || !isJsonObject(value)) {
      if (passes(name)) entries[name] = value;
    } else {
      const part = Object.entries(value).filter(([inner]) => passes(`${name}:${inner}`));
      if (part.length > 0) entries[name] = Object.fromEntries(part);
    }
  }
  return entries;
}
