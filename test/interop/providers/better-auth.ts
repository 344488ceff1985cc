import { scim } from "@better-auth/scim";
import { type BetterAuthOptions, type BetterAuthPlugin, betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { getAuthTables } from "better-auth/db";
import { toNodeHandler } from "better-auth/node";
import { type ForeignProvider, listen } from "./foreign-provider.js";

/** As long as better-auth requires of a token. */
const token = "h480djs93hd8-h480djs93hd8-h480djs93hd8-h480djs93hd8";

/** better-auth with its SCIM plugin, in memory. */
export async function startBetterAuth(): Promise<ForeignProvider> {
  const credential = { type: "bearer", id: "client", token } as const;
  const connections = [{ id: "directory", credentials: [credential] }];
  // Its declaration is not made for `exactOptionalPropertyTypes`.
  const plugin = scim({ connections }) as unknown as BetterAuthPlugin;
  const options: BetterAuthOptions = {
    baseURL: "http://127.0.0.1",
    secret: "u8Zf3kQ1vN7xR2mW9cT4bY6hJ0pL5sDg",
    logger: { disabled: true },
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    plugins: [plugin],
  };
  const tables = Object.values(getAuthTables(options)).map(({ modelName }) => [modelName, []]);
  const auth = betterAuth({ ...options, database: memoryAdapter(Object.fromEntries(tables)) });
  const { origin, ...listening } = await listen(toNodeHandler(auth));
  return {
    baseUrl: `${origin}/api/auth/scim/v2`,
    authorization: `Bearer ${token}`,
    ...listening,
  };
}
