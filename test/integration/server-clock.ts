import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

const compiler = "/usr/bin/cc";
const source = fileURLToPath(new URL("server-clock.c", import.meta.url));

/** What to install so that a server can be given a clock of its own; undefined where that can be done. */
export const clockIsMissing: string | undefined =
  existsSync(compiler) && existsSync("/usr/include/time.h")
    ? undefined
    : "install the Debian packages gcc and libc6-dev";

/** The clock of a server that runs with a certain environment. */
export interface ServerClock {
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Sets the clock to so many milliseconds ahead of that of the machine; below 0, behind it. A server that runs sees it
   * at once.
   */
  setAhead(milliseconds: number): Promise<void>;
}

/** Makes a clock, whose files are in a directory. It is right at first. */
export async function makeServerClock(directory: string): Promise<ServerClock> {
  const library = join(directory, "server-clock.so");
  const file = join(directory, "server-clock");
  await run(compiler, ["-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source]);
  const setAhead = async (milliseconds: number): Promise<void> => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(milliseconds));
    // The file is mapped, so that it must be written in its place.
    const opened = await open(file, existsSync(file) ? "r+" : "w+");
    await opened.write(bytes, 0, bytes.length, 0).finally(() => opened.close());
  };
  await setAhead(0);
  return { environment: { LD_PRELOAD: library, CONCORDAT_CLOCK: file }, setAhead };
}
