import { InvalidValueError } from "../../core/index.js";

/** The data type of an attribute. RFC 7643 §2.3. */
export type AttributeType =
  | "string"
  | "boolean"
  | "decimal"
  | "integer"
  | "dateTime"
  | "binary"
  | "reference"
  | "complex";

/** When the value of an attribute can be set. RFC 7643 §7, "mutability". */
export type Mutability = "readOnly" | "readWrite" | "immutable" | "writeOnly";

/** When an attribute is part of a response. RFC 7643 §7, "returned". */
export type Returned = "always" | "never" | "default" | "request";

/** Within which bounds no two resources hold the same value. RFC 7643 §7, "uniqueness". */
export type Uniqueness = "none" | "server" | "global";

/** The characteristics that an attribute of any type can have. RFC 7643 §7. */
export interface Characteristics {
  /** Whether the attribute holds a list of values. Default: false. */
  readonly multiValued?: boolean;
  /** Whether a resource must have the attribute. Default: false. */
  readonly required?: boolean;
  /** When the value can be set. Default: `readWrite`. */
  readonly mutability?: Mutability;
  /** When the attribute is part of a response. Default: `default`; `never` where the attribute is `writeOnly`. */
  readonly returned?: Returned;
}

/** A string. RFC 7643 §2.3.1. An attribute that states no type is one (§2.2). */
export interface StringAttributeDefinition extends Characteristics {
  /** The data type. Default: `string`. */
  readonly type?: "string";
  /** Values that are suggested; others are allowed. Default: none. */
  readonly canonicalValues?: readonly string[];
  /** Whether values that differ in case only are different values. Default: false. */
  readonly caseExact?: boolean;
  /** Within which bounds no two resources hold the same value. Default: `none`. */
  readonly uniqueness?: Uniqueness;
}

/** A number. RFC 7643 §2.3.3 and §2.3.4. */
export interface NumberAttributeDefinition extends Characteristics {
  /** The data type. */
  readonly type: "integer" | "decimal";
  /** Within which bounds no two resources hold the same value. Default: `none`. */
  readonly uniqueness?: Uniqueness;
}

/** A URI. RFC 7643 §2.3.7. It is case exact, without saying so. */
export interface ReferenceAttributeDefinition extends Characteristics {
  /** The data type. */
  readonly type: "reference";
  /** What may be referred to: names of resource types, `external`, or `uri`. */
  readonly referenceTypes: readonly string[];
  /** Within which bounds no two resources hold the same value. Default: `none`. */
  readonly uniqueness?: Uniqueness;
}

/**
 * A boolean, an instant (`xsd:dateTime`), or base64. RFC 7643 §2.3.2, §2.3.5 and §2.3.6. None of them has a uniqueness;
 * a binary is case exact, without saying so, and the others have no case.
 */
export interface PlainAttributeDefinition extends Characteristics {
  /** The data type. */
  readonly type: "boolean" | "dateTime" | "binary";
}

/** An attribute without sub-attributes. RFC 7643 §1.2. */
export type SimpleAttributeDefinition =
  | StringAttributeDefinition
  | NumberAttributeDefinition
  | ReferenceAttributeDefinition
  | PlainAttributeDefinition;

/** A composition of simple attributes, which are its sub-attributes. RFC 7643 §2.3.8. */
export interface ComplexAttributeDefinition extends Characteristics {
  /** The data type. */
  readonly type: "complex";
  /** The sub-attributes by name. None of them may be complex. */
  readonly subAttributes: Readonly<Record<string, SimpleAttributeDefinition>>;
}

/** What a schema says of one attribute; what it leaves out has the default of RFC 7643 §2.2. */
export type AttributeDefinition = SimpleAttributeDefinition | ComplexAttributeDefinition;

/** An attribute with all of its characteristics, the defaults of RFC 7643 §2.2 filled in. */
export interface Attribute extends Required<Characteristics> {
  /** The name as the schema spells it. */
  readonly name: string;
  /** The human-readable description, for `/Schemas`. */
  readonly description?: string;
  /** The data type. */
  readonly type: AttributeType;
  /** Suggested values; empty where none are. */
  readonly canonicalValues: readonly string[];
  /** Whether case matters. True of references and binaries; false, and without meaning, of types that have no case. */
  readonly caseExact: boolean;
  /** Within which bounds no two resources hold the same value. */
  readonly uniqueness: Uniqueness;
  /** What may be referred to; empty unless the attribute is a reference. */
  readonly referenceTypes: readonly string[];
  /** The sub-attributes; empty unless the attribute is complex. */
  readonly subAttributes: Attributes;
}

/** Attributes by name in lower case, since names are case-insensitive (RFC 7643 §2.1), in the order of definition. */
export type Attributes = ReadonlyMap<string, Attribute>;

