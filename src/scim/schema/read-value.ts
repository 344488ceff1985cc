import type { AttributeNode, Children } from "./attribute-tree.js";
import { childNamed } from "./attribute-tree.js";
import { isBase64, isDateTime, isReference } from "./data-types.js";
import { isPathInto, namesTwiceIn, pathKey, twice } from "./path-key.js";
import type { ValidationContext } from "./validation-context.js";

/** A JSON object, of which nothing is known. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The value of an attribute in canonical form, or `undefined` if it is unassigned (RFC 7643 §2.5), ignored, or
 * wrong, which the context then knows.
 */
export function readAttribute(
  node: AttributeNode,
  value: unknown,
  context: ValidationContext,
): unknown {
  if (value === null || value === undefined || isIgnored(node, context)) return undefined;
  return node.attribute.multiValued
    ? readValues(node, value, context)
    : readSingle(node, value, context);
}

/** One value of an attribute: an element of the list if it is multi-valued. */
export function readElement(
  node: AttributeNode,
  value: unknown,
  context: ValidationContext,
): unknown {
  switch (node.attribute.type) {
    case "complex":
      return readComplex(node, value, context);
    case "boolean":
      return readBoolean(node, value, context);
    case "integer":
    case "decimal":
      return readNumber(node, value, context);
    default:
      return readText(node, value, context);
  }
}

/**
 * The attributes of an object by their canonical names.
 *
 * @param prefix What stands before an unknown name to make a path of it.
 */
export function readChildren(
  children: Children,
  value: JsonObject,
  prefix: string,
  context: ValidationContext,
): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  let doubled: ReadonlySet<string> | undefined;
  for (const name of Object.keys(value)) {
    const child = childNamed(children.byName, name);
    if (child === undefined) {
      const isPath = prefix.endsWith(":") && isPathInto(children, name);
      if (isPath && !context.rules.isResponse) context.problem(prefix + name, pathKey);
      else unknownAttribute(prefix + name, context);
      continue;
    }
    if (name !== child.name) doubled ??= namesTwiceIn(value);
    if (name !== child.name && doubled?.has(name.toLowerCase())) {
      context.problem(child.path, twice);
    } else readChild(read, child, value[name], context);
  }
  if (context.rules.checksRequired) assertRequired(children, read, context);
  return read;
}

/** Reads one attribute of an object into what was read of it. */
export function readChild(
  read: Record<string, unknown>,
  child: AttributeNode,
  value: unknown,
  context: ValidationContext,
): void {
  const canonical = readAttribute(child, value, context);
  if (canonical !== undefined) read[child.name] = canonical;
}

/** Passes an attribute over that no schema has, or notes it, as the rules say. */
export function unknownAttribute(path: string, context: ValidationContext): void {
  if (context.rules.unknown === "ignore") context.ignore(path, "unknown");
  else context.problem(path, "the resource type has no such attribute.");
}

/** Notes what is required and not there. */
export function assertRequired(
  children: Children,
  read: Readonly<Record<string, unknown>>,
  context: ValidationContext,
): void {
  for (const { name, path, attribute } of children.required) {
    const isOurs = attribute.mutability === "readOnly" && context.rules.readOnly !== "read";
    if (!isOurs && !Object.hasOwn(read, name)) context.problem(path, "it is required.");
  }
}

/**
 * Whether an attribute is not read, since it is the service provider's own or none that a response has; it is noted.
 */
export function isIgnored({ path, attribute }: AttributeNode, context: ValidationContext): boolean {
  const { rules } = context;
  if (rules.isResponse && attribute.returned === "never") {
    context.ignore(path, "unreturned");
    return true;
  }
  if (attribute.mutability !== "readOnly" || rules.readOnly === "read") return false;
  if (rules.readOnly === "ignore" || context.allows("passOverReadOnly")) {
    context.ignore(path, "readOnly");
  } else context.refuse(path, "it is readOnly (RFC 7644 §3.5.2).");
  return true;
}

