import { byName, isObject } from "../requests/read-response.js";

/** A type of resources as a service provider describes it. RFC 7643 §6. */
export interface RemoteResourceType {
  /** The name of the type, such as `User`. */
  readonly name: string;
  /** The endpoint below the base URL, such as `/Users`, however the service provider writes it. */
  readonly endpoint: string;
  /** The URI of the base schema. */
  readonly schema: string;
  /** The extensions that the resources can have. */
  readonly schemaExtensions: readonly {
    /** The URI of the schema. */
    readonly schema: string;
    readonly required: boolean;
  }[];
}

/** Something that a service provider names and that is not understood here. */
export interface NotUnderstood {
  /** Where it is named: the path of the document below the base URL. */
  readonly document: string;
  /** The name, as it is there; absent where there is none. */
  readonly name?: string;
  /** Why it is not understood, for people. */
  readonly reason: string;
}

/**
 * Reads the types of resources.
 *
 * @param baseUrl Of the service provider: some write endpoints as whole URLs.
 */
export function readResourceTypes(
  bodies: readonly unknown[],
  baseUrl: URL,
): {
  readonly types: readonly RemoteResourceType[];
  readonly notUnderstood: readonly NotUnderstood[];
} {
  const types: RemoteResourceType[] = [];
  const notUnderstood: NotUnderstood[] = [];
  for (const body of bodies) {
    const document = byName(isObject(body) ? body : {});
    const [name, schema] = [textIn(document.get("name")), textIn(document.get("schema"))];
    const endpoint = endpointIn(document.get("endpoint"), baseUrl);
    if (name === undefined || schema === undefined || endpoint === undefined) {
      const reason = "A type of resources has a name, an endpoint and a schema (RFC 7643 §6).";
      notUnderstood.push({
        document: "/ResourceTypes",
        ...(name !== undefined && { name }),
        reason,
      });
      continue;
    }
    types.push({ name, endpoint, schema, schemaExtensions: extensionsIn(document) });
  }
  return { types, notUnderstood };
}

function extensionsIn(
  document: ReadonlyMap<string, unknown>,
): RemoteResourceType["schemaExtensions"] {
  const stated = document.get("schemaextensions");
  return (Array.isArray(stated) ? stated : []).flatMap((one: unknown) => {
    const extension = byName(isObject(one) ? one : {});
    const schema = textIn(extension.get("schema"));
    return schema === undefined ? [] : [{ schema, required: extension.get("required") === true }];
  });
}

/**
 * The path of an endpoint below the base URL. RFC 7643 §6 calls it a relative URI, and prints `Users` in one place and
 * `/Users` in another; some service providers have a slash at its end, or the whole URL, perhaps that of a server
 * behind a proxy. Requests go to the base URL all the same.
 */
function endpointIn(value: unknown, baseUrl: URL): string | undefined {
  const text = textIn(value);
  if (text === undefined) return undefined;
  const url = URL.parse(text, baseUrl.origin);
  if (url === null) return undefined;
  const isWhole = URL.canParse(text);
  const base = baseUrl.pathname.replace(/\/$/, "");
  const isOurs = !isWhole || url.origin === baseUrl.origin;
  const isBelow = isOurs && url.pathname.startsWith(`${base}/`);
  let path = isBelow ? url.pathname.slice(base.length) : url.pathname;
  // A whole URL of somewhere else says no more than its last part.
  if (isWhole && !isBelow) path = url.pathname.replace(/\/$/, "").replace(/^.*\//, "/");
  while (path.endsWith("/")) path = path.slice(0, -1);
  return path === "" ? undefined : path;
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
