import assert from "node:assert/strict";
import { InvalidValueError } from "../../core/index.js";
import type {
  AttributeValues,
  Capabilities,
  ResourceRepository,
} from "../../repositories/index.js";
import type { Attribute, ResolvedAttribute, Resource, ResourceRequest } from "../../scim/index.js";
import { assertThat } from "../assertions.js";
import type { Requirement } from "../contract.js";
import { writableAttributes } from "../random/resources.js";
import type { ResourceKind } from "./resource-kind.js";

/** What is required of the attributes that a store keeps, and of those that it does not. */
export function attributeRequirements<S, T extends Resource, N extends ResourceRequest>(
  kind: ResourceKind<S, T, N>,
  capabilities: Capabilities,
): readonly Requirement<S>[] {
  const { repository } = kind;
  return [
    {
      name: "every attribute that the store keeps is read as create, replace and modify have written it",
      async check(subject) {
        const resources = repository(subject);
        const { id: other } = await resources.create(kind.named("other"));
        for (const one of attributesOf(resources, kind)) {
          const sample = new Sample(one, other);
          const values = sample.kept(capabilities);
          if (values === undefined) continue;
          for (const [at, value] of values.entries()) {
            const named = kind.named(`${one.path} ${at}`);
            const resource = placed(named, one, value);
            const read = async (id: string, after: string): Promise<void> =>
              assertValue(await resources.get(id), one, value, `get after ${after} returns`);
            const readNone = async (id: string, after: string): Promise<void> =>
              assertNone(await resources.get(id), one, `get after ${after} returns`);
            const created = await kept(resources.create(resource), one);
            assertValue(created, one, value, "create returns");
            const { id } = created;
            await read(id, "create");
            assertNone(await resources.replace(id, named), one, "replace without it returns");
            await readNone(id, "replace without it");
            const replaced = await kept(resources.replace(id, resource), one);
            assertValue(replaced, one, value, "replace returns");
            await read(id, "replace");
            // What can be true or false may have a default, as `active` has: there is no clearing it.
            if (one.attribute.type !== "boolean") {
              await resources.modify(id, { unset: [one.path] });
              await readNone(id, "modify that unsets it");
            }
            const set = { [one.path]: value } as object as AttributeValues<N>;
            await kept(resources.modify(id, { set }), one);
            await read(id, "modify that sets it");
          }
        }
      },
    },
    {
      name: "a change of any one attribute leaves all the others as they are",
      async check(subject) {
        const resources = repository(subject);
        const { id: other } = await resources.create(kind.named("other"));
        const all = attributesOf(resources, kind).flatMap((one) => {
          const value = new Sample(one, other).kept(capabilities)?.at(-1);
          return value === undefined ? [] : [{ one, value }];
        });
        const whole = all.reduce(
          (resource, { one, value }) => placed(resource, one, value),
          kind.named("ann"),
        );
        const { id } = await resources.create(whole);
        for (const changed of all) {
          const { path, attribute } = changed.one;
          // What can be true or false may have a default.
          if (attribute.type === "boolean") continue;
          const before = await resources.get(id);
          const set = { [path]: changed.value } as object as AttributeValues<N>;
          for (const [name, change] of Object.entries({ unset: { unset: [path] }, set: { set } })) {
            await resources.modify(id, change);
            const after = await resources.get(id);
            for (const { one } of all) {
              if (one.path === path) continue;
              const message = `the ${one.path} after a change that ${name}s the ${path}`;
              assert.deepEqual(valueAt(after, one), valueAt(before, one), message);
            }
          }
        }
      },
    },
    {
      name: "an attribute that is not declared is refused as InvalidValueError, or left out of what is returned",
      skip:
        capabilities.attributes === undefined
          ? "the store declares that it keeps every attribute"
          : undefined,
      async check(subject) {
        const resources = repository(subject);
        const { id: other } = await resources.create(kind.named("other"));
        for (const [at, one] of attributesOf(resources, kind).entries()) {
          // Not every store has names with a colon, as paths have.
          const named = kind.named(`named ${at}`);
          const whole = new Sample(one, other).whole();
          const resource = placed(named, one, whole);
          const created = await unlessRefused(resources.create(resource));
          if (created !== undefined) {
            const read = await resources.get(created.id);
            const message = `what create with ${one.path} answers is what get returns`;
            assert.deepEqual(valueAt(created, one), valueAt(read, one), message);
          }
          const { id } = created ?? (await resources.create(named));
          const replaced = await unlessRefused(resources.replace(id, resource));
          if (replaced === undefined) continue;
          const read = await resources.get(id);
          const message = `what replace with ${one.path} answers is what get returns`;
          assert.deepEqual(valueAt(replaced, one), valueAt(read, one), message);
        }
      },
    },
    {
      name: "every path in capabilities.attributes is that of an attribute",
      skip:
        capabilities.attributes === undefined
          ? "the store declares that it keeps every attribute"
          : undefined,
      async check(subject) {
        const { type } = repository(subject);
        const extensions = type.schemaExtensions.map(({ schema }) => schema.id);
        const known = new Set([
          ...[...type.attributes.values()].map(({ path }) => path),
          ...extensions,
        ]);
        const unknown = capabilities.attributes?.filter((path) => !known.has(path));
        assert.deepEqual(unknown, [], "paths that are those of no attribute");
      },
    },
  ];
}

