import type { ConnectionInfo } from "../core/index.js";
import type { ResourceType, ScimProfile } from "../scim/index.js";
import type { Policy } from "./access/policy.js";
import type { ScimLimits } from "./limits.js";
import type { Principal, ScimRepositories } from "./principal.js";
import type { CursorOptions } from "./query/cursors.js";
import type { Resolve } from "./resource/resolve.js";

/** How clients authenticate, as ServiceProviderConfig states it. RFC 7643 §5. */
export interface AuthenticationScheme {
  /** The kind of the scheme; bearer tokens are `oauthbearertoken`. */
  readonly type: "oauth" | "oauth2" | "oauthbearertoken" | "httpbasic" | "httpdigest";
  /** The name that people read, such as `Bearer token`. */
  readonly name: string;
  /** What people read of it. */
  readonly description: string;
  /** The URL of the specification of the scheme. */
  readonly specUri?: string;
  /** The URL of a page on how to use it. */
  readonly documentationUri?: string;
  /** Whether it is the preferred one. Default: not stated. */
  readonly primary?: boolean;
}

/** What becomes of a reference to a resource that is not known. */
export type LostReferences = "refuse" | "ignore" | "keep";

/** Options of `createScimServer`. */
export interface ScimServerOptions<P extends Principal = Principal> {
  /**
   * Where clients reach the service provider, such as `https://example.com/scim/v2`. Every URL in a response begins
   * with it; what a request says of the host does not matter.
   */
  readonly baseUrl: string;
  /** Where the handler sees its endpoints begin. Default: the path of `baseUrl`. */
  readonly basePath?: string | undefined;
  /** The types of resources. Default: users with the enterprise extension, and groups. */
  readonly types?: readonly ResourceType[] | undefined;
  /**
   * Says on whose behalf a request is made; `undefined` if no principal is known: the response is 401.
   *
   * One that goes by a cookie has to refuse what another site has a browser send, by `Sec-Fetch-Site` or `Origin`: a
   * body that states no type is read as JSON, so that browsers send it without a preflight request.
   */
  readonly authenticate: (
    request: Request,
    connection?: ConnectionInfo,
  ) => P | undefined | Promise<P | undefined>;
  /**
   * On whose behalf ServiceProviderConfig, ResourceTypes and Schemas are sent to clients that are not authenticated, so
   * that they can find out how to (RFC 7643 §5). Default: none, so that the response is 401 there too.
   */
  readonly discoveryPrincipal?: P | undefined;
  /** What `authenticate` asks for, as the value of `WWW-Authenticate`. Default: `Bearer`. */
  readonly challenge?: string | undefined;
  /** What ServiceProviderConfig says of `authenticate`. Default: OAuth bearer tokens (RFC 6750). */
  readonly authenticationSchemes?: readonly AuthenticationScheme[] | undefined;
  /** A page for people about this service provider. */
  readonly documentationUri?: string | undefined;
  /**
   * Whether ServiceProviderConfig states which pages there are (RFC 9865 §4). Some clients cannot read what they do not
   * know, such as UnboundID's Java SDK before 5.0. Default: true.
   */
  readonly tellPagination?: boolean | undefined;
  /**
   * The stores, where there is one tenant, or a function from the principal to those of its tenant. Everything in a
   * request is looked up in these and nowhere else.
   */
  readonly repositories:
    | ScimRepositories
    | ((principal: P, request: Request) => ScimRepositories | Promise<ScimRepositories>);
  /**
   * How far requests may be from the RFCs, where the principal has no `profile` of its own; a function decides for each.
   * Default: `rfc7644Profile`, not at all.
   */
  readonly profile?: ScimProfile | ((principal: P, request: Request) => ScimProfile) | undefined;
  /**
   * Whether the principal may set an attribute, by its path as the schemas spell it: `title`, or `urn:…:User:manager`.
   * What it may not is ignored in what it sends, and reported. Default: {@link mayWriteByDefault}.
   */
  readonly mayWrite?: ((principal: P, path: string, type: ResourceType) => boolean) | undefined;
  /**
   * What becomes of a manager or a member who is sent and not known here. `refuse`: the request is refused with 400.
   * `ignore`: the reference is ignored, and reported; in a PATCH, what was there stays. `keep`: it is given to the
   * store as it was sent, which may refuse it: the package's own keep any manager, and no member who is not there. One
   * that the resource has already is kept whatever is chosen, so that what was read can be sent back. A `bulkId` that
   * no creation has is refused whatever is chosen. Default: `ignore` where the profile has `passOverLostReference`, as
   * those for real providers have, which send such ids; else `refuse`.
   */
  readonly lostReferences?:
    | LostReferences
    | ((principal: P, type: ResourceType) => LostReferences)
    | undefined;
  /**
   * What a PUT of a group without `members` does with those that it has. `keep` is for clients that leave out what they
   * did not read, and members are read only where they are asked for. An empty list removes them either way. Default:
   * `keep`.
   */
  readonly missingMembers?: "keep" | "remove" | undefined;
  /**
   * When users are returned with the groups that they are in (RFC 7643 §4.1.2), as `/Schemas` then says too. `default`:
   * always, where the store of groups declares `groupsOfMany`; it is a question more for each response, and such a
   * response is never 304. `request`: to clients that name `groups` in `attributes`. Default: `default`.
   */
  readonly userGroups?: "default" | "request" | undefined;
  /**
   * Which names a user may be given. `distinct`: none that people cannot distinguish from another: one that begins or
   * ends with a space, has two in a row, or has invisible characters, such as U+200B (RFC 8265 §3). `any`: those too.
   * Default: `distinct`.
   */
  readonly userNames?: "distinct" | "any" | undefined;
  /** Which names a group may be given: the same of its `displayName`. Default: `distinct`. */
  readonly groupNames?: "distinct" | "any" | undefined;
  /** What is to be done with a user who is sent to be created. Default: see {@link Resolve}. */
  readonly resolve?: Resolve<P> | undefined;
  /** What the host has to say before something is changed. */
  readonly policy?: Policy<P> | undefined;
  /** The id of the user that `/Me` stands for (RFC 7644 §3.11). Without it, the response is 501. */
  readonly me?:
    | ((principal: P, request: Request) => string | undefined | Promise<string | undefined>)
    | undefined;
  /**
   * How much one request may ask for: bodies, operations, pages, filters. Default: see {@link ScimLimits}.
   */
  readonly limits?: ScimLimits | undefined;
  /**
   * How cursors are sealed, and for how long they are good (RFC 9865). Default: see {@link CursorOptions}.
   */
  readonly cursors?: CursorOptions | undefined;
  /** The present time in milliseconds since 1970. Default: the clock. */
  readonly now?: (() => number) | undefined;
}

/**
 * Every attribute but a user's `password`, `roles` and `entitlements`, by which a client would gain more than it was
 * given.
 */
export function mayWriteByDefault(path: string, type: ResourceType): boolean {
  return type.name !== "User" || !["password", "roles", "entitlements"].includes(path);
}
