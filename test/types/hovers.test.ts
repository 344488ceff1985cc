import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const file = join(root, "what-an-editor-has-open.ts");

/** What somebody writes; comments of one word are places that are asked about. */
const text = `
import { type KyselyDatabase, kyselyRepositories, KyselyUserRepository } from "concordat/kysely";
import { applyPatch, groupResourceType, planPatch, readResource, userResourceType, userSchema } from "concordat/scim";
import { ScimClient } from "concordat/scim-client";
import { createScimServer } from "concordat/scim-server";

declare const db: KyselyDatabase;
declare const client: ScimClient;
declare const body: unknown;
const type = userResourceType;
const group = groupResourceType;
const schema = userSchema;
const plan = planPatch(type, body);
const read = readResource(type, body, { context: "creation" });
const users = client.resources(type);
const user = await users.get("1");
const groups = client.resources(group);
for await (const one of users.list()) applyPatch(plan, one);
new KyselyUserRepository(db, {
  map: { table: "account", attributes: { userName: "login" }, others: "ignore" },
});
kyselyRepositories(db, {
  users: { table: "account", attributes: { userName: "login" }, others: "ignore" },
});
kyselyRepositories(db, {
  users: { id: { column: "id" }, table: "account", attributes: { userName: undefined, /*columns*/ }, others: "ignore" },
});
createScimServer({ baseUrl: process.env["BASE_URL"] ?? "", basePath: process.env["BASE_PATH"], limits: { /*limits*/ }, /*server*/ });
`;

/** The language service that editors ask, with one file open, over the sources. */
function editor(): ts.LanguageService {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const isOpen = (name: string): boolean => name === file;
  const read = (name: string): string | undefined =>
    isOpen(name) ? text : ts.sys.fileExists(name) ? readFileSync(name, "utf8") : undefined;
  return ts.createLanguageService({
    getScriptFileNames: () => [file],
    getScriptVersion: () => "1",
    getScriptSnapshot: (name) => {
      const content = read(name);
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
    },
    getCurrentDirectory: () => root,
    getCompilationSettings: () => ({ ...options, isolatedDeclarations: false, declaration: false }),
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (name) => isOpen(name) || ts.sys.fileExists(name),
    readFile: read,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
  });
}

const service = editor();

/** What is shown over a word, whole, however long it is. */
function hover(words: string): string {
  const at = text.indexOf(words) + words.replace(/\W+$/, "").length - 1;
  const info = service.getQuickInfoAtPosition(file, at, 1_000_000);
  return ts.displayPartsToString(info?.displayParts);
}

/** The text that is shown beside a completion at a place. */
function completion(place: string, name: string): string {
  const at = text.indexOf(`/*${place}*/`);
  const details = service.getCompletionEntryDetails(file, at, name, {}, undefined, {}, undefined);
  return ts.displayPartsToString(details?.documentation);
}

describe("what an editor shows over a word", () => {
  test.each([
    ["const type", "const type: UserResourceType"],
    ["const group", "const group: GroupResourceType"],
    ["const schema", "const schema: UserSchema"],
    ["const plan", "const plan: PatchPlan<UserResourceType>"],
    ["const read", "const read: ReadResource<NewUser>"],
    ["const users", "const users: ScimResources<User, NewUser>"],
    ["const user =", "const user: User | undefined"],
    ["const groups", "const groups: ScimResources<Group, NewGroup>"],
    ["const one", "const one: User"],
  ])("is a name, and not what it stands for: %s", (words, shown) => {
    expect(hover(words)).toBe(shown);
  });

  test.each(["= planPatch", "= readResource", ") applyPatch", "users.get"])(
    "is read at a glance: %s",
    (words) => {
      const shown = hover(words);
      expect(shown).not.toBe("");
      expect(shown.length).toBeLessThan(400);
    },
  );
});

describe("an error", () => {
  const errors = service
    .getSemanticDiagnostics(file)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));

  test("about a map without an id names the id and the map, and little else", () => {
    expect(errors).toHaveLength(3);
    const [missing = "", overloaded = "", server = ""] = errors;
    expect(missing).toContain("Property 'id' is missing in type");
    expect(missing).toContain("'UserMap'");
    expect(missing.length).toBeLessThan(200);
    expect(overloaded).toContain("Property 'id' is missing in type");
    expect(overloaded.length).toBeLessThan(700);
    // It has neither of the two that are required, and nothing else is wrong with it.
    expect(server).toContain("authenticate, repositories");
  });
});

describe("a completion has its text", () => {
  test.each([
    ["columns", "displayName", "display"],
    ["columns", '"name.givenName"', "given name"],
    ["columns", "externalId", "client"],
    ["limits", "maxBodyBytes", "bytes"],
    ["server", "cursors", "RFC 9865"],
    ["server", "policy", "changed"],
  ])("at %s: %s", (place, name, words) => {
    expect(completion(place, name).toLowerCase()).toContain(words.toLowerCase());
  });
});