function readValues(node: AttributeNode, sent: unknown, context: ValidationContext): unknown {
  const { path } = node;
  const value = listIn(node, sent, context);
  if (!Array.isArray(value)) {
    if (value === "" && context.rewrite("emptyText", path)) return undefined;
    if (!context.rewrite("loneValue", path)) {
      return context.problem(path, "it is multi-valued: a list is wanted.");
    }
    const read = readElement(node, value, context);
    return read === undefined ? undefined : [read];
  }
  if (value.length > context.rules.values) {
    return context.problem(path, `it has more than ${context.rules.values} values.`);
  }
  const values: unknown[] = [];
  for (const element of value) {
    const read = readElement(node, element, context);
    if (read !== undefined) values.push(read);
  }
  checkPrimary(node, values, context);
  return values.length === 0 ? undefined : values;
}

/** The list that is meant by JSON in a text, of a complex attribute, whose values are no texts; else what was sent. */
export function listIn(node: AttributeNode, sent: unknown, context: ValidationContext): unknown {
  if (typeof sent !== "string" || node.attribute.type !== "complex") return sent;
  const list = parsed(sent, "[");
  return Array.isArray(list) && context.rewrite("jsonText", node.path) ? list : sent;
}

/** RFC 7643 §2.4: the primary attribute value "true" MUST appear no more than once. */
function checkPrimary(
  node: AttributeNode,
  values: readonly unknown[],
  context: ValidationContext,
): void {
  if (node.children.byName.get("primary")?.attribute.type !== "boolean") return;
  let primaries = 0;
  for (const value of values) {
    if ((value as JsonObject)["primary"] === true) primaries++;
  }
  if (primaries > 1) {
    context.problem(`${node.path}.primary`, "no more than one value is primary (RFC 7643 §2.4).");
  }
}

function readSingle(node: AttributeNode, value: unknown, context: ValidationContext): unknown {
  const single = Array.isArray(value) ? soleElement(node, value, context) : value;
  return single === undefined ? undefined : readElement(node, single, context);
}

/** The value of a list of one, if the profile takes it for the value. An empty list, and one of null, is no value. */
function soleElement(
  node: AttributeNode,
  list: readonly unknown[],
  context: ValidationContext,
): unknown {
  if (list.length > 1 || !context.rewrite("singleElementList", node.path)) {
    return context.problem(node.path, "it has one value, and not a list.");
  }
  const element = list[0] ?? undefined;
  return Array.isArray(element)
    ? context.problem(node.path, "it has one value, and not a list of lists.")
    : element;
}

/**
 * The object that is the value of a complex attribute, unread; or `undefined` if it is unassigned, or wrong, which the
 * context then knows.
 */
export function objectOf(
  node: AttributeNode,
  value: unknown,
  context: ValidationContext,
): JsonObject | undefined {
  if (!Array.isArray(value)) return singleObject(node, value, context);
  const element = soleElement(node, value, context);
  return element === undefined ? undefined : objectOf(node, element, context);
}

function readComplex(node: AttributeNode, value: unknown, context: ValidationContext): unknown {
  const object = singleObject(node, value, context);
  if (object === undefined) return undefined;
  const read = readChildren(node.children, object, `${node.path}.`, context);
  // An object without sub-attributes says nothing: the attribute is unassigned.
  const isNothing = Object.keys(read).length === 0 || isEmptied(node, object, read, context);
  return isNothing ? undefined : read;
}

/** What says only which value it is of several. */
export const labels: ReadonlySet<string> = new Set(["type", "primary"]);

/**
 * Whether a value of several was sent with something that is no value, and says nothing else but which of them it is.
 */
function isEmptied(
  { attribute, children }: AttributeNode,
  sent: JsonObject,
  read: JsonObject,
  { rules }: ValidationContext,
): boolean {
  if (!attribute.multiValued || rules.isResponse) return false;
  if (!Object.keys(read).every((name) => labels.has(name))) return false;
  return Object.keys(sent).some((name) => {
    const child = childNamed(children.byName, name);
    return (
      child !== undefined && !labels.has(child.name) && child.attribute.mutability !== "readOnly"
    );
  });
}

