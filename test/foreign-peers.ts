import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Where foreign software is installed that the tests drive, by the scripts in `.ci/peers`: outside of the clone, so
 * that the next clone finds it there.
 */
const peersFolder: string =
  process.env["CONCORDAT_PEERS"] ?? join(homedir(), ".cache", "concordat-peers");

/** The folder of a peer that is installed completely; undefined where it is not. */
export function installedPeer(name: string): string | undefined {
  const folder = join(peersFolder, name);
  return existsSync(join(folder, "installed")) ? folder : undefined;
}
