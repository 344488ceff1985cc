import { DraftSigner, type DraftSignerOptions } from "./draft.js";
import { HttpSigner, type HttpSignerOptions } from "./http-signer.js";
import { SimpleSsoSigner, type SimpleSsoSignerOptions } from "./simple-sso.js";

/**
 * Makes what signs messages by a profile:
 *
 * - `http-signature`: requests by RFC 9421, and their answers. For everything new.
 * - `simple-sso`: texts as deployed releases of django-simple-sso sign them, with itsdangerous.
 * - `simple-sso-draft`: queries as the draft of 2011 has them.
 */
export function createSigner(options: HttpSignerOptions): HttpSigner;
export function createSigner(options: SimpleSsoSignerOptions): SimpleSsoSigner;
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
