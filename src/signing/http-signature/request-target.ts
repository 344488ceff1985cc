import { InvalidValueError } from "../../core/index.js";

/**
 * The target of a request as its components are read from it (RFC 9421 §2.2): the bytes that are sent or were received,
 * where they are known, since parsers of URLs resolve `..` and change escapes.
 */
export class RequestTarget {
  readonly #url: URL;
  readonly #received: string | undefined;
  readonly #path: string;
  /** With its question mark; empty where there is none. */
  readonly #query: string;

  /** @throws {InvalidValueError} the target is none, or not that of the URL. */
  constructor(url: URL, received?: string) {
    const { pathname, search } = url;
    this.#url = url;
    this.#received = received;
    if (received === undefined || received === pathname + search) {
      this.#path = pathname;
      this.#query = search;
      return;
    }
    const origin = pathAt(received);
    // Two sites that do not mean the same path by a target must not agree on its signature.
    const parsed = received.includes("#") ? null : URL.parse(`${url.origin}${origin}`);
    if (parsed === null || parsed.pathname + parsed.search !== pathname + search) {
      throw new InvalidValueError("target", "it is not that of the URL.");
    }
    const mark = origin.indexOf("?");
    this.#path = mark < 0 ? origin : origin.slice(0, mark);
    this.#query = mark < 0 ? "" : origin.slice(mark);
  }

  /** A derived component; `undefined` where requests have none of this name. */
  component(name: string, parameter?: string): string | undefined {
    switch (name) {
      case "@target-uri":
        return `${this.#url.protocol}//${this.#url.host}${this.#path}${this.#query}`;
      case "@authority":
        return this.#url.host;
      case "@scheme":
        return this.#url.protocol.slice(0, -1);
      case "@request-target":
        return this.#received ?? this.#path + this.#query;
      case "@path":
        return this.#path;
      case "@query":
        return this.#query === "" ? "?" : this.#query;
      case "@query-param":
        return this.#parameter(parameter ?? "");
    }
    return undefined;
  }

  /** A parameter of a form, encoded anew (RFC 9421 §2.2.8); one that is there several times cannot be signed. */
  #parameter(name: string): string | undefined {
    const decode = (text: string): string =>
      new URLSearchParams(`${text}=`).keys().next().value ?? "";
    const [value, ...others] = new URLSearchParams(this.#query).getAll(decode(name));
    if (value === undefined || others.length > 0) return undefined;
    // The percent-encode set of forms, though with an escape for the space.
    return new URLSearchParams([["", value]]).toString().slice("=".length).replaceAll("+", "%20");
  }
}

/** The path and the query of a target in any of its forms (RFC 9112 §3.2); an empty path is `/` (RFC 9110 §4.2.3). */
function pathAt(target: string): string {
  if (target.startsWith("/")) return target;
  if (target === "*") return "/";
  const scheme = target.indexOf("://");
  if (scheme < 0) throw new InvalidValueError("target", "it is none.");
  const rest = target.slice(scheme + "://".length);
  const end = rest.search(/[/?]/);
  if (end < 0) return "/";
  return rest[end] === "/" ? rest.slice(end) : `/${rest.slice(end)}`;
}
