import type { CallOptions, Consumer } from "../../repositories/index.js";
import {
  createSigner,
  createVerifier,
  type DraftSigner,
  type DraftVerifier,
  type Epoch,
  type KeyRing,
  type QueryParameters,
  type SigningKey,
  type SimpleSsoSigner,
  type SimpleSsoVerifier,
  type TimeWindow,
} from "../../signing/index.js";
import { SignOnError } from "../errors.js";
import { readMembers, textMember } from "../message.js";
import { pythonJson } from "../python-json.js";
import { type SendOptions, SignedPost, send } from "../signed-post.js";
import { readSignOnUser } from "../user-object.js";
import type { Identity } from "./identity.js";

/** A sign-on that a client began. */
export interface Begun {
  /** What comes back with the visitor, by which the client knows the browser. */
  readonly state: string;
  readonly requestToken: string;
  /** Where the visitor is sent. */
  readonly authorizeUrl: string;
}

/** What a visitor brings back. */
export interface Returned {
  readonly state: string;
  readonly accessToken: string;
}

/** The client's side of the exchange, in one format. */
export interface ClientExchange {
  /** Asks the server for a token to send the visitor with. */
  begin(state: string, options: CallOptions): Promise<Begun>;
  /** Reads the URL at which a visitor is back. */
  read(url: URL, options: CallOptions): Promise<Returned>;
  /** Asks the server who it is. */
  verify(returned: Returned, requestToken: string, options: CallOptions): Promise<Identity>;
}

/** What all formats are made with. */
export interface ClientExchangeOptions extends SendOptions {
  /** The URL of the server, which ends in a slash. */
  readonly serverUrl: string;
  /** Where visitors come back. */
  readonly returnUrl: string;
  /** The client's own keys. */
  readonly keys: KeyRing;
  readonly window?: TimeWindow;
  /** From when the stamps of `simple-sso` count. Default: `2011`. */
  readonly epoch?: Epoch;
  /** What the server is asked for beside the user, in the formats that can ask. */
  readonly extraData?: unknown;
  readonly now: () => Date;
}

/** The exchange of a format. */
export function clientExchange(
  format: Consumer["format"],
  options: ClientExchangeOptions,
): ClientExchange {
  switch (format) {
    case "http-signature":
      return new HttpSignatureExchange(options);
    case "simple-sso":
      return new SimpleSsoExchange(options);
    case "simple-sso-draft":
      return new DraftExchange(options);
  }
}

class HttpSignatureExchange implements ClientExchange {
  readonly #options: ClientExchangeOptions;
  readonly #post: SignedPost;

  constructor(options: ClientExchangeOptions) {
    this.#options = options;
    this.#post = new SignedPost(options);
  }

  async begin(state: string, options: CallOptions): Promise<Begun> {
    const { serverUrl, returnUrl } = this.#options;
    const members = { redirect_to: returnUrl, state };
    const requestToken = demand(
      (await this.#send("request-token/", members, options)).get("request_token"),
    );
    const query = new URLSearchParams({ token: requestToken });
    return { state, requestToken, authorizeUrl: `${serverUrl}authorize/?${query}` };
  }

  async read({ searchParams }: URL): Promise<Returned> {
    return {
      state: single(searchParams, "state"),
      accessToken: single(searchParams, "access_token"),
    };
  }

  async verify(
    { accessToken }: Returned,
    requestToken: string,
    options: CallOptions,
  ): Promise<Identity> {
    const { extraData, serverUrl } = this.#options;
    const told = await this.#send(
      "verify/",
      {
        access_token: accessToken,
        request_token: requestToken,
        ...(extraData === undefined ? {} : { extra_data: extraData }),
      },
      options,
    );
    const session = textMember(told, "sid");
    return {
      server: serverUrl,
      subject: demand(told.get("sub")),
      ...(session === undefined ? {} : { session }),
      user: readSignOnUser(told.get("user")),
    };
  }

  #send(path: string, members: Readonly<Record<string, unknown>>, options: CallOptions) {
    const { serverUrl, keys, now } = this.#options;
    return this.#post.send(`${serverUrl}${path}`, members, currentKey(keys, now()), options);
  }
}

class SimpleSsoExchange implements ClientExchange {
  readonly #options: ClientExchangeOptions;
  readonly #signer: SimpleSsoSigner;
  readonly #verifier: SimpleSsoVerifier;

