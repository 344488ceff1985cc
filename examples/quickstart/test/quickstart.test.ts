import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

test("the people of the invented directory arrive, and seven changes", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["main.ts"]);
  assert.match(stdout, /360 users, 40 groups, 1,440 memberships/);
  assert.match(stdout, /7 arrived/);
});
