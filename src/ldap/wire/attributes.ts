import type { LdapAttribute } from "./message.js";

/** The values of the attribute with this description, in any case (RFC 4512 §2.5); none if it is absent. */
export function valuesOf(
  attributes: readonly LdapAttribute[],
  type: string,
): readonly Uint8Array[] {
  const wanted = type.toLowerCase();
  for (const attribute of attributes) {
    if (attribute.type === type || attribute.type.toLowerCase() === wanted) return attribute.values;
  }
  return [];
}

/** The values of the attribute with this description, each decoded as UTF-8. */
export function textsOf(attributes: readonly LdapAttribute[], type: string): readonly string[] {
  return valuesOf(attributes, type).map(textOf);
}

/** The first value of the attribute with this description, decoded as UTF-8; undefined if there is none. */
export function firstTextOf(
  attributes: readonly LdapAttribute[],
  type: string,
): string | undefined {
  const first = valuesOf(attributes, type)[0];
  return first === undefined ? undefined : textOf(first);
}

/** A value decoded as UTF-8. Bytes that are not UTF-8 become U+FFFD: read binary attributes with {@link valuesOf}. */
export function textOf(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");
}
