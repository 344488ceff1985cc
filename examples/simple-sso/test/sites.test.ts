import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startSites } from "../sites.ts";

test("each site answers, and no visitor is signed in", async () => {
  const data = await mkdtemp(join(tmpdir(), "simple-sso-"));
  const running = await startSites({ data, port: 0 });
  try {
    for (const { name, origin } of running.sites) {
      const { port } = new URL(origin);
      const text = await (await fetch(`http://127.0.0.1:${port}/`)).text();
      assert.match(text, new RegExp(`<title>You are signed out · ${name}</title>`));
    }
  } finally {
    await running[Symbol.asyncDispose]();
    await rm(data, { recursive: true });
  }
});
