import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  call,
  converse,
  type Mounted,
  refusedAsTooLong,
  tooLong,
} from "../docs/scim-conversation.js";
import { installedPeer } from "../foreign-peers.js";
import { installPackage } from "../installed-package.js";
import { sha256 } from "../scim-server/provider.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const peer = installedPeer("next") ?? "";
const next = join(peer, "node_modules/next/dist/bin/next");
const environment = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };

/** What the route imports, and what that imports. */
const dependencies = ["jose", "kysely", "zod"];

const layout = `import type { ReactNode } from "react";

export default function Layout({ children }: { children: ReactNode }) {
  return <html lang="en"><body>{children}</body></html>;
}
`;

/** The route handler, as it stands in the guide. */
async function route(): Promise<string> {
  const guide = await readFile(join(root, "docs/mounting.md"), "utf8");
  const blocks = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const found = blocks.find((block) => block.includes("handle as GET"));
  if (found === undefined) throw new Error("The guide has no route handler.");
  return found;
}

/** An application that has the package and the route handler. Next takes no packages from outside of its folder. */
async function writeApplication(folder: string): Promise<void> {
  const place = join(folder, "app/scim/v2/[[...path]]");
  await mkdir(place, { recursive: true });
  await writeFile(join(place, "route.ts"), await route());
  await writeFile(join(folder, "app/layout.tsx"), layout);
  await writeFile(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  await using installed = await installPackage();
  const packages = join(folder, "node_modules");
  await cp(join(installed.application, "node_modules"), packages, { recursive: true });
  // The declarations are those that are built beside: Next compares the route with the type that it asks for.
  await cp(join(root, "dist"), join(packages, "concordat/dist"), { recursive: true });
  for (const name of dependencies) {
    await cp(join(root, "node_modules", name), join(packages, name), { recursive: true });
  }
}

async function started(folder: string): Promise<Mounted> {
  const server = spawn(
    process.execPath,
    [next, "start", "--port", "0", "--hostname", "127.0.0.1"],
    {
      cwd: folder,
      env: { ...environment, DATABASE: ":memory:", OKTA_TOKEN_SHA256: sha256("token") },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let origin: string | undefined;
  for await (const line of createInterface(server.stdout)) {
    origin = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? origin;
    if (line.includes("Ready")) break;
  }
  if (origin === undefined) throw new Error("Next did not say where it listens.");
  server.stdout.resume();
  return {
    origin,
    [Symbol.asyncDispose]: async () => {
      server.kill();
      if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
    },
  };
}

describe.skipIf(peer === "")("an application of Next with the route handler of the guide", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(peer, "application-"));
    await writeApplication(folder);
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("is built without a database or a secret, with types that Next takes", {
    timeout: 600_000,
  }, async () => {
    const options = { cwd: folder, env: environment };
    const { stdout } = await promisify(execFile)(process.execPath, [next, "build"], options);
    expect(stdout).toContain("/scim/v2/[[...path]]");
  });

  test("serves SCIM", { timeout: 120_000 }, async () => {
    await using mounted = await started(folder);
    await converse(mounted, "application/scim+json");
    await converse(mounted, "application/json");
    const answer = await call(`${mounted.origin}/scim/v2/Users`, "POST", tooLong);
    expect(answer).toMatchObject(refusedAsTooLong);
  });
});
