import { HttpSigner, type HttpSignerOptions } from "./http-signature/http-signer.js";
import { HttpVerifier, type HttpVerifierOptions } from "./http-signature/http-verifier.js";
import {
  SimpleSsoSigner,
  type SimpleSsoSignerOptions,
  SimpleSsoVerifier,
  type SimpleSsoVerifierOptions,
} from "./simple-sso/simple-sso.js";
import {
  DraftSigner,
  type DraftSignerOptions,
  DraftVerifier,
  type DraftVerifierOptions,
} from "./simple-sso-draft/draft.js";

/** The profiles by name: what signs and what verifies in each, and the options of both. */
export interface SigningProfiles {
  /** RFC 9421 with `hmac-sha256`: for everything new. */
  readonly "http-signature": {
    readonly signerOptions: HttpSignerOptions;
    readonly signer: HttpSigner;
    readonly verifierOptions: HttpVerifierOptions;
    readonly verifier: HttpVerifier;
  };
  /** Texts, as deployed releases of django-simple-sso sign them with itsdangerous. */
  readonly "simple-sso": {
    readonly signerOptions: SimpleSsoSignerOptions;
    readonly signer: SimpleSsoSigner;
    readonly verifierOptions: SimpleSsoVerifierOptions;
    readonly verifier: SimpleSsoVerifier;
  };
  /** Queries, as the draft of 2011 has them. */
  readonly "simple-sso-draft": {
    readonly signerOptions: DraftSignerOptions;
    readonly signer: DraftSigner;
    readonly verifierOptions: DraftVerifierOptions;
    readonly verifier: DraftVerifier;
  };
}

/** The name of a profile. */
export type SigningProfileName = keyof SigningProfiles;

/** What makes the signer and the verifier of each profile. A profile that has none does not compile. */
const profiles: {
  readonly [P in SigningProfileName]: {
    readonly signer: new (
      options: SigningProfiles[P]["signerOptions"],
    ) => SigningProfiles[P]["signer"];
    readonly verifier: new (
      options: SigningProfiles[P]["verifierOptions"],
    ) => SigningProfiles[P]["verifier"];
  };
} = {
  "http-signature": { signer: HttpSigner, verifier: HttpVerifier },
  "simple-sso": { signer: SimpleSsoSigner, verifier: SimpleSsoVerifier },
  "simple-sso-draft": { signer: DraftSigner, verifier: DraftVerifier },
};

/**
 * Makes what signs in a profile: with `http-signature` requests, whose responses it verifies; with `simple-sso` texts;
 * with `simple-sso-draft` queries.
 *
 * @throws {InvalidValueError} with `http-signature`: the lifetime is not a whole number of seconds from 1, a side of
 * the window is negative, or a field cannot be covered.
 */
export function createSigner<P extends SigningProfileName>(
  options: SigningProfiles[P]["signerOptions"] & { readonly profile: P },
): SigningProfiles[P]["signer"] {
  const profile: P = options.profile;
  return new profiles[profile].signer(options);
}

/**
 * Makes what verifies in a profile, and no other, since a message must not choose how it is judged: with
 * `http-signature` requests, whose responses it signs; with `simple-sso` texts; with `simple-sso-draft` queries.
 *
 * Verification throws nothing but the reason of a `signal`; all else is a {@link SignatureRefusal}.
 *
 * @throws {InvalidValueError} a side of the window is negative. With `http-signature` also: no host is named, the
 * lifetime is not a whole number of seconds from 1, or a field cannot be covered. With `simple-sso-draft` also: there
 * are `nonces` without `freshness`.
 */
export function createVerifier<P extends SigningProfileName>(
  options: SigningProfiles[P]["verifierOptions"] & { readonly profile: P },
): SigningProfiles[P]["verifier"] {
  const profile: P = options.profile;
  return new profiles[profile].verifier(options);
}
