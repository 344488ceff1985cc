import type { ChangeStream } from "../../changes/index.js";
import { InvalidValueError, UnavailableError } from "../../core/index.js";
import { type ConnectOptions, connect, type LdapConnection } from "../connection/connection.js";
import { parseEndpoint } from "../connection/endpoint.js";
import type { Identification } from "../profile/identification.js";
import { inetOrgPerson } from "../profile/inet-org-person.js";
import { EntryMapper, type MappingProblem, type ReportProblem } from "../profile/mapper.js";
import { checkProfile, type DirectoryProfile } from "../profile/profile.js";
import { chooseDialect, dialectNamed } from "../sync/dialect-choice.js";
import type { DeletionPolicy, PassingBatch, Sleep } from "../sync/reading.js";
import {
  LdapConnectError,
  LdapCredentialsError,
  LdapError,
  LdapResultError,
  LdapTlsError,
} from "../wire/errors.js";
import { accountBehind } from "./account.js";
import {
  Backoff,
  checkDelay,
  checkReconnect,
  type ReconnectOptions,
  systemSleep,
} from "./backoff.js";
import { publish, type WatchStep } from "./channel.js";
import {
  type CheckpointContext,
  encodeCheckpoint,
  openCheckpoint,
  type StoredState,
} from "./checkpoint.js";
import {
  basesOf,
  type ContentOptions,
  contentDigest,
  contentOf,
  mappingOf,
  readBases,
  sourceName,
  withinBases,
} from "./content.js";
import { WatchIterator } from "./iterator.js";
import { lagBehind } from "./lag.js";
import { type ConnectedServer, rereadEntries } from "./reread.js";

