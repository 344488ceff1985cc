import { InvalidValueError } from "../../core/index.js";
import { GroupRepository, type Membership } from "../../repositories/index.js";
import type {
  AttributeNode,
  EditStep,
  PatchPlan,
  PatchStep,
  ResourceType,
} from "../../scim/index.js";
import { isJsonObject } from "../../scim/internal.js";
import { type Endpoint, type Exchange, endpointsOf } from "../context.js";
import { isReference } from "../representation.js";
import { resourcesWithIds } from "./look-up.js";

/** A value of a reference attribute, as a client sent it. */
type Reference = Readonly<Record<string, unknown>>;

/** What a reference attribute may refer to. */
interface Kind {
  readonly type: ResourceType;
  readonly path: string;
  readonly name: string;
  /** The URI of the extension that the attribute belongs to. */
  readonly extension?: string;
  readonly possible: readonly Endpoint[];
}

/** The resource whose references are read, as far as it is there already. */
export interface Referring {
  readonly endpoint: Endpoint;
  /** Absent of a resource that is to be created. */
  readonly id?: string;
  /** Whether what is passed over stays as it is, since only a part of the resource is written. */
  readonly isPart?: boolean;
}

/**
 * A resource as it was sent, with what its references mean: each must be to a resource of the same tenant, and a member that does
 * not say what it is gets a `type`. Those to nothing that there is are refused, passed over or kept, as the host says.
 *
 * @throws {InvalidValueError} one refers to nothing that there is.
 */
export async function withReferences<R extends object>(
  exchange: Exchange,
  referring: Referring,
  resource: R,
): Promise<R> {
  const entries = new Map<string, unknown>(Object.entries(resource));
  const { type } = referring.endpoint;
  for (const { path, attribute, subAttribute, extension, schema } of type.attributes.values()) {
    if (subAttribute !== undefined || !isReference(attribute)) continue;
    if (attribute.mutability === "readOnly") continue;
    const uri = extension ? schema?.id : undefined;
    const node = { path, attribute, ...(uri !== undefined && { extension: uri }) };
    const kind = kindOf(exchange, type, node);
    if (uri === undefined) {
      const value = entries.get(attribute.name);
      if (value === undefined) continue;
      put(entries, attribute.name, await resolved(exchange, referring, kind, value));
      continue;
    }
    const part = entries.get(uri);
    if (!isJsonObject(part) || !Object.hasOwn(part, attribute.name)) continue;
    const inner = new Map<string, unknown>(Object.entries(part));
    put(inner, attribute.name, await resolved(exchange, referring, kind, part[attribute.name]));
    put(entries, uri, inner.size === 0 ? undefined : Object.fromEntries(inner));
  }
  return Object.fromEntries(entries) as R;
}

function put(holder: Map<string, unknown>, name: string, value: unknown): void {
  if (value === undefined) holder.delete(name);
  else holder.set(name, value);
}

/**
 * The same of a PATCH: of the values that its steps bring. A step that would bring nothing but what is passed over is left out.
 *
 * @throws {InvalidValueError} one refers to nothing that there is.
 */
export async function planWithReferences(
  exchange: Exchange,
  referring: Referring,
  plan: PatchPlan,
): Promise<PatchPlan> {
  if (!plan.steps.some(bringsReferences)) return plan;
  const part = { ...referring, isPart: true };
  const steps: PatchStep[] = [];
  for (const step of plan.steps) {
    const next = bringsReferences(step) ? await stepWithReferences(exchange, part, step) : step;
    if (next !== undefined) steps.push(next);
  }
  return { ...plan, steps };
}

function bringsReferences(step: PatchStep): boolean {
  return step.kind !== "extension" && isReference(step.node.attribute);
}

async function stepWithReferences(
  exchange: Exchange,
  referring: Referring,
  step: PatchStep,
): Promise<PatchStep | undefined> {
  if (step.kind === "extension") return step;
  const kind = kindOf(exchange, referring.endpoint.type, step.node);
  const resolve = (value: unknown): Promise<unknown> => resolved(exchange, referring, kind, value);
  switch (step.kind) {
    case "assign":
      return { ...step, value: await resolve(step.value) };
    case "append": {
      const values = await resolve(step.values);
      return Array.isArray(values) ? { ...step, values } : undefined;
    }
    case "merge":
      return (await resolve(asValue(step.entries))) === undefined ? undefined : step;
    case "edit":
      return await editWithReferences(resolve, step);
    default:
      return step;
  }
}

/** The value that a filter brings which selects none, `members[value eq "…"]`, is a reference too. */
async function editWithReferences(
  resolve: (value: unknown) => Promise<unknown>,
  step: EditStep,
): Promise<EditStep | undefined> {
  const { change, selection, whenNone } = step;
  const changed = "whole" in change ? change.whole : asValue(change.entries);
  if (whenNone !== "add" || !isJsonObject(changed)) {
    return changed !== undefined && (await resolve(changed)) === undefined ? undefined : step;
  }
  const added = await resolve({ ...selection?.equalities, ...changed });
  if (added === undefined) return undefined;
  const type: unknown = Reflect.get(Object(added), "type");
  if (type === undefined) return step;
  return { ...step, selection: { ...selection, equalities: { ...selection?.equalities, type } } };
}

function asValue(entries: readonly (readonly [AttributeNode, unknown])[]): Reference {
  return Object.fromEntries(entries.map(([{ name }, value]) => [name, value]));
}

