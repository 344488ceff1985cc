import { join } from "node:path";
import { type ForeignProvider, freePort, startForeignProgram, token } from "./foreign-provider.js";

/** SCIM-SDK's server, in memory. @param folder Where `.ci/peers/scim-sdk-server.sh` has installed it. */
export async function startScimSdkServer(folder: string): Promise<ForeignProvider> {
  const port = await freePort();
  const baseUrl = `http://127.0.0.1:${port}`;
  const running = await startForeignProgram({
    command: "java",
    args: [
      "-cp",
      `${join(folder, "classes")}:${join(folder, "lib")}/*`,
      "ScimSdkServer",
      `${port}`,
    ],
    probe: `${baseUrl}/ServiceProviderConfig`,
    patience: 60_000,
  });
  return { baseUrl, authorization: `Bearer ${token}`, ...running };
}
