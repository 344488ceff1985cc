import { type ConnectionInfo, type Handler, UnsupportedError } from "../../core/index.js";
import type {
  CallOptions,
  Consumer,
  ConsumerRepository,
  NonceRepository,
  SignOnToken,
  SignOnTokenRepository,
  UserRepository,
} from "../../repositories/index.js";
import type { User } from "../../scim/index.js";
import type { Epoch, TimeWindow } from "../../signing/index.js";
import {
  type SignOnEvent,
  StepPublisher,
  type StepTrace,
  signOnServerChannelName,
} from "../channel.js";
import { SignOnError } from "../errors.js";
import type { ConsumerRequest, FormatName, ServerFormat, StepOptions } from "../formats/format.js";
import { forEachFormat } from "../formats/formats.js";
import {
  assertMethod,
  failureOf,
  failureResponse,
  redirect,
  stepOf,
  textMember,
} from "../message.js";
import { type SendOptions, SignedPost } from "../signed-post.js";
import { siteUrl } from "../site-url.js";
import { tokenId } from "../token.js";
import { type SignOnUser, signOnUserOf } from "../user-object.js";
import { ConsumerKeys, currentKeyOf } from "./consumers.js";
import { consumerOf } from "./request-token.js";
import { SignOutNotifier, type SignOutResult } from "./sign-out.js";
import {
  clockSkew,
  issueAccessToken,
  issueRequestToken,
  openRequestToken,
  sessionId,
  sessionRecord,
  type TokenLifetimes,
  type Visitor,
} from "./tokens.js";

/** Options of {@link signOnServer}. */
export interface SignOnServerOptions extends SendOptions {
  /**
   * Where the handler is, as browsers and clients have it, such as `https://sso.example.com/server/`. It ends in a
   * slash.
   */
  readonly url: string;
  /** The sites that may have users signed on, each with its keys. */
  readonly consumers: ConsumerRepository;
  /** Where the tokens of a sign-on are kept until they are taken, each once. */
  readonly tokens: SignOnTokenRepository;
  /**
   * Where signed requests, and the request tokens of those who have signed in, are remembered, so that each passes
   * once.
   */
  readonly nonces: NonceRepository;
  /** The users, whose ids are never used again. They are read again when a client asks who signed in. */
  readonly users: Pick<UserRepository, "get"> & Partial<Pick<UserRepository, "capabilities">>;
  /** Who is signed in at this browser; `undefined` where no user is. */
  visitor(request: Request): Promise<Visitor | undefined>;
  /** The page at which visitors sign in and from which they come back to `returnTo`, a path of this site. */
  signInUrl(returnTo: string): string;
  /** Whether the user may sign on to the consumer. Default: every user may. */
  mayUse?(user: User, consumer: Consumer): boolean | Promise<boolean>;
  /** What the consumer gets to know of the user. Default: {@link signOnUserOf}, with no user staff. */
  userObject?(user: User, consumer: Consumer): SignOnUser | Promise<SignOnUser>;
  /** What else the consumer gets, where it asks. Default: nothing. */
  extraData?(user: User, consumer: Consumer, asked: unknown): unknown;
  /**
   * Ends a session of this site, when a client says that its user has signed out there. Default: `sign-out/` is not
   * found, so that no client takes the session for ended.
   */
  endSession?(visitor: Visitor): Promise<void>;
  /** For how long tokens are good. Default: see {@link TokenLifetimes}. */
  readonly lifetimes?: TokenLifetimes | undefined;
  /** How far the time of a message may be from now. */
  readonly window?: TimeWindow | undefined;
  /** From when the stamps of `simple-sso` count. Default: `2011`. */
  readonly epoch?: Epoch | undefined;
  /** The clock. Default: the system's. */
  readonly now?: (() => Date) | undefined;
}

/** A sign-on server. */
export interface SignOnServer {
  /** Serves `request-token/`, `authorize/`, `verify/` and `sign-out/` below its URL. */
  readonly handler: Handler;
  /**
   * Asks every client to end its sessions of a user, or those that come from one session of this site. To be called
   * when a user signs out, is deactivated or is deleted; this site's own sessions are the host's to end.
   */
  signOut(
    who: { readonly subject: string; readonly session?: string },
    options?: CallOptions,
  ): Promise<SignOutResult>;
}

/**
 * Makes a sign-on server, for clients of all three formats.
 *
 * @throws {InvalidValueError} the URL is none, or is `http:` on a host that is not this machine.
 * @throws {UnsupportedError} the store of users gives the id of a user who was deleted to another one
 * (`Capabilities.ids`): clients link their accounts with that id. `withIdentityMap` gives such a store ids that last.
 */
export function signOnServer(options: SignOnServerOptions): SignOnServer {
  return new Server(options);
}

/** The steps by their paths below the URL of the server. */
const steps: ReadonlyMap<string, SignOnEvent["step"]> = new Map([
  ["request-token/", "request-token"],
  ["authorize/", "authorize"],
  ["verify/", "verify"],
  ["sign-out/", "sign-out"],
]);

