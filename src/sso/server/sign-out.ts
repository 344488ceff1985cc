import type {
  CallOptions,
  Consumer,
  ConsumerRepository,
  SignOnToken,
  SignOnTokenRepository,
} from "../../repositories/index.js";
import type { StepPublisher } from "../channel.js";
import { SignOnError } from "../errors.js";
import { failureOf } from "../message.js";
import type { SignedPost } from "../signed-post.js";
import { currentKeyOf } from "./consumers.js";

/** A consumer that may still have sessions of a user who has signed out. */
export interface UnreachableConsumer {
  /** The consumer's key. */
  readonly consumer: string;
  /**
   * Why it was not notified.
   *
   * - `no_sign_out_uri`: it has none, as no site with django-simple-sso has.
   * - `revoked`: it takes no part any longer, and is not written to.
   * - `removed`: the store does not know it any more.
   * - `no_secret`: none of its secrets is alive, or they are of no use.
   * - `failed`: it did not respond, or did not confirm; `error` says more.
   */
  readonly reason: "no_sign_out_uri" | "revoked" | "removed" | "no_secret" | "failed";
  /** Why it has `failed`. */
  readonly error?: SignOnError;
}

/** What became of a sign-out. */
export interface SignOutResult {
  /** The keys of the consumers that have confirmed that they have ended their sessions. */
  readonly notified: readonly string[];
  /**
   * Those that have not, by key. What they know of the user is kept, so that each later sign-out of the same user tries
   * them again, for as long as the sessions may last (`lifetimes.session`).
   */
  readonly unreachable: readonly UnreachableConsumer[];
}

/** Notifies consumers that a user has signed out. */
export class SignOutNotifier {
  readonly #consumers: ConsumerRepository;
  readonly #tokens: SignOnTokenRepository;
  readonly #post: SignedPost;
  readonly #steps: StepPublisher;
  readonly #now: () => Date;

  constructor(
    consumers: ConsumerRepository,
    tokens: SignOnTokenRepository,
    post: SignedPost,
    steps: StepPublisher,
    now: () => Date,
  ) {
    this.#consumers = consumers;
    this.#tokens = tokens;
    this.#post = post;
    this.#steps = steps;
    this.#now = now;
  }

  /**
   * Notifies all consumers that got the user, or one of the user's sessions.
   *
   * @param known the session at the consumer that signed the user out, which need not be notified.
   */
  async notify(
    subject: string,
    session: string | undefined,
    options: CallOptions,
    known?: SignOnToken,
  ): Promise<SignOutResult> {
    const sessions = (await this.#tokens.sessions(subject, options)).filter(
      (one) => (session === undefined || one.session === session) && one.id !== known?.id,
    );
    const failures = await Promise.all(sessions.map((one) => this.#notifyConsumer(one, options)));
    const unreachable = new Map<string, UnreachableConsumer>();
    for (const failure of failures) {
      if (failure !== undefined) unreachable.set(failure.consumer, failure);
    }
    // A consumer that has confirmed the end of one of two sessions still has the other.
    const notified = new Set(sessions.map(({ consumer }) => consumer));
    for (const consumer of unreachable.keys()) notified.delete(consumer);
    return {
      notified: [...notified].sort(),
      unreachable: [...unreachable.values()].sort(byConsumer),
    };
  }

  /** Notifies a consumer, and forgets the session once it has confirmed. */
  async #notifyConsumer(
    session: SignOnToken,
    options: CallOptions,
  ): Promise<UnreachableConsumer | undefined> {
    const failure = await this.#send(session, options);
    if (failure !== undefined) return { consumer: session.consumer, ...failure };
    await this.#tokens.take(session, options);
    return undefined;
  }

  async #send(
    { consumer: name, subject, session }: SignOnToken,
    options: CallOptions,
  ): Promise<Omit<UnreachableConsumer, "consumer"> | undefined> {
    const consumer = await this.#consumers.get(name, options);
    if (consumer === undefined) return { reason: "removed" };
    if (consumer.isRevoked === true) return { reason: "revoked" };
    if (consumer.signOutUri === undefined) return { reason: "no_sign_out_uri" };
    const key = usableKeyOf(consumer, this.#now());
    if (key === undefined) return { reason: "no_secret" };
    const uri = consumer.signOutUri;
    const trace = { consumer: name, format: consumer.format };
    try {
      await this.#steps.watch("tell", trace, async () => {
        await this.#post.send(uri, { sub: subject, sid: session }, key, options);
        return { result: undefined, status: 200 };
      });
      return undefined;
    } catch (cause) {
      options.signal?.throwIfAborted();
      const error = failureOf(cause) ?? new SignOnError("server_failed", { cause });
      return { reason: "failed", error };
    }
  }
}

function usableKeyOf(consumer: Consumer, at: Date) {
  try {
    return currentKeyOf(consumer, at);
  } catch {
    // It was stored with a secret that makes no key.
    return undefined;
  }
}

function byConsumer(one: UnreachableConsumer, other: UnreachableConsumer): number {
  return one.consumer < other.consumer ? -1 : 1;
}
