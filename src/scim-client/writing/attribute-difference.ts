import { isDeepStrictEqual } from "node:util";
import { applyChangeSet, type ChangeSet } from "../../repositories/index.js";
import { type Attribute, eq, type PatchOperation, type ResourceType } from "../../scim/index.js";
import { printPatchPath } from "../../scim/internal.js";
import { isObject } from "../requests/read-response.js";

/** A value that a change gives, as small as a PATCH can give it: of a complex attribute each part. */
export interface AttributeSlot {
  /** The path of the value: `name.givenName`, or that of an attribute of an extension. */
  readonly path: string;
  /** The names that lead to it. */
  readonly names: readonly string[];
  /** Its definition; absent of what is in no schema. */
  readonly attribute?: Attribute;
  /** The path of the complex attribute that it is part of. */
  readonly whole?: string;
}

/** The slots that a change of attributes touches, once each. */
export function slotsOf<N>(
  type: ResourceType,
  { set = {}, unset = [] }: ChangeSet<N>,
): readonly AttributeSlot[] {
  const slots = new Map<string, AttributeSlot>();
  for (const path of [...Object.keys(set), ...unset]) {
    for (const slot of slotsAt(type, path)) slots.set(slot.path, slot);
  }
  return [...slots.values()];
}

function slotsAt(type: ResourceType, path: string): readonly AttributeSlot[] {
  const extension = type.schemaExtensions.find(({ schema }) => schema.id === path)?.schema;
  if (extension !== undefined) {
    const all = [...extension.attributes.values()];
    return all.flatMap((attribute) =>
      placesWithin(attribute, `${extension.id}:${attribute.name}`, [extension.id, attribute.name]),
    );
  }
  const found = type.attributes.get(path.toLowerCase());
  if (found === undefined) return [{ path, names: [path] }];
  const before = found.extension && found.schema !== undefined ? [found.schema.id] : [];
  const { attribute, subAttribute } = found;
  if (subAttribute === undefined) {
    return placesWithin(attribute, found.path, [...before, attribute.name]);
  }
  return [
    partOf(attribute, subAttribute, found.path.slice(0, -subAttribute.name.length - 1), before),
  ];
}

/** An attribute, or its parts if it is complex, has one value, and is no reference, which is one thing. */
function placesWithin(
  attribute: Attribute,
  path: string,
  names: readonly string[],
): readonly AttributeSlot[] {
  if (attribute.mutability === "readOnly") return [];
  const { type, multiValued, subAttributes } = attribute;
  if (type !== "complex" || multiValued || subAttributes.has("$ref")) {
    return [{ path, names, attribute }];
  }
  const parts = [...subAttributes.values()].filter(({ mutability }) => mutability !== "readOnly");
  return parts.map((part) => partOf(attribute, part, path, names.slice(0, -1)));
}

function partOf(
  whole: Attribute,
  part: Attribute,
  path: string,
  before: readonly string[],
): AttributeSlot {
  return {
    path: `${path}.${part.name}`,
    names: [...before, whole.name, part.name],
    attribute: part,
    whole: path,
  };
}

/** The value at a slot; `undefined` where there is none, or nothing in it. */
export function valueAt(holder: unknown, names: readonly string[]): unknown {
  let value = holder;
  for (const name of names) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  const isNothing =
    value === null ||
    (Array.isArray(value) && value.length === 0) ||
    (isObject(value) && Object.keys(value).length === 0);
  return isNothing ? undefined : value;
}

/** A resource as a change makes it. */
export function changed<T extends object, N>(
  type: ResourceType,
  current: T,
  { set, unset }: ChangeSet<N>,
): T {
  return applyChangeSet<T, N>(type, current, {
    ...(set !== undefined && { set }),
    ...(unset !== undefined && { unset }),
  });
}

/** The slots at which a resource is not yet what it is to be. */
export function differing(
  slots: readonly AttributeSlot[],
  is: object,
  wanted: object,
): readonly AttributeSlot[] {
  return slots.filter(
    ({ attribute, names }) => !isSame(attribute, valueAt(is, names), valueAt(wanted, names), true),
  );
}

/**
 * The slots at which a resource was not given what it was to be given. What a service provider may write in its own way
 * is no difference: case where it does not matter, and what it says of a value beside what was sent.
 */
export function notTaken(
  slots: readonly AttributeSlot[],
  is: object,
  wanted: object,
): readonly AttributeSlot[] {
  return slots.filter(
    ({ attribute, names }) =>
      attribute?.returned !== "never" &&
      !isSame(attribute, valueAt(is, names), valueAt(wanted, names), false),
  );
}

