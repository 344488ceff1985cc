import {
  type BareItem,
  displayText,
  type Item,
  innerListItems,
  type Member,
  type Parameters,
  printString,
  type ReadOptions,
} from "./structured-fields.js";

/** Writes an item in the one form that RFC 9651 §4.1.3 gives it. */
export function printItem({ value, parameters }: Item): string {
  return printBareItem(value) + printParameters(parameters);
}

/** Writes a member of a list, as the value of a dictionary too (§4.1.1, §4.1.2). */
export function printMember(member: Member, options?: ReadOptions): string {
  const { value, parameters } = member;
  if (value !== undefined) return printItem({ value, parameters });
  const items = innerListItems(member, options).map(printItem);
  return `(${items.join(" ")})${printParameters(parameters)}`;
}

/** Writes a dictionary (§4.1.2). */
export function printDictionary(
  members: ReadonlyMap<string, Member>,
  options?: ReadOptions,
): string {
  const printed = Array.from(members, ([name, member]) =>
    isTrue(member.value)
      ? name + printParameters(member.parameters)
      : `${name}=${printMember(member, options)}`,
  );
  return printed.join(", ");
}

/** Writes parameters (§4.1.1.2). */
export function printParameters(parameters: Parameters): string {
  let printed = "";
  for (const [name, value] of parameters) {
    printed += isTrue(value) ? `;${name}` : `;${name}=${printBareItem(value)}`;
  }
  return printed;
}

function isTrue(value: BareItem | undefined): boolean {
  return value?.type === "boolean" && value.source === "?1";
}

/** Writes a bare item (§4.1.3.1). */
function printBareItem({ type, source }: BareItem): string {
  switch (type) {
    case "integer":
      return printInteger(source);
    case "decimal":
      return printDecimal(source);
    case "date":
      return `@${printInteger(source.slice(1))}`;
    case "byte-sequence":
      return `:${Buffer.from(source.slice(1, -1), "base64").toString("base64")}:`;
    case "display-string":
      return printDisplayString(displayText(source) ?? "");
    default:
      // There is no other way to write these.
      return source;
  }
}

function printInteger(source: string): string {
  // Adding zero makes zero of minus zero.
  return String(Number(source) + 0);
}

/** A decimal without zeros that say nothing, but for one on each side of the point. */
function printDecimal(source: string): string {
  const [whole = "", fraction = ""] = source.replace("-", "").split(".");
  const printed = `${whole.replace(/^0+(?=\d)/, "")}.${fraction.replace(/(?!^)0+$/, "")}`;
  return source.startsWith("-") && printed !== "0.0" ? `-${printed}` : printed;
}

function printDisplayString(text: string): string {
  const bytes = Array.from(Buffer.from(text), (byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x25
      ? `%${byte.toString(16).padStart(2, "0")}`
      : String.fromCharCode(byte),
  );
  return `%"${bytes.join("")}"`;
}

/** The text of an item that is a string; `undefined` where it is of another type. */
export function textOf(item: BareItem | undefined): string | undefined {
  if (item?.type !== "string") return undefined;
  const text = item.source.slice(1, -1);
  return text.includes("\\") ? text.replace(/\\(.)/g, "$1") : text;
}

/** The value of an item that is an integer; `undefined` where it is of another type. */
export function countOf(item: BareItem | undefined): number | undefined {
  return item?.type === "integer" ? Number(item.source) : undefined;
}

/** A text as a string (§4.1.6) that is known to be one. */
export function quoted(text: string): string {
  return printString(text) ?? "";
}
