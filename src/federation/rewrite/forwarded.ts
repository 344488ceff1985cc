import { isIP } from "node:net";
import type { FieldLines } from "../message/field-lines.js";
import type { EventRequest } from "../message/request.js";
import { Networks, plainAddress } from "../transport/address.js";

/** One element of a Forwarded field: what one proxy said of the request that it got (RFC 7239 §4). */
export interface ForwardedElement {
  /** The node that made the request: an address with or without a port, `unknown`, or an obfuscated identifier (§6). */
  readonly for?: string;
  /** The interface of the proxy at which the request came in, as a node like `for` (§5.1). */
  readonly by?: string;
  /** The value of the field Host as the proxy received it (§5.3). */
  readonly host?: string;
  /** The scheme by which the request came to the proxy: `http` or `https` (§5.4). */
  readonly proto?: string;
}

/** The field in which proxies say where a request comes from (RFC 7239 §4), or the one that came before it. */
export type ProxyField = "forwarded" | "x-forwarded-for";

/** The parameters of an element (RFC 7239 §5). */
const parameters = ["for", "by", "host", "proto"] as const;

/** How many elements of a Forwarded field are looked at. */
const maxElements = 32;

/**
 * Reads the value of a Forwarded field. Empty elements are left out (RFC 9110 §5.6.1).
 *
 * @returns `undefined` if it is not one. No part of it is used then.
 */
export function parseForwarded(value: string): readonly ForwardedElement[] | undefined {
  const elements: ForwardedElement[] = [];
  for (const element of elementsFromEnd(value)) {
    if (element === undefined || elements.length === maxElements) return undefined;
    elements.push(element);
  }
  return elements.reverse();
}

/**
 * The elements of a Forwarded field from the last one, which the nearest proxy has written, to the first. `undefined`,
 * and no more, where one is none: whatever a client has written is read after all that proxies have.
 */
function* elementsFromEnd(value: string): Generator<ForwardedElement | undefined> {
  for (let end = value.length; end > 0; ) {
    const start = startOfElement(value, end);
    const text = value.slice(start, end).trim();
    end = start - 1;
    if (text === "") continue;
    const element = readElement(text);
    yield element;
    if (element === undefined) return;
  }
}

/** Where the element begins that ends at `end`: behind a comma that is not in a quoted string. */
function startOfElement(value: string, end: number): number {
  let isQuoted = false;
  for (let at = end - 1; at >= 0; at -= 1) {
    const character = value[at];
    if (character === '"' && !(isQuoted && isEscaped(value, at))) isQuoted = !isQuoted;
    else if (character === "," && !isQuoted) return at + 1;
  }
  return 0;
}

/** Whether an odd number of backslashes is before a character. */
function isEscaped(value: string, at: number): boolean {
  let backslashes = 0;
  while (value[at - 1 - backslashes] === "\\") backslashes += 1;
  return backslashes % 2 === 1;
}

function readElement(text: string): ForwardedElement | undefined {
  // One pair, and what separates it from the next.
  const pair =
    /[ \t]*([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w-]+)|"((?:[^"\\]|\\.)*)")[ \t]*(?:;|$)/y;
  const element: Record<string, string> = {};
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    if (match === null) return undefined;
    const [, name = "", token, quoted = ""] = match;
    const key = name.toLowerCase();
    if (Object.hasOwn(element, key)) return undefined;
    if (key === "for" || key === "by" || key === "host" || key === "proto") {
      element[key] = token ?? quoted.replace(/\\(.)/g, "$1");
    }
  }
  return element;
}

/** The value of a Forwarded field. Values that are no tokens are quoted (RFC 7239 §4). */
export function printForwarded(elements: readonly ForwardedElement[]): string {
  let value = "";
  for (const element of elements) {
    let separator = value === "" ? "" : ", ";
    for (const name of parameters) {
      const parameter = element[name];
      if (parameter === undefined) continue;
      value += `${separator}${name}=${quoteUnlessToken(parameter)}`;
      separator = ";";
    }
  }
  return value;
}

/** The way of a request to this side, and what is made of it. */
interface Way {
  readonly elements: readonly ForwardedElement[];
  readonly client: string | undefined;
  readonly fields: FieldLines;
}

/** How many clients are remembered. */
const maxClients = 1_000;

/** The proxies in front of this side: whose word is taken for who the client is. */
export class TrustedProxies {
  readonly #networks: Networks;
  /** The ways of clients that come by themselves, by their addresses: over TLS, and without. */
  readonly #secure = new Map<string, Way>();
  readonly #plain = new Map<string, Way>();

