import type {
  CallOptions,
  Consumer,
  ConsumerRepository,
  SignOnToken,
  SignOnTokenRepository,
} from "../repositories/index.js";
import { currentKeyOf } from "./consumers.js";
import type { SignedPost } from "./signed-post.js";

/** What became of a sign-out. */
export interface SignOutResult {
  /** The keys of the consumers that have ended their sessions. */
  readonly told: readonly string[];
  /** The keys of those that did not answer. They are told by the next sign-out of the same user. */
  readonly failed: readonly string[];
}

/** Tells consumers that somebody has signed out. */
export class SignOutNotifier {
  readonly #consumers: ConsumerRepository;
  readonly #tokens: SignOnTokenRepository;
  readonly #post: SignedPost;
  readonly #now: () => Date;

  constructor(
    consumers: ConsumerRepository,
    tokens: SignOnTokenRepository,
    post: SignedPost,
    now: () => Date,
  ) {
    this.#consumers = consumers;
    this.#tokens = tokens;
    this.#post = post;
    this.#now = now;
  }

  /** Tells everyone who was told of the user, or of one of the user's sessions. */
  async notify(
    subject: string,
    session: string | undefined,
    options: CallOptions,
  ): Promise<SignOutResult> {
    const sessions = (await this.#tokens.sessions(subject, options)).filter(
      (one) => session === undefined || one.session === session,
    );
    const results = await Promise.all(sessions.map((one) => this.#tell(one, options)));
    const keysWhere = (wanted: boolean): string[] => [
      ...new Set(
        sessions.filter((_, at) => results[at] === wanted).map(({ consumer }) => consumer),
      ),
    ];
    return { told: keysWhere(true), failed: keysWhere(false) };
  }

  async #tell(session: SignOnToken, options: CallOptions): Promise<boolean> {
    const consumer = await this.#consumers.get(session.consumer, options);
    const done = consumer === undefined || (await this.#send(consumer, session, options));
    if (done) await this.#tokens.take(session, options);
    return done;
  }

  async #send(
    consumer: Consumer,
    { subject, session }: SignOnToken,
    options: CallOptions,
  ): Promise<boolean> {
    if (consumer.signOutUri === undefined) return true;
    try {
      const key = currentKeyOf(consumer, this.#now());
      // Whoever was revoked has nothing to be told with.
      if (key === undefined) return true;
      await this.#post.send(consumer.signOutUri, { sub: subject, sid: session }, key, options);
      return true;
    } catch {
      options.signal?.throwIfAborted();
      return false;
    }
  }
}