/** The attributes that a client can write, without the one by which the suite names resources. */
function attributesOf<S, T extends Resource, N extends ResourceRequest>(
  { type }: ResourceRepository<T, N>,
  { naming }: ResourceKind<S, T, N>,
): readonly ResolvedAttribute[] {
  return writableAttributes(type).filter(({ attribute }) => attribute.name !== naming);
}

/** Whether a store declares that it keeps what is at a path. */
export function keeps({ attributes }: Capabilities, path: string): boolean {
  return (
    attributes === undefined ||
    attributes.some(
      (one) => path === one || path.startsWith(`${one}.`) || path.startsWith(`${one}:`),
    )
  );
}

/** Values for an attribute, of which no two parts are the same. */
class Sample {
  readonly #resolved: ResolvedAttribute;
  readonly #other: string;
  readonly #parts: readonly Attribute[];

  /** @param other The id of a resource that is there, for attributes that name one. */
  constructor(resolved: ResolvedAttribute, other: string) {
    this.#resolved = resolved;
    this.#other = other;
    this.#parts = [...resolved.attribute.subAttributes.values()].filter(
      // Where the resource is that a value names, the service provider knows by itself.
      ({ name, mutability, returned }) =>
        mutability !== "readOnly" && returned !== "never" && name !== "$ref",
    );
  }

  /** Everything, and two values where there can be two. */
  whole(): unknown {
    return this.#resolved.attribute.multiValued
      ? [this.#single(this.#parts, 1), this.#single(this.#parts, 2)]
      : this.#single(this.#parts, 1);
  }

  /** What the store declares that it keeps, one after the other; `undefined` where that is nothing. */
  kept(capabilities: Capabilities): readonly unknown[] | undefined {
    const { path, attribute } = this.#resolved;
    const isWhole = keeps(capabilities, path);
    const parts = this.#parts.filter(({ name }) => keeps(capabilities, `${path}.${name}`));
    if (!isWhole && parts.length === 0) return undefined;
    const single = this.#single(parts, 1);
    if (!attribute.multiValued) return [single];
    if (!isWhole) return [[single]];
    const [second, third] = [this.#single(parts, 2), this.#single(parts, 3)];
    return [[single], [single, second], [single, second, third]];
  }

  #single(parts: readonly Attribute[], number: number): unknown {
    const { attribute } = this.#resolved;
    if (attribute.type !== "complex") return this.#simple(attribute, number);
    return Object.fromEntries(
      parts
        // At most one value is the primary one (RFC 7643 §2.4).
        .filter(({ name }) => name !== "primary" || number === 1)
        .map((part) => [part.name, this.#simple(part, number)]),
    );
  }

  #simple({ name, type }: Attribute, number: number): string | number | boolean {
    const namesResource =
      name === "value" && this.#resolved.attribute.subAttributes.get("$ref") !== undefined;
    if (namesResource) return this.#other;
    switch (type) {
      case "boolean":
        return name === "primary";
      case "integer":
        return number;
      case "decimal":
        return number + 0.5;
      case "dateTime":
        return `2011-05-13T04:42:3${number}Z`;
      case "binary":
        return number === 1 ? "AAEC" : "/+8=";
      case "reference":
        return `https://example.com/${name}/${number}`;
      default:
        return this.#text(name, number);
    }
  }

  /** Text as the attribute has it: a store may look whether an address is one. */
  #text(name: string, number: number): string {
    const { name: attribute } = this.#resolved.attribute;
    if (attribute === "emails" && name === "value") return `value-${number}@example.com`;
    if (attribute === "phoneNumbers" && name === "value") return `+1-555-555-010${number}`;
    if (attribute === "preferredLanguage") return ["en", "fr", "de"][number - 1] ?? "es";
    if (attribute === "locale") return ["en-US", "fr-FR", "de-DE"][number - 1] ?? "es-ES";
    if (attribute === "timezone") return ["Europe/Paris", "Asia/Tokyo"][number - 1] ?? "Etc/UTC";
    return `${name} ${number}`;
  }
}

