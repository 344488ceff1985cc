import { InvalidValueError } from "../core/index.js";
import type { AttributeNode, EditStep, PatchPlan, PatchStep, ResourceType } from "../scim/index.js";
import { type Endpoint, type Exchange, endpointsOf } from "./exchange.js";
import { resourcesWithIds } from "./look-up.js";
import { isObject, isReference } from "./representation.js";

/** A value of a reference attribute, as a client sent it. */
type Reference = Readonly<Record<string, unknown>>;

/** What a reference attribute may refer to. */
interface Kind {
  readonly path: string;
  readonly possible: readonly Endpoint[];
}

/**
 * A resource as it was sent, with what its references mean: each must be to a resource of the same tenant, and a member that does
 * not say what it is gets a `type`.
 *
 * @throws {InvalidValueError} one refers to nothing that there is.
 */
export async function withReferences<R extends object>(
  exchange: Exchange,
  type: ResourceType,
  resource: R,
): Promise<R> {
  const entries = new Map<string, unknown>(Object.entries(resource));
  for (const { path, attribute, subAttribute, extension, schema } of type.attributes.values()) {
    if (subAttribute !== undefined || !isReference(attribute)) continue;
    if (attribute.mutability === "readOnly") continue;
    const kind = kindOf(exchange, path, attribute.subAttributes);
    if (!extension || schema === undefined) {
      const value = entries.get(attribute.name);
      if (value !== undefined) entries.set(attribute.name, await resolved(exchange, kind, value));
      continue;
    }
    const part = entries.get(schema.id);
    if (!isObject(part) || !Object.hasOwn(part, attribute.name)) continue;
    const value = await resolved(exchange, kind, part[attribute.name]);
    entries.set(schema.id, { ...part, [attribute.name]: value });
  }
  return Object.fromEntries(entries) as R;
}

/**
 * The same of a PATCH: of the values that its steps bring.
 *
 * @throws {InvalidValueError} one refers to nothing that there is.
 */
export async function planWithReferences(exchange: Exchange, plan: PatchPlan): Promise<PatchPlan> {
  if (!plan.steps.some(bringsReferences)) return plan;
  const steps: PatchStep[] = [];
  for (const step of plan.steps) {
    steps.push(bringsReferences(step) ? await stepWithReferences(exchange, step) : step);
  }
  return { ...plan, steps };
}

function bringsReferences(step: PatchStep): boolean {
  return step.kind !== "extension" && isReference(step.node.attribute);
}

async function stepWithReferences(exchange: Exchange, step: PatchStep): Promise<PatchStep> {
  if (step.kind === "extension") return step;
  const { path, attribute } = step.node;
  const kind = kindOf(exchange, path, attribute.subAttributes);
  switch (step.kind) {
    case "assign":
      return { ...step, value: await resolved(exchange, kind, step.value) };
    case "append": {
      const values = await resolved(exchange, kind, step.values);
      return { ...step, values: Array.isArray(values) ? values : step.values };
    }
    case "merge":
      await resolved(exchange, kind, asValue(step.entries));
      return step;
    case "edit":
      return await editWithReferences(exchange, kind, step);
    default:
      return step;
  }
}

/** The value that a filter brings which selects none, `members[value eq "…"]`, is a reference too. */
async function editWithReferences(
  exchange: Exchange,
  kind: Kind,
  step: EditStep,
): Promise<EditStep> {
  const { change, selection, whenNone } = step;
  const changed = "whole" in change ? change.whole : asValue(change.entries);
  if (whenNone !== "add" || !isObject(changed)) {
    await resolved(exchange, kind, changed);
    return step;
  }
  const added = await resolved(exchange, kind, { ...selection?.equalities, ...changed });
  const type: unknown = Reflect.get(Object(added), "type");
  if (type === undefined) return step;
  return { ...step, selection: { ...selection, equalities: { ...selection?.equalities, type } } };
}

function asValue(entries: readonly (readonly [AttributeNode, unknown])[]): Reference {
  return Object.fromEntries(entries.map(([{ name }, value]) => [name, value]));
}

function kindOf(
  exchange: Exchange,
  path: string,
  subAttributes: AttributeNode["attribute"]["subAttributes"],
): Kind {
  const names = subAttributes.get("$ref")?.referenceTypes ?? [];
  return { path, possible: endpointsOf(exchange).filter(({ type }) => names.includes(type.name)) };
}

/** A value, or a list of values, with the type of what each refers to where several are possible. */
async function resolved(exchange: Exchange, kind: Kind, value: unknown): Promise<unknown> {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (kind.possible.length > 0 && list.some(isByUrl)) {
    throw new InvalidValueError(
      kind.path,
      'a reference has a "value", and "$ref" does not replace it.',
    );
  }
  const types = await typesOf(exchange, kind, list.filter(isReferring));
  const typed = list.map((element) => {
    const type = isReferring(element) ? types.get(keyOf(element)) : undefined;
    return type === undefined || kind.possible.length < 2 ? element : { ...Object(element), type };
  });
  return Array.isArray(value) ? typed : typed[0];
}

function isReferring(value: unknown): value is Reference & { readonly value: string } {
  return isObject(value) && typeof value["value"] === "string";
}

/** Whether a reference says nothing but a URL, which may be anybody's, and would be sent to others as if it were ours. */
function isByUrl(value: unknown): boolean {
  return isObject(value) && typeof value["$ref"] === "string" && !isReferring(value);
}

function keyOf({ value, type }: Reference): string {
  return JSON.stringify([value, typeof type === "string" ? type.toLowerCase() : ""]);
}

/** What each of the values refers to: the first of the possible types that has a resource with the id. */
async function typesOf(
  exchange: Exchange,
  { path, possible }: Kind,
  values: readonly (Reference & { readonly value: string })[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  // What this service provider has no resources of cannot be looked up, and is the store's to judge.
  if (possible.length === 0) return found;
  let open = values;
  for (const endpoint of possible) {
    const { name } = endpoint.type;
    const asked = open.filter(
      ({ type }) => typeof type !== "string" || type.toLowerCase() === name.toLowerCase(),
    );
    const ids = await resourcesWithIds(
      endpoint,
      asked.map(({ value }) => value),
      exchange.signal,
    );
    for (const value of asked) if (ids.has(value.value)) found.set(keyOf(value), name);
    open = open.filter((value) => !found.has(keyOf(value)));
  }
  const [lost] = open;
  if (lost !== undefined) {
    throw new InvalidValueError(path, `there is no resource "${lost.value.slice(0, 200)}".`);
  }
  return found;
}
