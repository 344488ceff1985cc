/** Where the fields of a message are read, with several lines of one name joined by `, `; `Headers` is one. */
export interface FieldSource {
  /** The value of a field, by its name in any case; `null` where there is none. */
  get(name: string): string | null;
  /**
   * The lines of a field as they were received, one by one: `bs` (RFC 9421 §2.1.3) is about them. Without it, a field
   * that has a comma cannot be covered with `bs`, since it is not known whether it was one line or several.
   */
  lines?(name: string): readonly string[];
}

/** A request as it is signed; a Web `Request` is one. */
export interface HttpRequest {
  /** The method, in its own case, such as `POST` (RFC 9421 §2.2.1). */
  readonly method: string;
  /** The absolute URL. */
  readonly url: string | URL;
  /**
   * The request target as it is sent, or was received (RFC 9112 §3.2), such as `/a/../b?x='y'`: `@path`, `@query` and
   * `@request-target` are its bytes (RFC 9421 §2.2). It must be that of `url`. Default: the path and the query of `url`
   * in its usual form, which is what `fetch` sends.
   */
  readonly target?: string;
  /** The header fields. */
  readonly headers: FieldSource;
  /** The fields after the content (RFC 9110 §6.5), for components with `tr`. */
  readonly trailers?: FieldSource;
}

/** A response as it is signed; a Web `Response` is one. */
export interface HttpResponse {
  /** The status code, three digits (RFC 9421 §2.2.9). */
  readonly status: number;
  /** The header fields. */
  readonly headers: FieldSource;
  /** The fields after the content (RFC 9110 §6.5), for components with `tr`. */
  readonly trailers?: FieldSource;
}

/** What a component identifier names (RFC 9421 §2). */
export interface SignatureComponent {
  /** A field in lower case, or a derived component such as `@method`. */
  readonly name: string;
  /** Whether it is of the request to which the response belongs (§2.4). */
  readonly req?: boolean;
  /** Which member of a dictionary is meant (§2.1.2). */
  readonly key?: string;
  /** Which parameter `@query-param` means (§2.2.8). */
  readonly parameter?: string;
  /** Whether a structured field is written in its strict form (§2.1.1). */
  readonly sf?: boolean;
  /** Whether each line of a field is wrapped as a byte sequence (§2.1.3). */
  readonly bs?: boolean;
  /** Whether it is a field after the content (§2.1.4). */
  readonly tr?: boolean;
}

/** A message with what its components are read from. */
export interface SignedMessage {
  /** The request; or, beside a response, the request to which it belongs. */
  readonly request?: HttpRequest;
  /** The response, where that is what is signed. */
  readonly response?: HttpResponse;
}
