import type { CallOptions, SignOnToken } from "../../repositories/index.js";
import { createVerifier, type HttpVerifier, type SigningKey } from "../../signing/index.js";
import type { Identity } from "../identity.js";
import {
  type ContentLimits,
  type Members,
  readContent,
  readMembers,
  refusalOf,
  response,
  signatureTag,
  signedRequest,
  textMember,
} from "../message.js";
import { SignedPost } from "../signed-post.js";
import { tokenId } from "../token.js";
import { readSignOnUser } from "../user-object.js";
import type {
  Begun,
  ClientFormat,
  ClientFormatOptions,
  ClientSignOut,
  ConsumerKeySource,
  ConsumerRequest,
  Returned,
  ReturnTrip,
  ServerFormat,
  ServerFormatOptions,
  StepOptions,
  WireFormat,
} from "./format.js";
import { currentKey, linkTo, requiredText, singleParameter } from "./values.js";

/** JSON, signed by RFC 9421: for everything new. */
export const httpSignature: WireFormat = {
  rules: {
    hasSignOut: true,
    isStrict: true,
    isRegistered: (redirectUris, redirectTo) => redirectUris.includes(redirectTo),
  },
  server: (options) => new HttpSignatureServer(options),
  client: (options) => new HttpSignatureClient(options),
};

/** Reads JSON that is signed, and signs the responses. */
class SignedJson {
  readonly #limits: ContentLimits;
  readonly #verifier: HttpVerifier;
  readonly #origin: string;

  constructor(options: ServerFormatOptions | ClientFormatOptions) {
    const { url, keys, nonces, window, now } = options;
    this.#limits = options;
    this.#origin = url.origin;
    this.#verifier = createVerifier({
      profile: "http-signature",
      tag: signatureTag,
      keys,
      nonces,
      now,
      authorities: [url.host],
      ...(window === undefined ? {} : { window }),
    });
  }

  async read(
    request: Request,
    { target, ...options }: StepOptions,
  ): Promise<Omit<ConsumerRequest, "consumer"> & { readonly key: SigningKey }> {
    const content = await readContent(request, this.#limits);
    const verification = await this.#verifier.verifyRequest(
      signedRequest(request, this.#origin, target),
      content,
      options,
    );
    if (!verification.verified) throw refusalOf(verification);
    const { key, exchange } = verification;
    return {
      key,
      members: readMembers(new TextDecoder().decode(content)),
      respond: (members) => {
        const body = new TextEncoder().encode(JSON.stringify(members));
        const signed = response(body, "application/json");
        const fields = exchange.signResponse(signed, body);
        for (const [name, value] of Object.entries(fields)) signed.headers.set(name, value);
        return signed;
      },
    };
  }
}

class HttpSignatureServer implements ServerFormat {
  readonly statesRedirect = true;
  readonly visit = { parameter: "token", isSigned: false } as const;
  readonly tellsInactive = true;
  readonly #keys: ConsumerKeySource;
  readonly #json: SignedJson;

  constructor(options: ServerFormatOptions) {
    this.#keys = options.keys;
    this.#json = new SignedJson(options);
  }

  isOf({ method, headers }: Request): boolean {
    return method === "POST" && headers.has("signature-input");
  }

  async read(request: Request, options: StepOptions): Promise<ConsumerRequest> {
    const { key, ...read } = await this.#json.read(request, options);
    return { ...read, consumer: this.#keys.ownerOf(key) };
  }

  returnUrl({ redirectTo, state = "", accessToken }: ReturnTrip): string {
    const parameters = `access_token=${accessToken}&state=${encodeURIComponent(state)}`;
    return `${redirectTo}${linkTo(redirectTo)}${parameters}`;
  }

  accessToken(members: Members): string | undefined {
    return textMember(members, "access_token");
  }

  /** The token of another sign-on, though of the same client, could have been put instead of this one's. */
  isSameSignOn(members: Members, taken: SignOnToken): boolean {
    return tokenId(textMember(members, "request_token") ?? "") === taken.request;
  }

  verified({ subject, session }: SignOnToken, user: object): Readonly<Record<string, unknown>> {
    return { sub: subject, sid: session, user };
  }
}

class HttpSignatureClient implements ClientFormat {
  readonly signOut: ClientSignOut;
  readonly #options: ClientFormatOptions;
  readonly #post: SignedPost;

  constructor(options: ClientFormatOptions) {
    const post = new SignedPost(options);
    const json = new SignedJson(options);
    this.#options = options;
    this.#post = post;
    this.signOut = {
      notify: async (session, key, callOptions) => {
        await post.send(`${options.serverUrl}sign-out/`, { sid: session }, key, callOptions);
      },
      read: (request, stepOptions) => json.read(request, stepOptions),
    };
  }

  async begin(state: string, options: CallOptions): Promise<Begun> {
    const { serverUrl, returnUrl } = this.#options;
    const response = await this.#send("request-token/", { redirect_to: returnUrl, state }, options);
    const requestToken = requiredText(response.get("request_token"));
    const query = new URLSearchParams({ token: requestToken });
    return { state, requestToken, authorizeUrl: `${serverUrl}authorize/?${query}` };
  }

  async read({ searchParams }: URL): Promise<Returned> {
    return {
      state: singleParameter(searchParams, "state"),
      accessToken: singleParameter(searchParams, "access_token"),
    };
  }

  async verify(
    { accessToken }: Returned,
    requestToken: string,
    options: CallOptions,
  ): Promise<Identity> {
    const { extraData, serverUrl } = this.#options;
    const members = {
      access_token: accessToken,
      request_token: requestToken,
      ...(extraData === undefined ? {} : { extra_data: extraData }),
    };
    const response = await this.#send("verify/", members, options);
    const session = textMember(response, "sid");
    return {
      server: serverUrl,
      subject: requiredText(response.get("sub")),
      ...(session === undefined ? {} : { session }),
      user: readSignOnUser(response.get("user")),
    };
  }

  #send(path: string, members: Readonly<Record<string, unknown>>, options: CallOptions) {
    const { serverUrl, keys, now } = this.#options;
    return this.#post.send(`${serverUrl}${path}`, members, currentKey(keys, now()), options);
  }
}
