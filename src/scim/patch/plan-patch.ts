import { InvalidValueError, MutabilityError } from "../../core/index.js";
import { rfc7644Profile } from "../profile.js";
import {
  type AttributeNode,
  type AttributeTree,
  attributeTree,
  childNamed,
  type ExtensionNode,
  nodeAt,
} from "../schema/attribute-tree.js";
import { namesTwiceIn, pathKey, twice } from "../schema/path-key.js";
import { isTooDeep, tooDeep } from "../schema/read-extension.js";
import { rulesOf } from "../schema/read-resource.js";
import {
  isIgnored,
  isJsonObject,
  type JsonObject,
  listIn,
  objectOf,
  readAttribute,
  readElement,
  unknownAttribute,
} from "../schema/read-value.js";
import type { ResourceType } from "../schema/resource-type.js";
import { ValidationContext } from "../schema/validation-context.js";
import type { Entries, PatchBudget, PatchPlan, PatchStep, PlanPatchOptions } from "./plan.js";
import { readOperations, type SentOperation } from "./read-operations.js";
import {
  type AttributeTarget,
  findTarget,
  meantBy,
  type Selection,
  type Target,
  UnknownPathError,
  type ValueKey,
} from "./target.js";

/**
 * Reads the body of a PATCH request, and makes a plan of it: every path is found in the schemas, every value is read by
 * them, and what can be seen without the resource is reported. RFC 7644 §3.5.2.
 *
 * A removal of a multi-valued attribute with a value beside it is refused unless the profile says what it means: by the
 * RFC all values would go, and the client that sends it means some.
 *
 * @throws {InvalidSyntaxError} the body is no PatchOp.
 * @throws {InvalidPathError} a path does not follow the grammar, or names nothing that the type has.
 * @throws {InvalidFilterError} the filter in a path cannot be asked.
 * @throws {NoTargetError} a removal has no path.
 * @throws {InvalidValueError} a value is wrong; the first one, with the `others` up to 20 in all.
 * @throws {MutabilityError} an attribute is readOnly, or is required and would be removed.
 * @throws {TooManyError} a limit is exceeded.
 */
export function planPatch<T extends ResourceType>(
  type: T,
  body: unknown,
  options: PlanPatchOptions = {},
): PatchPlan<T> {
  const { limits = {} } = options;
  const planner = new Planner(type, options);
  const operations = readOperations(body, planner.context, limits);
  for (const [index, operation] of operations.entries()) planner.plan(operation, index);
  return planner.end(type);
}

class Planner {
  readonly context: ValidationContext;
  readonly #tree: AttributeTree;
  readonly #steps: PatchStep[] = [];
  readonly #stated: Set<string> = new Set();
  readonly #maxComparisons: number;
  readonly #budget: PatchBudget | undefined;
  #password: string | null | undefined;
  /** The first path that was ignored, since it names nothing. */
  #unknown: Error | undefined;

  constructor(type: ResourceType, { profile = rfc7644Profile, ...options }: PlanPatchOptions) {
    this.#budget = options.budget;
    this.#maxComparisons = options.limits?.comparisons ?? 5_000_000;
    this.#tree = attributeTree(type);
    this.context = new ValidationContext({
      ...rulesOf({ ...options, profile }),
      unknown: profile.rewrites.has("passOverUnknown") ? "ignore" : "refuse",
      readOnly: "refuse",
      isResponse: false,
      checksRequired: true,
    });
  }

