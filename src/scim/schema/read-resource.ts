import { InvalidValueError } from "../../core/index.js";
import { type Rewrite, rfc7644Profile, type ScimProfile } from "../profile.js";
import { type AttributeTree, attributeTree, childNamed } from "./attribute-tree.js";
import { keepImmutable } from "./immutable.js";
import { isPathOf, namesTwiceIn, pathKey, twice } from "./path-key.js";
import { readExtension } from "./read-extension.js";
import {
  assertRequired,
  isJsonObject,
  type JsonObject,
  readChild,
  unknownAttribute,
} from "./read-value.js";
import type { InferResource, InferResourceRequest, ResourceType } from "./resource-type.js";
import {
  type Ignored,
  type ReadLimits,
  ValidationContext,
  type ValidationRules,
} from "./validation-context.js";

/** How a resource is read. */
export interface ReadResourceOptions {
  /** How far the input may be from the RFCs. Default: `rfc7644Profile`, not at all. */
  readonly profile?: ScimProfile | undefined;
  /** Whether attributes that no schema of the type has are ignored and reported, or refused. Default: `ignore`. */
  readonly unknown?: "ignore" | "refuse" | undefined;
  /**
   * Whether values are refused that are not among the canonical ones, where there are any. Default: false (RFC 7643
   * §7).
   */
  readonly strict?: boolean | undefined;
  /** How much a resource may hold. Default: see {@link ReadLimits}. */
  readonly limits?: ReadLimits | undefined;
}

/** What was read. */
export interface ReadResource<R> {
  /**
   * The resource in canonical form: names as the schemas spell them, nothing unassigned, and `schemas` those whose
   * attributes it has. It shares no object with the input.
   */
  readonly resource: R;
  /** What was ignored. */
  readonly ignored: readonly Ignored[];
  /** What the profile made of things that are not as the RFCs have them. */
  readonly rewrites: readonly Rewrite[];
}

/**
 * Reads a resource that a client or a service provider sent: checks it against the schemas of its type, and makes it
 * canonical.
 *
 * `context` says by which rules:
 * * `creation`: what is readOnly is ignored (RFC 7644 §3.3), and what is required must be there;
 * * `replacement`: the same (RFC 7644 §3.5.1), and what is immutable must match the `current` resource, whose value it
 * keeps if
 *   the request does not state one;
 * * `response`: what is readOnly is read, and what is never returned is ignored. With `partial`, of a resource that
 * was
 *   asked for by some of its attributes, only `id` must be there.
 *
 * A name that is a path to an attribute, such as `name.givenName`, is no unknown attribute, and is refused in a
 * request.
 *
 * Only the input's own properties are read; no depth is followed that the schemas do not have.
 *
 * @throws {InvalidValueError} the first value that is wrong, with the `others` up to 20 in all; or the input is no
 * object.
 * @throws {MutabilityError} an immutable attribute would change.
 */
export function readResource<T extends ResourceType>(
  type: T,
  body: unknown,
  options: ReadResourceOptions & {
    readonly context: "creation" | "replacement";
    readonly current?: object;
  },
): ReadResource<InferResourceRequest<T>>;
export function readResource<T extends ResourceType>(
  type: T,
  body: unknown,
  options: ReadResourceOptions & { readonly context: "response"; readonly partial?: false },
): ReadResource<InferResource<T>>;
export function readResource<T extends ResourceType>(
  type: T,
  body: unknown,
  options: ReadResourceOptions & { readonly context: "response"; readonly partial: true },
): ReadResource<Partial<InferResource<T>> & { readonly id: string }>;
export function readResource(
  type: ResourceType,
  body: unknown,
  options: ReadResourceOptions & {
    readonly context: "creation" | "replacement" | "response";
    readonly current?: object;
    readonly partial?: boolean;
  },
): ReadResource<object> {
  if (!isJsonObject(body)) throw new InvalidValueError(type.name, "a resource is a JSON object.");
  const isResponse = options.context === "response";
  const context = new ValidationContext({
    ...rulesOf(options),
    readOnly: isResponse ? "read" : "ignore",
    isResponse,
    checksRequired: options.partial !== true,
  });
  const tree = attributeTree(type);
  const resource = readTop(tree, body, context);
  if (options.partial === true && resource["id"] === undefined) {
    context.problem("id", "it is required.");
  }
  if (options.current !== undefined) keepImmutable(tree, resource, options.current, context);
  resource["schemas"] = schemasOf(tree, resource);
  context.end();
  return { resource, ignored: context.ignored, rewrites: context.rewrites };
}

