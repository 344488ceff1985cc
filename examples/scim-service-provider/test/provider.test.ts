import assert from "node:assert/strict";
import { test } from "node:test";
import { Application } from "../application.ts";
import { RequestLog } from "../request-log.ts";
import { scimServiceProvider } from "../scim.ts";
import { web } from "../web.ts";

test("a user whom the identity provider sends is on the page, and so is the request", async () => {
  await using application = await Application.open(":memory:");
  using log = new RequestLog();
  const origin = "http://localhost:3000";
  const scim = scimServiceProvider(application, { baseUrl: `${origin}/scim/v2`, token: "secret" });
  const site = web(application, scim, log);
  const created = await site.request(`${origin}/scim/v2/Users`, {
    method: "POST",
    headers: { authorization: "Bearer secret", "content-type": "application/scim+json" },
    body: JSON.stringify({
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
      userName: "ada@example.com",
    }),
  });
  assert.equal(created.status, 201);
  const page = await (await site.request(`${origin}/`)).text();
  assert.match(page, /ada@example\.com/);
  assert.match(page, /POST \/Users/);
  const refused = await site.request(`${origin}/scim/v2/Users`);
  assert.equal(refused.status, 401);
});
