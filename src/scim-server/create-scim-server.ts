import { type Handler, InvalidValueError, KeyedMutex } from "../core/index.js";
import {
  groupResourceType,
  type NewUser,
  type ResourceType,
  rfc7644Profile,
  userResourceType,
} from "../scim/index.js";
import { publish, RequestRecord } from "./channel.js";
import type { RequestContext, Settings } from "./context.js";
import type { ConfigurationOptions } from "./discovery/documents.js";
import { scimLimits } from "./limits.js";
import { type AuthenticationScheme, mayWriteByDefault, type ScimServerOptions } from "./options.js";
import type { Principal } from "./principal.js";
import { Cursors } from "./query/cursors.js";
import { maskedBody, maskedDetail, maskedQuery } from "./query/masking.js";
import { Representations } from "./representation.js";
import { type Failure, failureOf, ScimRequestError } from "./request/error.js";
import { resolveByExternalId } from "./resource/resolve.js";
import { type EndpointResponse, failed, toResponse } from "./response.js";
import { handleRequest, isDiscovery } from "./routes.js";

const bearer: AuthenticationScheme = {
  type: "oauthbearertoken",
  name: "OAuth Bearer Token",
  description: "A bearer token in the Authorization header",
  specUri: "https://www.rfc-editor.org/info/rfc6750",
  primary: true,
};

/**
 * A SCIM service provider: a handler of the requests of RFC 7644 and RFC 9865, over the repositories
 * that belong to the principal of each request.
 *
 * ```ts
 * const scim = createScimServer({
 *   baseUrl: "https://example.com/scim/v2",
 *   authenticate: bearerTokens({ okta: { sha256: "9f86d081884c7d65…", profile: oktaProfile } }),
 *   repositories: { users, groups },
 * });
 * ```
 *
 * What DELETE does is the store's to say. After it, RFC 7644 §3.6 has a resource not be found: so it is with a store
 * that declares `delete: "hard"`, and with one behind `withIdentityMap`, which keeps who was deleted apart, though the
 * account may stay, inactive. One that declares `delete: "deactivate"` and has no such map still shows the user, as
 * inactive, since nothing distinguishes one who was deleted from one who was deactivated. In turn, it restores that
 * user under the same id when the `externalId` is sent again, which `Resolve` does with a user who is inactive and
 * shown; one who was deleted and is not shown is created with a new id.
 *
 * A response is always `application/scim+json`, errors too. The handler never rejects: an error that is not the
 * package's is returned as the status 500, and published on {@link requestChannelName}.
 *
 * @throws {InvalidValueError} an option is wrong.
 */