/** How visitors bring a request token whose URL the consumer has not signed. */
const unsignedVisit = { parameter: "token" } as const;

/** The two tokens of a sign-on. */
interface Tokens {
  readonly requestToken: string;
  readonly accessToken: string;
}

function traced(trace: StepTrace, asked: ConsumerRequest): ConsumerRequest {
  trace.consumer = asked.consumer.key;
  trace.format = asked.consumer.format;
  return asked;
}

class Server implements SignOnServer {
  readonly handler: Handler = (request, connection) => this.#handle(request, connection);
  readonly #options: SignOnServerOptions;
  readonly #url: URL;
  readonly #now: () => Date;
  readonly #formats: Readonly<Record<FormatName, ServerFormat>>;
  readonly #notifier: SignOutNotifier;
  readonly #steps: StepPublisher;

  constructor(options: SignOnServerOptions) {
    const { consumers, tokens, now = () => new Date() } = options;
    const url = siteUrl(options.url);
    if (options.users.capabilities?.ids === "reused") {
      throw new UnsupportedError(
        "Clients know users by their ids, which this store uses again: put withIdentityMap before it.",
      );
    }
    this.#options = options;
    this.#url = url;
    this.#now = now;
    this.#formats = forEachFormat((format, name) =>
      format.server({ ...options, url, now, keys: new ConsumerKeys(consumers, name) }),
    );
    const post = new SignedPost({ ...options, now });
    this.#steps = new StepPublisher(signOnServerChannelName, url.href);
    this.#notifier = new SignOutNotifier(consumers, tokens, post, this.#steps, now);
  }

  async signOut(
    { subject, session }: { readonly subject: string; readonly session?: string },
    options: CallOptions = {},
  ): Promise<SignOutResult> {
    return await this.#notifier.notify(subject, session, options);
  }

  async #handle(request: Request, connection: ConnectionInfo = {}): Promise<Response> {
    const step = steps.get(stepOf(request, this.#url) ?? "") ?? "unknown";
    const trace: StepTrace = {};
    return await this.#steps.watch(step, trace, async () => {
      try {
        const result = await this.#step(step, request, trace, connection);
        return { result, status: result.status };
      } catch (error) {
        const failure = failureOf(error);
        if (failure === undefined) throw error;
        return { result: failureResponse(failure), status: failure.status, error: failure };
      }
    });
  }

  async #step(
    step: SignOnEvent["step"],
    request: Request,
    trace: StepTrace,
    { target }: ConnectionInfo,
  ): Promise<Response> {
    const options = { signal: request.signal, ...(target === undefined ? {} : { target }) };
    switch (step) {
      case "request-token":
        return this.#requestToken(await this.#read(request, trace, options));
      case "authorize":
        assertMethod(request, "GET");
        return await this.#authorize(request, trace, options);
      case "verify":
        return await this.#verify(await this.#read(request, trace, options), options);
      case "sign-out":
        assertMethod(request, "POST");
        return await this.#signOutFrom(
          traced(trace, await this.#formats["http-signature"].read(request, options)),
          options,
        );
      default:
        throw new SignOnError("not_found");
    }
  }

  /** Reads what a consumer asks. The format shows in the request, and must be the consumer's. */
  async #read(request: Request, trace: StepTrace, options: StepOptions): Promise<ConsumerRequest> {
    assertMethod(request, "GET", "POST");
    const format = Object.values(this.#formats).find((one) => one.isOf(request));
    if (format === undefined) throw new SignOnError("malformed");
    return traced(trace, await format.read(request, options));
  }

  #requestToken(asked: ConsumerRequest): Response {
    const { consumer, members } = asked;
    const [redirectTo, state] = [textMember(members, "redirect_to"), textMember(members, "state")];
    if (redirectTo === undefined && this.#formats[consumer.format].statesRedirect) {
      throw new SignOnError("malformed");
    }
    const token = issueRequestToken(
      consumer,
      {
        ...(redirectTo === undefined ? {} : { redirectTo }),
        ...(state === undefined ? {} : { state }),
      },
      this.#now(),
    );
    return asked.respond({ request_token: token });
  }

  async #authorize(request: Request, trace: StepTrace, options: CallOptions): Promise<Response> {
    const { tokens, visitor: whoIs, signInUrl, lifetimes } = this.#options;
    const { pathname, search, searchParams } = new URL(request.url);

    const signing = Object.values(this.#formats).find(
      ({ visit }) => visit.isSigned && searchParams.has(visit.parameter),
    );
    const signed = await signing?.read(request, options);
    const { parameter } = signing?.visit ?? unsignedVisit;
    const token = signed
      ? textMember(signed.members, parameter)
      : (searchParams.get(parameter) ?? undefined);
    if (token === undefined) throw new SignOnError("token_missing");
    const name = consumerOf(token);
    const consumer =
      signed?.consumer ??
      (name === undefined ? undefined : await this.#options.consumers.get(name, options));
    const isAsItBegan =
      consumer !== undefined && this.#formats[consumer.format].visit.parameter === parameter;
    const pending =
      consumer === undefined || consumer.isRevoked === true || !isAsItBegan
        ? undefined
        : openRequestToken(consumer, token, this.#now(), lifetimes);
    if (consumer === undefined || pending === undefined) throw new SignOnError("token_not_found");
    trace.consumer = consumer.key;
    trace.format = consumer.format;

    const visitor = await whoIs.call(this.#options, request);
    if (visitor === undefined) {
      return redirect(signInUrl.call(this.#options, `${pathname}${search}`));
    }
    const user = await this.#userOf(visitor.subject, options);
    if (user === undefined || user.active === false) throw new SignOnError("inactive");
    await this.#assertAdmission(user, consumer);
    await this.#takeOnce(pending, options);
    const access = issueAccessToken(pending, visitor, this.#now(), lifetimes);
    await tokens.save(access.record, options);
    const both = { requestToken: token, accessToken: access.token };
    return redirect(this.#returnUrl(consumer, pending, both));
  }

  /** A second visitor with the same request token finds it used. It is put down only now that it is known who comes. */
  async #takeOnce({ id, expiresAt }: SignOnToken, options: CallOptions): Promise<void> {
    const scope = `sign-on request ${this.#url.href}`;
    // Another process, whose clock is behind, takes the token for good for as long.
    const nonce = { scope, value: id, expiresAt: new Date(expiresAt.getTime() + clockSkew) };
    const isFirst = await this.#options.nonces.take(nonce, options);
    // A store that returns anything else has not said that it is the first.
    if (isFirst !== true) throw new SignOnError("token_not_found");
  }

  /** The URL at which the visitor is back at the client, with the access token. */
  #returnUrl(consumer: Consumer, pending: SignOnToken, tokens: Tokens): string {
    const now = this.#now();
    const key = currentKeyOf(consumer, now);
    if (key === undefined) throw new SignOnError("access_denied");
    const { redirectTo = "", state } = pending;
    const trip = { ...tokens, redirectTo, ...(state === undefined ? {} : { state }) };
    return this.#formats[consumer.format].returnUrl(trip, key, now);
  }

  async #verify(asked: ConsumerRequest, options: CallOptions): Promise<Response> {
    const { consumer, members } = asked;
    const { tokens, userObject, lifetimes } = this.#options;
    const format = this.#formats[consumer.format];
    const token = format.accessToken(members);
    if (token === undefined) throw new SignOnError("token_missing");
    const taken = await tokens.take(
      { kind: "access", id: tokenId(token), consumer: consumer.key },
      options,
    );
    if (taken?.subject === undefined) throw new SignOnError("token_not_found");
    if (!format.isSameSignOn(members, taken)) throw new SignOnError("token_not_found");

    const user = await this.#userOf(taken.subject, options);
    const isActive = user?.active !== false;
    // A client gets a user who is not active, too, so that it ends the sessions it has.
    if (user === undefined || !(isActive || format.tellsInactive))
      throw new SignOnError("inactive");
    await this.#assertAdmission(user, consumer);
    // Also of those that cannot be notified of a sign-out, so that it is known who they are.
    if (isActive) {
      await tokens.save(sessionRecord(taken, this.#now(), lifetimes), options);
    }
    const sent = (await userObject?.call(this.#options, user, consumer)) ?? signOnUserOf(user);
    const extra = members.has("extra_data")
      ? await this.#options.extraData?.(user, consumer, members.get("extra_data"))
      : undefined;
    const object = {
      ...sent,
      is_active: sent.is_active && isActive,
      ...(extra === undefined ? {} : { extra_data: extra }),
    };
    return asked.respond(format.verified(taken, object));
  }

  /** A client says that its user has signed out: the session here ends, and with it those at every other client. */
  async #signOutFrom(asked: ConsumerRequest, options: CallOptions): Promise<Response> {
    const { consumer, members } = asked;
    const { endSession } = this.#options;
    if (endSession === undefined) throw new SignOnError("not_found");
    const session = textMember(members, "sid") ?? "";
    const id = sessionId(consumer.key, session);
    const known = await this.#options.tokens.get("session", id, options);
    // A client speaks only for users that it has got.
    if (known?.subject !== undefined) {
      await endSession.call(this.#options, { subject: known.subject, session });
      await this.#notifier.notify(known.subject, session, options, known);
      // Only now, so that a client that asks again after a failure does not see that all is done.
      await this.#options.tokens.take(known, options);
    }
    return asked.respond({});
  }

  /** The user as the store has it now. A user who is gone or not active is signed out everywhere. */
  async #userOf(subject: string, options: CallOptions): Promise<User | undefined> {
    const user = await this.#options.users.get(subject, options);
    if (user === undefined || user.active === false) {
      await this.#notifier.notify(subject, undefined, options);
    }
    return user;
  }

  async #assertAdmission(user: User, consumer: Consumer): Promise<void> {
    const mayUse = (await this.#options.mayUse?.(user, consumer)) ?? true;
    if (!mayUse) throw new SignOnError("access_denied");
  }
}
