import { InvalidValueError } from "concordat";
import { createScimServer, type ScimServerOptions } from "concordat/scim-server";
import { expect, test } from "vitest";
import { baseUrl, inMemory } from "./provider.js";

const right: ScimServerOptions = {
  baseUrl,
  authenticate: () => ({ id: "client" }),
  repositories: () => inMemory(),
};

test.each<[string, Partial<ScimServerOptions>]>([
  ["a base URL with a password", { baseUrl: "https://user:secret@example.com/scim" }],
  ["a base URL with a query", { baseUrl: "https://example.com/scim?tenant=1" }],
  ["a base URL that is a path", { baseUrl: "/scim/v2" }],
  ["a base URL that is not of the web", { baseUrl: "ftp://example.com/scim" }],
  ["a limit of nothing", { limits: { maxBodyBytes: 0 } }],
  ["a limit that is no number", { limits: { pageSize: Number.NaN } }],
  ["a short key of cursors", { cursors: { key: new Uint8Array(31) } }],
  ["cursors that end at once", { cursors: { timeout: 0 } }],
])("%s is refused at once, and no secret is told", (_, wrong) => {
  const made = (): unknown => createScimServer({ ...right, ...wrong });
  expect(made).toThrow(InvalidValueError);
  expect(made).not.toThrow(/secret/);
});

test.each([
  [`${baseUrl}/`, "https://example.com/v2/Users"],
  ["https://example.com", "https://example.com/Users"],
])("%s is where endpoints are, with or without a slash at its end", async (base, url) => {
  const handler = createScimServer({ ...right, baseUrl: base });
  expect((await handler(new Request(url))).status).toBe(200);
  expect((await handler(new Request(`${url}/`))).status).toBe(200);
  expect((await handler(new Request(url.replace("Users", "v2/Users")))).status).toBe(404);
});
