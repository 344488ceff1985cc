import { InvalidValueError, type Settled, withDefaults } from "../core/index.js";
import type { ScimProfile } from "../scim/index.js";
import type { ServiceProviderConfig } from "./discovery/configuration.js";
import type { Authorization } from "./requests/credentials.js";

/** How long a request may take, and how much a response may be. */
export interface ScimClientLimits {
  /** The longest wait for a connection, TLS included, in milliseconds. Default: 5,000. */
  readonly connect?: number | undefined;
  /**
   * The longest silence of the service provider, in milliseconds: before the response, and within it. Default: 30,000.
   */
  readonly silence?: number | undefined;
  /** The longest time for one try of a request, to the end of its response, in milliseconds. Default: 60,000. */
  readonly total?: number | undefined;
  /** The longest body of a response, in bytes. Default: 16,777,216. */
  readonly maxBodyBytes?: number | undefined;
  /** How deep the JSON of a response may be nested. Default: 32. */
  readonly depth?: number | undefined;
  /** The most connections at a time. Default: 8. */
  readonly connections?: number | undefined;
}

/** When a request is sent again. */
export interface RetryOptions {
  /** How often a request is sent at the most. Default: 4. */
  readonly attempts?: number | undefined;
  /**
   * The first pause, in milliseconds, where the service provider names none; each one after it is twice as long.
   * Default: 250.
   */
  readonly minDelay?: number | undefined;
  /**
   * The longest pause, in milliseconds. Where the service provider asks for a longer one, the request fails at once,
   * and `UnavailableError.retryAfter` says how long. Default: 30,000.
   */
  readonly maxDelay?: number | undefined;
}

/** What TLS needs beside what Node.js trusts. */
export interface ScimClientTls {
  /** Certificates of authorities, as PEM, in place of those that Node.js knows. */
  readonly ca?: string | undefined;
  /** The certificate of the client, as PEM. */
  readonly certificate?: string | undefined;
  /** The key of that certificate, as PEM. */
  readonly key?: string | undefined;
}

/** Options of `ScimClient`. */
export interface ScimClientOptions {
  /** Where the service provider is, such as `https://example.com/scim/v2`. */
  readonly baseUrl: string;
  /** The value of the Authorization field, or what gives it. Without it, requests do not say who makes them. */
  readonly authorization?: Authorization | undefined;
  /** Whether an `http:` URL is good enough, although an eavesdropper then reads the credentials. Default: false. */
  readonly allowCleartext?: boolean | undefined;
  /**
   * What the service provider can do, where it has no `/ServiceProviderConfig` or where that does not say the truth.
   * Default: what it says there.
   */
  readonly configuration?: ServiceProviderConfig | undefined;
  /** How far responses may be from the RFCs. Default: `lenientProfile`. */
  readonly profile?: ScimProfile | undefined;
  /** How long is waited, and how much is read. Default: see {@link ScimClientLimits}. */
  readonly limits?: ScimClientLimits | undefined;
  /** How often a request is sent again that was not done. Default: see {@link RetryOptions}. */
  readonly retry?: RetryOptions | undefined;
  /**
   * Which certificates are trusted, and the one that the client shows. Default: those that Node trusts, and none.
   */
  readonly tls?: ScimClientTls | undefined;
  /** The present time in milliseconds since 1970. Default: the clock. */
  readonly now?: (() => number) | undefined;
  /** A random number from 0 to 1, by which pauses differ. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

const limits: Settled<ScimClientLimits> = {
  connect: 5_000,
  silence: 30_000,
  total: 60_000,
  maxBodyBytes: 16_777_216,
  depth: 32,
  connections: 8,
};

const retry: Settled<RetryOptions> = { attempts: 4, minDelay: 250, maxDelay: 30_000 };

/**
 * The limits with their defaults.
 *
 * @throws {InvalidValueError} one is not a whole number from 1.
 */
export function clientLimits(stated: ScimClientLimits = {}): Settled<ScimClientLimits> {
  return assertWhole("limits", withDefaults(limits, stated), 1);
}

/**
 * The retry options with their defaults.
 *
 * @throws {InvalidValueError} one is not a whole number.
 */
export function retryOptions(stated: RetryOptions = {}): Settled<RetryOptions> {
  const options = assertWhole("retry", withDefaults(retry, stated), 0);
  return { ...options, attempts: Math.max(options.attempts, 1) };
}

function assertWhole<O extends object>(name: string, options: O, least: number): O {
  for (const [key, value] of Object.entries(options)) {
    if (!Number.isSafeInteger(value) || value < least) {
      throw new InvalidValueError(`${name}.${key}`, `it is a whole number from ${least}.`);
    }
  }
  return options;
}

/**
 * The base URL, without a slash at its end.
 *
 * @throws {InvalidValueError} it is none, or credentials would travel for all to read.
 */
export function readBaseUrl({ baseUrl, allowCleartext = false }: ScimClientOptions): URL {
  const url = URL.parse(baseUrl);
  const isPlain = url !== null && url.search === "" && url.hash === "" && url.username === "";
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    throw new InvalidValueError("baseUrl", "it is an http or https URL without a query.");
  }
  if (url.protocol === "http:" && !allowCleartext) {
    throw new InvalidValueError(
      "baseUrl",
      "credentials would travel for all to read: use https, or say `allowCleartext`.",
    );
  }
  if (url.pathname.endsWith("/")) url.pathname = url.pathname.slice(0, -1);
  return url;
}
