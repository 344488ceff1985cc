import { createHash, randomBytes } from "node:crypto";

/** A token that cannot be guessed: 384 random bits, in 64 characters as django-simple-sso has them. */
export function newToken(): string {
  return randomBytes(48).toString("base64url");
}

/** By what a token is kept in a store: its SHA-256. */
export function tokenId(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
