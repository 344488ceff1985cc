import { pythonString } from "../core/index.js";

/**
 * Writes a value as Python's `json.dumps` does, so that peers get the very bytes that they got from django-simple-sso:
 * `", "` and `": "` between members, and everything but printable ASCII escaped.
 *
 * What JSON has no form for is left out, as `JSON.stringify` does.
 */
export function pythonJson(value: unknown): string {
  return print(JSON.parse(JSON.stringify(value ?? null)));
}

function print(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(print).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(
      ([name, one]) => `${pythonString(name)}: ${print(one)}`,
    );
    return `{${members.join(", ")}}`;
  }
  return typeof value === "string" ? pythonString(value) : JSON.stringify(value);
}