function singleObject(
  node: AttributeNode,
  value: unknown,
  context: ValidationContext,
): JsonObject | undefined {
  if (!isJsonObject(value)) return rewrittenObject(node, value, context);
  if (!context.allows("jsonText")) return value;
  // Entra sends what it knows of a role as JSON in the value of an object that has nothing else.
  const [[name, text] = [], ...others] = Object.entries(value);
  if (name !== "value" || typeof text !== "string" || others.length > 0) return value;
  const inner = parsedObject(text);
  return inner !== undefined && "value" in inner && context.rewrite("jsonText", node.path)
    ? inner
    : value;
}

/** The object that was meant by something that is none. */
function rewrittenObject(
  node: AttributeNode,
  value: unknown,
  context: ValidationContext,
): JsonObject | undefined {
  const { path, children } = node;
  if (typeof value === "string") {
    if (value === "" && context.rewrite("emptyText", path)) return undefined;
    const parsed = parsedObject(value);
    if (parsed !== undefined && context.rewrite("jsonText", path)) return parsed;
  }
  if (children.byName.has("value") && typeof value !== "object") {
    if (context.rewrite("bareValue", path)) return { value };
  }
  return context.problem(path, "it is complex: an object with its sub-attributes is wanted.");
}

function parsedObject(text: string): JsonObject | undefined {
  const value = parsed(text, "{");
  return isJsonObject(value) ? value : undefined;
}

/** The JSON in a text that begins in this way. */
function parsed(text: string, start: "{" | "["): unknown {
  if (!text.startsWith(start)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readBoolean({ path }: AttributeNode, value: unknown, context: ValidationContext): unknown {
  if (typeof value === "boolean") return value;
  if (typeof value === "string") {
    if (value === "" && context.rewrite("emptyText", path)) return undefined;
    const text = value.length <= 5 ? value.toLowerCase() : "";
    if ((text === "true" || text === "false") && context.rewrite("booleanText", path)) {
      return text === "true";
    }
  }
  return context.problem(path, "it is a boolean: true or false is wanted.");
}

function readNumber(
  { path, attribute }: AttributeNode,
  value: unknown,
  context: ValidationContext,
): unknown {
  let number = value;
  if (typeof value === "string") {
    if (value === "" && context.rewrite("emptyText", path)) return undefined;
    if (/^-?\d{1,15}(\.\d{1,15})?$/.test(value) && context.rewrite("numberText", path)) {
      number = Number(value);
    }
  }
  if (attribute.type === "integer") {
    return Number.isSafeInteger(number)
      ? number
      : context.problem(
          path,
          "it is an integer: a number without fraction, up to 2^53, is wanted.",
        );
  }
  return Number.isFinite(number) ? number : context.problem(path, "it is a number.");
}

function readText(
  { path, attribute }: AttributeNode,
  value: unknown,
  context: ValidationContext,
): unknown {
  if (typeof value !== "string") return context.problem(path, "it is a string.");
  if (value === "") {
    if (context.rewrite("emptyText", path)) return undefined;
    // RFC 7643 §3.1, §4.1.1 and §4.2: what is required is not empty.
    if (attribute.required) return context.problem(path, "it is required, and is not empty.");
  }
  if (value.length > context.rules.characters) {
    return context.problem(path, `it is longer than ${context.rules.characters} characters.`);
  }
  const wrong = wrongText(attribute.type, value);
  if (wrong !== undefined) return context.problem(path, wrong);
  if (context.rules.strict && !isCanonical(attribute, value)) {
    return context.problem(path, `it is one of: ${attribute.canonicalValues.join(", ")}.`);
  }
  return value;
}

function wrongText(type: string, value: string): string | undefined {
  switch (type) {
    case "dateTime":
      return isDateTime(value) ? undefined : 'it is a dateTime, such as "2011-05-13T04:42:34Z".';
    case "binary":
      return isBase64(value) ? undefined : "it is base64 (RFC 4648 §4 or §5).";
    case "reference":
      return isReference(value) ? undefined : "it is a URI.";
    default:
      return value.isWellFormed()
        ? undefined
        : "it has half a surrogate pair, which is no Unicode.";
  }
}

function isCanonical(
  { canonicalValues, caseExact }: AttributeNode["attribute"],
  value: string,
): boolean {
  if (canonicalValues.length === 0 || canonicalValues.includes(value)) return true;
  const text = value.toLowerCase();
  return !caseExact && canonicalValues.some((canonical) => canonical.toLowerCase() === text);
}