  end<T extends ResourceType>(type: T): PatchPlan<T> {
    this.context.end();
    // A request for something that does not exist must not be reported as done.
    if (this.#stated.size === 0) this.#assertKnown();
    return {
      type,
      steps: this.#steps,
      stated: [...this.#stated],
      ignored: this.context.ignored,
      rewrites: this.context.rewrites,
      maxComparisons: this.#maxComparisons,
      ...(this.#budget !== undefined && { budget: this.#budget }),
      ...(this.#password !== undefined && { password: this.#password }),
    };
  }

  #assertKnown(): void {
    if (this.#unknown !== undefined) throw this.#unknown;
    const unknown = this.context.ignored.find(({ reason }) => reason === "unknown");
    if (unknown !== undefined) {
      throw new InvalidValueError(unknown.path, "the resource type has no such attribute.");
    }
  }

  plan(operation: SentOperation, index: number): void {
    this.context.operation = index;
    const { op, path, value } = operation;
    if (path === undefined) {
      if (op !== "remove") this.#planKeys(op, value);
      return;
    }
    const target = this.#targetOfPath(path);
    if (target === undefined) return;
    if (target.kind === "extension") this.#planExtension(operation, target.extension);
    else this.#planTarget(operation, target);
  }

  /** What a path names; nothing if it is to be ignored. */
  #targetOfPath(path: string): Target | undefined {
    const context = this.context;
    try {
      return findTarget(this.#tree, path, context);
    } catch (error) {
      if (!(error instanceof UnknownPathError)) throw error;
      if (!context.rewrite("passOverUnknownPath", path)) throw error;
      context.ignore(path, "unknown");
      this.#unknown ??= error;
      return undefined;
    }
  }

  /** The attributes in the value of an operation without a path: each is an operation of its own. */
  #planKeys(op: "add" | "replace", sent: unknown): void {
    const isList = Array.isArray(sent) && sent.length === 1 && isJsonObject(sent[0]);
    const value: unknown =
      isList && this.context.rewrite("singleElementList", "value") ? sent[0] : sent;
    if (!isJsonObject(value)) {
      throw new InvalidValueError("value", "without a path, it is an object of attributes.");
    }
    const doubled = namesTwiceIn(value);
    for (const key of Object.keys(value)) {
      if (doubled.has(key.toLowerCase())) this.context.problem(key, twice);
      else this.#planKey(op, key, value[key]);
    }
  }

  #planKey(op: "add" | "replace", key: string, value: unknown): void {
    const operation = { op, hasValue: true, value };
    const named = nodeAt(this.#tree, key);
    if (named === undefined) this.#planPathKey(operation, key);
    else if ("schema" in named) this.#planExtension(operation, named);
    else if (named.parentPath !== undefined) this.#planPathKey(operation, key);
    else this.#planKeyed(operation, { kind: "attribute", node: named });
  }

  /**
   * A key that is no attribute's name may be a path. One that is a path and may not be is refused, and never passed
   * over.
   */
  #planPathKey(operation: SentOperation, key: string): void {
    const context = this.context;
    const meant = meantBy(this.#tree, key);
    if (meant !== undefined && context.rewrite(meant.rewrite, meant.path)) {
      this.#planKey(operation.op === "add" ? "add" : "replace", meant.path, operation.value);
      return;
    }
    // Where what is unknown is refused, so is this, in the same words.
    const isRefused = context.rules.unknown === "refuse" && !context.allows("pathKeys");
    if (isRefused) {
      unknownAttribute(key, context);
      return;
    }
    const isDotted = meant?.rewrite === "dottedUrn";
    const target = !isDotted && /[.[]/.test(key) ? this.#targetOfKey(key) : undefined;
    if (target === undefined && !isDotted) unknownAttribute(key, context);
    else if (
      target !== undefined &&
      context.rewrite("pathKeys", (target.sub ?? target.node).path)
    ) {
      this.#planKeyed(operation, target);
    } else context.problem(key, pathKey);
  }

  /** What a key names that looks like a path; a key that is none after all is an unknown attribute. */
  #targetOfKey(key: string): AttributeTarget | undefined {
    const node = nodeAt(this.#tree, key);
    if (node === undefined && !key.includes("[")) return undefined;
    const target = findTarget(this.#tree, key, this.context);
    return target.kind === "attribute" ? target : undefined;
  }

  /** What is readOnly can be ignored where it is one of many keys, but not where a path names it. */
  #planKeyed(operation: SentOperation, target: AttributeTarget): void {
    const { node, sub } = target;
    if (isIgnored(node, this.context)) return;
    if (sub !== undefined && isIgnored(sub, this.context)) return;
    this.#planTarget(operation, target);
  }

  #planExtension({ op, value }: SentOperation, extension: ExtensionNode): void {
    const { path, schema } = extension;
    if (op === "remove" || value === null) {
      if (extension.isRequired) throw new MutabilityError(path, "the extension is required.");
      this.#stated.add(path);
      this.#steps.push({ kind: "extension", extension, value: undefined });
    } else if (!isJsonObject(value)) {
      this.context.problem(path, "an extension is an object with its attributes.");
    } else if (schema.standard !== undefined) {
      if (isTooDeep(value)) this.context.problem(path, tooDeep);
      this.#stated.add(path);
      this.#steps.push({ kind: "extension", extension, value });
    } else {
      for (const key of Object.keys(value)) this.#planKey(op, `${path}:${key}`, value[key]);
    }
  }

  #planTarget(operation: SentOperation, target: AttributeTarget): void {
    const { node, sub, selection } = target;
    if (node.path === "schemas") {
      // Which schemas a resource has follows from its attributes.
      if (operation.op === "remove") this.#assertOptional(node);
      return;
    }
    for (const { attribute, path } of sub === undefined ? [node] : [node, sub]) {
      if (attribute.mutability === "readOnly") {
        throw new MutabilityError(path, "it is readOnly (RFC 7644 §3.5.2).");
      }
    }
    this.#stated.add((sub ?? node).path);
    if (isPassword(node)) this.#planPassword(operation, node);
    else if (!node.attribute.multiValued) this.#planSingle(operation, node, sub);
    else if (selection === undefined && sub === undefined) this.#planValues(operation, node);
    else this.#planSelected(operation, node, sub, selection);
  }

  #planPassword({ op, value }: SentOperation, node: AttributeNode): void {
    const read = op === "remove" ? undefined : readAttribute(node, value, this.context);
    this.#password = typeof read === "string" ? read : null;
  }

  /** An attribute with one value, or a sub-attribute of one. */
  #planSingle(operation: SentOperation, node: AttributeNode, sub?: AttributeNode): void {
    const { op, value } = operation;
    const context = this.context;
    if (sub !== undefined) {
      const read = op === "remove" ? undefined : readAttribute(sub, value, context);
      this.#merge(node, [[sub, read]]);
    } else if (value === "" && node.attribute.type === "boolean") {
      // A disabled account is not enabled because a client does not state `active`.
      context.problem(node.path, "it is a boolean: true or false is wanted.");
    } else if (op === "remove" || value === null || node.attribute.type !== "complex") {
      const read = op === "remove" ? undefined : readAttribute(node, value, context);
      this.#assign(node, read);
    } else {
      const object = objectOf(node, value, context);
      if (object === undefined) this.#assign(node, undefined);
      else this.#merge(node, this.#entries(node, object));
    }
  }

