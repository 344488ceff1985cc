import { randomBytes } from "node:crypto";

/** A text of 128 random bits, which no other party will come upon. */
export function newNonce(): string {
  return randomBytes(16).toString("base64url");
}
