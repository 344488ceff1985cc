/** The longest token that is looked at, in characters. */
const maxLength = 16_384;

/** The token in an Authorization header of the scheme Bearer. RFC 6750 §2.1. */
export function bearerCredentials({ headers }: Request): string | undefined {
  const field = headers.get("authorization") ?? "";
  if (field.length > maxLength) return undefined;
  const [scheme = "", token = "", ...rest] = field.trim().split(/ +/);
  return scheme.toLowerCase() === "bearer" && token !== "" && rest.length === 0 ? token : undefined;
}
