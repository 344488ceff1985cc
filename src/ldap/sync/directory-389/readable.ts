import { UnsupportedError } from "../../../core/index.js";
import { valuesOf } from "../../wire/attributes.js";
import type { Reading } from "../reading.js";
import { readSample } from "../sample.js";
import { nsUniqueId } from "./identification.js";

/**
 * Entries are read again by their nsUniqueId, and lists are compared by it, so without the right to that nothing is
 * found.
 *
 * @throws {UnsupportedError} if this account may not read or search the nsUniqueId of the content.
 */
export async function requireIds(
  reading: Pick<Reading, "connection" | "content" | "signal">,
): Promise<void> {
  const sample = await readSample(reading, [nsUniqueId.id]);
  if (sample === undefined) return;
  const [value] = valuesOf(sample.attributes, nsUniqueId.id);
  const { connection, signal } = reading;
  const isFound = async (filter: string): Promise<boolean> => {
    const request = { base: sample.dn, scope: "base", filter, attributes: ["1.1"] } as const;
    return (await connection.searchAll(request, { signal })).length > 0;
  };
  if (value !== undefined && (await isFound(nsUniqueId.filter(nsUniqueId.read(value))))) return;
  // It may have been deleted between both searches, which is another matter.
  if (value !== undefined && !(await isFound("(objectClass=*)"))) return;
  throw new UnsupportedError(
    `This account may not read and search the nsUniqueId of "${sample.dn}", by which 389 Directory Server says which ` +
      "entry has changed: allow read and search of it in an aci.",
  );
}
