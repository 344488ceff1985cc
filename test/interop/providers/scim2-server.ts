import { join } from "node:path";
import { type ForeignProvider, freePort, startForeignProgram, token } from "./foreign-provider.js";

/** Python's scim2-server, in memory. @param folder Where `.ci/peers/scim2-server.sh` has installed it. */
export async function startScim2Server(folder: string): Promise<ForeignProvider> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}/v2`;
  const running = await startForeignProgram({
    command: join(folder, "venv/bin/scim2-server"),
    args: ["--port", String(port), "--bearer-token", token],
    probe: `${origin}/ServiceProviderConfig`,
    patience: 30_000,
  });
  return { baseUrl: origin, authorization: `Bearer ${token}`, ...running };
}