  readonly #field: ProxyField;

  /**
   * @param list networks in CIDR notation, or addresses.
   * @param field the field that all of them write. The other one is not looked at, since a client may have written it.
   * @throws {RangeError} one of them is not one.
   */
  constructor(list: readonly string[] = [], field: ProxyField = "x-forwarded-for") {
    this.#networks = new Networks(list);
    this.#field = field;
  }

  /** Whether an address is that of a trusted proxy. */
  has(address: string | undefined): boolean {
    return address !== undefined && this.#networks.has(address);
  }

  /**
   * The way of a request to this side: the client first, then the trusted proxies that it went through. What a client
   * or an unknown proxy claims to have been before it, is not in it.
   */
  wayOf(request: EventRequest): readonly ForwardedElement[] {
    return this.#way(request).elements;
  }

  /** The address of the client, as far as it is known. */
  clientOf(request: EventRequest): string | undefined {
    return this.#way(request).client;
  }

  /** The field lines that state the way to a server: Forwarded and X-Forwarded-For. None, if nothing is known of it. */
  fieldsOf(request: EventRequest): FieldLines {
    return this.#way(request).fields;
  }

  /** The line of the Forwarded field alone, as names and values in turn. */
  forwardedOf(request: EventRequest): FieldLines {
    return this.#way(request).fields.slice(0, 2);
  }

  #way(request: EventRequest): Way {
    const { remoteAddress, isSecure } = request;
    if (remoteAddress === undefined) return nowhere;
    const remembered = isSecure ? this.#secure : this.#plain;
    const known = remembered.get(remoteAddress);
    if (known !== undefined) return known;
    const address = plainAddress(remoteAddress);
    const last: ForwardedElement = { for: printNode(address), proto: isSecure ? "https" : "http" };
    if (this.#networks.has(address)) return describeWay(this.#wayTo(last, request));
    const way = describeWay([last]);
    if (remembered.size >= maxClients) remembered.clear();
    remembered.set(remoteAddress, way);
    return way;
  }

  /**
   * The way to the last proxy, as far as trusted ones state it; from somewhere unknown, if one of them says what
   * cannot be read.
   */
  #wayTo(last: ForwardedElement, request: EventRequest): readonly ForwardedElement[] {
    const way = [last];
    const value = request.field(this.#field) ?? "";
    for (const element of this.#field === "forwarded"
      ? elementsFromEnd(value)
      : nodesFromEnd(value)) {
      if (element === undefined || way.length > maxElements) {
        way.push({ for: "unknown" });
        break;
      }
      way.push(element);
      if (!this.has(addressOf(element))) break;
    }
    return way.reverse();
  }
}

const nowhere: Way = { elements: [], client: undefined, fields: [] };

function describeWay(elements: readonly ForwardedElement[]): Way {
  return {
    elements,
    client: addressOf(elements[0]),
    fields: ["forwarded", printForwarded(elements), "x-forwarded-for", printForwardedFor(elements)],
  };
}

/** The IP address of the node that an element is `for`; `undefined` if it does not say one. */
export function addressOf(element: ForwardedElement | undefined): string | undefined {
  const node = element?.for ?? "";
  const [, bracketed, plain = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::[\w.-]+)?$/.exec(node) ?? [];
  const address = plainAddress(bracketed ?? plain);
  return isIP(address) === 0 ? undefined : address;
}

/** The value of an X-Forwarded-For field that says the same. */
export function printForwardedFor(way: readonly ForwardedElement[]): string {
  return way.map((element) => addressOf(element) ?? "unknown").join(", ");
}

/**
 * The nodes of an X-Forwarded-For field from the last one to the first, as {@link elementsFromEnd} has those of a
 * Forwarded field.
 */
function* nodesFromEnd(value: string): Generator<ForwardedElement | undefined> {
  for (let end = value.length; end > 0; ) {
    const comma = value.lastIndexOf(",", end - 1);
    const text = value.slice(comma + 1, end).trim();
    end = comma;
    if (text === "") continue;
    const element = { for: printNode(text) };
    yield addressOf(element) === undefined ? undefined : element;
  }
}

function printNode(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address;
}

function quoteUnlessToken(value: string): string {
  if (/^[!#$%&'*+.^_`|~\w-]+$/.test(value)) return value;
  return `"${value.replace(/[\\"]/g, "\\$&")}"`;
}
