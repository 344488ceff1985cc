import { readFileSync } from "node:fs";
import * as testing from "concordat/testing";
import { expect, test } from "vitest";

test("the guide names every contract suite that there is", () => {
  const text = readFileSync(new URL("../../docs/publish-a-repository.md", import.meta.url), "utf8");
  const named = [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  const exported = Object.keys(testing).filter((name) => name.endsWith("Contract"));
  expect(named.sort()).toEqual(exported.sort());
});
