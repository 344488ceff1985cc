import { InvalidValueError, withoutWhitespace } from "../../core/index.js";
import type { FieldSource, SignatureComponent } from "./message.js";
import { printDictionary, printItem, printMember } from "./structured-field-text.js";
import { type Member, parseDictionary, parseItem, parseList } from "./structured-fields.js";

/** What a structured field is (RFC 9651 §3). */
export type FieldType = "dictionary" | "list" | "item";

/** The types of structured fields by their names in lower case. */
export type StructuredFields = Readonly<Record<string, FieldType>>;

/** The fields that RFCs 9110, 9209, 9211, 9218, 9421 and 9530 define. */
const knownFields: ReadonlyMap<string, FieldType> = new Map([
  ["content-digest", "dictionary"],
  ["repr-digest", "dictionary"],
  ["want-content-digest", "dictionary"],
  ["want-repr-digest", "dictionary"],
  ["signature-input", "dictionary"],
  ["signature", "dictionary"],
  ["accept-signature", "dictionary"],
  ["priority", "dictionary"],
  ["cache-status", "list"],
  ["proxy-status", "list"],
]);

/** A key that is there twice has its last value, as everywhere but in the fields of the signature. */
const lenient = { repeatedKeys: true } as const;

/** The fields of a message, as components are read from them (RFC 9421 §2.1). */
export class Fields {
  readonly #headers: FieldSource;
  readonly #trailers: FieldSource | undefined;
  readonly #types: StructuredFields;
  #dictionaries: Map<string, ReadonlyMap<string, Member> | undefined> | undefined;

  constructor(
    message: { readonly headers: FieldSource; readonly trailers?: FieldSource },
    types: StructuredFields,
  ) {
    this.#headers = message.headers;
    this.#trailers = message.trailers;
    this.#types = types;
  }

  /**
   * The value of a field, or of the member of one that is a dictionary; `undefined` where the message does not have it.
   */
  value(component: SignatureComponent): string | undefined {
    const { name, key, sf = false, bs = false, tr = false, parameter } = component;
    if (parameter !== undefined || (bs && (sf || key !== undefined))) {
      throw new InvalidValueError(name, "it cannot have these parameters.");
    }
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) return undefined;
    const source = tr ? this.#trailers : this.#headers;
    const field = source?.get(name) ?? null;
    if (source === undefined || field === null) return undefined;
    if (bs) return wrapped(name, field, source);
    const value = withoutWhitespace(field);
    if (key !== undefined) return this.#member(value, key);
    return sf ? this.#strict(name, value) : value;
  }

  #member(value: string, key: string): string | undefined {
    this.#dictionaries ??= new Map();
    if (!this.#dictionaries.has(value)) {
      this.#dictionaries.set(value, parseDictionary(value, lenient));
    }
    const member = this.#dictionaries.get(value)?.get(key);
    return member && printMember(member, lenient);
  }

  #strict(name: string, value: string): string {
    const type = Object.hasOwn(this.#types, name) ? this.#types[name] : knownFields.get(name);
    const strict = strictField(type, value);
    if (strict !== undefined) return strict;
    throw new InvalidValueError(name, "it is no structured field of a type that is known.");
  }
}

function strictField(type: FieldType | undefined, value: string): string | undefined {
  switch (type) {
    case "dictionary": {
      const members = parseDictionary(value, lenient);
      return members && printDictionary(members, lenient);
    }
    case "list":
      return parseList(value, lenient)
        ?.map((member) => printMember(member, lenient))
        .join(", ");
    case "item": {
      const item = parseItem(value, lenient);
      return item && printItem(item);
    }
    default:
      return undefined;
  }
}

/** Each line of a field as a byte sequence (RFC 9421 §2.1.3). A character is a byte, as in `Headers`. */
function wrapped(name: string, field: string, source: FieldSource): string {
  const known = source.lines?.(name) ?? setCookies(name, source);
  const lines = known ?? [field];
  if (known === undefined && field.includes(",")) {
    throw new InvalidValueError(name, "it is not known how many lines it has.");
  }
  return lines
    .map((line) => `:${Buffer.from(withoutWhitespace(line), "latin1").toString("base64")}:`)
    .join(", ");
}

/** The lines of the one field that `Headers` keeps apart. */
function setCookies(name: string, source: FieldSource): readonly string[] | undefined {
  return name === "set-cookie" && source instanceof Headers ? source.getSetCookie() : undefined;
}
