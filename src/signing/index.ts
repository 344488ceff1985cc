export type { VerifierOptions } from "./claim.js";
export type { FieldType } from "./component-fields.js";
export { contentDigest, isDigestOf } from "./content-digest.js";
export type {
  DraftFreshness,
  DraftSigner,
  DraftSignerOptions,
  DraftVerifier,
  DraftVerifierOptions,
  VerifiedDraft,
} from "./draft.js";
export { canonicalQuery, type QueryParameters } from "./draft-query.js";
export type { CoveredFields } from "./http-components.js";
export type { SignatureFields } from "./http-parameters.js";
export type { HttpSignatureOptions } from "./http-signature.js";
export type {
  ClientExchange,
  HttpSigner,
  HttpSignerOptions,
  SignedRequest,
} from "./http-signer.js";
export type {
  HttpVerifier,
  HttpVerifierOptions,
  ServerExchange,
  VerifiedRequest,
} from "./http-verifier.js";
export { createKey, type NewSigningKey, type SigningKey } from "./key.js";
export { KeyRing, type KeySource } from "./key-ring.js";
export {
  type FieldSource,
  type HttpRequest,
  type HttpResponse,
  type SignatureBaseOptions,
  type SignatureComponent,
  type SignedMessage,
  signatureBase,
} from "./signature-base.js";
export { createSigner } from "./signer.js";
export type {
  SimpleSsoSigner,
  SimpleSsoSignerOptions,
  SimpleSsoVerifier,
  SimpleSsoVerifierOptions,
  VerifiedText,
} from "./simple-sso.js";
export type { TimeWindow } from "./time-window.js";
export type { Epoch } from "./timed-serializer.js";
export type { Refusal, Refused, Verification, Verified } from "./verification.js";
export { createVerifier } from "./verifier.js";
