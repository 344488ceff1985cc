import { type ConnectionInfo, type Handler, UnsupportedError } from "../../core/index.js";
import type { CallOptions, Consumer, NonceRepository } from "../../repositories/index.js";
import type { Epoch, KeyRing, TimeWindow } from "../../signing/index.js";
import {
  type SignOnEvent,
  StepPublisher,
  type StepTrace,
  signOnClientChannelName,
} from "../channel.js";
import { SignOnError } from "../errors.js";
import type { ClientFormat } from "../formats/format.js";
import { formats } from "../formats/formats.js";
import type { Identity } from "../identity.js";
import {
  assertMethod,
  failureOf,
  failureResponse,
  redirect,
  stepOf,
  textMember,
} from "../message.js";
import type { SendOptions } from "../signed-post.js";
import { siteUrl } from "../site-url.js";
import { newToken, tokenId } from "../token.js";
import { FlowCookies } from "./flow-cookie.js";
import { homeUrl } from "./home-url.js";

/** Options of {@link signOnClient}. */
export interface SignOnClientOptions extends SendOptions {
  /** Where the handler is, as browsers have it, such as `https://shop.example.com/client/`. It ends in a slash. */
  readonly url: string;
  /** The URL of the server, which ends in a slash. */
  readonly server: string;
  /** The format that the server has this site down for. Default: `http-signature`. */
  readonly format?: Consumer["format"] | undefined;
  /** The keys that the server gave this site. Their id is the consumer's key. */
  readonly keys: KeyRing;
  /** Where used tokens are remembered, so that each signs in once. */
  readonly nonces: NonceRepository;
  /**
   * Begins a session of this site for the user who signed in, always under a new identifier, so that no attacker can
   * have put one that is known into the browser before.
   *
   * @returns the fields of the response that begin it in the browser, such as `Set-Cookie`.
   * @throws {SignOnError} the visitor is not let in, as by `accountFor`.
   */
  signIn(identity: Identity, request: Request): Promise<Headers>;
  /**
   * Ends the sessions of this site that came from a session at the server, or all of a user's where none is named. The
   * server says so when the user has signed out there or is not active any more. Default: `sign-out/` is not found, so
   * that the server does not take the client for one that was notified.
   */
  endSessions?(who: {
    readonly server: string;
    readonly subject: string;
    readonly session?: string;
  }): Promise<void>;
  /** Makes the page of a failure. Default: a line of text. */
  failure?(error: SignOnError, request: Request): Response | Promise<Response>;
  /** What the server is asked for beside the user. Default: nothing. */
  readonly extraData?: unknown | undefined;
  /** How far the time of a message may be from now. */
  readonly window?: TimeWindow | undefined;
  /** From when the stamps of `simple-sso` count. Default: `2011`. */
  readonly epoch?: Epoch | undefined;
  /** How long a sign-on may take, in seconds. Default: 600. */
  readonly lifetime?: number | undefined;
  /** The clock. Default: the system's. */
  readonly now?: (() => Date) | undefined;
}

/** A site whose visitors sign in elsewhere. */
export interface SignOnClient {
  /**
   * Responds at its URL, with the parameter `next`, to send a visitor to the server; at `authenticate/` to those who
   * come back; and at `sign-out/` to the server.
   */
  readonly handler: Handler;
  /**
   * Notifies the server that its user has signed out here, so that the session ends there and at every client that can
   * be notified.
   *
   * It is fulfilled once the session has ended at the server and the other clients were asked, whether they have
   * confirmed it or not: a client learns nothing of the others. The sessions of those that could not be notified are
   * kept, and each later sign-out of the user tries them again; the channel of the server names them, by a step `tell`.
   *
   * @throws {UnsupportedError} the format is another than `http-signature`: it has no sign-out. Nothing is sent.
   * @throws {SignOnError} the server has not confirmed it.
   */
  signOut(session: string, options?: CallOptions): Promise<void>;
}

/**
 * Makes the client's side of sign-on.
 *
 * @throws {InvalidValueError} one of the URLs is none, or is `http:` on a host that is not this machine.
 */
export function signOnClient(options: SignOnClientOptions): SignOnClient {
  return new Client(options);
}

/** How long a used token is remembered, in milliseconds: longer than any server takes it. */
const remembered = 86_400_000;

/** The steps by their paths below the URL of the client. */
const steps: ReadonlyMap<string, SignOnEvent["step"]> = new Map([
  ["", "begin"],
  ["authenticate/", "authenticate"],
  ["sign-out/", "sign-out"],
]);

class Client implements SignOnClient {
  readonly handler: Handler = (request, connection) => this.#handle(request, connection);
  readonly #options: SignOnClientOptions;
  readonly #url: URL;
  readonly #server: string;
  readonly #format: ClientFormat;
  readonly #flows: FlowCookies;
  readonly #steps: StepPublisher;
  readonly #now: () => Date;