/** A resource with a value at its attribute. */
export function placed<N extends object>(
  resource: N,
  { extension, schema, attribute }: ResolvedAttribute,
  value: unknown,
): N {
  if (!extension || schema === undefined) return { ...resource, [attribute.name]: value };
  const others: object = Object(Reflect.get(resource, schema.id));
  return { ...resource, [schema.id]: { ...others, [attribute.name]: value } };
}

/** The value of an attribute in a resource. */
export function valueAt(
  resource: object | undefined,
  { extension, schema, attribute }: ResolvedAttribute,
): unknown {
  const holder: unknown =
    extension && schema !== undefined ? Reflect.get(resource ?? {}, schema.id) : resource;
  return Reflect.get(Object(holder), attribute.name);
}

/** Asserts that a resource has a value; a store may have more parts of it. */
function assertValue(
  resource: Resource | undefined,
  one: ResolvedAttribute,
  value: unknown,
  answer: string,
): void {
  const found = valueAt(resource, one);
  const required = `${answer} the ${one.path} that was written, which the store declares to keep`;
  assert.deepEqual(partOf(found, value), value, required);
}

/** Of what was found, as much as was written. */
function partOf(found: unknown, written: unknown): unknown {
  if (Array.isArray(written) && Array.isArray(found)) {
    // The order of values means nothing.
    const left: unknown[] = [...found];
    const inOrder = written.map((value: unknown) => {
      const at = left.findIndex((each) => isSame(partOf(each, value), value));
      return at === -1 ? undefined : partOf(left.splice(at, 1)[0], value);
    });
    return inOrder.includes(undefined) || left.length > 0 ? found : inOrder;
  }
  if (typeof written !== "object" || written === null) return found;
  if (typeof found !== "object" || found === null) return found;
  return Object.fromEntries(Object.entries(found).filter(([name]) => Object.hasOwn(written, name)));
}

function isSame(one: unknown, other: unknown): boolean {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
}

function assertNone(resource: Resource | undefined, one: ResolvedAttribute, answer: string): void {
  const found = valueAt(resource, one);
  // A store may have a default for what can be true or false.
  const isGone = found === undefined || one.attribute.type === "boolean";
  assertThat(isGone, `${answer} no ${one.path}, not ${JSON.stringify(found)}`);
}

/** What was written; that it was refused is a failure, since the store declares the attribute. */
async function kept<T>(written: Promise<T>, { path }: ResolvedAttribute): Promise<T> {
  try {
    return await written;
  } catch (error) {
    if (!(error instanceof InvalidValueError)) throw error;
    const message = `the store declares that it keeps ${path}, and refuses it: ${error.message}`;
    throw new assert.AssertionError({ message, actual: error });
  }
}

/** What was written; `undefined` where it was refused. */
async function unlessRefused<T>(written: Promise<T>): Promise<T | undefined> {
  try {
    return await written;
  } catch (error) {
    if (error instanceof InvalidValueError) return undefined;
    throw error;
  }
}
