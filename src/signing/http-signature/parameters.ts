import { InvalidValueError } from "../../core/index.js";
import type { MessageTimes } from "../time-window.js";
import { malformed, type Refused } from "../verification.js";
import {
  type CoveredComponents,
  type RequestComponents,
  type ResponseComponents,
  receivedComponents,
} from "./components.js";
import type { FieldSource } from "./message.js";
import { countOf, printParameters as printItems, textOf } from "./structured-field-text.js";
import { type Member, type Parameters, parseDictionary, printString } from "./structured-fields.js";

/** The parameters that every signature of the profile has (RFC 9421 §2.3). */
export interface SignatureParameters extends Required<MessageTimes> {
  readonly nonce: string;
  readonly keyId: string;
  readonly tag: string;
}

/**
 * The label of the signatures that are made here. Those that are verified may have another: their tag identifies them.
 */
const label = "concordat";

/** The longest id of a key and the longest nonce, in characters. */
const longestText = 256;

/** The fields that are added to a message to sign it, by their names. */
export interface SignatureFields {
  /** Only where there is content. */
  readonly "content-digest"?: string;
  /** What the signature covers, and its parameters (RFC 9421 §4.1). */
  readonly "signature-input": string;
  /** The signature itself (RFC 9421 §4.2). */
  readonly signature: string;
}

/**
 * The value of the member of `signature-input`.
 *
 * @param list The components as an inner list.
 * @throws {InvalidValueError} a text has characters beyond printable ASCII, or more than 256.
 */
export function printParameters(
  list: string,
  { created, expires, nonce, keyId, tag }: SignatureParameters,
): string {
  const texts = `nonce=${quoted("nonce", nonce)};keyid=${quoted("keyid", keyId)};tag=${quoted("tag", tag)}`;
  return `${list};created=${created};expires=${expires};${texts}`;
}

function quoted(name: string, text: string): string {
  const printed = text.length > longestText ? undefined : printString(text);
  if (printed !== undefined) return printed;
  throw new InvalidValueError(name, `it is not up to ${longestText} characters of ASCII.`);
}

/** The two fields of a signature. */
export function printSignature(parameters: string, signature: string): SignatureFields {
  return { "signature-input": `${label}=${parameters}`, signature: `${label}=:${signature}:` };
}

/** A signature of the profile as a message has it. */
export interface ReceivedSignature {
  /** The value of the member of `signature-input`, from which the base is made. */
  readonly source: string;
  readonly parameters: SignatureParameters;
  /** The signature in base64. */
  readonly signature: string;
  readonly covered: CoveredComponents;
}

/**
 * Finds the signature that has the tag, which must cover the components of the profile, in any order and beside others,
 * up to as many as `most`. Other signatures are ignored, as intermediaries may add theirs (RFC 9421 §4.3).
 */
export function readSignature(
  headers: FieldSource,
  tag: string,
  required: RequestComponents | ResponseComponents,
  most: number,
): ReceivedSignature | Refused {
  const inputs = parseDictionary(headers.get("signature-input") ?? "");
  const signatures = parseDictionary(headers.get("signature") ?? "");
  if (inputs === undefined || signatures === undefined) {
    return malformed("The signature fields are no dictionaries.");
  }
  let found: [string, Member] | undefined;
  for (const input of inputs) {
    if (textOf(input[1].parameters.get("tag")) !== tag) continue;
    if (found !== undefined) return malformed("Several signatures have the tag.");
    found = input;
  }
  if (found === undefined) return malformed("No signature has the tag.");
  const [name, member] = found;
  const covered = coveredBy(member, required, most);
  if ("refusal" in covered) return covered;
  if (member.source !== covered.list + printItems(member.parameters)) {
    return malformed(
      "The components or the parameters of the signature are not in canonical form.",
    );
  }
  const parameters = readParameters(member.parameters);
  if (parameters === undefined) {
    return malformed("The signature lacks a parameter, or has one that the profile does not.");
  }
  const signature = signatures.get(name);
  if (signature?.value?.type !== "byte-sequence") {
    return malformed("There is no signature with the label of the parameters.");
  }
  return { source: member.source, parameters, signature: signature.source.slice(1, -1), covered };
}

function coveredBy(
  member: Member,
  required: RequestComponents | ResponseComponents,
  most: number,
): CoveredComponents | Refused {
  // Nearly every signature is one that is made here.
  const { withContent, withoutContent } = required;
  for (const usual of [withContent, withoutContent]) {
    if (member.source.startsWith(usual.list)) return usual;
  }
  if (member.value !== undefined) return malformed("The signature covers no list of components.");
  try {
    return receivedComponents(member, required, most);
  } catch (error) {
    if (error instanceof InvalidValueError) return malformed(error.message);
    throw error;
  }
}

const names = new Set(["created", "expires", "nonce", "keyid", "tag", "alg"]);

/** The parameters, in any order: all of them, and no others but the only algorithm there is. */
function readParameters(items: Parameters): SignatureParameters | undefined {
  for (const name of items.keys()) if (!names.has(name)) return undefined;
  if (items.has("alg") && textOf(items.get("alg")) !== "hmac-sha256") return undefined;
  const created = countOf(items.get("created"));
  const expires = countOf(items.get("expires"));
  const nonce = textOf(items.get("nonce"));
  const keyId = textOf(items.get("keyid"));
  const tag = textOf(items.get("tag"));
  if (created === undefined || expires === undefined || tag === undefined) return undefined;
  if (!isName(nonce) || !isName(keyId)) return undefined;
  return { created, expires, nonce, keyId, tag };
}

function isName(text: string | undefined): text is string {
  return text !== undefined && text !== "" && text.length <= longestText;
}
