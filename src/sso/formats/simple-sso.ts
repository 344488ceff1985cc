import type { CallOptions, SignOnToken } from "../../repositories/index.js";
import {
  createSigner,
  createVerifier,
  type SigningKey,
  type SimpleSsoSigner,
  type SimpleSsoVerifier,
} from "../../signing/index.js";
import { SignOnError } from "../errors.js";
import type { Identity } from "../identity.js";
import {
  type Members,
  readContent,
  readMembers,
  refusalOf,
  response,
  textMember,
} from "../message.js";
import { pythonJson } from "../python-json.js";
import { send } from "../signed-post.js";
import { readSignOnUser } from "../user-object.js";
import type {
  Begun,
  ClientFormat,
  ClientFormatOptions,
  ConsumerRequest,
  Returned,
  ReturnTrip,
  ServerFormat,
  ServerFormatOptions,
  StepOptions,
  WireFormat,
} from "./format.js";
import { currentKey, linkTo, requiredText, singleParameter } from "./values.js";

/** Bodies and headers of django-simple-sso from 0.9 on. */
export const simpleSso: WireFormat = {
  rules: {
    hasSignOut: false,
    isStrict: false,
    /**
     * Sites with django-simple-sso put more into the query, such as the page to go on to: it is what stands before the
     * query that must be registered, character by character.
     */
    isRegistered: (redirectUris, redirectTo) => {
      const url = URL.parse(redirectTo);
      if (url === null || redirectTo.length > 2_048 || redirectTo.includes("#")) return false;
      // A token that is there already might be read instead of the one that is added.
      if (url.searchParams.has("access_token")) return false;
      return redirectUris.includes(redirectTo.split("?", 1)[0] ?? "");
    },
  },
  server: (options) => new SimpleSsoServer(options),
  client: (options) => new SimpleSsoClient(options),
};

const profile = "simple-sso";

class SimpleSsoServer implements ServerFormat {
  readonly statesRedirect = true;
  readonly visit = { parameter: "token", isSigned: false } as const;
  readonly tellsInactive = true;
  readonly #options: ServerFormatOptions;
  readonly #verifier: SimpleSsoVerifier;
  readonly #signer: SimpleSsoSigner;

  constructor(options: ServerFormatOptions) {
    const { keys, epoch, window, now } = options;
    this.#options = options;
    this.#verifier = createVerifier({
      profile,
      keys,
      now,
      ...(window === undefined ? {} : { window }),
    });
    this.#signer = createSigner({ profile, now, ...(epoch === undefined ? {} : { epoch }) });
  }

  isOf({ method, headers }: Request): boolean {
    return method === "POST" && !headers.has("signature-input");
  }

  async read(request: Request, options: StepOptions): Promise<ConsumerRequest> {
    const keyId = request.headers.get("x-services-public-key");
    if (keyId === null) throw new SignOnError("no_key");
    const content = await readContent(request, this.#options);
    const verification = await this.#verifier.verify(content, keyId, options);
    if (!verification.verified) throw refusalOf(verification);
    const { key, payload } = verification;
    return {
      consumer: this.#options.keys.ownerOf(key),
      members: readMembers(payload),
      respond: (members) =>
        response(this.#signer.sign(pythonJson(members), key), "text/plain; charset=utf-8"),
    };
  }

  returnUrl({ redirectTo, accessToken }: ReturnTrip, key: SigningKey): string {
    const token = this.#signer.signUrlSafe(JSON.stringify(accessToken), key);
    return `${new URL(redirectTo).href}${linkTo(redirectTo)}access_token=${token}`;
  }

  accessToken(members: Members): string | undefined {
    return textMember(members, "access_token");
  }

  isSameSignOn(): boolean {
    return true;
  }

  verified(_: SignOnToken, user: object): Readonly<Record<string, unknown>> {
    return { ...user };
  }
}

class SimpleSsoClient implements ClientFormat {
  readonly #options: ClientFormatOptions;
  readonly #signer: SimpleSsoSigner;
  readonly #verifier: SimpleSsoVerifier;

  constructor(options: ClientFormatOptions) {
    const { keys, epoch, window, now } = options;
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
    const response = await this.#send("request-token/", { redirect_to: redirectTo }, options);
    const requestToken = requiredText(response.get("request_token"));
    const query = new URLSearchParams({ token: requestToken });
    return { state, requestToken, authorizeUrl: `${serverUrl}authorize/?${query}` };
  }

  async read({ searchParams }: URL, options: CallOptions): Promise<Returned> {
    const signed = singleParameter(searchParams, "access_token");
    const { keys, now } = this.#options;
    const { id } = currentKey(keys, now());
    const verification = await this.#verifier.verifyUrlSafe(signed, id, options);
    if (!verification.verified) {
      throw new SignOnError("wrong_signature", { refusal: verification.refusal });
    }
    // The payload is a text in JSON, which may hold what is no text.
    const members = readMembers(`{"token":${verification.payload}}`);
    return {
      state: singleParameter(searchParams, "state"),
      accessToken: requiredText(members.get("token")),
    };
  }

  async verify({ accessToken }: Returned, _: string, options: CallOptions): Promise<Identity> {
    const { extraData } = this.#options;
    const extra = extraData === undefined ? {} : { extra_data: extraData };
    const response = await this.#send("verify/", { access_token: accessToken, ...extra }, options);
    const user = readSignOnUser(Object.fromEntries(response));
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
