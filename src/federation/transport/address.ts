import { type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { FederationError } from "../errors.js";

/** Resolves a name, as `dns.lookup` of Node.js does with `all: true`. */
export type Resolve = (
  hostname: string,
  options: LookupOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

/** Addresses that no name of a server may resolve to, unless they are allowed by name: where other things than servers are. */
const special = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::/128",
  "::1/128",
  "fe80::/10",
  "ff00::/8",
];
const loopback = ["127.0.0.0/8", "::1/128"];

/** Whether a text is a network in CIDR notation, or a single address. */
export function isNetwork(text: string): boolean {
  return networkParts(text) !== undefined;
}

/** A set of networks. @throws {RangeError} one of them is not one. */
export function networks(list: readonly string[]): BlockList {
  const blocks = new BlockList();
  for (const text of list) {
    const parts = networkParts(text);
    if (parts === undefined) throw new RangeError(`"${text}" is not a network in CIDR notation.`);
    blocks.addSubnet(parts.address, parts.prefix, parts.family);
  }
  return blocks;
}

/** Whether an address is in one of the networks. An IPv4 address in IPv6 notation is taken for what it is. */
export function isIn(blocks: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && blocks.check(address, family === 4 ? "ipv4" : "ipv6");
}

/**
 * Why the host of a URL is not written as it is understood. A host has one notation here: names in lower case and ASCII,
 * IPv4 addresses with four decimal numbers, IPv6 addresses in their short form. Whoever reads the configuration sees
 * the host that is meant.
 */
export function hostProblem(text: string, url: URL): string | undefined {
  const [, authority = ""] = /^[a-z]+:\/\/([^/]*)/i.exec(text) ?? [];
  const host = authority.replace(/:\d*$/, "");
  if (host === url.hostname && !host.endsWith(".")) return undefined;
  return `its host is to be written "${url.hostname.replace(/\.$/, "")}".`;
}

/** Says whether the addresses of a server may be connected to, and resolves its name to those. */
export class AddressGuard {
  readonly #identifier: string;
  readonly #allowed: BlockList | undefined;
  readonly #refused: BlockList;
  readonly #resolve: Resolve;

  constructor(
    server: {
      readonly identifier: string;
      readonly url: string;
      readonly addresses?: readonly string[];
    },
    resolve: Resolve = systemLookup as Resolve,
  ) {
    this.#identifier = server.identifier;
    this.#resolve = resolve;
    this.#allowed = server.addresses === undefined ? undefined : networks(server.addresses);
    const host = hostOf(server.url);
    const isLoopback = host === "localhost" || isIn(networks(loopback), host);
    this.#refused = networks(
      isLoopback ? special.filter((network) => !loopback.includes(network)) : special,
    );
    // A literal address is not resolved, so it is looked at here.
    if (isIP(host) !== 0) this.demand(host);
  }

  /** @throws {FederationError} the server may not have this address. */
  demand(address: string): void {
    const isAllowed =
      this.#allowed === undefined ? !isIn(this.#refused, address) : isIn(this.#allowed, address);
    if (!isAllowed) throw new FederationError("forbidden_address", this.#identifier);
  }

  /**
   * Resolves a name for one connection. The addresses that were looked at are the ones that are connected to, so a name
   * whose answer changes in between (DNS rebinding) gains nothing. One forbidden address refuses them all.
   */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.#resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      try {
        for (const { address } of addresses) this.demand(address);
      } catch (refusal) {
        callback(refusal instanceof Error ? refusal : new Error(), []);
        return;
      }
      if (options.all === true) callback(null, [...addresses]);
      else callback(null, addresses[0]?.address ?? "", addresses[0]?.family);
    });
  };
}

/** The host of a URL, an IPv6 address without its brackets. */
function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, "");
}

interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

function networkParts(text: string): Network | undefined {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return undefined;
  const bits = family === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined;
  if (length > bits) return undefined;
  return { address, prefix: length, family: family === 4 ? "ipv4" : "ipv6" };
}
