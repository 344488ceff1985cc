import { HttpSigner, type HttpSignerOptions } from "./http-signature/http-signer.js";
import { SimpleSsoSigner, type SimpleSsoSignerOptions } from "./simple-sso/simple-sso.js";
import { DraftSigner, type DraftSignerOptions } from "./simple-sso-draft/draft.js";

/**
 * Makes what signs requests by RFC 9421 and verifies their answers, the profile `http-signature`: for everything new.
 *
 * @throws {InvalidValueError} the lifetime is not a whole number of seconds from 1, a side of the window is negative, or a field
 * cannot be covered.
 */
export function createSigner(options: HttpSignerOptions): HttpSigner;
/** Makes what signs texts as deployed releases of django-simple-sso do, with itsdangerous: the profile `simple-sso`. */
export function createSigner(options: SimpleSsoSignerOptions): SimpleSsoSigner;
/** Makes what signs queries as the draft of 2011 has them: the profile `simple-sso-draft`. */
export function createSigner(options: DraftSignerOptions): DraftSigner;
export function createSigner(
  options: HttpSignerOptions | SimpleSsoSignerOptions | DraftSignerOptions,
): HttpSigner | SimpleSsoSigner | DraftSigner {
  switch (options.profile) {
    case "http-signature":
      return new HttpSigner(options);
    case "simple-sso":
      return new SimpleSsoSigner(options);
    case "simple-sso-draft":
      return new DraftSigner(options);
  }
}