/** Which directory to watch, and for what. */
export interface WatchOptions extends Omit<ConnectOptions, "signal" | "url">, ContentOptions {
  /** `ldap://host:389`, `ldaps://host:636`, or `ldapi://` and the percent-encoded path of a socket. */
  readonly url?: string | undefined;
  /**
   * In place of `url`: several servers of one directory, in the order in which they are tried at each connection. They
   * replicate each other, so that one may lag behind the others: nothing is taken back that it has yet to receive. With
   * these, `source` is to be given.
   */
  readonly urls?: readonly string[] | undefined;
  /**
   * The distinguished name below which everything is. A base that does not exist is an error, not an empty directory.
   *
   * Several must have a parent in common. OpenLDAP distinguishes them by a filter on `entryDN` (RFC 5020), for which the
   * account needs the right to search; of other directories, the names of all below that parent are read and compared.
   */
  readonly base: string | readonly string[];
  /** How far below the base. Default: `"sub"`, all of it. */
  readonly scope?: "base" | "one" | "sub" | undefined;
  /** One filter (RFC 4515) that an entry must match besides being a user or a group of the profile. Default: none. */
  readonly filter?: string | undefined;
  /** How entries become users and groups. Default: {@link inetOrgPerson}. */
  readonly profile?: DirectoryProfile | undefined;
  /**
   * The name of the stream, under which everything about it is stored. Default: made of the host and the base, such as
   * `ldap:directory.example.com/dc=example,dc=com`; name it yourself if either may change.
   */
  readonly source?: string | undefined;
  /**
   * Whether to go on with changes as they happen, or to end after one refresh (RFC 4533 §3.3, §3.4).
   * Default: `"refreshAndPersist"`.
   */
  readonly mode?: "refreshOnly" | "refreshAndPersist" | undefined;
  /** The most changes in a batch. Default: 500. */
  readonly batchSize?: number | undefined;
  /**
   * How often to look at the names and the versions of all entries while following, in milliseconds, give or take a
   * tenth. It repairs what no event shows, such as what was written while the clock of the server was set back. It
   * takes a server about a second for 100,000 entries, and writes nothing where it finds nothing. At most 2 147 483
   * 647; `false`: never. Default: 3 600 000, an hour.
   */
  readonly reconcileEvery?: number | false | undefined;
  /**
   * Whether to look at all groups with their members then, too, which takes as long as in a first refresh. It repairs
   * what OpenLDAP's refint overlay has rewritten. Default: false.
   */
  readonly reconcileGroups?: boolean | undefined;
  /**
   * The object classes of entries below which users and groups may be. A server does not say what is below a parent
   * that is moved or renamed: these are followed beside, by a synchronization of their own. `false`: nothing is
   * followed but users and groups. Default: `organizationalUnit`, `organization`, `dcObject`, `domain`, `locality`,
   * `country`, `container` and `nsContainer`.
   */
  readonly parentClasses?: readonly string[] | false | undefined;
  /**
   * Of Active Directory: what to do where the account may not see deleted objects, so that deletions would be missed
   * without an error. `"probe"`: look when a connection is made, and refuse with an `UnsupportedError`.
   * `"trust"`: take it that it sees them. `"sweep"`: look at all names after each connection and each `reconcileEvery`,
   * and take for deleted what is not there. Default: `"probe"`.
   */
  readonly deletions?: DeletionPolicy | undefined;
  /**
   * Of Active Directory: how often to ask for changes, in milliseconds, besides whenever the server says that there are
   * some. At most 2 147 483 647. Default: 60 000.
   */
  readonly pollEvery?: number | undefined;
  /**
   * As what kind of server to read the directory, whatever it says of itself: `"openldap"`, `"389ds"`, `"freeipa"`
   * or `"activedirectory"`. Default: what it says of itself decides.
   */
  readonly dialect?: string | undefined;
  /**
   * How often to look for entries that expire before the next look, where the profile says by what, in milliseconds, at
   * most 2 147 483 647. Each is read again at its moment. Default: 3 600 000, an hour.
   */
  readonly expiriesEvery?: number | undefined;
  /** How to reconnect; false: throw what ended the connection. */
  readonly reconnect?: ReconnectOptions | false | undefined;
  /** How to wait; for tests. Default: by a timer. */
  readonly sleep?: Sleep | undefined;
  /** The clock, in milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** A number from 0 up to, not including, 1, by which delays are varied. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/**
 * The users and groups of an LDAP directory, and their changes as they happen, by content synchronization (RFC 4533).
 *
 * The stream survives restarts of either side: it reconnects by itself, and a checkpoint resumes where its batch ended.
 * A checkpoint that does not fit, be it of another directory, filter or profile, damaged, or too old for the server,
 * leads to a full refresh and never to an error. What it does on the way is published on the diagnostics channel
 * `concordat:ldap.watch` as {@link WatchEvent}s.
 *
 * `read` throws what trying again would not mend, such as refused credentials ({@link LdapCredentialsError}), a
 * certificate that is not accepted ({@link LdapTlsError}), a base that does not exist or a search that is not allowed
 * ({@link LdapResultError}), a host name that was never known ({@link LdapConnectError}), or a server that does not
 * offer the operation, or several bases to this account (`UnsupportedError`), or a function of the profile that
 * fails for an entry ({@link LdapMappingError}): what it was to say, such as that an account is locked, cannot be
 * guessed.
 *
 * @example
 * ```ts
 * const directory = watchDirectory({
 *   url: "ldaps://directory.example.com",
 *   base: "dc=example,dc=com",
 *   bind: { method: "simple", dn: "cn=reader,dc=example,dc=com", password: readPassword },
 * });
 * for await (const batch of directory.read({ after: await loadCheckpoint() })) {
 *   await apply(batch); // the changes, and the checkpoint with them if there is one
 * }
 * ```
 *
 * @throws {InvalidValueError} if an option cannot be, such as a base that is not a distinguished name.
 * @throws {LdapFilterError} if `filter` is not one filter.
 */
export function watchDirectory(options: WatchOptions): ChangeStream {
  const urls = checkOptions(options);
  const { profile = inetOrgPerson, source = sourceName(urls[0], options) } = options;
  // Made now, so that a mistake in the options is thrown where it was made.
  checkProfile(profile);
  contentOf(options, profile);
  const connected: ConnectedServer = { url: urls[0] };
  return {
    source,
    mapping: mappingOf(profile),
    read: ({ after, follow = options.mode !== "refreshOnly", signal } = {}) =>
      new WatchIterator(
        (ended) => new Watch(source, options, { urls, connected }, { after, follow, ended }).read(),
        signal,
      ),
    reread: (sourceIds, { signal } = {}) =>
      rereadEntries({ ...options, ...(signal && { signal }) }, profile, sourceIds, connected),
    lagBehind: (checkpoint, { signal = new AbortController().signal } = {}) =>
      lagBehind(options, { profile, source, urls }, checkpoint, signal),
  };
}

/** The servers of a directory. */
interface Servers {
  readonly urls: readonly string[];
  readonly connected: ConnectedServer;
}

/** One reading of the stream: connections, one after the other. */
class Watch {
  readonly #source: string;
  readonly #options: WatchOptions;
  readonly #servers: Servers;
  readonly #profile: DirectoryProfile;
  #mapper: EntryMapper | undefined;
  readonly #backoff: Backoff;
  readonly #sleep: Sleep;
  readonly #signal: AbortSignal;
  readonly #problems = new Map<MappingProblem, number>();
  /** The checkpoint of the last batch that was taken and done with, or the one that was given. */
  #checkpoint: string | undefined;
  /** Whether it goes on once everything is read. */
  readonly #follow: boolean;
  #wasConnected = false;

