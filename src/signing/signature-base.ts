import { InvalidValueError, withoutWhitespace } from "../core/index.js";
import { parseDictionary, printString } from "./structured-fields.js";

/** Where the fields of a message are read, with several lines of one name joined by `, `; `Headers` is one. */
export interface FieldSource {
  get(name: string): string | null;
}

/** A request as it is signed; a Web `Request` is one. */
export interface HttpRequest {
  readonly method: string;
  /** The absolute URL. */
  readonly url: string | URL;
  readonly headers: FieldSource;
}

/** An answer as it is signed; a Web `Response` is one. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: FieldSource;
}

/** What a component identifier names (RFC 9421 §2). */
export interface SignatureComponent {
  /** A field in lower case, or a derived component such as `@method`. */
  readonly name: string;
  /** Whether it is of the request that is answered (§2.4). */
  readonly req?: boolean;
  /** Which member of a dictionary is meant (§2.1.2). */
  readonly key?: string;
  /** Which parameter `@query-param` means (§2.2.8). */
  readonly parameter?: string;
}

/** A message with what its components are read from. */
export interface SignedMessage {
  /** The request; or, beside a response, the request that is answered. */
  readonly request?: HttpRequest;
  readonly response?: HttpResponse;
}

/**
 * The text that a signature is made of (RFC 9421 §2.5).
 *
 * @param signatureParameters The value of the member of `signature-input`, whose inner list must name the same components.
 * @throws {InvalidValueError} the message does not have a component, or the component's value cannot be signed.
 */
export function signatureBase(
  message: SignedMessage,
  components: readonly SignatureComponent[],
  signatureParameters: string,
): string {
  return identifiedBase(message, components.map(identified), signatureParameters);
}

/** A component with its identifier as it is written in the inner list and in the base. */
export interface IdentifiedComponent extends SignatureComponent {
  readonly identifier: string;
}

/** The component with its identifier. */
export function identified(component: SignatureComponent): IdentifiedComponent {
  const { name, req, key, parameter } = component;
  const identifier =
    (printString(name) ?? "") +
    (req === true ? ";req" : "") +
    (key === undefined ? "" : `;key=${printString(key)}`) +
    (parameter === undefined ? "" : `;name=${printString(parameter)}`);
  return { ...component, identifier };
}

/** The text that a signature is made of, given the components with their identifiers. */
export function identifiedBase(
  message: SignedMessage,
  components: readonly IdentifiedComponent[],
  signatureParameters: string,
): string {
  const target = new Target(message.request);
  let base = "";
  for (const component of components) {
    base += `${component.identifier}: ${componentValue(message, component, target)}\n`;
  }
  return `${base}"@signature-params": ${signatureParameters}`;
}

/**
 * An absolute URL.
 *
 * @throws {InvalidValueError} it is none.
 */
export function parseUrl(url: string | URL): URL {
  const parsed = url instanceof URL ? url : URL.parse(url);
  if (parsed === null) throw new InvalidValueError("url", "it is not an absolute URL.");
  return parsed;
}

/** The URL of a request, which is parsed when it is asked for. */
class Target {
  readonly #request: HttpRequest | undefined;
  #url: URL | undefined;

  constructor(request: HttpRequest | undefined) {
    this.#request = request;
  }

  get url(): URL {
    if (this.#request === undefined) throw new InvalidValueError("request", "it is missing.");
    this.#url ??= parseUrl(this.#request.url);
    return this.#url;
  }
}

function componentValue(
  { request, response }: SignedMessage,
  component: SignatureComponent,
  target: Target,
): string {
  const { name, req = false } = component;
  if (req && response === undefined) throw new InvalidValueError(name, "it is of no answer.");
  const value =
    response === undefined || req
      ? requestValue(request, component, target)
      : responseValue(response, component);
  if (value === undefined) throw new InvalidValueError(name, "the message does not have it.");
  // Nothing that could be taken for a line of its own is signed.
  if (!/^[\t\x20-\x7e]*$/.test(value)) {
    throw new InvalidValueError(name, "it has characters that cannot be signed.");
  }
  return value;
}

/** Derived components of requests (RFC 9421 §2.2). */
function requestValue(
  request: HttpRequest | undefined,
  component: SignatureComponent,
  target: Target,
): string | undefined {
  switch (component.name) {
    case "@method":
      return request?.method;
    case "@target-uri":
      return target.url.href.split("#", 1)[0];
    case "@authority":
      return target.url.host;
    case "@scheme":
      return target.url.protocol.slice(0, -1);
    case "@request-target":
      return target.url.pathname + target.url.search;
    case "@path":
      return target.url.pathname;
    case "@query":
      return target.url.search === "" ? "?" : target.url.search;
    case "@query-param":
      return queryParameter(target.url, component.parameter ?? "");
  }
  return request === undefined ? undefined : fieldValue(request.headers, component);
}

function responseValue(response: HttpResponse, component: SignatureComponent): string | undefined {
  return component.name === "@status"
    ? String(response.status)
    : fieldValue(response.headers, component);
}

/** A field (RFC 9421 §2.1), or the member of one that is a dictionary, which is taken as it is written. */
function fieldValue(headers: FieldSource, { name, key }: SignatureComponent): string | undefined {
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) return undefined;
  const field = headers.get(name);
  if (field === null) return undefined;
  const value = withoutWhitespace(field);
  if (key === undefined) return value;
  return parseDictionary(value)?.get(key)?.source;
}

/** A parameter of a form, encoded anew (RFC 9421 §2.2.8); one that is there several times cannot be signed. */
function queryParameter(url: URL, name: string): string | undefined {
  const decode = (text: string): string =>
    new URLSearchParams(`${text}=`).keys().next().value ?? "";
  const [value, ...others] = url.searchParams.getAll(decode(name));
  if (value === undefined || others.length > 0) return undefined;
  // The percent-encode set of forms, though with an escape for the space.
  return new URLSearchParams([["", value]]).toString().slice("=".length).replaceAll("+", "%20");
}
