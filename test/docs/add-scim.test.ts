import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as kysely from "concordat/kysely";
import type { GroupRepository, UserRepository } from "concordat/repositories";
import * as scim from "concordat/scim";
import * as scimServer from "concordat/scim-server";
import { Kysely } from "kysely";
import ts from "typescript";
import { expect, test } from "vitest";

interface Guide {
  openStores(db: Kysely<unknown>): Promise<{ users: UserRepository; groups: GroupRepository }>;
  provisioning(
    stores: { users: UserRepository; groups: GroupRepository },
    digests: { entra: string; okta: string },
  ): scimServer.Handler;
}

/** The functions of the guide, as they stand there. */
function functionsOfTheGuide(): Guide {
  const file = fileURLToPath(new URL("../../docs/add-scim.md", import.meta.url));
  const blocks = [...readFileSync(file, "utf8").matchAll(/^```ts\n(.*?)^```$/gms)];
  const source = (name: string): string =>
    blocks.find(([, block = ""]) => block.includes(`function ${name}(`))?.[1] ?? "";
  const modules: Record<string, object> = {
    "concordat/kysely": kysely,
    "concordat/scim": scim,
    "concordat/scim-server": scimServer,
  };
  const exported: Partial<Guide> = {};
  for (const name of ["openStores", "provisioning"]) {
    const { outputText } = ts.transpileModule(source(name), {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
    });
    new Function("require", "exports", outputText)((from: string) => modules[from], exported);
  }
  const { openStores, provisioning } = exported;
  if (openStores === undefined || provisioning === undefined) {
    throw new Error("The guide has other functions.");
  }
  return { openStores, provisioning };
}

test("the service provider of the guide takes what each identity provider sends, and what it alone may send", async () => {
  const { openStores, provisioning } = functionsOfTheGuide();
  const db = new Kysely<unknown>({ dialect: kysely.nodeSqliteDialect({ path: ":memory:" }) });
  const digest = (token: string): string => createHash("sha256").update(token).digest("hex");
  const stores = await openStores(db);
  const handler = provisioning(stores, { entra: digest("of-entra"), okta: digest("of-okta") });
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
