import { isObject } from "../requests/read-response.js";

/** The paths of the attributes that a body states: of a resource, or of a PATCH. */
export function statedIn(body: unknown): readonly string[] {
  if (!isObject(body)) return [];
  const operations = body["Operations"];
  if (!Array.isArray(operations)) return Object.keys(body).filter((name) => name !== "schemas");
  return operations.flatMap((operation: unknown) => {
    if (!isObject(operation)) return [];
    const { path, value } = operation;
    return typeof path === "string" ? [path] : statedIn(value);
  });
}

/** The passwords in a body, wherever they are in it: service providers repeat what they refuse. */
export function secretsIn(body: unknown): readonly string[] {
  if (Array.isArray(body)) return body.flatMap(secretsIn);
  if (!isObject(body)) return [];
  const { path } = body;
  const isAboutPassword = typeof path === "string" && isPassword(path);
  return Object.entries(body).flatMap(([name, value]) => {
    const isSecret = isPassword(name) || (isAboutPassword && name === "value");
    return isSecret && typeof value === "string" ? [value] : secretsIn(value);
  });
}

function isPassword(path: string): boolean {
  const name = path.toLowerCase();
  return name === "password" || name.endsWith(":password");
}

/** The id at the end of the URL, or of the path, of a resource. */
export function idIn(location: string | undefined): string | undefined {
  const segment = location?.split("/").at(-1);
  if (segment === undefined || segment === "") return undefined;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
