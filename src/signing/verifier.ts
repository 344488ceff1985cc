import { HttpVerifier, type HttpVerifierOptions } from "./http-signature/http-verifier.js";
import { SimpleSsoVerifier, type SimpleSsoVerifierOptions } from "./simple-sso/simple-sso.js";
import { DraftVerifier, type DraftVerifierOptions } from "./simple-sso-draft/draft.js";

/**
 * Makes what verifies requests that are signed by RFC 9421 and signs their answers, the profile `http-signature`: for everything
 * new.
 *
 * A verifier accepts its own profile only, since a message must not choose how it is judged. Verification throws nothing but the
 * reason of a `signal`; all else is a {@link Refusal}.
 *
 * @throws {InvalidValueError} no host is named, a side of the window is negative, the lifetime is not a whole number of seconds
 * from 1, or a field cannot be covered.
 */
export function createVerifier(options: HttpVerifierOptions): HttpVerifier;
/**
 * Makes what verifies texts that deployed releases of django-simple-sso signed: the profile `simple-sso`, and no
 * other. Verification throws nothing but the reason of a `signal`.
 *
 * @throws {InvalidValueError} a side of the window is negative.
 */
export function createVerifier(options: SimpleSsoVerifierOptions): SimpleSsoVerifier;
/**
 * Makes what verifies queries of the draft of 2011: the profile `simple-sso-draft`, and no other. Verification throws nothing
 * but the reason of a `signal`.
 *
 * @throws {InvalidValueError} a side of the window is negative, or there are `nonces` without `freshness`.
 */
export function createVerifier(options: DraftVerifierOptions): DraftVerifier;
export function createVerifier(
  options: HttpVerifierOptions | SimpleSsoVerifierOptions | DraftVerifierOptions,
): HttpVerifier | SimpleSsoVerifier | DraftVerifier {
  switch (options.profile) {
    case "http-signature":
      return new HttpVerifier(options);
    case "simple-sso":
      return new SimpleSsoVerifier(options);
    case "simple-sso-draft":
      return new DraftVerifier(options);
  }
}