/** The characteristics of an attribute that states none. RFC 7643 §2.2. */
const defaults: Omit<Attribute, "name"> = {
  type: "string",
  multiValued: false,
  required: false,
  canonicalValues: [],
  caseExact: false,
  mutability: "readWrite",
  returned: "default",
  uniqueness: "none",
  referenceTypes: [],
  subAttributes: new Map(),
};

const common: readonly string[] = ["type", "multiValued", "required", "mutability", "returned"];

/** Which characteristics a definition of each type can state. */
const characteristicsOf: Readonly<Record<AttributeType, readonly string[]>> = {
  string: [...common, "canonicalValues", "caseExact", "uniqueness"],
  boolean: common,
  decimal: [...common, "uniqueness"],
  integer: [...common, "uniqueness"],
  dateTime: common,
  binary: common,
  reference: [...common, "referenceTypes", "uniqueness"],
  complex: [...common, "subAttributes"],
};

/**
 * Fills in the defaults, and checks what a compiler does not see in a literal.
 *
 * @param descriptions The descriptions by attribute path.
 * @param parent The path of the complex attribute whose sub-attributes these are.
 * @throws {InvalidValueError} a name or a characteristic that RFC 7643 does not allow.
 */
export function resolveAttributes(
  definitions: Readonly<Record<string, AttributeDefinition>>,
  descriptions: Readonly<Record<string, string | undefined>> = {},
  parent?: string,
): Attributes {
  const attributes = new Map<string, Attribute>();
  for (const [name, stated] of Object.entries(definitions)) {
    const path = parent === undefined ? name : `${parent}.${name}`;
    const definition = withoutUndefined(path, stated);
    check(path, name, definition, parent !== undefined);
    const key = name.toLowerCase();
    if (attributes.has(key)) {
      throw new InvalidValueError(path, "another attribute has this name in different case.");
    }
    const { type = defaults.type, mutability = defaults.mutability } = definition;
    const description = Object.hasOwn(descriptions, path) ? descriptions[path] : undefined;
    attributes.set(key, {
      ...defaults,
      caseExact: type === "reference" || type === "binary",
      returned: mutability === "writeOnly" ? "never" : defaults.returned,
      ...definition,
      name,
      ...(description !== undefined && { description }),
      subAttributes:
        definition.type === "complex"
          ? resolveAttributes(definition.subAttributes, descriptions, path)
          : defaults.subAttributes,
    });
  }
  return attributes;
}

/** A definition that is data may hold what the compiler would not let pass; `undefined` states nothing. */
function withoutUndefined(path: string, definition: AttributeDefinition): AttributeDefinition {
  if (!isObject(definition)) throw new InvalidValueError(path, "a definition is an object.");
  const stated = Object.entries(definition).filter(([, value]) => value !== undefined);
  return Object.fromEntries(stated) as AttributeDefinition;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function check(path: string, name: string, definition: AttributeDefinition, isSub: boolean): void {
  // "$ref" does not follow the ABNF for attribute names, and is one all the same (RFC 7643 §2.4).
  if (!/^[A-Za-z][A-Za-z0-9$_-]*$/.test(name) && name !== "$ref") {
    throw new InvalidValueError(
      path,
      "an attribute name is a letter followed by letters, digits, $, - and _ (RFC 7643 §2.1).",
    );
  }
  const { type = defaults.type, mutability, returned } = definition;
  if (!Object.hasOwn(characteristicsOf, type)) {
    throw new InvalidValueError(path, `"${type}" is not a data type (RFC 7643 §2.3).`);
  }
  for (const characteristic of Object.keys(definition)) {
    if (!characteristicsOf[type].includes(characteristic)) {
      throw new InvalidValueError(
        path,
        `"${characteristic}" is not a characteristic that an attribute of type ${type} can state.`,
      );
    }
  }
  if (isSub && type === "complex") {
    throw new InvalidValueError(path, "a sub-attribute cannot be complex (RFC 7643 §2.3.8).");
  }
  if (definition.type === "reference" && !isListOfTexts(definition.referenceTypes)) {
    throw new InvalidValueError(path, "a reference states its referenceTypes (RFC 7643 §7).");
  }
  if (definition.type === "complex" && !isObject(definition.subAttributes)) {
    throw new InvalidValueError(
      path,
      "a complex attribute states its subAttributes (RFC 7643 §7).",
    );
  }
  if (mutability === "writeOnly" && returned !== undefined && returned !== "never") {
    throw new InvalidValueError(
      path,
      "what is writeOnly is never returned (RFC 7643 §7, mutability).",
    );
  }
}

function isListOfTexts(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string")
  );
}