  constructor(options: SignOnClientOptions) {
    const { format = "http-signature", now = () => new Date() } = options;
    this.#options = options;
    this.#url = siteUrl(options.url);
    this.#server = siteUrl(options.server).href;
    this.#now = now;
    this.#steps = new StepPublisher(signOnClientChannelName, this.#url.href);
    this.#format = formats[format].client({
      ...options,
      url: this.#url,
      serverUrl: this.#server,
      returnUrl: `${this.#url.href}authenticate/`,
      now,
    });
    this.#flows = new FlowCookies(this.#url, options.lifetime ?? 600);
  }

  async signOut(session: string, options: CallOptions = {}): Promise<void> {
    const { signOut } = this.#format;
    if (signOut === undefined) {
      throw new UnsupportedError(`A server of ${this.#options.format} has no sign-out.`);
    }
    const key = this.#options.keys.current(this.#now());
    if (key === undefined) throw new SignOnError("unavailable");
    await this.#steps.watch("tell", this.#trace(), async () => {
      await signOut.notify(session, key, options);
      return { result: undefined, status: 200 };
    });
  }

  async #handle(request: Request, connection: ConnectionInfo = {}): Promise<Response> {
    const step = steps.get(stepOf(request, this.#url) ?? "unknown") ?? "unknown";
    const trace = this.#trace();
    return await this.#steps.watch(step, trace, async () => {
      try {
        const result = await this.#step(step, request, trace, connection);
        return { result, status: result.status };
      } catch (error) {
        const failure = failureOf(error);
        if (failure === undefined) throw error;
        const page = step === "sign-out" ? undefined : this.#options.failure;
        const result =
          page === undefined
            ? failureResponse(failure)
            : await page.call(this.#options, failure, request);
        return { result, status: result.status, error: failure };
      }
    });
  }

  async #step(
    step: SignOnEvent["step"],
    request: Request,
    trace: StepTrace,
    { target }: ConnectionInfo,
  ): Promise<Response> {
    switch (step) {
      case "begin":
        assertMethod(request, "GET");
        return await this.#begin(request, trace);
      case "authenticate":
        assertMethod(request, "GET");
        return await this.#callback(request);
      case "sign-out":
        assertMethod(request, "POST");
        return await this.#endSessions(request, target);
      default:
        throw new SignOnError("not_found");
    }
  }

  #trace(): StepTrace {
    const { keys, format = "http-signature" } = this.#options;
    const key = keys.current(this.#now());
    return { format, ...(key === undefined ? {} : { consumer: key.id }) };
  }

  async #begin(request: Request, trace: StepTrace): Promise<Response> {
    const next = new URL(request.url).searchParams.get("next");
    const { state, requestToken, authorizeUrl } = await this.#format.begin(newToken(), request);
    const home = new URL(homeUrl(next, this.#url.href));
    const way = `${home.pathname}${home.search}${home.hash}`;
    if (next !== null && next !== "" && next !== "/" && way === "/") trace.isNextRefused = true;
    const flow = { state, requestToken, next: way, begunAt: this.#now().getTime() };
    const fields = new Headers();
    for (const cookie of this.#flows.begin(request, flow)) fields.append("set-cookie", cookie);
    return redirect(authorizeUrl, fields);
  }

  async #callback(request: Request): Promise<Response> {
    const returned = await this.#format.read(new URL(request.url), request);
    const flow = this.#flows.find(request, returned.state);
    if (flow === undefined) throw new SignOnError("not_begun_here");

    const identity = await this.#format.verify(returned, flow.requestToken, request);
    const { server, subject, user } = identity;
    if (!user.is_active) {
      await this.#options.endSessions?.({ server, subject });
      throw new SignOnError("inactive");
    }
    // Only now, so that strangers cannot fill the store.
    await this.#takeOnce(returned.accessToken, request);
    const fields = await this.#options.signIn(identity, request);
    const headers = new Headers(fields);
    headers.append("set-cookie", this.#flows.end(flow.state));
    return redirect(homeUrl(flow.next, this.#url.href), headers);
  }

  /** A server may take a token several times, as django-simple-sso does; here it signs in once. */
  async #takeOnce(accessToken: string, { signal }: Request): Promise<void> {
    const nonce = {
      scope: `sign-on ${this.#server}`,
      value: tokenId(accessToken),
      expiresAt: new Date(this.#now().getTime() + remembered),
    };
    let isFirst: boolean;
    try {
      isFirst = await this.#options.nonces.take(nonce, { signal });
    } catch (cause) {
      signal.throwIfAborted();
      throw new SignOnError("unavailable", { cause });
    }
    if (isFirst !== true) throw new SignOnError("token_not_found");
  }

  /** The server says that a user has signed out. */
  async #endSessions(request: Request, target?: string): Promise<Response> {
    const { endSessions } = this.#options;
    // Without a way to end sessions, what would be sent to the server is not so.
    if (this.#format.signOut === undefined || endSessions === undefined) {
      throw new SignOnError("not_found");
    }
    const { members, respond } = await this.#format.signOut.read(request, {
      signal: request.signal,
      ...(target === undefined ? {} : { target }),
    });
    const subject = textMember(members, "sub");
    const session = textMember(members, "sid");
    if (subject === undefined) throw new SignOnError("malformed");
    await endSessions.call(this.#options, {
      server: this.#server,
      subject,
      ...(session === undefined ? {} : { session }),
    });
    return respond({});
  }
}