  constructor(
    source: string,
    options: WatchOptions,
    servers: Servers,
    reading: {
      readonly after: string | undefined;
      readonly follow: boolean;
      readonly ended: AbortSignal;
    },
  ) {
    this.#source = source;
    this.#options = options;
    this.#servers = servers;
    this.#profile = options.profile ?? inetOrgPerson;
    this.#checkpoint = reading.after;
    this.#follow = reading.follow;
    this.#signal = reading.ended;
    this.#sleep = options.sleep ?? systemSleep;
    this.#backoff = new Backoff(options.reconnect || {}, options.random ?? Math.random);
  }

  async *read(): AsyncGenerator<PassingBatch, void> {
    for (;;) {
      try {
        yield* this.#readOnce();
        return;
      } catch (error) {
        this.#signal.throwIfAborted();
        await this.#waitAfter(error);
      }
    }
  }

  async *#readOnce(): AsyncGenerator<PassingBatch, void> {
    const options = this.#options;
    await using connection = await this.#connect();
    const dialect = await chooseDialect(connection, {
      signal: this.#signal,
      dialect: options.dialect,
    });
    const { identification } = dialect;
    this.#servers.connected.dialect = dialect;
    const account = await accountBehind(options.bind, connection, this.#signal);
    const bases = await readBases(connection, basesOf(options), dialect, this.#signal);
    this.#wasConnected = true;
    this.#publish({ event: "connected", dialect: dialect.name });

    const content = contentOf(options, this.#profile, dialect);
    const context: CheckpointContext = {
      dialect: dialect.name,
      server: bases.ids ?? this.#source,
      content: contentDigest(content, this.#profile, options.bind, account),
    };
    const opened = this.#openCheckpoint(context);
    const mapper = this.#mapperFor(identification);
    mapper.isWithin = withinBases(content, dialect);
    const batches = dialect.read(
      {
        connection,
        content,
        mapper,
        follow: this.#follow,
        batchSize: options.batchSize ?? 500,
        reconcileEvery:
          options.reconcileEvery === false ? undefined : (options.reconcileEvery ?? 3_600_000),
        reconcileGroups: options.reconcileGroups === true,
        expiredUntil: opened?.expiredUntil,
        expiriesEvery: options.expiriesEvery ?? 3_600_000,
        pollEvery: options.pollEvery ?? 60_000,
        deletions: options.deletions ?? "probe",
        baseStamp: bases.stamp,
        sleep: this.#sleep,
        now: options.now ?? Date.now,
        random: options.random ?? Math.random,
        signal: this.#signal,
        report: (event) => this.#publish(event),
        reset: (reason) => {
          this.#checkpoint = undefined;
          this.#publish({ event: "reset", reason });
        },
      },
      opened?.position,
    );
    for await (const handed of batches) {
      const { position, expiredUntil, ...batch } = handed;
      handed.changes = [];
      if (batch.refresh === "ends") this.#backoff.reset();
      if (position === undefined) {
        yield batch;
        continue;
      }
      const checkpoint = encodeCheckpoint(context, { position, expiredUntil });
      yield { ...batch, checkpoint };
      // Asking for the next batch acknowledges this one, so from here on it is where a new connection resumes.
      this.#checkpoint = checkpoint;
    }
  }

  /** The mapper of this reading, which remembers what it has mapped, over all its connections. */
  #mapperFor(identification: Identification): EntryMapper {
    if (this.#mapper?.identification === identification) return this.#mapper;
    const report: ReportProblem = (problem, sourceId) => {
      const count = (this.#problems.get(problem) ?? 0) + 1;
      this.#problems.set(problem, count);
      this.#publish({ event: "problem", problem, sourceId, count });
    };
    const { now } = this.#options;
    this.#mapper = new EntryMapper(this.#profile, identification, report, now);
    return this.#mapper;
  }

  /** Connects to the first server that answers. */
  async #connect(): Promise<LdapConnection> {
    const { urls, connected } = this.#servers;
    let failure: unknown;
    for (const url of urls) {
      try {
        const connection = await connect({ ...this.#options, url, signal: this.#signal });
        connected.url = url;
        connected.address = connection.remoteAddress;
        return connection;
      } catch (error) {
        this.#signal.throwIfAborted();
        // Another server knows no other password, and an account may be locked after some attempts.
        if (error instanceof LdapCredentialsError) throw error;
        // What trying again may mend is the better reason to try again.
        if (failure === undefined || isPassing(error, this.#wasConnected)) failure = error;
      }
    }
    throw failure;
  }

  #openCheckpoint(context: CheckpointContext): StoredState | undefined {
    if (this.#checkpoint === undefined) return undefined;
    const opened = openCheckpoint(this.#checkpoint, context);
    if ("position" in opened) return opened;
    this.#checkpoint = undefined;
    this.#publish({ event: "reset", reason: opened.reason });
    return undefined;
  }

  /** Waits before the next attempt, or throws the error if there should be none. */
  async #waitAfter(error: unknown): Promise<void> {
    if (this.#options.reconnect === false || !isPassing(error, this.#wasConnected)) throw error;
    const delay = this.#backoff.next();
    if (delay === undefined) throw error;
    this.#publish({ event: "reconnecting", attempt: this.#backoff.attempt, delay, error });
    await this.#sleep(delay, this.#signal);
  }

  #publish(step: WatchStep): void {
    publish({ source: this.#source, ...step });
  }
}

/** Result codes that LDAP does not call retryable, but pass: a limit of this moment, or a failure of the server. */
const passingResults: ReadonlySet<number> = new Set([
  1, // operationsError
  3, // timeLimitExceeded
  80, // other
  4096, // e-syncRefreshRequired, in answer to a request without a cookie
]);

/** Whether trying again may help. */
function isPassing(error: unknown, wasConnected: boolean): boolean {
  if (error instanceof UnavailableError) return true;
  if (error instanceof LdapConnectError && error.reason === "ENOTFOUND") {
    // A name that was never found is more likely misspelt than a name service that is down.
    return wasConnected;
  }
  if (error instanceof LdapTlsError && error.reason === "ECONNRESET") {
    // A server that is being restarted may take a connection and drop it; one that never spoke TLS does so, too.
    return wasConnected;
  }
  if (error instanceof LdapResultError && passingResults.has(error.resultCode)) return true;
  return error instanceof LdapError && error.retryable;
}

const deletionPolicies: readonly DeletionPolicy[] = ["probe", "trust", "sweep"];

/**
 * @returns the URLs, of which there is one at least.
 *
 * @internal
 */
export function checkOptions(options: WatchOptions): readonly [string, ...string[]] {
  const { batchSize, deletions = "probe", reconcileEvery, reconnect, source, url, urls } = options;
  const [first, ...others] = urls ?? (url === undefined ? [] : [url]);
  if (first === undefined) throw new InvalidValueError("url", "is missing.");
  if (url !== undefined && urls !== undefined) {
    throw new InvalidValueError("urls", "must not be given beside url.");
  }
  for (const each of [first, ...others]) parseEndpoint(each);
  if (urls !== undefined && source === undefined) {
    const reason = "is missing: with several servers, none of them can name the stream.";
    throw new InvalidValueError("source", reason);
  }
  if (source === "") throw new InvalidValueError("source", "must not be empty.");
  if (batchSize !== undefined && !(Number.isInteger(batchSize) && batchSize > 0)) {
    throw new InvalidValueError("batchSize", "must be a whole number above 0.");
  }
  if (options.dialect !== undefined) dialectNamed(options.dialect);
  checkDelay("expiriesEvery", options.expiriesEvery);
  checkDelay("reconcileEvery", reconcileEvery === false ? undefined : reconcileEvery);
  checkDelay("pollEvery", options.pollEvery);
  if (!deletionPolicies.includes(deletions)) {
    throw new InvalidValueError("deletions", `must be one of ${deletionPolicies.join(", ")}.`);
  }
  if (reconnect) checkReconnect(reconnect);
  return [first, ...others];
}