function kindOf(
  exchange: Exchange,
  type: ResourceType,
  { path, attribute, extension }: Pick<AttributeNode, "path" | "attribute" | "extension">,
): Kind {
  const { name, subAttributes } = attribute;
  const names = subAttributes.get("$ref")?.referenceTypes ?? [];
  const possible = endpointsOf(exchange).filter((endpoint) => names.includes(endpoint.type.name));
  return { type, path, name, possible, ...(extension !== undefined && { extension }) };
}

/**
 * A value, or a list of values, with the type of what each refers to where several are possible; without those that are passed over,
 * so that nothing may be left.
 */
async function resolved(
  exchange: Exchange,
  referring: Referring,
  kind: Kind,
  value: unknown,
): Promise<unknown> {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (kind.possible.length > 0 && list.some(isByUrl)) {
    throw new InvalidValueError(
      kind.path,
      'a reference has a "value", and "$ref" does not replace it.',
    );
  }
  const sent = list.filter(isReferring);
  const unresolved = sent.find(({ value }) => value.startsWith("bulkId:"));
  if (unresolved !== undefined) {
    // No identity provider has such an id (RFC 7643 §3.1), and none is to be passed over that a bulk request creates.
    const excerpt = unresolved.value.slice(0, 200);
    throw new InvalidValueError(kind.path, `"${excerpt}" refers to nothing that was created.`);
  }
  const types = await typesOf(exchange, kind, sent);
  // What this service provider has no resources of cannot be looked up, and is the store's to judge.
  const lost = kind.possible.length === 0 ? [] : sent.filter((one) => !types.has(keyOf(one)));
  const gone = await passedOver(exchange, referring, kind, lost);
  const typed = list.flatMap((element) => {
    if (gone.has(element)) return [];
    const type = isReferring(element) ? types.get(keyOf(element)) : undefined;
    return type === undefined || kind.possible.length < 2
      ? [element]
      : [{ ...Object(element), type }];
  });
  if (!Array.isArray(value)) return typed[0];
  return typed.length === 0 && list.length > 0 ? undefined : typed;
}

/**
 * Those of the references to nothing that is known which are passed over, and not kept.
 *
 * @throws {InvalidValueError} such references are refused here, and the resource does not have this one.
 */
async function passedOver(
  exchange: Exchange,
  referring: Referring,
  kind: Kind,
  lost: readonly Referred[],
): Promise<ReadonlySet<unknown>> {
  const choice = exchange.lostReferences(kind.type);
  if (lost.length === 0 || choice === "keep") return new Set();
  const stored = await storedIn(exchange, referring, kind, lost);
  const strange = lost.filter((one) => !stored.has(one));
  // Who sends an empty id means that there is nobody, and would keep who there is.
  const isUnclear = ({ value }: Referred): boolean => referring.isPart === true && value === "";
  const refused = choice === "refuse" ? strange[0] : strange.find(isUnclear);
  if (refused !== undefined) {
    const excerpt = refused.value.slice(0, 200);
    throw new InvalidValueError(kind.path, `there is no resource "${excerpt}".`);
  }
  for (const _ of strange) exchange.record.ignored.push({ path: kind.path, reason: "lost" });
  return new Set(strange);
}

/** Which of these the resource has already, so that what was read can be sent back. */
async function storedIn(
  { signal }: Exchange,
  { endpoint: { repository }, id }: Referring,
  { name, extension }: Kind,
  lost: readonly Referred[],
): Promise<ReadonlySet<Referred>> {
  if (id === undefined) return new Set();
  const attributes = [extension ?? name];
  if (name === "members" && repository instanceof GroupRepository) {
    const asked = lost.flatMap((one) => {
      const stated = String(one["type"] ?? "").toLowerCase();
      const type = (["User", "Group"] as const).find((known) => known.toLowerCase() === stated);
      const membership = { group: id, member: one.value, ...(type !== undefined && { type }) };
      return stated === "" || type !== undefined ? [[membership, one] as const] : [];
    });
    const memberships = asked.map(([membership]) => membership);
    const keyed = ({ member, type }: Membership): string => `${type ?? ""} ${member}`;
    const existing = new Set((await repository.whichExist(memberships, { signal })).map(keyed));
    const isThere = ([membership]: (typeof asked)[number]): boolean =>
      existing.has(keyed(membership));
    return new Set(asked.filter(isThere).map(([, one]) => one));
  }
  const current: unknown = await repository.get(id, { attributes, signal });
  const holder: unknown =
    extension === undefined ? current : Reflect.get(Object(current), extension);
  const values: readonly unknown[] = [Reflect.get(Object(holder), name)].flat();
  const ids = new Set(values.filter(isReferring).map(({ value }) => value));
  return new Set(lost.filter(({ value }) => ids.has(value)));
}

/** A reference that has an id. */
type Referred = Reference & { readonly value: string };

function isReferring(value: unknown): value is Referred {
  return isJsonObject(value) && typeof value["value"] === "string";
}

/** Whether a reference says nothing but a URL, which may be anybody's, and would be sent to others as if it were ours. */
function isByUrl(value: unknown): boolean {
  return isJsonObject(value) && typeof value["$ref"] === "string" && !isReferring(value);
}

function keyOf({ value, type }: Reference): string {
  return JSON.stringify([value, typeof type === "string" ? type.toLowerCase() : ""]);
}

/** What each of the values refers to: the first of the possible types that has a resource with the id. */
async function typesOf(
  exchange: Exchange,
  { possible }: Kind,
  values: readonly Referred[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
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
  return found;
}
