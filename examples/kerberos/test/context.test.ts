import assert from "node:assert/strict";
import { test } from "node:test";
import { list } from "../list.ts";

test("a server that is not there is said to be so, or libgssapi not to be installed", async () => {
  const lines = list({ url: "ldap://127.0.0.1:1", base: "dc=example,dc=com" });
  await assert.rejects(lines.next(), /127\.0\.0\.1|gssapi|koffi/i);
});