  constructor(options: ClientExchangeOptions) {
    const { keys, epoch, window, now } = options;
    const profile = "simple-sso";
    this.#options = options;
    this.#signer = createSigner({ profile, now, ...(epoch === undefined ? {} : { epoch }) });
    this.#verifier = createVerifier({
      profile,
      keys,
      now,
      ...(window === undefined ? {} : { window }),
    });
  }

  async begin(state: string, options: CallOptions): Promise<Begun> {
    const { serverUrl, returnUrl } = this.#options;
    const redirectTo = `${returnUrl}?${new URLSearchParams({ state })}`;
    const told = await this.#send("request-token/", { redirect_to: redirectTo }, options);
    const requestToken = demand(told.get("request_token"));
    const query = new URLSearchParams({ token: requestToken });
    return { state, requestToken, authorizeUrl: `${serverUrl}authorize/?${query}` };
  }

  async read({ searchParams }: URL, options: CallOptions): Promise<Returned> {
    const signed = single(searchParams, "access_token");
    const { keys, now } = this.#options;
    const verification = await this.#verifier.verifyUrlSafe(
      signed,
      currentKey(keys, now()).id,
      options,
    );
    if (!verification.verified) {
      throw new SignOnError("wrong_signature", { refusal: verification.refusal });
    }
    // The payload is a text in JSON, which may hold what is no text.
    const accessToken = demand(readMembers(`{"token":${verification.payload}}`).get("token"));
    return { state: single(searchParams, "state"), accessToken };
  }

  async verify({ accessToken }: Returned, _: string, options: CallOptions): Promise<Identity> {
    const { extraData } = this.#options;
    const extra = extraData === undefined ? {} : { extra_data: extraData };
    const told = await this.#send("verify/", { access_token: accessToken, ...extra }, options);
    const user = readSignOnUser(Object.fromEntries(told));
    return { server: this.#options.serverUrl, subject: user.username, user };
  }

  async #send(path: string, members: Readonly<Record<string, unknown>>, options: CallOptions) {
    const { serverUrl, keys, now } = this.#options;
    const key = currentKey(keys, now());
    const request = new Request(`${serverUrl}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-services-public-key": key.id },
      body: this.#signer.sign(pythonJson(members), key),
    });
    const { content } = await send(request, this.#options, options);
    const verification = await this.#verifier.verify(content, key.id, options);
    if (!verification.verified) {
      throw new SignOnError("server_not_verified", { refusal: verification.refusal });
    }
    return readMembers(verification.payload);
  }
}

class DraftExchange implements ClientExchange {
  readonly #options: ClientExchangeOptions;
  readonly #signer: DraftSigner;
  readonly #verifier: DraftVerifier;

  constructor(options: ClientExchangeOptions) {
    const { keys, now } = options;
    this.#options = options;
    this.#signer = createSigner({ profile: "simple-sso-draft", now });
    this.#verifier = createVerifier({ profile: "simple-sso-draft", keys, now });
  }

  /** The draft sends nothing back but its own token, which is as good a state as any. */
  async begin(_: string, options: CallOptions): Promise<Begun> {
    const requestToken = member(await this.#ask("request-token/", [], options), "request_token");
    return {
      state: requestToken,
      requestToken,
      authorizeUrl: this.#url("authorize/", [["request_token", requestToken]]),
    };
  }

  async read({ search }: URL, options: CallOptions): Promise<Returned> {
    const parameters = await this.#verified(search.slice(1), options, "wrong_signature");
    return {
      state: member(parameters, "request_token"),
      accessToken: member(parameters, "auth_token"),
    };
  }

  async verify({ accessToken }: Returned, _: string, options: CallOptions): Promise<Identity> {
    const told = await this.#ask("verify/", [["auth_token", accessToken]], options);
    const user = readSignOnUser(Object.fromEntries(readMembers(member(told, "user"))));
    return { server: this.#options.serverUrl, subject: user.username, user };
  }

  async #ask(path: string, parameters: QueryParameters, options: CallOptions) {
    const request = new Request(this.#url(path, parameters));
    const { content } = await send(request, this.#options, options);
    return await this.#verified(new TextDecoder().decode(content), options, "server_not_verified");
  }

  #url(path: string, parameters: QueryParameters): string {
    const { serverUrl, keys, now } = this.#options;
    return `${serverUrl}${path}?${this.#signer.signRequest(parameters, currentKey(keys, now()))}`;
  }

  async #verified(
    signed: string,
    options: CallOptions,
    reason: "wrong_signature" | "server_not_verified",
  ): Promise<QueryParameters> {
    const { keys, now } = this.#options;
    const { id } = currentKey(keys, now());
    const verification = await this.#verifier.verifyResponse(signed, id, options);
    if (!verification.verified) {
      throw new SignOnError(reason, { refusal: verification.refusal });
    }
    return verification.parameters;
  }
}

function currentKey(keys: KeyRing, at: Date): SigningKey {
  const key = keys.current(at);
  if (key === undefined) throw new SignOnError("unavailable");
  return key;
}

/** A text that must be there. */
function demand(value: unknown): string {
  if (typeof value === "string" && value !== "" && value.length <= 1_024) return value;
  throw new SignOnError("server_failed");
}

/** A parameter that must be there once. */
function single(parameters: URLSearchParams, name: string): string {
  const [value, ...others] = parameters.getAll(name);
  if (value === undefined || others.length > 0) throw new SignOnError("token_missing");
  return value;
}

function member(parameters: QueryParameters, name: string): string {
  const [value, ...others] = parameters.filter(([one]) => one === name);
  if (value === undefined || others.length > 0) throw new SignOnError("server_failed");
  return value[1];
}
