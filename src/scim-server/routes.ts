import { bulk } from "./bulk/job.js";
import { type Endpoint, endpointNamed, type RequestContext } from "./context.js";
import {
  type ConfigurationOptions,
  configuration,
  resourceTypes,
  schemas,
} from "./discovery/documents.js";
import { queryRoot } from "./query/all-types.js";
import { queryType } from "./query/one-type.js";
import {
  assertNoParameters,
  meantBy,
  parametersOfBody,
  parametersOfOne,
  parametersOfUrl,
  type QueryParameters,
} from "./query/parameters.js";
import { wantsGroups } from "./references/user-groups.js";
import { readOptions, wantedOf } from "./representation.js";
import { readJson } from "./request/body.js";
import { ScimRequestError } from "./request/error.js";
import type { ChangeOptions } from "./resource/change.js";
import { createResource } from "./resource/create.js";
import { deleteResource } from "./resource/delete.js";
import { isNamedBy } from "./resource/entity-tags.js";
import { assertExactId } from "./resource/exact-id.js";
import { modifyResource } from "./resource/modify.js";
import { replaceResource } from "./resource/replace.js";
import { bodilessResponse, resourceResponse } from "./resource/response.js";
import type { EndpointResponse } from "./response.js";

/** What a request has beside its path. */
export interface RouteOptions {
  readonly search: URLSearchParams;
  readonly configuration: ConfigurationOptions;
  /** The id of the user that `/Me` stands for. */
  readonly me?: () => Promise<string | undefined>;
}

/** One request to one endpoint. */
interface Call extends RouteOptions {
  readonly context: RequestContext;
  readonly request: Request;
}

/** The endpoints that describe the service provider. RFC 7644 §4. */
const discoveryEndpoints: ReadonlySet<string> = new Set([
  "ServiceProviderConfig",
  "ResourceTypes",
  "Schemas",
]);

/** Whether a path, in its parts below the base URL, is that of an endpoint of discovery. */
export function isDiscovery([first = ""]: readonly string[] = []): boolean {
  return discoveryEndpoints.has(first);
}

/**
 * Handles a request to an endpoint. RFC 7644 §3.2, table 2.
 *
 * @param segments The parts of the path below the base URL; `undefined` if the path is not below it.
 */
export async function handleRequest(
  context: RequestContext,
  request: Request,
  segments: readonly string[] | undefined,
  options: RouteOptions,
): Promise<EndpointResponse> {
  const [first, second, ...rest] = segments ?? [""];
  if (rest.length > 0 || segments === undefined) throw noEndpoint();
  const call: Call = { ...options, context, request };
  if (first === undefined) {
    return await byMethod(call, { GET: () => queryRoot(context, parametersOfUrl(call.search)) });
  }
  if (second === undefined) {
    switch (first) {
      case ".search":
        return await byMethod(call, {
          POST: async () => queryRoot(context, await parametersOfSearch(call)),
        });
      case "Bulk":
        return await byMethod(call, { POST: async () => bulk(context, await bodyOf(call)) });
      case "Me":
        return await handleMe(call);
    }
  }
  switch (first) {
    case "ServiceProviderConfig":
      if (second !== undefined) throw noEndpoint();
      return await byMethod(call, { GET: () => discovered(call, configuration) });
    case "ResourceTypes":
      return await byMethod(call, {
        GET: () => discovered(call, () => resourceTypes(context, second)),
      });
    case "Schemas":
      return await byMethod(call, { GET: () => discovered(call, () => schemas(context, second)) });
  }
  const endpoint = endpointNamed(context, first);
  if (second === undefined) return await handleType(call, endpoint);
  if (second === ".search") {
    return await byMethod(call, {
      POST: async () => queryType(context, endpoint, await parametersOfSearch(call)),
    });
  }
  return await handleResource(call, endpoint, second);
}

async function handleType(call: Call, endpoint: Endpoint): Promise<EndpointResponse> {
  const { context } = call;
  return await byMethod(call, {
    GET: () => queryType(context, endpoint, parametersOfUrl(call.search)),
    POST: async () => {
      const wanted = wantedOf(parametersOfOne(call.search));
      const response = await createResource(context, endpoint, await bodyOf(call), wanted);
      if (preferenceOf(call) !== "minimal") return response;
      const { body: _, ...minimal } = response;
      return applied(call, minimal);
    },
  });
}

