import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError, secret } from "concordat/cli";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { help } from "../../src/cli/arguments.js";
import { outcomeInWords } from "../../src/cli/output.js";
import { run } from "../../src/cli/run.js";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "concordat-cli-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Runs the command in the process. */
async function concordat(...args: readonly string[]) {
  return await concordatWith(fileURLToPath(new URL("../../examples", import.meta.url)), ...args);
}

async function concordatWith(templates: string, ...args: readonly string[]) {
  const out: string[] = [];
  const notes: string[] = [];
  const { signal } = new AbortController();
  const code = await run(args, {
    directory,
    templates,
    signal,
    version: "1.2.3",
    out: (line) => out.push(line),
    note: (line) => notes.push(line),
  });
  return { code, out: out.join("\n"), notes: notes.join("\n") };
}

describe("the command line", () => {
  test.each([["--help"], ["-h"], ["help"]])(
    "%s says how it is called, and ends with 0",
    async (arg) => {
      expect(await concordat(arg)).toEqual({ code: 0, out: help, notes: "" });
    },
  );

  test("--version is that of the package", async () => {
    expect(await concordat("--version")).toEqual({ code: 0, out: "1.2.3", notes: "" });
  });

  test.each([
    [[], "Which command?"],
    [["frobnicate"], 'There is no command "frobnicate".'],
    [["constructor"], 'There is no command "constructor".'],
    [["plan", "--dry"], "--dry"],
    [["plan", "now"], 'does not know what to do with "now"'],
    [["accept"], '"accept" needs DIGEST.'],
    [["replay"], '"replay" needs FILE.'],
    [["trace"], '"trace" needs -o FILE.'],
    [["init", "none"], '"init" needs FOLDER.'],
    [["init", "../src", "folder"], 'There is no template "../src"'],
  ])("%j is refused with 2, in words", async (args, words) => {
    const { code, out, notes } = await concordat(...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(notes).toContain(words);
  });

  test("a configuration that is nowhere is missed by its name", async () => {
    const { code, notes } = await concordat("plan");
    expect(code).toBe(2);
    expect(notes).toContain("There is no concordat.config.ts in ");
  });

  test.each([
    ["that throws", "throw new Error('no such host')", "no such host"],
    ["without a default export", "export const sync = {};", "as its default export"],
    ["without a target", "export default { sync: { stream: { read() {} } } };", 'a "target"'],
    ["without a synchronisation", "export default {};", 'neither "sync" nor "syncs"'],
  ])("a configuration %s is refused", async (name, text, words) => {
    const file = join(directory, `${name.replaceAll(" ", "-")}.mjs`);
    await writeFile(file, text);
    const { code, notes } = await concordat("status", "--config", file);
    expect(code).toBe(2);
    expect(notes).toContain(words);
  });

  test("a token is of 256 bits, and its digest is what the server keeps", async () => {
    const { code, out } = await concordat("token", "--json");
    const { token, sha256 } = JSON.parse(out) as { token: string; sha256: string };
    expect({ code, length: Buffer.from(token, "base64url").length }).toEqual({
      code: 0,
      length: 32,
    });
    const { bearerTokens } = await import("concordat/scim-server");
    const principal = { id: "client" };
    const authenticate = bearerTokens([{ sha256, principal }]);
    const request = new Request("https://example.com/", {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await authenticate(request)).toEqual(principal);
    expect((await concordat("token", "--json")).out).not.toContain(token);
  });
});

describe("what is written", () => {
  test("shows no control characters that somebody has put into a name", () => {
    const name = "ann\u001b[2J\r\nadmin\u202e\u0085";
    const words = outcomeInWords({ kind: "created", type: "User", sourceId: "1", name });
    expect(words).toBe("created  user ann\\u{1b}[2J\\u{d}\\u{a}admin\\u{202e}\\u{85}");
  });
});

describe("secrets", () => {
  test("come from the environment, and one that is missing is missed by its name", () => {
    vi.stubEnv("CONCORDAT_TEST_SECRET", "s3cret");
    expect(secret.env("CONCORDAT_TEST_SECRET")).toBe("s3cret");
    vi.stubEnv("CONCORDAT_TEST_SECRET", "");
    expect(() => secret.env("CONCORDAT_TEST_SECRET")).toThrow(ConfigError);
    expect(() => secret.env("CONCORDAT_TEST_SECRET")).toThrow("CONCORDAT_TEST_SECRET");
    vi.unstubAllEnvs();
  });

  test("come from files, without the line end and with any other space", async () => {
    const file = join(directory, "password");
    await writeFile(file, " pass word \r\n", { mode: 0o600 });
    expect(secret.file(file)).toBe(" pass word ");
  });

  test("are refused where everybody may read them, and where there are none", async () => {
    const file = join(directory, "open");
    await writeFile(file, "s3cret\n");
    await chmod(file, 0o644);
    expect(() => secret.file(file)).toThrow("All users have access");
    await chmod(file, 0o640);
    expect(secret.file(file)).toBe("s3cret");
    await writeFile(file, "\n");
    expect(() => secret.file(file)).toThrow("is empty");
    await writeFile(file, "s".repeat(70_000));
    expect(() => secret.file(file)).toThrow("too long");
    await mkdir(join(directory, "folder"), { mode: 0o700 });
    expect(() => secret.file(join(directory, "folder"))).toThrow(ConfigError);
    expect(() => secret.file(join(directory, "missing"))).toThrow(ConfigError);
  });
});

describe("a template that is copied", () => {
  const dependency = async (folder: string): Promise<unknown> =>
    JSON.parse(await readFile(join(directory, folder, "package.json"), "utf8")).dependencies
      .concordat;

  test("depends on the package by its version", async () => {
    expect(await concordat("init", "kerberos", "copied")).toMatchObject({ code: 0 });
    expect(await dependency("copied")).toMatch(/^\^\d/);
  });

  test("depends on the packed file that the package was installed from", async () => {
    const modules = join(directory, "application/node_modules");
    const templates = join(modules, "concordat/examples");
    const kerberos = fileURLToPath(new URL("../../examples/kerberos", import.meta.url));
    await cp(kerberos, join(templates, "kerberos"), { recursive: true });
    const packages = { "node_modules/concordat": { resolved: "file:../concordat-0.1.0.tgz" } };
    await writeFile(join(modules, ".package-lock.json"), JSON.stringify({ packages }));
    expect(await concordatWith(templates, "init", "kerberos", "of-a-file")).toMatchObject({
      code: 0,
    });
    expect(await dependency("of-a-file")).toBe(`file:${join(directory, "concordat-0.1.0.tgz")}`);
  });
});
