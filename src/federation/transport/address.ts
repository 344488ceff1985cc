import { type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { FederationError } from "../errors.js";

/** Resolves a name, as `dns.lookup` of Node.js does with `all: true`. */
export type ResolveAddress = (
  hostname: string,
  options: LookupOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

/**
 * Addresses that no name of a server may resolve to, unless they are allowed by name: where other things than servers
 * are.
 */
const special = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "192.0.0.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::/128",
  "::1/128",
  "fe80::/10",
  "ff00::/8",
  // Where clouds serve a machine its credentials: Alibaba, Azure, Amazon, Google, Oracle, Scaleway.
  "100.100.100.200/32",
  "168.63.129.16/32",
  "fd00:ec2::/32",
  "fd20:ce::254/128",
  "fd00:c1::a9fe:a9fe/128",
  "fd00:42::42/128",
  // Translation within a network (RFC 8215) and Teredo (RFC 4380): to which IPv4 address they lead is not known here.
  "64:ff9b:1::/48",
  "2001::/32",
];
const loopback = ["127.0.0.0/8", "::1/128"];

/** Whether a text is a network in CIDR notation, or a single address. */
export function isNetwork(text: string): boolean {
  return networkParts(text) !== undefined;
}

/** A set of networks. */
export class Networks {
  readonly #ipv4: { readonly base: number; readonly mask: number }[] = [];
  readonly #ipv6: BlockList | undefined;

  /**
   * @param list networks in CIDR notation, or addresses.
   * @throws {RangeError} one of them is not one.
   */
  constructor(list: readonly string[]) {
    const ipv6 = new BlockList();
    for (const text of list) {
      const parts = networkParts(text);
      if (parts === undefined) throw new RangeError(`"${text}" is not a network in CIDR notation.`);
      const { address, prefix, family } = parts;
      if (family === 4) {
        const mask = prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0;
        this.#ipv4.push({ base: (ipv4Number(address) & mask) >>> 0, mask });
      } else {
        ipv6.addSubnet(address, prefix, "ipv6");
        this.#ipv6 = ipv6;
      }
    }
  }

  /** Whether an address is in one of the networks. An IPv4 address in IPv6 notation is taken for what it is. */
  has(text: string): boolean {
    if (this.#ipv4.length === 0 && this.#ipv6 === undefined) return false;
    const address = plainAddress(text);
    const family = isIP(address);
    if (family === 4) {
      const number = ipv4Number(address);
      return this.#ipv4.some(({ base, mask }) => (number & mask) >>> 0 === base);
    }
    return family === 6 && this.#ipv6?.check(address, "ipv6") === true;
  }
}

/** An IPv4 address that is written as an IPv6 one (RFC 4291 §2.5.5.2), as what it is. */
export function plainAddress(address: string): string {
  if (!address.startsWith("::")) return address;
  const [, dotted, high, low] =
    /^::ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i.exec(address) ?? [];
  if (dotted !== undefined) return dotted;
  if (high === undefined || low === undefined) return address;
  const number = Number.parseInt(high, 16) * 0x10000 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join(".");
}

const dot = 0x2e;
const zero = 0x30;

/** The number that an IPv4 address is. */
function ipv4Number(address: string): number {
  let number = 0;
  let part = 0;
  for (let at = 0; at < address.length; at += 1) {
    const code = address.charCodeAt(at);
    if (code !== dot) part = part * 10 + code - zero;
    else {
      number = number * 256 + part;
      part = 0;
    }
  }
  return number * 256 + part;
}

/**
 * Why the host of a URL is not written as it is understood. A host has one notation here: names in lower case and
 * ASCII, IPv4 addresses with four decimal numbers, IPv6 addresses in their short form. The reader of the configuration
 * sees the host that is meant.
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
  readonly #allowed: Networks | undefined;
  readonly #refused: Networks;
  readonly #resolve: ResolveAddress;

  constructor(
    server: {
      readonly identifier: string;
      readonly url: string;
      readonly addresses?: readonly string[];
    },
    resolve: ResolveAddress = systemLookup as ResolveAddress,
  ) {
    this.#identifier = server.identifier;
    this.#resolve = resolve;
    this.#allowed = server.addresses === undefined ? undefined : new Networks(server.addresses);
    const host = hostOf(server.url);
    const isLoopback = host === "localhost" || new Networks(loopback).has(host);
    this.#refused = new Networks(
      isLoopback ? special.filter((network) => !loopback.includes(network)) : special,
    );
    // A literal address is not resolved, so it is looked at here.
    if (isIP(host) !== 0) this.assertAllowed(host);
  }

  /** @throws {FederationError} the server may not have this address. */
  assertAllowed(address: string): void {
    const isAllowed =
      this.#allowed === undefined
        ? !readingsOf(address).some((reading) => this.#refused.has(reading))
        : this.#allowed.has(address);
    if (!isAllowed) throw new FederationError("forbidden_address", this.#identifier);
  }

  /**
   * Resolves a name for one connection. The addresses that were looked at are the ones that are connected to, so a name
   * whose response changes in between (DNS rebinding) gains nothing. One forbidden address refuses them all.
   */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.#resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      try {
        for (const { address } of addresses) this.assertAllowed(address);
      } catch (refusal) {
        callback(refusal instanceof Error ? refusal : new Error(), []);
        return;
      }
      if (options.all === true) callback(null, [...addresses]);
      else callback(null, addresses[0]?.address ?? "", addresses[0]?.family);
    });
  };
}