  #assign(node: AttributeNode, value: unknown): void {
    if (value === undefined) this.#assertOptional(node);
    this.#steps.push({ kind: "assign", node, value });
  }

  /**
   * RFC 7644 §3.5.2.2: what is required cannot be removed. If it is gone since its value is wrong, that is what is
   * reported.
   */
  #assertOptional({ path, attribute }: AttributeNode): void {
    if (attribute.required) this.context.refuse(path, "it is required.");
  }

  #merge(node: AttributeNode, entries: Entries): void {
    for (const [sub, value] of entries) if (value === undefined) this.#assertOptional(sub);
    if (entries.length > 0) this.#steps.push({ kind: "merge", node, entries });
  }

  /** All values of a multi-valued attribute, or more of them. One value may stand for a list of it. */
  #planValues({ op, hasValue, value }: SentOperation, node: AttributeNode): void {
    const context = this.context;
    if (op === "remove") {
      if (!hasValue || value === null) this.#assign(node, undefined);
      else if (context.rewrite("removeValues", node.path)) this.#removeListed(node, value);
      else {
        context.problem(
          node.path,
          "to remove some values, select them in the path; to remove all, send no value.",
        );
      }
      return;
    }
    const list = isJsonObject(value) || isSimple(node, value) ? [value] : value;
    const read = readAttribute(node, list, context);
    if (op === "replace") this.#assign(node, read);
    else if (Array.isArray(read)) this.#steps.push({ kind: "append", node, values: read });
  }

  #removeListed(node: AttributeNode, value: unknown): void {
    const keys: ValueKey[] = [];
    const sent = listIn(node, value, this.context);
    const list: readonly unknown[] = Array.isArray(sent) ? sent : [sent];
    const { values: maxValues } = this.context.rules;
    if (list.length > maxValues) {
      this.context.problem(node.path, `it has more than ${maxValues} values.`);
    }
    for (const element of list.slice(0, maxValues)) {
      const read = readElement(node, element, this.context);
      const key = keyOf(read);
      if (key !== undefined) keys.push(key);
      else this.context.problem(node.path, 'a value that is to be removed is named by "value".');
    }
    this.#steps.push({ kind: "removeValues", node, selection: { keys } });
  }

  /** Some values of a multi-valued attribute, or a sub-attribute of some or all of them. */
  #planSelected(
    { op, value }: SentOperation,
    node: AttributeNode,
    sub: AttributeNode | undefined,
    selection: Selection | undefined,
  ): void {
    const context = this.context;
    const edit = { kind: "edit", node, ...(selection !== undefined && { selection }) } as const;
    // What would be added or replaced, read: nothing where it is `""` and that is no value.
    const whole = sub === undefined ? soleOf(node, value, context) : undefined;
    const isAdded = op === "add" && sub === undefined && isJsonObject(whole);
    const read =
      op === "remove" || value === null || isAdded
        ? undefined
        : sub === undefined
          ? readElement(node, whole, context)
          : readAttribute(sub, value, context);
    if (read === undefined && !isAdded) {
      if (sub !== undefined) {
        this.#assertOptional(sub);
        this.#steps.push({ ...edit, change: { entries: [[sub, undefined]] }, whenNone: "nothing" });
      } else if (selection !== undefined && op !== "add") {
        this.#steps.push({ kind: "removeValues", node, selection });
      }
      return;
    }
    const canAdd = selection?.equalities !== undefined && node.attribute.type === "complex";
    const adds = canAdd && (op === "add" || context.rewrite("replaceOrAdd", (sub ?? node).path));
    const whenNone = adds ? "add" : "noTarget";
    if (sub !== undefined) {
      this.#steps.push({ ...edit, change: { entries: [[sub, read]] }, whenNone });
    } else if (isAdded) {
      const entries = this.#entries(node, whole);
      this.#steps.push({ ...edit, change: { entries }, whenNone });
    } else {
      const kept = this.#kept(node, read, selection?.equalities);
      this.#steps.push({ ...edit, change: { whole: kept }, whenNone });
    }
  }

  /** A value that takes the place of those that are selected, with what the filter says of them. */
  #kept(node: AttributeNode, whole: unknown, equalities: JsonObject = {}): unknown {
    if (!isJsonObject(whole)) return whole;
    const isWhole = Object.keys(equalities).every((name) => Object.hasOwn(whole, name));
    return isWhole || !this.context.rewrite("keepSelection", node.path)
      ? whole
      : { ...equalities, ...whole };
  }

  /** The sub-attributes in an object; null takes a value away. */
  #entries(node: AttributeNode, object: JsonObject): Entries {
    const context = this.context;
    const entries = new Map<AttributeNode, unknown>();
    for (const key of Object.keys(object)) {
      const sub = childNamed(node.children.byName, key);
      if (sub === undefined) unknownAttribute(`${node.path}.${key}`, context);
      else if (entries.has(sub)) context.problem(sub.path, "it is there twice, in different case.");
      else if (!isIgnored(sub, context)) {
        entries.set(sub, readAttribute(sub, object[key], context));
      }
    }
    return [...entries];
  }
}

/** The attribute that no change set has. RFC 7643 §4.1.1. */
function isPassword({ path, attribute }: AttributeNode): boolean {
  return path === "password" && attribute.returned === "never";
}

/** One value, which some send as a list of it. */
function soleOf(node: AttributeNode, value: unknown, context: ValidationContext): unknown {
  const isList = Array.isArray(value) && value.length === 1 && !Array.isArray(value[0]);
  return isList && context.rewrite("singleElementList", node.path) ? value[0] : value;
}

function isSimple({ attribute }: AttributeNode, value: unknown): boolean {
  return attribute.type !== "complex" && (typeof value === "string" || typeof value === "number");
}

/** What names a value that was read. */
function keyOf(value: unknown): ValueKey | undefined {
  if (value === undefined) return undefined;
  if (!isJsonObject(value)) return { value };
  if (!Object.hasOwn(value, "value")) return undefined;
  const { value: key, type } = value;
  return typeof type === "string" ? { value: key, type } : { value: key };
}
