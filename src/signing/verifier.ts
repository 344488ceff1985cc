import { DraftVerifier, type DraftVerifierOptions } from "./draft.js";
import { HttpVerifier, type HttpVerifierOptions } from "./http-verifier.js";
import { SimpleSsoVerifier, type SimpleSsoVerifierOptions } from "./simple-sso.js";

/**
 * Makes what verifies messages of a profile. A verifier accepts its own profile only, since a message must not choose how it
 * is judged.
 *
 * Verification throws nothing but the reason of a `signal`; all else is a {@link Refusal}.
 */
export function createVerifier(options: HttpVerifierOptions): HttpVerifier;
export function createVerifier(options: SimpleSsoVerifierOptions): SimpleSsoVerifier;
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
