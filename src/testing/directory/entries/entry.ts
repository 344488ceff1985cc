import { isWithin, normalizeValue, parentOf } from "./dn.js";
import { attributeKey, attributeType, type Matching } from "./schema.js";

/** The values of one attribute. Never changed in place: an entry that was read stays as it was. */
export class AttributeValues {
  /** The attribute description as the directory returns it. */
  readonly description: string;
  readonly values: readonly Buffer[];
  readonly matching: Matching;
  #keys: Set<string> | undefined;

  constructor(description: string, values: readonly Buffer[], keys?: Set<string>) {
    const [type = "", ...options] = description.split(";");
    const known = attributeType(attributeKey(type));
    this.description = [known?.name ?? type, ...options].join(";");
    this.matching = known?.matching ?? "caseExact";
    this.values = values;
    this.#keys = keys;
  }

  /** The normalised values, made when first asked for. */
  get keys(): ReadonlySet<string> {
    this.#keys ??= new Set(this.values.map((value) => this.keyOf(value)));
    return this.#keys;
  }

  /** The normalised form of a value; a value that is not of the syntax stands for itself. */
  keyOf(value: Buffer): string {
    return normalizeValue(this.matching, value) ?? value.toString("latin1");
  }

  /** With more values, none of which it has. */
  with(values: readonly Buffer[]): AttributeValues {
    const keys = new Set(this.keys);
    for (const value of values) keys.add(this.keyOf(value));
    return new AttributeValues(this.description, [...this.values, ...values], keys);
  }

  /** Without the values of these keys. */
  without(removed: ReadonlySet<string>): AttributeValues {
    const values = this.values.filter((value) => !removed.has(this.keyOf(value)));
    return new AttributeValues(this.description, values);
  }
}

/** The attributes of an entry: by {@link attributeKey}, with the options of the description after it. */
export type Attributes = ReadonlyMap<string, AttributeValues>;

/** An entry as it is after some write. Never changed in place. */
export class Entry {
  /** Rises in the order in which entries were added; searches answer in this order. */
  readonly id: number;
  readonly uuid: string;
  readonly dn: string;
  readonly normalizedDn: string;
  /** All attributes that are stored, the operational ones included. */
  readonly attributes: Attributes;
  /** The CSN of the last write to this entry. */
  readonly csn: string;

  constructor(
    identity: { id: number; uuid: string },
    name: { dn: string; normalizedDn: string },
    attributes: Attributes,
  ) {
    this.id = identity.id;
    this.uuid = identity.uuid;
    this.dn = name.dn;
    this.normalizedDn = name.normalizedDn;
    this.attributes = attributes;
    this.csn = attributes.get("entrycsn")?.values[0]?.toString() ?? "";
  }

  /** The attribute of this key and its subtypes by option, such as `cn;lang-de` for `cn` (RFC 4512 §2.5.2). */
  *find(key: string): Generator<AttributeValues> {
    if (key === "entrydn") yield new AttributeValues("entryDN", [Buffer.from(this.dn)]);
    const prefix = `${key};`;
    for (const [name, values] of this.attributes) {
      if (name === key || name.startsWith(prefix)) yield values;
    }
  }

  /** Every attribute, also the computed one. */
  *all(): Generator<AttributeValues> {
    yield* this.attributes.values();
    yield* this.find("entrydn");
  }
}

/** The part of the tree below a base that a search covers. RFC 4511 §4.5.1.2 */
export type Scope = "base" | "one" | "sub";

/** Whether an entry is in the scope of a search below a normalised base. */
export function isInScope(entry: Entry, base: string, scope: Scope): boolean {
  switch (scope) {
    case "base":
      return entry.normalizedDn === base;
    case "one":
      return parentOf(entry.normalizedDn) === base;
    case "sub":
      return isWithin(entry.normalizedDn, base);
  }
}

/** An attribute with the description and the values that a request gives. */
export interface GivenAttribute {
  readonly type: string;
  readonly values: readonly Buffer[];
}

/** Picks the attributes that a search asked for (RFC 4511 §4.5.1.8), with no values where only types are wanted. */
export function selectAttributes(
  all: Iterable<AttributeValues>,
  requested: readonly string[],
  typesOnly: boolean,
): GivenAttribute[] {
  const wanted = new Set(requested.map((name) => name.toLowerCase()));
  const keys = new Set(requested.map(attributeKey));
  const user = requested.length === 0 || wanted.has("*");
  const operational = wanted.has("+");
  const selected: GivenAttribute[] = [];
  for (const { description, values } of all) {
    const key = attributeKey(description);
    const byClass = attributeType(key)?.operational ? operational : user;
    const byName = keys.has(key) && hasOptions(description, wanted, key);
    if (byClass || byName) selected.push({ type: description, values: typesOnly ? [] : values });
  }
  return selected;
}

/** Whether one of the wanted descriptions of this type asks for no option that the attribute lacks. */
function hasOptions(description: string, wanted: ReadonlySet<string>, key: string): boolean {
  const held = new Set(description.toLowerCase().split(";").slice(1));
  return [...wanted].some(
    (name) =>
      attributeKey(name) === key &&
      name
        .split(";")
        .slice(1)
        .every((option) => held.has(option)),
  );
}
