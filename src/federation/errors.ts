import { ConcordatError } from "../core/index.js";

/** Why a request was not passed on, or its response not passed back, as a stable value to switch on. */
export type FederationReason =
  | "bad_target"
  | "not_found"
  | "bad_host"
  | "bad_field"
  | "ambiguous_parameter"
  | "bad_parameter"
  | "bad_content"
  | "method_not_allowed"
  | "content_too_large"
  | "content_timeout"
  | "unsupported_content"
  | "loop"
  | "unknown_server"
  | "unreadable_definition"
  | "bad_definition"
  | "forbidden_address"
  | "unresolved"
  | "unreachable"
  | "untrusted"
  | "connect_timeout"
  | "connections_taken"
  | "answer_timeout"
  | "total_timeout"
  | "broken_off"
  | "answer_too_large"
  | "redirected"
  | "server_error"
  | "malformed_answer"
  | "interim_answer"
  | "bad_signature"
  | "bad_nonce"
  | "suspended"
  | "abandoned"
  | "closed";

interface Reason {
  /** The status of the response, where the failure is the response. */
  readonly status: number;
  /** What is said of it. `%s` is where the subject goes: a server, a method, a parameter. */
  readonly text: string;
  /** The error type of RFC 9209 §2.3 that says the same in the Proxy-Status field. */
  readonly proxyError?: string;
}

const reasons: Readonly<Record<FederationReason, Reason>> = {
  // What the client did.
  bad_target: { status: 400, text: "The request target is not a path that can be passed on." },
  not_found: { status: 404, text: "The request target is not below the base path." },
  bad_host: { status: 400, text: "The Host field is not a host." },
  bad_field: { status: 400, text: "A header field cannot be passed on." },
  ambiguous_parameter: {
    status: 400,
    text: 'The parameter "%s" occurs more than once, so it can be read in two ways.',
  },
  bad_parameter: {
    status: 400,
    text: 'The parameter "%s" is neither a text nor a number, so it can be read in two ways.',
  },
  bad_content: { status: 400, text: "The content is not what its type says." },
  method_not_allowed: { status: 405, text: "The method cannot be passed on." },
  content_too_large: { status: 413, text: "The content of the request is too large." },
  content_timeout: { status: 408, text: "The content of the request did not arrive in time." },
  unsupported_content: {
    status: 415,
    text: "Content of this type or encoding cannot be rewritten and so not be passed on.",
  },
  loop: { status: 508, text: "The request runs in a loop: %s.", proxyError: "proxy_loop_detected" },
  // What the child did, or the way to it.
  unknown_server: {
    status: 502,
    text: 'There is no server "%s".',
    proxyError: "destination_not_found",
  },
  unreadable_definition: {
    status: 502,
    text: 'The definition of the server "%s" cannot be read.',
    proxyError: "proxy_internal_error",
  },
  bad_definition: {
    status: 502,
    text: 'The definition of the server "%s" is not one.',
    proxyError: "proxy_configuration_error",
  },
  forbidden_address: {
    status: 502,
    text: 'The server "%s" has an address that is not allowed.',
    proxyError: "destination_ip_prohibited",
  },
  unresolved: {
    status: 502,
    text: 'The name of the server "%s" cannot be resolved.',
    proxyError: "dns_error",
  },
  unreachable: {
    status: 502,
    text: 'The server "%s" cannot be reached.',
    proxyError: "connection_refused",
  },
  untrusted: {
    status: 502,
    text: 'The TLS certificate of the server "%s" is not the expected one.',
    proxyError: "tls_certificate_error",
  },
  connect_timeout: {
    status: 504,
    text: 'The server "%s" was not reached in time.',
    proxyError: "connection_timeout",
  },
  connections_taken: {
    status: 503,
    text: 'All connections to the server "%s" are taken.',
    proxyError: "connection_limit_reached",
  },
  answer_timeout: {
    status: 504,
    text: 'The server "%s" did not respond in time.',
    proxyError: "http_response_timeout",
  },
  total_timeout: {
    status: 504,
    text: 'The server "%s" did not finish its response in time.',
    proxyError: "http_response_timeout",
  },
  broken_off: {
    status: 502,
    text: 'The server "%s" broke off.',
    proxyError: "http_response_incomplete",
  },
  answer_too_large: {
    status: 502,
    text: 'The response of the server "%s" is too large.',
    proxyError: "http_response_body_size",
  },
  redirected: {
    status: 502,
    text: 'The server "%s" responded with a redirect, which is never followed.',
    proxyError: "http_protocol_error",
  },
  server_error: {
    status: 502,
    text: 'The server "%s" responded that it has failed.',
    proxyError: "http_protocol_error",
  },
  malformed_answer: {
    status: 502,
    text: 'The server "%s" sent a response that is not one of its API.',
    proxyError: "http_protocol_error",
  },
  interim_answer: {
    status: 502,
    text:
      'The server "%s" sent an interim response that was not asked for. ' +
      "It has got the request: a password in it is spent.",
    proxyError: "http_protocol_error",
  },
  bad_signature: {
    status: 502,
    text: 'The response of the server "%s" is not signed with its key.',
    proxyError: "http_protocol_error",
  },
  bad_nonce: {
    status: 502,
    text: 'The response of the server "%s" belongs to another request.',
    proxyError: "http_protocol_error",
  },
  suspended: {
    status: 502,
    text: 'The server "%s" has failed too often and is left in peace for a while.',
    proxyError: "destination_unavailable",
  },
  abandoned: { status: 499, text: "The client has gone away." },
  closed: { status: 502, text: "The forwarder is closed.", proxyError: "proxy_internal_error" },
};

/** A request was not passed on, or its response not passed back. */
export class FederationError extends ConcordatError {
  override readonly name = "FederationError";
  override readonly code = "federation";
  /** Why. */
  readonly reason: FederationReason;
  /** The status of the response that says so. */
  readonly status: number;
  /** The error type of RFC 9209 §2.3, where it was the child or the way to it that failed. */
  readonly proxyError: string | undefined;
  /** The identifier of the server, where there was one. */
  readonly server: string | undefined;
  /** Whether a byte of the request may have been sent to the child. If so, the request may not be sent again. */
  readonly isSpent: boolean;

  constructor(
    reason: FederationReason,
    subject?: string,
    options: { readonly isSpent?: boolean; readonly cause?: unknown } = {},
  ) {
    const { status, text, proxyError } = reasons[reason];
    super(
      text.replace("%s", () => subject ?? ""),
      "cause" in options ? { cause: options.cause } : {},
    );
    this.reason = reason;
    this.status = status;
    this.proxyError = proxyError;
    this.server = proxyError !== undefined && reason !== "loop" ? subject : undefined;
    this.isSpent = options.isSpent ?? false;
  }
}

/** What is wrong with a definition that was read, and where. */
export interface DefinitionProblem {
  /** The path to the value, such as `1.options.privacyIDEA`. */
  readonly path: string;
  /** What is wrong there, for the person who wrote the definition. */
  readonly message: string;
}

/** The definition of an event handler or of a server is not one. Every problem is named. */
export class DefinitionError extends ConcordatError {
  override readonly name = "DefinitionError";
  override readonly code = "definition";
  /** Every problem, in the order of the definitions. */
  readonly problems: readonly DefinitionProblem[];

  constructor(problems: readonly DefinitionProblem[]) {
    super(problems.map(({ path, message }) => `"${path}": ${message}`).join(" "));
    this.problems = problems;
  }
}
