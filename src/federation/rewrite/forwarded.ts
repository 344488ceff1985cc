import { isIP } from "node:net";
import type { FieldLines } from "../message/field-lines.js";
import type { EventRequest } from "../message/request.js";
import { Networks, plainAddress } from "../transport/address.js";

/** One element of a Forwarded field: what one proxy said of the request that it got (RFC 7239 §4). */
export interface ForwardedElement {
  /** The node that made the request: an address with or without a port, `unknown`, or an obfuscated identifier (§6). */
  readonly for?: string;
  readonly by?: string;
  readonly host?: string;
  readonly proto?: string;
}

/** The parameters of an element (RFC 7239 §5). */
const parameters = ["for", "by", "host", "proto"] as const;

/** How many elements of a Forwarded field are looked at. */
const maxElements = 32;

/**
 * Reads the value of a Forwarded field.
 *
 * @returns `undefined` if it is not one. No part of it is used then.
 */
export function parseForwarded(value: string): readonly ForwardedElement[] | undefined {
  const elements: ForwardedElement[] = [];
  // One pair, and what separates it from the next.
  const pair =
    /[ \t]*([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w-]+)|"((?:[^"\\]|\\.)*)")[ \t]*([;,]|$)/y;
  let element: Record<string, string> = {};
  while (pair.lastIndex < value.length) {
    const match = pair.exec(value);
    if (match === null) return undefined;
    const [, name = "", token, quoted = "", separator] = match;
    const key = name.toLowerCase();
    if (Object.hasOwn(element, key)) return undefined;
    if (key === "for" || key === "by" || key === "host" || key === "proto") {
      element[key] = token ?? quoted.replace(/\\(.)/g, "$1");
    }
    if (separator !== ";") {
      elements.push(element);
      element = {};
    }
    if (elements.length > maxElements) return undefined;
  }
  return elements;
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

  /**
   * @param list networks in CIDR notation, or addresses.
   * @throws {RangeError} one of them is not one.
   */
  constructor(list: readonly string[] = []) {
    this.#networks = new Networks(list);
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

  /** The field lines that tell a server the way: Forwarded and X-Forwarded-For. None, if nothing is known of it. */
  fieldsOf(request: EventRequest): FieldLines {
    return this.#way(request).fields;
  }

  #way(request: EventRequest): Way {
    const { remoteAddress, isSecure } = request;
    if (remoteAddress === undefined) return nowhere;
    const remembered = isSecure ? this.#secure : this.#plain;
    const known = remembered.get(remoteAddress);
    if (known !== undefined) return known;
    const address = plainAddress(remoteAddress);
    const last: ForwardedElement = { for: printNode(address), proto: isSecure ? "https" : "http" };
    if (this.#networks.has(address))
      return describeWay(this.#known([...claimedWay(request), last]));
    const way = describeWay([last]);
    if (remembered.size >= maxClients) remembered.clear();
    remembered.set(remoteAddress, way);
    return way;
  }

  /** The end of a way, as far as trusted proxies tell of it. */
  #known(way: readonly ForwardedElement[]): readonly ForwardedElement[] {
    let first = way.length - 1;
    while (first > 0 && this.has(addressOf(way[first]))) first -= 1;
    return way.slice(first);
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

/** The way that the proxy says the request has taken before it: by Forwarded or, without it, by X-Forwarded-For. */
function claimedWay(request: EventRequest): readonly ForwardedElement[] {
  const forwarded = request.field("forwarded");
  if (forwarded !== undefined) return parseForwarded(forwarded) ?? [];
  const listed = request.field("x-forwarded-for");
  if (listed === undefined) return [];
  return listed
    .split(",")
    .slice(-maxElements)
    .map((text) => ({ for: printNode(text.trim()) }));
}

function printNode(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address;
}

function quoteUnlessToken(value: string): string {
  if (/^[!#$%&'*+.^_`|~\w-]+$/.test(value)) return value;
  return `"${value.replace(/[\\"]/g, "\\$&")}"`;
}
