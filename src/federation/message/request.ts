import { FederationError } from "../errors.js";
import { type FieldLines, fieldValue } from "./field-lines.js";
import { type Parameters, readParameters } from "./parameters.js";

/** What {@link EventRequest} is made of. */
export interface EventRequestParts {
  /** The method, as it was sent: in capital letters. */
  readonly method: string;
  /** The request target in origin form: the path and the query, as they were sent (RFC 9112 §3.2.1). */
  readonly target: string;
  /** The header fields, as they were sent. */
  readonly fields: FieldLines;
  /** The whole content; empty where there is none. */
  readonly content: Uint8Array;
  /** The parameters that are in the path. Default: there are none. */
  readonly pathParameters?: ReadonlyMap<string, string>;
  /** The address of the other end of the connection, which may be a proxy. */
  readonly remoteAddress?: string | undefined;
  /** Whether the request came over TLS. Default: it did not. */
  readonly isSecure?: boolean;
  /** Says whether the client has gone away. Default: it never does. */
  readonly signal?: ClientSignal | undefined;
}

/**
 * Says whether the client that made a request has gone away. An `AbortSignal` does. It is asked again and again while
 * the request is under way: a listener for each request would cost more.
 */
export type ClientSignal = Pick<AbortSignal, "aborted">;

/** The request that passes through, with its whole content. It is never changed; a child is sent a copy. */
export class EventRequest {
  /** The method, in capital letters. */
  readonly method: string;
  /** The path, as it was sent. */
  readonly path: string;
  /** What follows the question mark, as it was sent; empty where there is none. */
  readonly query: string;
  /** The header fields, as they were sent. */
  readonly fields: FieldLines;
  /** The whole content; empty where there is none. */
  readonly content: Uint8Array;
  /** The parameters that are in the path. */
  readonly pathParameters: ReadonlyMap<string, string>;
  /** The address of the other end of the connection, which may be a proxy; `undefined` where it is not known. */
  readonly remoteAddress: string | undefined;
  /** Whether the request came over TLS. */
  readonly isSecure: boolean;
  /** Says whether the client has gone away. */
  readonly signal: ClientSignal | undefined;
  #parameters: Parameters | undefined;

  /** @throws {FederationError} the target is not in origin form, or goes where a path may not go. */
  constructor(parts: EventRequestParts) {
    const { method, target, fields, content } = parts;
    if (!methods.has(method)) throw new FederationError("method_not_allowed", method);
    assertOriginForm(target);
    const mark = target.indexOf("?");
    this.method = method;
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.query = mark < 0 ? "" : target.slice(mark + 1);
    this.fields = fields;
    this.content = content;
    this.pathParameters = parts.pathParameters ?? none;
    this.remoteAddress = parts.remoteAddress;
    this.isSecure = parts.isSecure ?? false;
    this.signal = parts.signal;
  }

  /** The value of a header field, by its name in lower case. */
  field(name: string): string | undefined {
    return fieldValue(this.fields, name);
  }

  /** The same request with the parameters that are in its path. */
  withPathParameters(pathParameters: ReadonlyMap<string, string>): EventRequest {
    const target = this.query === "" ? this.path : `${this.path}?${this.query}`;
    const { method, fields, content, remoteAddress, isSecure, signal } = this;
    return new EventRequest({
      method,
      target,
      fields,
      content,
      pathParameters,
      remoteAddress,
      isSecure,
      signal,
    });
  }

  /**
   * The parameters of the path, of the query and of the content, form or JSON, read once.
   *
   * @throws {FederationError} a name occurs twice, or the content is not what its type says.
   */
  get parameters(): Parameters {
    this.#parameters ??= readParameters(this);
    return this.#parameters;
  }
}

const none: ReadonlyMap<string, string> = new Map();

/** The methods that are passed on. CONNECT and TRACE are not, since they are about the connection. */
export const methods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
]);

/**
 * Refuses targets that could be understood otherwise by a child than here: another form than the origin form (RFC 9112
 * §3.2), characters that no path or query has, and segments that lead out of the path.
 *
 * @throws {FederationError}
 */
export function assertOriginForm(target: string): void {
  if (!/^\/[\x21-\x7e]*$/.test(target) || target.includes("#") || target.includes("\\")) {
    throw new FederationError("bad_target");
  }
  // Most paths have no segment that begins with a dot, in either notation.
  if (target.includes("/.") || /(?:\/|%2f|%5c)(?:\.|%2e)/i.test(target)) {
    const [path = ""] = target.split("?");
    // Some undo escapes before they look for segments, and some leave out what follows a semicolon.
    const segments = path.replace(/%2e/gi, ".").split(/\/|%2f|%5c/i);
    if (segments.some((segment) => /^\.{1,2}(?:;|$)/.test(segment))) {
      throw new FederationError("bad_target");
    }
  }
  if (target.startsWith("//")) throw new FederationError("bad_target");
}

/** Refuses a request with several Host lines (RFC 9112 §3.2). @throws {FederationError} */
export function assertOneHost(lines: FieldLines): void {
  let count = 0;
  for (let at = 0; at < lines.length; at += 2) {
    const name = lines[at];
    if (name?.length === 4 && name.toLowerCase() === "host") count += 1;
  }
  if (count > 1) throw new FederationError("bad_host");
}

/** What of a request target is below the base path, in origin form; `undefined` for one that is not below it. */
export function withoutBase(target: string, basePath: string): string | undefined {
  if (basePath === "") return target;
  if (!target.startsWith(basePath)) return undefined;
  const rest = target.slice(basePath.length);
  if (rest === "" || rest.startsWith("?")) return `/${rest}`;
  return rest.startsWith("/") ? rest : undefined;
}

/** What of a request target is below the base path. @throws {FederationError} nothing is. */
export function belowBase(target: string, basePath: string): string {
  const below = withoutBase(target, basePath);
  if (below === undefined) throw new FederationError("not_found");
  return below;
}

/** The error of content that is longer than the limit. */
export function tooLarge(): FederationError {
  return new FederationError("content_too_large");
}

/** A response as bytes: a child's, after it was checked, or one of the package's own. */
export interface BufferedResponse {
  /** The HTTP status code. */
  readonly status: number;
  /** The header fields, line by line. */
  readonly fields: FieldLines;
  /** The whole content; empty where there is none. */
  readonly content: Uint8Array;
}
