import type { CallOptions, SignOnToken } from "../../repositories/index.js";
import {
  createSigner,
  createVerifier,
  type DraftSigner,
  type DraftVerifier,
  type QueryParameters,
  type SigningKey,
} from "../../signing/index.js";
import { SignOnError } from "../errors.js";
import type { Identity } from "../identity.js";
import { type Members, readMembers, refusalOf, response, textMember } from "../message.js";
import { pythonJson } from "../python-json.js";
import { send } from "../signed-post.js";
import { readSignOnUser } from "../user-object.js";
import type {
  Begun,
  ClientFormat,
  ClientFormatOptions,
  ConsumerKeySource,
  ConsumerRequest,
  Returned,
  ReturnTrip,
  ServerFormat,
  ServerFormatOptions,
  StepOptions,
  WireFormat,
} from "./format.js";
import { currentKey, linkTo, signedParameter } from "./values.js";

/** Queries and forms of the draft of 2011. */
export const simpleSsoDraft: WireFormat = {
  rules: {
    hasSignOut: false,
    isStrict: false,
    isRegistered: (redirectUris, redirectTo) => redirectUris.includes(redirectTo),
  },
  server: (options) => new DraftServer(options),
  client: (options) => new DraftClient(options),
};

const profile = "simple-sso-draft";

class DraftServer implements ServerFormat {
  /** The URL to go back to is the registered one. */
  readonly statesRedirect = false;
  readonly visit = { parameter: "request_token", isSigned: true } as const;
  /** There is no word for it. */
  readonly tellsInactive = false;
  readonly #keys: ConsumerKeySource;
  readonly #verifier: DraftVerifier;
  readonly #signer: DraftSigner;

  constructor({ keys, window, now }: ServerFormatOptions) {
    this.#keys = keys;
    this.#verifier = createVerifier({
      profile,
      keys,
      now,
      ...(window === undefined ? {} : { window }),
    });
    this.#signer = createSigner({ profile, now });
  }

  isOf({ method }: Request): boolean {
    return method === "GET";
  }

  async read(request: Request, options: StepOptions): Promise<ConsumerRequest> {
    const { search } = new URL(request.url);
    const verification = await this.#verifier.verifyRequest(search.slice(1), options);
    if (!verification.verified) throw refusalOf(verification);
    const { key, parameters } = verification;
    const members = new Map(parameters);
    // Of two values, one peer might read the first and another the last.
    if (members.size < parameters.length) throw new SignOnError("malformed");
    return {
      consumer: this.#keys.ownerOf(key),
      members,
      respond: (fields) => {
        const texts = Object.entries(fields).map(([name, value]): [string, string] => [
          name,
          typeof value === "string" ? value : pythonJson(value),
        ]);
        return response(
          this.#signer.signResponse(texts, key),
          "application/x-www-form-urlencoded; charset=utf-8",
        );
      },
    };
  }

  returnUrl({ redirectTo, requestToken, accessToken }: ReturnTrip, key: SigningKey): string {
    const parameters = [
      ["request_token", requestToken],
      ["auth_token", accessToken],
    ] as const;
    return `${redirectTo}${linkTo(redirectTo)}${this.#signer.signResponse(parameters, key)}`;
  }

  accessToken(members: Members): string | undefined {
    return textMember(members, "auth_token");
  }

  isSameSignOn(): boolean {
    return true;
  }

  verified(_: SignOnToken, user: object): Readonly<Record<string, unknown>> {
    return { user };
  }
}

class DraftClient implements ClientFormat {
  readonly #options: ClientFormatOptions;
  readonly #signer: DraftSigner;
  readonly #verifier: DraftVerifier;

  constructor(options: ClientFormatOptions) {
    const { keys, now } = options;
    this.#options = options;
    this.#signer = createSigner({ profile, now });
    this.#verifier = createVerifier({ profile, keys, now });
  }

  /** The draft sends nothing back but its own token, which is as good a state as any. */
  async begin(_: string, options: CallOptions): Promise<Begun> {
    const response = await this.#ask("request-token/", [], options);
    const requestToken = signedParameter(response, "request_token");
    return {
      state: requestToken,
      requestToken,
      authorizeUrl: this.#url("authorize/", [["request_token", requestToken]]),
    };
  }

  async read({ search }: URL, options: CallOptions): Promise<Returned> {
    const parameters = await this.#verified(search.slice(1), options, "wrong_signature");
    return {
      state: signedParameter(parameters, "request_token"),
      accessToken: signedParameter(parameters, "auth_token"),
    };
  }

  async verify({ accessToken }: Returned, _: string, options: CallOptions): Promise<Identity> {
    const response = await this.#ask("verify/", [["auth_token", accessToken]], options);
    const user = readSignOnUser(Object.fromEntries(readMembers(signedParameter(response, "user"))));
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