async function handleResource(
  call: Call,
  endpoint: Endpoint,
  id: string,
): Promise<EndpointResponse> {
  const { context } = call;
  const options = (): ChangeOptions => ({
    ...wantedOf(parametersOfOne(call.search)),
    ifMatch: call.request.headers.get("if-match") ?? undefined,
    ifNoneMatch: call.request.headers.get("if-none-match") ?? undefined,
    prefer: preferenceOf(call),
  });
  return await byMethod(call, {
    GET: () => getResource(call, endpoint, id),
    PUT: async () =>
      applied(call, await replaceResource(context, endpoint, id, await bodyOf(call), options())),
    PATCH: async () =>
      applied(call, await modifyResource(context, endpoint, id, await bodyOf(call), options())),
    DELETE: () => deleteResource(context, endpoint, id, options()),
  });
}

/** RFC 7644 §3.11: the request is carried out, and Location says what the resource is else called. */
async function handleMe(call: Call): Promise<EndpointResponse> {
  const { context, me } = call;
  if (me === undefined) throw new ScimRequestError(501, "There is no /Me here.");
  const endpoint = context.settings.types.find(({ name }) => name === "User")?.endpoint;
  const users = endpointNamed(context, (endpoint ?? "/").slice(1));
  if (call.request.method === "POST") {
    throw new ScimRequestError(501, "No client can create its own resource here.");
  }
  const id = await me();
  if (id === undefined) throw new ScimRequestError(404, "The principal is no user.");
  return await handleResource(call, users, id);
}

async function getResource(
  { context, request, ...call }: Call,
  endpoint: Endpoint,
  id: string,
): Promise<EndpointResponse> {
  const wanted = wantedOf(parametersOfOne(call.search));
  const { repository } = endpoint;
  const found = await repository.get(id, readOptions(endpoint.type, wanted, context.signal));
  const resource = assertExactId(found, id);
  const known = request.headers.get("if-none-match");
  const isKnown = known !== null && isNamedBy(known, resource);
  return isKnown && !wantsGroups(context, endpoint, wanted)
    ? bodilessResponse(context.settings, endpoint.type, 304, resource)
    : await resourceResponse(context, endpoint, 200, resource, wanted);
}

/** RFC 7644 §4: who filters what cannot be filtered must not think that it was. */
function discovered(
  { context, search, configuration: options }: Call,
  document: (context: RequestContext, options: ConfigurationOptions) => EndpointResponse,
): EndpointResponse {
  const isFiltered = [...search.keys()].some((name) => meantBy(name) === "filter");
  if (isFiltered) throw new ScimRequestError(403, "This endpoint cannot be filtered.");
  return document(context, options);
}

/**
 * Carries out what the method asks for, or says which methods there are. HEAD is handled as GET is, without the body.
 * RFC 9110 §9.3.2.
 */
async function byMethod(
  { request: { method } }: Call,
  methods: Readonly<Record<string, () => EndpointResponse | Promise<EndpointResponse>>>,
): Promise<EndpointResponse> {
  const name = method === "HEAD" ? "GET" : method;
  const handle = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (handle === undefined) {
    const allowed = Object.keys(methods).flatMap((one) => (one === "GET" ? [one, "HEAD"] : [one]));
    throw new ScimRequestError(405, "This endpoint does not have this method.", {
      headers: { Allow: allowed.join(", ") },
    });
  }
  return await handle();
}

/** What some clients call a body of SCIM. */
const odd: ReadonlySet<string> = new Set(["application/json+scim", "application/scim"]);

async function bodyOf({ context, request }: Call): Promise<unknown> {
  const body = await readJson(request, context.settings.limits, (type) => {
    const isRead = odd.has(type) && context.profile.rewrites.has("mediaType");
    if (isRead) context.record.rewrites.push({ rewrite: "mediaType", path: "Content-Type" });
    return isRead;
  });
  context.record.body = body;
  return body;
}

async function parametersOfSearch(call: Call): Promise<QueryParameters> {
  assertNoParameters(call.search);
  return parametersOfBody(await bodyOf(call), call.context);
}

/**
 * What the client wants to be returned of a change. RFC 7240 §4.2. A client that names attributes gets them (RFC 7644
 * §3.5.2), whatever else is preferred.
 */
function preferenceOf({ request, search }: Call): "minimal" | "representation" | undefined {
  if (search.has("attributes")) return undefined;
  for (const preference of (request.headers.get("prefer") ?? "").toLowerCase().split(",")) {
    const [named = ""] = preference.split(";");
    if (/^\s*return\s*=\s*"?minimal"?\s*$/.test(named)) return "minimal";
    if (/^\s*return\s*=\s*"?representation"?\s*$/.test(named)) return "representation";
  }
  return undefined;
}

function applied(call: Call, response: EndpointResponse): EndpointResponse {
  const preference = preferenceOf(call);
  return preference === undefined
    ? response
    : { ...response, headers: { "Preference-Applied": `return=${preference}` } };
}

function noEndpoint(): ScimRequestError {
  return new ScimRequestError(404, "There is no such endpoint.");
}
