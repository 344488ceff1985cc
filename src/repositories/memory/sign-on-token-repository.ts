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
  readonly limit?: number;
  /** The clock by which tokens expire. Default: the system's. */
  readonly now?: () => Date;
}

/** Tokens in memory, for a server that has one process. When it is full, it refuses; it never forgets what is still valid. */
export class InMemorySignOnTokenRepository extends SignOnTokenRepository {
  readonly #limit: number;
  readonly #now: () => Date;
  readonly #tokens = new Map<string, SignOnToken>();

  constructor({ limit = 100_000, now = () => new Date() }: InMemorySignOnTokenOptions = {}) {
    super();
    this.#limit = limit;
    this.#now = now;
  }

  /** @throws {TooManyError} the store is full. */
  override async save(token: SignOnToken, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    const place = placeOf(token.kind, token.id);
    if (this.#tokens.size >= this.#limit && !this.#tokens.has(place)) {
      if (this.#purge() === 0) {
        throw new TooManyError(
          `The store has ${this.#limit} tokens that have not expired, and takes no more.`,
          this.#limit,
        );
      }
    }
    this.#tokens.set(place, structuredClone(token));
  }

  override async get(
    kind: SignOnToken["kind"],
    id: string,
    options?: CallOptions,
  ): Promise<SignOnToken | undefined> {
    options?.signal?.throwIfAborted();
    const token = this.#tokens.get(placeOf(kind, id));
    return token !== undefined && this.#isValid(token) ? structuredClone(token) : undefined;
  }

  override async take(
    { kind, id, consumer }: SignOnTokenKey,
    options?: CallOptions,
  ): Promise<SignOnToken | undefined> {
    options?.signal?.throwIfAborted();
    const place = placeOf(kind, id);
    const token = this.#tokens.get(place);
    if (token?.consumer !== consumer || !this.#isValid(token)) return undefined;
    this.#tokens.delete(place);
    return token;
  }

  override async sessions(subject: string, options?: CallOptions): Promise<readonly SignOnToken[]> {
    options?.signal?.throwIfAborted();
    return [...this.#tokens.values()]
      .filter(
        (token) => token.kind === "session" && token.subject === subject && this.#isValid(token),
      )
      .map((token) => structuredClone(token));
  }

  override async purge(options?: CallOptions): Promise<number> {
    options?.signal?.throwIfAborted();
    return this.#purge();
  }

  #purge(): number {
    const before = this.#tokens.size;
    for (const [place, token] of this.#tokens) {
      if (!this.#isValid(token)) this.#tokens.delete(place);
    }
    return before - this.#tokens.size;
  }

  #isValid({ expiresAt }: SignOnToken): boolean {
    return expiresAt > this.#now();
  }
}

function placeOf(kind: SignOnToken["kind"], id: string): string {
  return `${kind} ${id}`;
}