/**
 * An address, and the IPv4 address that it leads to: by a NAT64 (RFC 6052 §2.1), by 6to4 (RFC 3056 §2), by a
 * translation (RFC 2765 §2.1), by ISATAP (RFC 5214 §6.1), or as an IPv4-compatible or IPv4-mapped one (RFC 4291
 * §2.5.5).
 */
function readingsOf(address: string): readonly string[] {
  const [plain = ""] = address.split("%");
  if (isIP(plain) !== 6) return [address];
  const groups = groupsOf(plain);
  const [a, b, c, d, e, f] = groups;
  const isZeroTo = (end: number): boolean => groups.slice(0, end).every((group) => group === 0);
  const embedded: string[] = [];
  if (a === 0x2002) embedded.push(dottedAt(groups, 1));
  const isNat64 = a === 0x64 && b === 0xff9b && groups.slice(2, 6).every((group) => group === 0);
  const isTranslated = isZeroTo(4) && e === 0xffff && f === 0;
  const isMapped = isZeroTo(5) && f === 0xffff;
  // A single group behind "::" is no IPv4 address: "::1" is the loopback one.
  const isCompatible = isZeroTo(6) && groups[6] !== 0;
  const isIsatap = (e === 0 || e === 0x200) && f === 0x5efe && (c !== 0 || d !== 0 || a !== 0);
  if (isNat64 || isTranslated || isMapped || isCompatible || isIsatap) {
    embedded.push(dottedAt(groups, 6));
  }
  return [plain, ...embedded];
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = short
    .split("::")
    .map((part) => (part === "" ? [] : part.split(":")));
  const missing = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...missing, ...tail].map((group) => Number.parseInt(group, 16));
}

/** The IPv4 address that two groups are. */
function dottedAt(groups: readonly number[], at: number): string {
  const bytes = [groups[at] ?? 0, groups[at + 1] ?? 0].flatMap((group) => [
    group >> 8,
    group & 0xff,
  ]);
  return bytes.join(".");
}

/** The host of a URL, an IPv6 address without its brackets. */
function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, "");
}

interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: 4 | 6;
}

function networkParts(text: string): Network | undefined {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return undefined;
  const bits = family === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined;
  if (length > bits) return undefined;
  return { address, prefix: length, family: family === 4 ? 4 : 6 };
}