export function createScimServer<P extends Principal>(options: ScimServerOptions<P>): Handler {
  const { challenge = "Bearer", types = [userResourceType, groupResourceType] } = options;
  const now = options.now ?? Date.now;
  const baseUrl = readBaseUrl(options.baseUrl);
  const basePath = withoutSlash(options.basePath ?? new URL(baseUrl).pathname);
  const settings: Settings = {
    baseUrl,
    types,
    limits: scimLimits(options.limits),
    cursors: new Cursors(options.cursors ?? {}, now),
    representations: new Representations({ baseUrl, types }),
    writeLocks: new KeyedMutex(),
    userGroups: options.userGroups ?? "default",
    names: {
      User: options.userNames ?? "distinct",
      Group: options.groupNames ?? "distinct",
    },
    missingMembers: options.missingMembers ?? "keep",
  };
  const configuration: ConfigurationOptions = {
    authenticationSchemes: options.authenticationSchemes ?? [bearer],
    tellPagination: options.tellPagination ?? true,
    ...(options.documentationUri !== undefined && { documentationUri: options.documentationUri }),
  };

  return async (request, connection) => {
    const begun = performance.now();
    const url = new URL(request.url);
    const record = new RequestRecord();
    let isSignedIn = false;
    const respond = async (): Promise<EndpointResponse> => {
      const segments = segmentsOf(url.pathname, basePath);
      const known = await options.authenticate(request, connection);
      isSignedIn = known !== undefined;
      const principal = known ?? (isDiscovery(segments) ? options.discoveryPrincipal : undefined);
      if (principal === undefined) {
        throw new ScimRequestError(401, "The request does not say who makes it.", {
          headers: { "WWW-Authenticate": challenge },
        });
      }
      record.principal = principal.id;
      const context = await contextFor(options, settings, request, principal, record);
      const me = async (): Promise<string | undefined> => await options.me?.(principal, request);
      return await handleRequest(context, request, segments, {
        search: url.searchParams,
        configuration,
        ...(options.me !== undefined && { me }),
      });
    };
    let failure: Failure | undefined;
    let response: Response;
    try {
      response = toResponse(request, await respond(), isSignedIn);
    } catch (error) {
      failure = request.signal.aborted
        ? { status: 499, detail: "The client has gone away." }
        : failureOf(error);
      if (failure.status >= 500) record.error = error;
      response = toResponse(request, failed(failure), isSignedIn);
    }
    publish(() => {
      const logged = { ...maskedQuery(url.searchParams, types), ...maskedBody(record.body, types) };
      return {
        method: request.method,
        path: url.pathname.slice(basePath.length),
        ...logged,
        ...(record.principal !== undefined && { principal: record.principal }),
        status: response.status,
        ...(failure?.scimType !== undefined && { scimType: failure.scimType }),
        ...(failure !== undefined && maskedDetail(failure, logged)),
        ...(record.error !== undefined && { error: record.error }),
        duration: performance.now() - begun,
        ignored: record.ignored,
        rewrites: record.rewrites,
        sessions: record.sessions,
      };
    });
    return response;
  };
}

/** Everything that is done for one request on behalf of its principal. */
async function contextFor<P extends Principal>(
  options: ScimServerOptions<P>,
  settings: Settings,
  request: Request,
  principal: P,
  record: RequestRecord,
): Promise<RequestContext> {
  const { profile = rfc7644Profile, mayWrite, policy, resolve } = options;
  const { signal } = request;
  const given = options.repositories;
  const repositories = typeof given === "function" ? await given(principal, request) : given;
  const forHost = { principal, repositories, signal };
  const read =
    typeof profile === "function" ? profile(principal, request) : (principal.profile ?? profile);
  const ignoresLost = read.rewrites.has("passOverLostReference");
  const { lostReferences = ignoresLost ? "ignore" : "refuse" } = options;
  return {
    settings,
    principal: principal.id,
    tenant: principal.tenant,
    budget: { left: settings.limits.patchComparisons, isBegun: false },
    repositories,
    profile: read,
    lostReferences: (type) =>
      typeof lostReferences === "function" ? lostReferences(principal, type) : lostReferences,
    signal,
    record,
    mayWrite:
      mayWrite === undefined
        ? mayWriteByDefault
        : (path: string, type: ResourceType) => mayWrite(principal, path, type),
    ...(policy?.before !== undefined && {
      before: async (change) => await policy.before?.(change, forHost),
    }),
    resolve: async (draft, { repository }) => {
      const { users } = repositories;
      if (users === undefined || repository !== users) return { kind: "create" };
      // It was read by the type of the users.
      const user = draft as NewUser;
      return resolve === undefined
        ? await resolveByExternalId(user, users, signal)
        : await resolve(user, forHost);
    },
  };
}

function readBaseUrl(text: string): string {
  const url = URL.parse(text);
  const isPlain = url !== null && url.search === "" && url.hash === "" && url.username === "";
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    throw new InvalidValueError("baseUrl", "it is an http or https URL without a query.");
  }
  return withoutSlash(url.href);
}

function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

/** The parts of a path below the base, decoded; `undefined` if it is not below it. */
function segmentsOf(pathname: string, basePath: string): readonly string[] | undefined {
  if (pathname !== basePath && !pathname.startsWith(`${basePath}/`)) return undefined;
  const path = withoutSlash(pathname.slice(basePath.length));
  try {
    return path === "" ? [] : path.slice(1).split("/").map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
