import { UnavailableError } from "../../../core/index.js";
import type { LdapConnection } from "../../connection/connection.js";
import { extendedDn } from "../../wire/active-directory-controls.js";
import type { LdapAttribute } from "../../wire/message.js";

/** A part of an attribute's values (MS-ADTS 3.1.1.3.1.3.3): from which on, and up to which; `*` is the last. */
const ranged = /^([^;]+);range=(\d+)-(\d+|\*)$/i;

/** How many values come next, and whether these were all. */
interface Part {
  readonly values: readonly Uint8Array[];
  /** The number of the value that is to be asked for next; undefined after the last. */
  readonly next: number | undefined;
}

/**
 * Reads what is missing of attributes of which only a part of the values came: Windows sends 1,500 of them
 * (MaxValRange, MS-ADTS 3.1.1.3.4.6). Those that change while they are read come with a later change of the entry.
 */
export async function completeRanges(
  connection: LdapConnection,
  id: string,
  attributes: readonly LdapAttribute[],
  signal: AbortSignal,
): Promise<readonly LdapAttribute[]> {
  if (!attributes.some(({ type }) => ranged.test(type))) return attributes;
  const complete: LdapAttribute[] = [];
  const parts = new Set<string>();
  for (const attribute of attributes) {
    const [, type] = ranged.exec(attribute.type) ?? [];
    if (type === undefined) continue;
    parts.add(type.toLowerCase());
    let { values, next } = partOf(attribute);
    const all = [...values];
    while (next !== undefined) {
      ({ values, next } = await readPart(connection, id, type, next, signal));
      for (const value of values) all.push(value);
    }
    complete.push({ type, values: all });
  }
  // Beside a part, the attribute itself comes without values.
  return [
    ...attributes.filter(({ type }) => !ranged.test(type) && !parts.has(type.toLowerCase())),
    ...complete,
  ];
}

async function readPart(
  connection: LdapConnection,
  id: string,
  type: string,
  from: number,
  signal: AbortSignal,
): Promise<Part> {
  const [entry] = await connection.searchAll(
    {
      base: `<GUID=${id}>`,
      scope: "base",
      filter: "(objectClass=*)",
      attributes: [`${type};range=${from}-*`],
      controls: [extendedDn],
    },
    { signal },
  );
  const part = entry?.attributes.find((attribute) => {
    const [, found, first] = ranged.exec(attribute.type) ?? [];
    return found?.toLowerCase() === type.toLowerCase() && Number(first) === from;
  });
  // It has become shorter meanwhile, or has gone; that is reported, too.
  if (part === undefined) return { values: [], next: undefined };
  const read = partOf(part);
  if (read.next !== undefined && read.next <= from) {
    throw new UnavailableError(`The directory does not go on after value ${from} of "${type}".`);
  }
  return read;
}

function partOf({ type, values }: LdapAttribute): Part {
  const [, , , last] = ranged.exec(type) ?? [];
  return { values, next: last === undefined || last === "*" ? undefined : Number(last) + 1 };
}
