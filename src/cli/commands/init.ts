import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { operandsOf } from "../arguments.js";
import { UsageError } from "../errors.js";
import { exitCode } from "../exit-codes.js";
import type { Command, CommandContext } from "./command.js";

/** `concordat init TEMPLATE FOLDER`: copies a template; without operands, it lists them. */
export const init: Command = async (context) => {
  if (context.given.operands.length === 0) return await list(context);
  const [name = "", folder = ""] = operandsOf(context.given, "TEMPLATE", "FOLDER");
  const { templates } = context;
  const known = await templateNames(templates);
  if (!known.includes(name)) {
    throw new UsageError(`There is no template "${name}", but ${known.join(", ")}.`);
  }
  const destination = resolve(context.directory, folder);
  await mkdir(destination, { recursive: true });
  if ((await readdir(destination)).length > 0) {
    throw new UsageError(`${folder} is not empty, and nothing is copied over what is there.`);
  }
  await cp(join(templates, name), destination, { recursive: true, errorOnExist: true });
  const packed = await packedFile(templates);
  if (packed !== undefined) await dependOn(packed, join(destination, "package.json"));
  context.output.note(`${name} is in ${folder}. Its README.md says what to do next.`);
  return exitCode.done;
};

async function list({ output, templates }: CommandContext): Promise<number> {
  for (const name of await templateNames(templates)) {
    const { description } = await packageOf(templates, name);
    if (output.isJson) output.json({ name, description });
    else output.line(`${name.padEnd(24)}${description}`);
  }
  return exitCode.done;
}

/**
 * The file that the package was installed from, if npm has not got it from a registry: a copy of a template can install
 * it from there only.
 */
async function packedFile(templates: string): Promise<string | undefined> {
  const modules = resolve(templates, "../..");
  const lock = await readFile(join(modules, ".package-lock.json"), "utf8").catch(() => "{}");
  const { packages }: { packages?: Record<string, { readonly resolved?: string }> } =
    JSON.parse(lock);
  const { resolved } = packages?.["node_modules/concordat"] ?? {};
  return resolved?.startsWith("file:")
    ? resolve(modules, "..", resolved.slice("file:".length))
    : undefined;
}

async function dependOn(packed: string, file: string): Promise<void> {
  const manifest = JSON.parse(await readFile(file, "utf8"));
  manifest.dependencies.concordat = `file:${packed}`;
  await writeFile(file, `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** The folders that are packages of their own. */
async function templateNames(templates: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const entry of await readdir(templates, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const files = await readdir(join(templates, entry.name));
    if (files.includes("package.json")) names.push(entry.name);
  }
  return names.sort();
}

async function packageOf(
  templates: string,
  name: string,
): Promise<{ readonly description: string }> {
  return JSON.parse(await readFile(join(templates, name, "package.json"), "utf8"));
}
