import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as kysely from "concordat/kysely";
import * as scim from "concordat/scim";
import * as scimServer from "concordat/scim-server";
import type { Kysely } from "kysely";
import ts from "typescript";
import { expect, test } from "vitest";

const text: string = readFileSync(
  fileURLToPath(new URL("../../docs/add-scim.md", import.meta.url)),
  "utf8",
);

/** Runs the block of the guide that has these words, with what it declares, and gives what it makes. */
async function run<T>(words: string, made: string, given: object): Promise<T> {
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const block = blocks.find((one) => one.includes(words)) ?? "";
  const { outputText } = ts.transpileModule(`${block}\nexport const made = { ${made} };`, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
  });
  const modules: Record<string, object> = {
    "concordat/kysely": kysely,
    "concordat/scim": scim,
    "concordat/scim-server": scimServer,
  };
  const exported: { made?: T } = {};
  const names = ["require", "exports", "process", ...Object.keys(given)];
  const program = new Function(...names, `return (async () => {${outputText}})()`);
  const require = (from: string) => modules[from];
  await program(require, exported, { env: environment }, ...Object.values(given));
  if (exported.made === undefined) throw new Error(`The guide has no program with "${words}".`);
  return exported.made;
}

const digest = (token: string): string => createHash("sha256").update(token).digest("hex");
const environment: Readonly<Record<string, string>> = {
  DATABASE: ":memory:",
  ENTRA_TOKEN_SHA256: digest("of-entra"),
  OKTA_TOKEN_SHA256: digest("of-okta"),
};

test("the service provider of the guide takes what each identity provider sends, and only from it", async () => {
  type Opened = { db: Kysely<unknown>; stores: kysely.KyselyRepositories };
  const { db, stores } = await run<Opened>("openSqlite(", "db, stores", {});
  const { scim: handler } = await run<{ scim: scimServer.Handler }>("createScimServer(", "scim", {
    stores,
  });
  const call = async (token: string, method: string, path: string, body: object) =>
    await handler(
      new Request(`https://example.com/scim/v2${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/scim+json" },
        body: JSON.stringify(body),
      }),
    );
  // The request of the guide's fourth step.
  const created = await call("of-okta", "POST", "/Users", {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    userName: "ada@example.com",
    externalId: "1",
  });
  expect(created.status).toBe(201);
  const location = created.headers.get("location") ?? "";
  const disabled = {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    Operations: [{ op: "Replace", path: "active", value: "False" }],
  };
  const path = location.replace("https://example.com/scim/v2", "");
  expect((await call("of-okta", "PATCH", path, disabled)).status).toBe(400);
  expect((await call("of-entra", "PATCH", path, disabled)).status).toBe(200);
  expect((await call("of-nobody", "PATCH", path, disabled)).status).toBe(401);
  expect(await stores.users.get(path.replace("/Users/", ""))).toMatchObject({ active: false });
  await db.destroy();
});
