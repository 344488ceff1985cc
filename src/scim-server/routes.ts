import { bulk } from "./bulk/job.js";
import { type Endpoint, type Exchange, endpointNamed } from "./context.js";
import {
  type ConfigurationOptions,
  configuration,
  resourceTypes,
  schemas,
} from "./discovery/documents.js";
import { queryRoot } from "./query/all-types.js";
import { queryType, wantedOf } from "./query/one-type.js";
import {
  demandNoParameters,
  meantBy,
  parametersOfBody,
  parametersOfOne,
  parametersOfUrl,
  type QueryParameters,
} from "./query/parameters.js";
import { asksForGroups } from "./references/user-groups.js";
import { readOptions } from "./representation.js";
import { readJson } from "./request/body.js";
import { ScimRequestError } from "./request/error.js";
import type { ChangeOptions } from "./resource/change.js";
import { createResource } from "./resource/create.js";
import { deleteResource } from "./resource/delete.js";
import { isNamedBy } from "./resource/entity-tags.js";
import { demandSpelled } from "./resource/exact-id.js";
import { modifyResource } from "./resource/modify.js";
import { replaceResource } from "./resource/replace.js";
import { bareOutcome, resourceOutcome } from "./resource/response.js";
import type { Outcome } from "./response.js";

/** What a request has beside its path. */
export interface RouteOptions {
  readonly search: URLSearchParams;
  readonly configuration: ConfigurationOptions;
  /** The id of the user that `/Me` stands for. */
  readonly me?: () => Promise<string | undefined>;
}

/** One request to one endpoint. */
interface Call extends RouteOptions {
  readonly exchange: Exchange;
  readonly request: Request;
}

/** The endpoints that tell what the service provider is. RFC 7644 §4. */
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
 * Answers a request to an endpoint. RFC 7644 §3.2, table 2.
 *
 * @param segments The parts of the path below the base URL; `undefined` if the path is not below it.
 */
export async function answerTo(
  exchange: Exchange,
  request: Request,
  segments: readonly string[] | undefined,
  options: RouteOptions,
): Promise<Outcome> {
  const [first, second, ...rest] = segments ?? [""];
  if (rest.length > 0 || segments === undefined) throw noEndpoint();
  const call: Call = { ...options, exchange, request };
  if (first === undefined) {
    return await byMethod(call, { GET: () => queryRoot(exchange, parametersIn(call)) });
  }
  if (second === undefined) {
    switch (first) {
      case ".search":
        return await byMethod(call, {
          POST: async () => queryRoot(exchange, await parametersOfSearch(call)),
        });
      case "Bulk":
        return await byMethod(call, { POST: async () => bulk(exchange, await bodyOf(call)) });
      case "Me":
        return await answerForMe(call);
    }
  }
  switch (first) {
    case "ServiceProviderConfig":
      if (second !== undefined) throw noEndpoint();
      return await byMethod(call, { GET: () => discovered(call, configuration) });
    case "ResourceTypes":
      return await byMethod(call, {
        GET: () => discovered(call, () => resourceTypes(exchange, second)),
      });
    case "Schemas":
      return await byMethod(call, { GET: () => discovered(call, () => schemas(exchange, second)) });
  }
  const endpoint = endpointNamed(exchange, first);
  if (second === undefined) return await answerForType(call, endpoint);
  if (second === ".search") {
    return await byMethod(call, {
      POST: async () => queryType(exchange, endpoint, await parametersOfSearch(call)),
    });
  }
  return await answerForResource(call, endpoint, second);
}

async function answerForType(call: Call, endpoint: Endpoint): Promise<Outcome> {
  const { exchange } = call;
  return await byMethod(call, {
    GET: () => queryType(exchange, endpoint, parametersIn(call)),
    POST: async () => {
      const wanted = wantedOf(parametersOfOne(call.search));
      const outcome = await createResource(exchange, endpoint, await bodyOf(call), wanted);
      if (preferenceOf(call) !== "minimal") return outcome;
      const { body: _, ...minimal } = outcome;
      return applied(call, minimal);
    },
  });
}

