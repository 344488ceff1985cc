import type { Matching } from "./schema.js";

/**
 * A string that is equal for two values exactly when they match by an equality rule (RFC 4517 §4.2), or nothing where
 * the value is not of the attribute's syntax. Distinguished names are compared in dn.ts.
 */
export function normalizeText(
  matching: Exclude<Matching, "dn">,
  value: Buffer,
): string | undefined {
  switch (matching) {
    case "octets":
      return value.toString("latin1");
    case "caseExact":
      return collapse(value.toString("utf8"));
    case "integer": {
      const text = value.toString("utf8");
      return /^(0|-?[1-9]\d*)$/.test(text) ? text : undefined;
    }
    case "boolean": {
      const text = value.toString("utf8").toUpperCase();
      return text === "TRUE" || text === "FALSE" ? text : undefined;
    }
    case "uuid": {
      const text = value.toString("utf8").toLowerCase();
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? text : undefined;
    }
    case "time": {
      const text = value.toString("utf8");
      return /^\d{14}(\.\d+)?Z$/.test(text) ? text : undefined;
    }
    case "csn":
      return value.toString("utf8");
    case "caseIgnore":
    case "objectClass":
      return collapse(value.toString("utf8")).toLowerCase();
  }
}

/** Removes the spaces that matching ignores: at both ends, and of several in a row all but one (RFC 4518 §2.6.1). */
export function collapse(text: string): string {
  return text.trim().replace(/ {2,}/g, " ");
}

/** Orders two normalised values, or says nothing where the attribute has no ordering rule. */
export function compareValues(matching: Matching, left: string, right: string): number | undefined {
  switch (matching) {
    case "integer": {
      const difference = BigInt(left) - BigInt(right);
      return difference < 0n ? -1 : difference > 0n ? 1 : 0;
    }
    case "time":
    case "csn":
    case "uuid":
      return left < right ? -1 : left > right ? 1 : 0;
    default:
      return undefined;
  }
}
