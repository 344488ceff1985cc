import { constants, type KeyObject, sign, verify } from "node:crypto";
import { editMembers, jsonMembers } from "../message/json-members.js";
import { pythonJson } from "./python-json.js";

/** What a signature of privacyIDEA begins with: its version. */
const version = "rsa_sha256_pss";

/**
 * Signs the text of a response as privacyIDEA does: RSA-PSS with SHA-256, MGF1 with SHA-256 and the longest salt, over
 * Python's form of the object without a signature.
 *
 * @param text a JSON object. A signature that is in it is replaced.
 * @returns the text with the member `signature`.
 */
export function signResponse(text: string, privateKey: KeyObject): string {
  const unsigned = withoutSignature(text);
  const signature = sign("sha256", Buffer.from(pythonJson(unsigned)), {
    key: privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN,
  });
  const value = JSON.stringify(`${version}:${signature.toString("hex")}`);
  return editMembers(unsigned, new Map([["signature", value]]));
}

/**
 * Whether the text of a response has a signature of privacyIDEA's that is right.
 *
 * @param text a JSON object.
 */
export function verifyResponse(text: string, publicKey: KeyObject): boolean {
  const members = jsonMembers(text).filter(({ name }) => name === "signature");
  const [member] = members;
  if (member === undefined || members.length > 1) return false;
  const value: unknown = JSON.parse(text.slice(member.valueStart, member.valueEnd));
  const match =
    typeof value === "string" ? /^rsa_sha256_pss:((?:[0-9a-f]{2})+)$/.exec(value) : null;
  if (match?.[1] === undefined) return false;
  return verify(
    "sha256",
    Buffer.from(pythonJson(withoutSignature(text))),
    {
      key: publicKey,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN,
    },
    Buffer.from(match[1], "hex"),
  );
}

function withoutSignature(text: string): string {
  return editMembers(text, new Map(), (name) => name === "signature");
}
