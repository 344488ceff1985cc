import { execFile } from "node:child_process";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installedPeer } from "../foreign-peers.js";
import { type InstalledPackage, installPackage } from "../installed-package.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
const peer = installedPeer("runtimes") ?? "";
const bin = (name: string, command: string): string =>
  join(peer, name, "node_modules", ".bin", command);
const runtimes = {
  "Node 22": bin("node22", "node"),
  "Node 24": process.execPath,
  "Node 26": bin("node26", "node"),
  Bun: bin("bun", "bun"),
  Deno: bin("deno", "deno"),
  workerd: bin("workerd", "workerd"),
};
type Runtime = keyof typeof runtimes;

/** The table of the documents: whether an entry loads, by entry and runtime. */
const document = await readFile(join(root, "docs/runtimes.md"), "utf8");
const rows = [...document.matchAll(/^\| `(concordat[\w/-]*)` ((?:\| (?:yes|no) )+)\|/gm)].map(
  ([, entry = "", cells = ""]) => ({ entry, cells: cells.match(/yes|no/g) ?? [] }),
);

describe.skipIf(peer === "")("the built package", () => {
  let installed: InstalledPackage;
  beforeAll(async () => {
    installed = await installPackage(true);
    await cp(join(root, "test/package/runtimes"), installed.application, { recursive: true });
  }, 300_000);
  afterAll(() => installed[Symbol.asyncDispose]());

  /** Runs a module that exports `run`; whether that ends without an error. */
  async function ends(runtime: Runtime, name: string, source: string): Promise<string> {
    const file = join(installed.application, `${name}.mjs`);
    await writeFile(file, source);
    try {
      if (runtime === "workerd") await runInWorkerd(installed.application, file);
      else {
        const flags = runtime === "Deno" ? ["run", "--allow-all"] : [];
        const program = await caller(file);
        await run(runtimes[runtime], [...flags, program], { cwd: installed.application });
      }
      return "yes";
    } catch {
      return "no";
    }
  }

  test("there is a row for each entry", async () => {
    const manifest: { exports: object } = JSON.parse(
      await readFile(join(root, "package.json"), "utf8"),
    );
    const keys = Object.keys(manifest.exports).filter((key) => !key.endsWith(".json"));
    expect(rows.map(({ entry }) => entry)).toEqual(keys.map((key) => `concordat${key.slice(1)}`));
  });

  test.each(rows)("$entry loads where the table says so", { timeout: 300_000 }, async (row) => {
    const name = row.entry.replaceAll("/", "-");
    const source = `import * as entry from "${row.entry}";
      export function run() { if (Object.keys(entry).length === 0) throw new Error("empty"); }`;
    const found: string[] = [];
    for (const runtime of Object.keys(runtimes) as Runtime[]) {
      found.push(await ends(runtime, `load-${name}-${runtime.replace(" ", "")}`, source));
    }
    expect(found).toEqual(row.cells);
  });

  test("the declarations are right for the oldest TypeScript", { timeout: 300_000 }, async () => {
    // Those of the client of NATS are not, whatever imports them.
    const entries = rows.map(({ entry }) => entry).filter((entry) => entry !== "concordat/nats");
    const lines = entries.map((entry, index) => `export * as entry${index} from "${entry}";\n`);
    await writeFile(join(installed.application, "declarations.ts"), lines.join(""));
    const options =
      "--strict --exactOptionalPropertyTypes --skipLibCheck false --noEmit --types node " +
      "--module nodenext --target es2022 --lib es2023,dom,dom.iterable,esnext.disposable";
    const { stdout } = await run(
      bin("typescript", "tsc"),
      [...options.split(" "), "declarations.ts"],
      { cwd: installed.application },
    ).catch((error: { stdout: string }) => error);
    expect(stdout).toBe("");
  });

  test.each(
    ["scim", "signing", "scim-server"].flatMap((entry) => names().map((on) => [entry, on])),
  )("concordat/%s does its work on %s", { timeout: 120_000 }, async (entry, on) => {
    const source = `export { run } from "./${entry}.mjs";`;
    expect(await ends(on as Runtime, `run-${entry}-${on?.replace(" ", "")}`, source)).toBe("yes");
  });
});

function names(): readonly Runtime[] {
  return Object.keys(runtimes) as Runtime[];
}

/** A program that calls what a module exports as `run`. */
async function caller(file: string): Promise<string> {
  const program = file.replace(/\.mjs$/, "-program.mjs");
  await writeFile(program, `import { run } from ${JSON.stringify(file)};\nawait run();\n`);
  return program;
}

/** Bundles a module as a Worker, and runs it as a test of workerd. */
async function runInWorkerd(folder: string, file: string): Promise<void> {
  const worker = file.replace(/\.mjs$/, "-worker.mjs");
  await build({
    stdin: {
      contents: `import { run } from ${JSON.stringify(file)};
        export default { test: () => run() };`,
      resolveDir: folder,
    },
    bundle: true,
    format: "esm",
    platform: "node",
    conditions: ["workerd"],
    external: ["node:*", "cloudflare:*"],
    logLevel: "silent",
    outfile: worker,
  });
  const config = file.replace(/\.mjs$/, ".capnp");
  const embedded = JSON.stringify(worker.slice(folder.length + 1));
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = (
  modules = [(name = "worker.mjs", esModule = embed ${embedded})],
  compatibilityDate = "2026-11-01", compatibilityFlags = ["nodejs_compat"]
))]);
`,
  );
  await run(runtimes.workerd, ["test", config], { cwd: folder });
}
