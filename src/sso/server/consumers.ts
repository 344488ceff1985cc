import { InvalidValueError } from "../../core/index.js";
import type {
  CallOptions,
  Consumer,
  ConsumerRepository,
  ConsumerSecret,
} from "../../repositories/index.js";
import { createKey, KeyRing, type SigningKey } from "../../signing/index.js";
import type { ConsumerKeySource, FormatName } from "../formats/format.js";
import { formats } from "../formats/formats.js";
import { isPrivate } from "../site-url.js";
import { newToken } from "../token.js";

/** What {@link newConsumer} takes. */
export interface NewConsumer extends Omit<Consumer, "key" | "secrets" | "isRevoked"> {
  /** Default: a random one. */
  readonly key?: string;
  /** A secret that the site has already. Default: a random one. */
  readonly secret?: string;
}

/**
 * Makes a consumer, with a key and a secret of 64 characters each. The site is to be given both, in a way that no third
 * party can read.
 *
 * @throws {InvalidValueError} it has no place to send visitors back to, or one that is not an absolute `http:` or
 * `https:` URL in its usual form, without query and fragment; or the key is empty. With `http-signature` also: a URL is
 * `http:` on a host that is not this machine, or the secret has less than 32 bytes.
 */
export function newConsumer(consumer: NewConsumer): Consumer {
  const { key = newToken(), secret = newToken(), ...rest } = consumer;
  if (rest.redirectUris.length === 0) {
    throw new InvalidValueError("redirectUris", "visitors are sent back to somewhere.");
  }
  for (const uri of rest.redirectUris) assertSite("redirectUris", uri, rest.format);
  if (rest.signOutUri !== undefined) {
    assertSite("signOutUri", rest.signOutUri, rest.format);
    if (!formats[rest.format].rules.hasSignOut) {
      throw new InvalidValueError("signOutUri", `the format ${rest.format} has no sign-out.`);
    }
  }
  return withKeys({ ...rest, key, secrets: [{ value: secret }] });
}

/** The consumer, if its secrets make keys: one that is stored without would be refused at every message. */
function withKeys(consumer: Consumer): Consumer {
  keysOf(consumer);
  return consumer;
}

function assertSite(path: string, uri: string, format: FormatName): void {
  const url = URL.parse(uri);
  const isSite =
    url !== null && /^https?:$/.test(url.protocol) && url.href === uri && !/[?#@]/.test(uri);
  if (!isSite) {
    throw new InvalidValueError(
      path,
      "it is not an absolute http: or https: URL in its usual form, without query, fragment and user.",
    );
  }
  if (formats[format].rules.isStrict && !isPrivate(url)) {
    throw new InvalidValueError(path, "only on this machine it may be http:.");
  }
}

/** When and why a secret is replaced. */
export type Rotation = {
  /** The new secret. Default: a random one. */
  readonly secret?: string;
  /** Default: the system's time. */
  readonly now?: Date;
} & (
  | {
      /** When both sides go over to the new secret: a time by which the site has it. */
      readonly at: Date;
      readonly leaked?: false;
    }
  | {
      /**
       * The secret may be stolen, so that it counts no more, from now on and for nothing: its thief can put
       * any time into what is signed with it. The site is shut out until it has the new one.
       */
      readonly leaked: true;
    }
);

/**
 * Gives a consumer another secret, to which both sides go over at a time by which the site has it. Messages that are
 * signed before then with the old one pass. A secret that was to come at that time or later is given up for it.
 *
 * @returns the consumer, and the secret that the site is to be given.
 * @throws {InvalidValueError} four secrets are alive: the last replacement is not over; or, with `http-signature`, the
 * secret has less than 32 bytes.
 */
export function rotateSecret(
  consumer: Consumer,
  rotation: Rotation,
): { readonly consumer: Consumer; readonly secret: string } {
  const { secret = newToken(), now = new Date() } = rotation;
  if (rotation.leaked === true) {
    return { consumer: withKeys({ ...consumer, secrets: [{ value: secret }] }), secret };
  }
  const { at } = rotation;
  // What has ended a minute ago is needed for messages that are on their way.
  const alive = consumer.secrets.filter(
    ({ notBefore, notAfter }) =>
      (notBefore === undefined || notBefore < at) &&
      (notAfter === undefined || notAfter.getTime() > now.getTime() - 120_000),
  );
  if (alive.length >= 4) throw new InvalidValueError("secrets", "four of them are alive.");
  const ending = alive.map(
    (one): ConsumerSecret =>
      one.notAfter === undefined || one.notAfter > at ? { ...one, notAfter: at } : one,
  );
  return {
    consumer: withKeys({ ...consumer, secrets: [...ending, { value: secret, notBefore: at }] }),
    secret,
  };
}

/** Takes a consumer's part in everything away. Its key stays, so that no other gets it. */
export function revokeConsumer(consumer: Consumer): Consumer {
  return { ...consumer, secrets: [], isRevoked: true };
}

/** The keys of the consumers that speak one format; to a verifier of another, they are unknown. */
export class ConsumerKeys implements ConsumerKeySource {
  readonly #consumers: ConsumerRepository;
  readonly #format: FormatName;
  readonly #owners = new WeakMap<SigningKey, Consumer>();
  readonly #unknown: Consumer;

  constructor(consumers: ConsumerRepository, format: FormatName) {
    this.#consumers = consumers;
    this.#format = format;
    const secrets = [{ value: newToken() }];
    this.#unknown = { key: "nobody", name: "", format, secrets, redirectUris: [] };
  }

  /** Made anew too, so that a key that is not known takes as long. */
  decoy(): readonly SigningKey[] {
    return keysOf(this.#unknown);
  }

  async find(id: string, options?: CallOptions): Promise<readonly SigningKey[]> {
    const consumer = await this.#consumers.get(id, options);
    if (consumer?.format !== this.#format || consumer.isRevoked === true) return [];
    // Made anew for each message: that is a hundredth of a sign-on or two, and what is kept would outlive a secret that
    // was replaced.
    const keys = keysOf(consumer);
    for (const key of keys) this.#owners.set(key, consumer);
    return keys;
  }

  /** The consumer whose key this is, as it was found. */
  ownerOf(key: SigningKey): Consumer {
    const owner = this.#owners.get(key);
    if (owner === undefined) throw new InvalidValueError("key", "it was not found here.");
    return owner;
  }
}

/** The keys of a consumer. */
export function keysOf({ key: id, format, secrets }: Consumer): readonly SigningKey[] {
  return secrets.map(({ value, notBefore, notAfter }) =>
    createKey({
      id,
      secret: value,
      allowShortSecret: !formats[format].rules.isStrict,
      ...(notBefore === undefined ? {} : { notBefore }),
      ...(notAfter === undefined ? {} : { notAfter }),
    }),
  );
}

/** What a consumer is written to with now; `undefined` where none of its secrets is alive. */
export function currentKeyOf(consumer: Consumer, at: Date): SigningKey | undefined {
  return new KeyRing(keysOf(consumer)).current(at);
}
