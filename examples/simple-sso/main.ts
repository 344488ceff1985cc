/**
 * Sign in at one site, be signed in at the other: a server, two clients of it, and all their state in SQLite. Copy this
 * folder and start from it.
 *
 * `server-site.ts` and `client-site.ts` are the two sides, and have what matters; `sites.ts` starts them. The rest is
 * what any site has: sessions, passwords, pages.
 */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { demonstrationPassword, people } from "./server-site.ts";
import { startSites } from "./sites.ts";

const help = `Usage: npm run example:simple-sso [-- OPTIONS]

  --port N      the port of the first site, which the others follow (default: 8700,
                or the variable PORT)
  --data DIR    where the databases are kept (default: the variable DATA, or a new
                directory, which is deleted in the end)
  --help        this text`;

process.exitCode = await main(process.argv.slice(2));

/** Runs the sites until they are interrupted, and returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (typeof options === "string") {
    console.error(`${options}\n\n${help}`);
    return 2;
  }
  if (options.help) {
    console.log(help);
    return 0;
  }
  const interrupted = new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, resolve);
  });
  const { port, data = await mkdtemp(join(tmpdir(), "simple-sso-")) } = options;
  try {
    await mkdir(data, { recursive: true });
    const running = await startSites({ data, port });
    for (const { name, origin, purpose } of running.sites) {
      console.log(`  ${name.padEnd(10)}${origin}   ${purpose}`);
    }
    const names = people.map(({ userName }) => userName).join(" or ");
    console.log(`\nSign in as ${names}, with the password "${demonstrationPassword}".`);
    console.log("Ctrl-C ends it.");
    await interrupted;
    await running[Symbol.asyncDispose]();
    return 0;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    console.error(`One of the ports from ${port} on is in use: choose others with --port.`);
    return 1;
  } finally {
    if (options.data === undefined) await rm(data, { recursive: true, force: true });
  }
}

/** What the command line asks for, or what is wrong with it. */
function readOptions(
  args: readonly string[],
): { port: number; data: string | undefined; help: boolean } | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: "string", default: process.env["PORT"] ?? "8700" },
        data: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    const port = Number(values.port);
    const isPort = /^\d+$/.test(values.port) && port < 65_534;
    const data = values.data ?? process.env["DATA"];
    return isPort ? { port, data, help: values.help } : "--port takes a number.";
  } catch (error) {
    if (error instanceof TypeError) return error.message;
    throw error;
  }
}
