import { InvalidValueError } from "../../core/index.js";
import { Fields, type FieldType, type StructuredFields } from "./component-fields.js";
import type { FieldSource, HttpRequest, SignatureComponent, SignedMessage } from "./message.js";
import { RequestTarget } from "./request-target.js";
import { printString } from "./structured-fields.js";

/** What is known of fields beside their values. */
export interface SignatureBaseOptions {
  /**
   * The types of structured fields of the host's own, by their names in lower case, for components with `sf`. Those
   * that RFCs define for signatures are known: `content-digest`, `repr-digest`, `want-content-digest`,
   * `want-repr-digest`, `signature-input`, `signature`, `accept-signature`, `priority`, `cache-status` and
   * `proxy-status`.
   */
  readonly structuredFields?: Readonly<Record<string, FieldType>> | undefined;
}

/**
 * The text that a signature is made of (RFC 9421 §2.5).
 *
 * @param signatureParameters The value of the member of `signature-input`, whose inner list must name the same
 * components.
 * @throws {InvalidValueError} the message does not have a component, or the component's value cannot be signed; or a
 * component is named twice, or with parameters that it cannot have.
 */
export function signatureBase(
  message: SignedMessage,
  components: readonly SignatureComponent[],
  signatureParameters: string,
  { structuredFields }: SignatureBaseOptions = {},
): string {
  assertOnce(components);
  return identifiedBase(message, components.map(identified), signatureParameters, structuredFields);
}

/** A component with its identifier as it is written in the inner list and in the base. */
export interface IdentifiedComponent extends SignatureComponent {
  readonly identifier: string;
}

/** The component with its identifier. */
export function identified(component: SignatureComponent): IdentifiedComponent {
  const { name, req, key, parameter, sf, bs, tr } = component;
  const identifier =
    (printString(name) ?? "") +
    (req === true ? ";req" : "") +
    (sf === true ? ";sf" : "") +
    (key === undefined ? "" : `;key=${printString(key)}`) +
    (bs === true ? ";bs" : "") +
    (tr === true ? ";tr" : "") +
    (parameter === undefined ? "" : `;name=${printString(parameter)}`);
  return { ...component, identifier };
}

/**
 * What a component is, in whatever order its parameters are written: no two of a signature may be the same (RFC 9421
 * §2).
 */
export function identifierOf(component: SignatureComponent): string {
  return identified(component).identifier;
}

/** @throws {InvalidValueError} a component is there twice (RFC 9421 §2.5). */
export function assertOnce(components: readonly SignatureComponent[]): void {
  const known = new Set<string>();
  for (const component of components) {
    const identity = identifierOf(component);
    if (known.has(identity)) throw new InvalidValueError(component.name, "it is covered twice.");
    known.add(identity);
  }
}

/** The text that a signature is made of, given the components with their identifiers, of which no two are the same. */
export function identifiedBase(
  message: SignedMessage,
  components: readonly IdentifiedComponent[],
  signatureParameters: string,
  structuredFields: StructuredFields = {},
): string {
  const values = new ComponentValues(message, structuredFields);
  let base = "";
  for (const component of components) {
    base += `${component.identifier}: ${values.of(component)}\n`;
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

/**
 * A request with its parsed URL, by the parts that its components are read from, which are no own properties of a Web
 * `Request`.
 */
export function partsOf(
  request: HttpRequest,
  url: URL,
  headers: FieldSource = request.headers,
): HttpRequest {
  const { method, target, trailers } = request;
  // Nearly every request: spreading takes a tenth of what signing does.
  if (target === undefined && trailers === undefined) return { method, url, headers };
  return {
    method,
    url,
    headers,
    ...(target === undefined ? {} : { target }),
    ...(trailers === undefined ? {} : { trailers }),
  };
}

/** The values of a message's components. What is parsed for one is kept for the others. */
class ComponentValues {
  readonly #message: SignedMessage;
  readonly #structuredFields: StructuredFields;
  #requestFields: Fields | undefined;
  #responseFields: Fields | undefined;
  #target: RequestTarget | undefined;

  constructor(message: SignedMessage, structuredFields: StructuredFields) {
    this.#message = message;
    this.#structuredFields = structuredFields;
  }

  of(component: SignatureComponent): string {
    const { response } = this.#message;
    const { name, req = false } = component;
    if (req && response === undefined) throw new InvalidValueError(name, "it is of no response.");
    const isOfRequest = response === undefined || req;
    const value = name.startsWith("@")
      ? this.#derived(component, isOfRequest)
      : this.#fields(isOfRequest)?.value(component);
    if (value === undefined) throw new InvalidValueError(name, "the message does not have it.");
    // Nothing that could be taken for a line of its own is signed.
    if (!/^[\t\x20-\x7e]*$/.test(value)) {
      throw new InvalidValueError(name, "it has characters that cannot be signed.");
    }
    return value;
  }

  #fields(isOfRequest: boolean): Fields | undefined {
    const { request, response } = this.#message;
    if (isOfRequest) {
      this.#requestFields ??= request && new Fields(request, this.#structuredFields);
      return this.#requestFields;
    }
    this.#responseFields ??= response && new Fields(response, this.#structuredFields);
    return this.#responseFields;
  }

  /** Derived components (RFC 9421 §2.2). */
  #derived(component: SignatureComponent, isOfRequest: boolean): string | undefined {
    const { name, key, sf, bs, tr, parameter } = component;
    const isPlain = key === undefined && sf !== true && bs !== true && tr !== true;
    if (!isPlain || (parameter === undefined) !== (name !== "@query-param")) {
      throw new InvalidValueError(name, "it cannot have these parameters.");
    }
    const { request, response } = this.#message;
    if (!isOfRequest) return name === "@status" ? String(response?.status) : undefined;
    if (name === "@method") return request?.method;
    if (request === undefined) return undefined;
    this.#target ??= new RequestTarget(parseUrl(request.url), request.target);
    return this.#target.component(name, parameter);
  }
}
