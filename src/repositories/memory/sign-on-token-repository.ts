import { TooManyError } from "../../core/index.js";
import type { CallOptions } from "../resource-repository.js";
import {
  type SignOnToken,
  type SignOnTokenKey,
  SignOnTokenRepository,
} from "../sign-on-token-repository.js";

/** Options of {@link InMemorySignOnTokenRepository}. */
export interface InMemorySignOnTokenOptions {
  /** How many tokens are kept at most. Default: 100,000. */
  readonly limit?: number | undefined;
  /** The clock by which tokens expire. Default: the system's. */
  readonly now?: (() => Date) | undefined;
}

/**
 * Tokens in memory, for a server that has one process. When it is full, it refuses; it never forgets what is still
 * valid.
 *
 * What has expired is forgotten by itself, once a second at most.
 */
export class InMemorySignOnTokenRepository extends SignOnTokenRepository {
  readonly #limit: number;
  readonly #now: () => Date;
  readonly #tokens = new Map<string, SignOnToken>();
  /**
   * The tokens by the second in which they expire, so that those which have expired are found without reading the
   * others.
   */
  readonly #placesBySecond = new Map<number, Set<string>>();
  readonly #sessionsBySubject = new Map<string, Set<string>>();
  #purgedIn = Number.NEGATIVE_INFINITY;

  constructor({ limit = 100_000, now = () => new Date() }: InMemorySignOnTokenOptions = {}) {
    super();
    this.#limit = limit;
    this.#now = now;
  }

  /** @throws {TooManyError} the store is full. */
  override async save(token: SignOnToken, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    this.#purgeOnceASecond();
    const place = placeOf(token.kind, token.id);
    if (this.#tokens.size >= this.#limit && !this.#tokens.has(place)) {
      throw new TooManyError(
        `The store has ${this.#limit} tokens that have not expired, and takes no more.`,
        this.#limit,
      );
    }
    this.#forget(place);
    const stored = copyOf(token);
    this.#tokens.set(place, stored);
    for (const [index, key] of this.#indexesOf(stored)) {
      const places = index.get(key);
      if (places === undefined) index.set(key, new Set([place]));
      else places.add(place);
    }
  }

  override async get(
    kind: SignOnToken["kind"],
    id: string,
    options?: CallOptions,
  ): Promise<SignOnToken | undefined> {
    options?.signal?.throwIfAborted();
    const token = this.#tokens.get(placeOf(kind, id));
    return token !== undefined && this.#isValid(token) ? copyOf(token) : undefined;
  }

  override async take(
    { kind, id, consumer }: SignOnTokenKey,
    options?: CallOptions,
  ): Promise<SignOnToken | undefined> {
    options?.signal?.throwIfAborted();
    const place = placeOf(kind, id);
    const token = this.#tokens.get(place);
    if (token?.consumer !== consumer || !this.#isValid(token)) return undefined;
    this.#forget(place);
    return token;
  }

  override async sessions(subject: string, options?: CallOptions): Promise<readonly SignOnToken[]> {
    options?.signal?.throwIfAborted();
    return Array.from(this.#sessionsBySubject.get(subject) ?? []).flatMap((place) => {
      const token = this.#tokens.get(place);
      return token !== undefined && this.#isValid(token) ? [copyOf(token)] : [];
    });
  }

  override async purge(options?: CallOptions): Promise<number> {
    options?.signal?.throwIfAborted();
    return this.#purge();
  }

  #purgeOnceASecond(): void {
    const second = secondOf(this.#now());
    if (second === this.#purgedIn) return;
    this.#purgedIn = second;
    this.#purge();
  }

  #purge(): number {
    const before = this.#tokens.size;
    const now = this.#now().getTime();
    for (const [second, places] of this.#placesBySecond) {
      if ((second + 1) * 1_000 > now) continue;
      for (const place of [...places]) this.#forget(place);
    }
    return before - this.#tokens.size;
  }

  #forget(place: string): void {
    const token = this.#tokens.get(place);
    if (token === undefined) return;
    this.#tokens.delete(place);
    for (const [index, key] of this.#indexesOf(token)) {
      const places = index.get(key);
      places?.delete(place);
      if (places?.size === 0) index.delete(key);
    }
  }

  *#indexesOf(token: SignOnToken): Generator<readonly [Map<unknown, Set<string>>, unknown]> {
    yield [this.#placesBySecond, secondOf(token.expiresAt)];
    if (token.kind === "session" && token.subject !== undefined) {
      yield [this.#sessionsBySubject, token.subject];
    }
  }

  #isValid({ expiresAt }: SignOnToken): boolean {
    return expiresAt > this.#now();
  }
}

/** A copy of a token, of which all but its time are texts. */
function copyOf(token: SignOnToken): SignOnToken {
  return { ...token, expiresAt: new Date(token.expiresAt) };
}

function secondOf(time: Date): number {
  return Math.floor(time.getTime() / 1_000);
}

function placeOf(kind: SignOnToken["kind"], id: string): string {
  return `${kind} ${id}`;
}