/** The part of the rules that callers choose. */
export function rulesOf({
  profile = rfc7644Profile,
  unknown = "ignore",
  strict = false,
  limits = {},
}: ReadResourceOptions): Pick<
  ValidationRules,
  "profile" | "unknown" | "strict" | "values" | "characters"
> {
  const { values = 100_000, characters = 1_048_576 } = limits;
  return { profile, unknown, strict, values, characters };
}

/** The URIs of the base schema and of the extensions whose attributes a resource has. RFC 7643 §3. */
export function schemasOf({ type }: AttributeTree, resource: object): readonly string[] {
  const used = type.schemaExtensions.filter(({ schema }) => Object.hasOwn(resource, schema.id));
  return [type.schema.id, ...used.map(({ schema }) => schema.id)];
}

function readTop(
  tree: AttributeTree,
  body: JsonObject,
  context: ValidationContext,
): Record<string, unknown> {
  // "schemas" stands first, and becomes what the resource turns out to have.
  const resource: Record<string, unknown> = { schemas: [] };
  let stated: unknown;
  let doubled: ReadonlySet<string> | undefined;
  for (const name of Object.keys(body)) {
    const child = childNamed(tree.children.byName, name);
    const extension = child === undefined ? childNamed(tree.extensions, name) : undefined;
    const path = (child ?? extension)?.path ?? name;
    if (name !== path) doubled ??= namesTwiceIn(body);
    if (name !== path && doubled?.has(name.toLowerCase())) context.problem(path, twice);
    else if (path === "schemas") stated = body[name];
    else if (child !== undefined) readChild(resource, child, body[name], context);
    else if (extension !== undefined) {
      const read = readExtension(extension, body[name], context);
      if (read !== undefined) resource[path] = read;
    } else if (!context.rules.isResponse && isPathOf(tree, name)) context.problem(name, pathKey);
    else unknownAttribute(name, context);
  }
  if (!context.rules.isResponse) checkSchemas(tree, stated, context);
  if (context.rules.checksRequired) {
    assertRequired(tree.children, resource, context);
    for (const { schema, required } of tree.type.schemaExtensions) {
      if (required && !Object.hasOwn(resource, schema.id)) {
        context.problem(schema.id, "the extension is required.");
      }
    }
  }
  return resource;
}

/** RFC 7643 §3: the URIs of the schemas of the resource type, the base schema's among them. */
function checkSchemas(
  { type, extensions }: AttributeTree,
  stated: unknown,
  context: ValidationContext,
): void {
  const uris: readonly unknown[] = Array.isArray(stated) ? stated : [];
  const base = type.schema.id.toLowerCase();
  let hasBase = false;
  for (const uri of uris.slice(0, context.rules.values)) {
    if (typeof uri !== "string") context.problem("schemas", "it is a list of URIs.");
    else if (uri.toLowerCase() === base) hasBase = true;
    else if (childNamed(extensions, uri) === undefined) {
      if (context.rules.unknown === "ignore") context.ignore(uri, "unknown");
      else context.problem("schemas", "the resource type has no such schema.");
    }
  }
  if (!hasBase && !context.rewrite("missingSchemas", "schemas")) {
    context.problem("schemas", `it is a list of URIs, "${type.schema.id}" among them.`);
  }
}
