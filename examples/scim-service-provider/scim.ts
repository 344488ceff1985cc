import { createHash } from "node:crypto";
import { lenientProfile } from "concordat/scim";
import { bearerTokens, createScimServer, type Handler } from "concordat/scim-server";
import type { Application } from "./application.ts";

/** Options of {@link scimServiceProvider}. */
export interface ServiceProviderOptions {
  /** Where the identity provider reaches it. */
  readonly baseUrl: string;
  /**
   * What the identity provider authenticates with. Where there are several, give each a token, and a principal, of its
   * own.
   */
  readonly token: string;
}

/** What an identity provider writes to: the users of the application, and groups that are mapped to its teams. */
export function scimServiceProvider(
  { users, groups }: Application,
  { baseUrl, token }: ServiceProviderOptions,
): Handler {
  const sha256 = createHash("sha256").update(token).digest("hex");
  return createScimServer({
    baseUrl,
    authenticate: bearerTokens({ "identity provider": sha256 }),
    repositories: { users, groups },
    // It reads what any of them sends; there are entraProfile and oktaProfile too.
    profile: lenientProfile,
  });
}
