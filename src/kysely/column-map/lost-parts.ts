import { isDeepStrictEqual } from "node:util";
import { caseless } from "../../core/index.js";
import { isObject, isUnassigned } from "./attribute-values.js";
import { isNoValue } from "./value-columns.js";

/**
 * What a write asks for and a row does not hold, as the paths of attributes: this is the one place that compares the
 * two. What the row says beside, such as which value is the primary one, is no loss.
 *
 * @param name The attribute, or the URI of the extension, as a resource has it.
 * @param asked The value that was asked for.
 * @param held The value that is read from what is written.
 */
export function lostParts(name: string, asked: unknown, held: unknown): readonly string[] {
  if (!name.includes(":") || !isObject(asked)) return lostWithin(name, asked, held);
  return Object.entries(asked).flatMap(([attribute, value]) =>
    lostWithin(`${name}:${attribute}`, value, memberOf(held, attribute)),
  );
}

function lostWithin(path: string, asked: unknown, held: unknown): readonly string[] {
  if (isUnassigned(asked) || asked === "" || asked === held) return [];
  if (Array.isArray(asked)) return holdsAll(asked, held) ? [] : [path];
  if (!isObject(asked)) return [path];
  return Object.entries(asked).flatMap(([name, value]) =>
    lostWithin(`${path}.${name}`, value, memberOf(held, name)),
  );
}

/** Whether a list has each of these values, as often as it was asked for. */
function holdsAll(asked: readonly unknown[], held: unknown): boolean {
  const left = new Set<unknown>(Array.isArray(held) ? held : []);
  return asked.every((item) => {
    if (isNoValue(item)) return true;
    const found = [...left].find((one) => holds(item, one));
    return found !== undefined && left.delete(found);
  });
}

function holds(asked: unknown, held: unknown): boolean {
  if (!isObject(asked)) return isDeepStrictEqual(asked, held);
  return Object.entries(asked).every(([name, value]) => {
    const own = memberOf(held, name);
    // One of which nothing is said may be the primary one all the same; one that is said not to be so is not (RFC 7643
    // §2.4).
    if (name === "primary" && typeof value === "boolean") return value === (own === true);
    if (name === "type" && typeof value === "string" && typeof own === "string") {
      return caseless(value) === caseless(own);
    }
    return isUnassigned(value) || value === "" || isDeepStrictEqual(value, own);
  });
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