function isSame(
  attribute: Attribute | undefined,
  is: unknown,
  wanted: unknown,
  isExact: boolean,
): boolean {
  if (is === undefined || wanted === undefined) return is === wanted;
  if (Array.isArray(wanted)) {
    const all = Array.isArray(is) ? is : [is];
    if (all.length !== wanted.length) return false;
    const left = [...all];
    return wanted.every((value) => {
      const at = left.findIndex((one) => isSameValue(attribute, one, value, isExact));
      if (at !== -1) left.splice(at, 1);
      return at !== -1;
    });
  }
  return isSameValue(attribute, is, wanted, isExact);
}

function isSameValue(
  attribute: Attribute | undefined,
  is: unknown,
  wanted: unknown,
  isExact: boolean,
): boolean {
  if (typeof is === "string" && typeof wanted === "string") {
    const matters = isExact || attribute?.caseExact !== false;
    if (attribute?.type === "dateTime") return Date.parse(is) === Date.parse(wanted);
    return matters ? is === wanted : is.toLowerCase() === wanted.toLowerCase();
  }
  if (!isObject(is) || !isObject(wanted)) return isDeepStrictEqual(is, wanted);
  const parts = attribute?.subAttributes;
  const part = (name: string) =>
    isSameValue(parts?.get(name.toLowerCase()), is[name], wanted[name], isExact);
  // What names a value is enough to see that it is there.
  if (!isExact && wanted["value"] !== undefined) return part("value");
  const isPrimary = (value: Readonly<Record<string, unknown>>) => value["primary"] === true;
  return (
    Object.keys(wanted).every((name) => name === "primary" || part(name)) &&
    (!isExact || isPrimary(is) === isPrimary(wanted))
  );
}

/**
 * The operations of a PATCH that give a resource what differs, each as small as it can be: many service providers
 * refuse the removal of what is not there, and some ignore that of a whole complex attribute or extension (RFC 7644
 * §3.5.2).
 */
export function operationsFor(
  slots: readonly AttributeSlot[],
  is: object,
  wanted: object,
): readonly PatchOperation[] {
  const operations: PatchOperation[] = [];
  const begun = new Map<string, Record<string, unknown>>();
  for (const slot of slots) {
    const { path, names, attribute, whole } = slot;
    const [from, to] = [valueAt(is, names), valueAt(wanted, names)];
    if (to === undefined) {
      operations.push({ op: "remove", path });
      continue;
    }
    if (from !== undefined) {
      operations.push(
        ...(ofParts(path, attribute, from, to) ?? [{ op: "replace", path, value: to }]),
      );
    } else if (whole !== undefined && valueAt(is, names.slice(0, -1)) === undefined) {
      // A complex attribute that is not there comes as one.
      const value = begun.get(whole) ?? {};
      if (!begun.has(whole)) operations.push({ op: "add", path: whole, value });
      begun.set(whole, value);
      value[names.at(-1) ?? ""] = to;
    } else operations.push({ op: "add", path, value: to });
  }
  return operations;
}

/**
 * The change of a list without a `value` in its elements, such as `addresses`, by the parts that differ, where each
 * element is known by its type on both sides; nothing where that cannot be.
 */
function ofParts(
  path: string,
  attribute: Attribute | undefined,
  from: unknown,
  to: unknown,
): readonly PatchOperation[] | undefined {
  if (attribute?.multiValued !== true || attribute.type !== "complex") return undefined;
  if (attribute.subAttributes.has("value") || !attribute.subAttributes.has("type"))
    return undefined;
  const [before, after] = [byType(from), byType(to)];
  if (before === undefined || after === undefined || before.size !== after.size) return undefined;
  const operations: PatchOperation[] = [];
  for (const [type, element] of after) {
    const old = before.get(type);
    if (old === undefined) return undefined;
    for (const name of new Set([...Object.keys(old), ...Object.keys(element)])) {
      if (isDeepStrictEqual(old[name], element[name])) continue;
      const target = printPatchPath({
        path: { attribute: path },
        filter: eq("type", type),
        subAttribute: name,
      });
      const value = element[name];
      operations.push(
        value === undefined
          ? { op: "remove", path: target }
          : { op: old[name] === undefined ? "add" : "replace", path: target, value },
      );
    }
  }
  return operations;
}

function byType(list: unknown): ReadonlyMap<string, Readonly<Record<string, unknown>>> | undefined {
  const found = new Map<string, Readonly<Record<string, unknown>>>();
  for (const element of Array.isArray(list) ? list : [list]) {
    const type: unknown = isObject(element) ? element["type"] : undefined;
    if (!isObject(element) || typeof type !== "string" || found.has(type)) return undefined;
    found.set(type, element);
  }
  return found;
}

/** The same change without a look at the resource: what is cleared is removed, whether or not it is there. */
export function blindOperations(
  slots: readonly AttributeSlot[],
  wanted: object,
): readonly PatchOperation[] {
  return slots.map(({ path, names }): PatchOperation => {
    const value = valueAt(wanted, names);
    return value === undefined ? { op: "remove", path } : { op: "replace", path, value };
  });
}