async function answerForResource(call: Call, endpoint: Endpoint, id: string): Promise<Outcome> {
  const { exchange } = call;
  const options = (): ChangeOptions => ({
    ...wantedOf(parametersOfOne(call.search)),
    ifMatch: call.request.headers.get("if-match") ?? undefined,
    ifNoneMatch: call.request.headers.get("if-none-match") ?? undefined,
    answer: preferenceOf(call),
  });
  return await byMethod(call, {
    GET: () => getResource(call, endpoint, id),
    PUT: async () =>
      applied(call, await replaceResource(exchange, endpoint, id, await bodyOf(call), options())),
    PATCH: async () =>
      applied(call, await modifyResource(exchange, endpoint, id, await bodyOf(call), options())),
    DELETE: () => deleteResource(exchange, endpoint, id, options()),
  });
}

/** RFC 7644 §3.11: the request is carried out, and Location says what the resource is else called. */
async function answerForMe(call: Call): Promise<Outcome> {
  const { exchange, me } = call;
  if (me === undefined) throw new ScimRequestError(501, "There is no /Me here.");
  const endpoint = exchange.settings.types.find(({ name }) => name === "User")?.endpoint;
  const users = endpointNamed(exchange, (endpoint ?? "/").slice(1));
  if (call.request.method === "POST") {
    throw new ScimRequestError(501, "Nobody can create themselves here.");
  }
  const id = await me();
  if (id === undefined) throw new ScimRequestError(404, "The principal is no user.");
  return await answerForResource(call, users, id);
}

async function getResource(
  { exchange, request, ...call }: Call,
  endpoint: Endpoint,
  id: string,
): Promise<Outcome> {
  const wanted = wantedOf(parametersOfOne(call.search));
  const { repository } = endpoint;
  const found = await repository.get(id, readOptions(endpoint.type, wanted, exchange.signal));
  const resource = demandSpelled(found, id);
  const known = request.headers.get("if-none-match");
  const isKnown = known !== null && isNamedBy(known, resource);
  return isKnown && !asksForGroups(exchange, endpoint, wanted)
    ? bareOutcome(exchange.settings, endpoint.type, 304, resource)
    : await resourceOutcome(exchange, endpoint, 200, resource, wanted);
}

/** RFC 7644 §4: who filters what cannot be filtered must not think that it was. */
function discovered(
  { exchange, search, configuration: options }: Call,
  answer: (exchange: Exchange, options: ConfigurationOptions) => Outcome,
): Outcome {
  const isFiltered = [...search.keys()].some((name) => meantBy(name) === "filter");
  if (isFiltered) throw new ScimRequestError(403, "This endpoint cannot be filtered.");
  return answer(exchange, options);
}

/** Carries out what the method asks for, or says which methods there are. HEAD is answered as GET is, without the body. RFC 9110 §9.3.2. */
async function byMethod(
  { request: { method } }: Call,
  methods: Readonly<Record<string, () => Outcome | Promise<Outcome>>>,
): Promise<Outcome> {
  const name = method === "HEAD" ? "GET" : method;
  const answer = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (answer === undefined) {
    const allowed = Object.keys(methods).flatMap((one) => (one === "GET" ? [one, "HEAD"] : [one]));
    throw new ScimRequestError(405, "This endpoint does not have this method.", {
      headers: { Allow: allowed.join(", ") },
    });
  }
  return await answer();
}

/** What some clients call a body of SCIM. */
const odd: ReadonlySet<string> = new Set(["application/json+scim", "application/scim"]);

async function bodyOf({ exchange, request }: Call): Promise<unknown> {
  const body = await readJson(request, exchange.settings.limits, (type) => {
    const isRead = odd.has(type) && exchange.profile.rewrites.has("mediaType");
    if (isRead) exchange.record.rewrites.push({ rewrite: "mediaType", path: "Content-Type" });
    return isRead;
  });
  exchange.record.body = body;
  return body;
}

function parametersIn({ search }: Call): QueryParameters {
  return parametersOfUrl(search);
}

async function parametersOfSearch(call: Call): Promise<QueryParameters> {
  demandNoParameters(call.search);
  return parametersOfBody(await bodyOf(call), call.exchange);
}

/**
 * What the client wants to be told of a change. RFC 7240 §4.2. Who names attributes is answered with them (RFC 7644 §3.5.2), whatever
 * else is preferred.
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

function applied(call: Call, outcome: Outcome): Outcome {
  const preference = preferenceOf(call);
  return preference === undefined
    ? outcome
    : { ...outcome, headers: { "Preference-Applied": `return=${preference}` } };
}

function noEndpoint(): ScimRequestError {
  return new ScimRequestError(404, "There is no such endpoint.");
}
