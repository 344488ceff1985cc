export type { VerifierOptions } from "./claim.js";
export type { FieldType } from "./http-signature/component-fields.js";
export type { CoveredFields } from "./http-signature/components.js";
export { contentDigest, isDigestOf } from "./http-signature/content-digest.js";
export type { HttpSignatureOptions } from "./http-signature/http-signature.js";
export type {
  ClientExchange,
  HttpSigner,
  HttpSignerOptions,
  SignedRequest,
} from "./http-signature/http-signer.js";
export type {
  HttpVerifier,
  HttpVerifierOptions,
  ServerExchange,
  VerifiedRequest,
} from "./http-signature/http-verifier.js";
export type {
  FieldSource,
  HttpRequest,
  HttpResponse,
  SignatureComponent,
  SignedMessage,
} from "./http-signature/message.js";
export type { SignatureFields } from "./http-signature/parameters.js";
export {
  type RequestSigner,
  type RequestSignerOptions,
  requestSigner,
} from "./http-signature/request-signer.js";
export {
  type RequestVerifier,
  type RequestVerifierOptions,
  requestVerifier,
  type SignedNodeRequest,
  type SignedWebRequest,
} from "./http-signature/request-verifier.js";
export { type SignatureBaseOptions, signatureBase } from "./http-signature/signature-base.js";
export { createKey, type NewSigningKey, type SigningKey } from "./key.js";
export { KeyRing, type KeySource } from "./key-ring.js";
export {
  createSigner,
  createVerifier,
  type SigningProfileName,
  type SigningProfiles,
} from "./profiles.js";
export { SignatureError } from "./signature-error.js";
export type {
  SimpleSsoSigner,
  SimpleSsoSignerOptions,
  SimpleSsoVerifier,
  SimpleSsoVerifierOptions,
  VerifiedText,
} from "./simple-sso/simple-sso.js";
export type { Epoch } from "./simple-sso/timed-serializer.js";
export type {
  DraftFreshness,
  DraftSigner,
  DraftSignerOptions,
  DraftVerifier,
  DraftVerifierOptions,
  VerifiedDraft,
} from "./simple-sso-draft/draft.js";
export { canonicalQuery, type QueryParameters } from "./simple-sso-draft/draft-query.js";
export type { TimeWindow } from "./time-window.js";
export type { Refused, SignatureRefusal, Verification, Verified } from "./verification.js";
