import { createKey, type KeySource, type SigningKey } from "concordat/signing";

/** A key with a secret of its own, derived from its name. */
export function keyNamed(
  id: string,
  times: Pick<SigningKey, "notBefore" | "notAfter"> = {},
): SigningKey {
  return createKey({ id, secret: `the secret of ${id}, which has 32 bytes at least`, ...times });
}

/** A source that finds one key by any id. */
export function only(key: SigningKey): KeySource {
  return { find: () => [key] };
}

/** A clock that stands, at a time in seconds since 1970. */
export function at(seconds: number): () => Date {
  return () => new Date(seconds * 1_000);
}

/** When the messages of the tests are signed, in seconds since 1970: 2023-11-14. */
export const signedAt = 1_700_000_000;
