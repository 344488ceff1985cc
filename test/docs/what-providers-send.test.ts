import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { entraProfile, lenientProfile, oktaProfile } from "concordat/scim";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const text = readFileSync(join(root, "docs/what-entra-and-okta-send.md"), "utf8");

interface Case {
  readonly request?: { readonly Operations: readonly unknown[] };
  readonly creation?: unknown;
}

/** Every operation that the data files have, and every resource that they create. */
const sent: readonly unknown[] = readdirSync(join(root, "test/vectors"))
  .filter((name) => name.startsWith("provider-"))
  .flatMap((name) => {
    const file: { readonly cases: readonly Case[] } = JSON.parse(
      readFileSync(join(root, "test/vectors", name), "utf8"),
    );
    return file.cases.flatMap(({ request, creation }) => request?.Operations ?? [creation]);
  });

describe("what the guide says that providers send is in the data files", () => {
  const blocks = [...text.matchAll(/^```json\n(.*?)^```$/gms)].map(([, block = ""]) => block);

  test.each(blocks)("%s", (block) => {
    expect(sent).toContainEqual(JSON.parse(block));
  });
});

test("the table of the guide says of each rewrite which profiles make it", () => {
  const rows = [...text.matchAll(/^\| `(\w+)` \|.*\| (yes)? ?\| (yes)? ?\| (yes)? ?\|$/gm)].map(
    ([, name = "", ...profiles]) => ({ name, profiles: profiles.map((word) => word === "yes") }),
  );
  const profiles = [entraProfile, oktaProfile, lenientProfile];
  for (const [index, { rewrites }] of profiles.entries()) {
    const told = rows.filter((row) => row.profiles[index]).map(({ name }) => name);
    expect(new Set(told)).toEqual(rewrites);
  }
});
