import { readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type InstalledExample, installExample } from "./installed-example.js";

let installed: InstalledExample;
let command: readonly [string, ...string[]];
beforeAll(async () => {
  installed = await installExample("simple-sso");
  command = installed.command();
}, 60_000);
afterAll(() => installed[Symbol.asyncDispose]());

test("one command starts all sites, and Ctrl-C ends them and leaves nothing", async () => {
  const before = await readdir(installed.directory);
  const program = installed.startCommand([...command, "--port", "0"]);
  await program.until(/Ctrl-C ends it\.\n/);
  const lines = program.output().split("\n");
  for (const [line, name, host] of [
    [lines[0], "Accounts", "accounts.localhost"],
    [lines[1], "Wiki", "wiki.localhost"],
    [lines[2], "Shop", "shop.localhost"],
  ]) {
    const [, port] =
      new RegExp(`^ {2}${name} +http://${host}:(\\d+) {3}\\w`).exec(line ?? "") ?? [];
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.text()).toContain(`<title>You are signed out · ${name}</title>`);
  }
  program.process.kill("SIGINT");
  expect(await program.ended).toMatchObject({ code: 0, stderr: "" });
  expect(await readdir(installed.directory)).toEqual(before);
});

test("says what is wrong with its options, and that a port is in use", async () => {
  const wrong = await installed.startCommand([...command, "--ports", "1"]).ended;
  expect(wrong).toMatchObject({ code: 2, stdout: "" });
  expect(wrong.stderr).toMatch(/^Unknown option '--ports'.*\n\nUsage: /s);
  expect(await installed.startCommand([...command, "--port", "x"]).ended).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^--port takes a number\.\n/),
  });

  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const taken = await installed.startCommand([...command, "--port", `${port}`]).ended;
  expect(taken).toEqual({
    code: 1,
    stdout: "",
    stderr: `One of the ports from ${port} on is in use: choose others with --port.\n`,
  });
  other.close();
});
