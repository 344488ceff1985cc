import { randomBytes } from "node:crypto";
import { ConfiguredServers, federate } from "concordat/federation";
import { InMemoryNonceRepository, InMemoryUserRepository } from "concordat/repositories";
import { ScimClient } from "concordat/scim-client";
import { bearerTokens, createScimServer } from "concordat/scim-server";
import { createKey, KeyRing, requestVerifier } from "concordat/signing";
import { expect, test, vi } from "vitest";

vi.mock("node:crypto", async (original) => {
  const crypto = await original<typeof import("node:crypto")>();
  return { ...crypto, randomBytes: vi.fn(crypto.randomBytes) };
});

// What Bun has in the place of undici: classes without anything in them.
vi.mock("undici", () => ({ Pool: class {}, buildConnector: () => undefined }));

test("handlers are made without random bytes, which workerd has for requests only", async () => {
  const sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
  const users = new InMemoryUserRepository();
  const scim = createScimServer({
    baseUrl: "https://example.com/scim/v2",
    authenticate: bearerTokens({ okta: sha256 }),
    repositories: { users },
  });
  const { verifyRequest } = requestVerifier({
    keys: new KeyRing([createKey({ id: "shop", secret: "k".repeat(32) })]),
    nonces: new InMemoryNonceRepository(),
    origin: "https://example.com",
  });
  expect(randomBytes).not.toHaveBeenCalled();

  for (const userName of ["ann", "bob"]) await users.create({ userName });
  const response = await scim(
    new Request("https://example.com/scim/v2/Users?cursor&count=1", {
      headers: { authorization: "Bearer test" },
    }),
  );
  expect(await response.json()).toHaveProperty("nextCursor");
  await expect(verifyRequest(new Request("https://example.com/"))).rejects.toThrow("signature");
});

test("a runtime whose undici is a stub is named, and not called a server that cannot be reached", async () => {
  const stub = { name: "UnsupportedError", message: expect.stringContaining("Bun") };
  expect(() => new ScimClient({ baseUrl: "https://example.com/scim/v2" })).toThrow(
    expect.objectContaining(stub),
  );
  const ownOrigins = ["https://parent.example.com"];
  const servers = new ConfiguredServers([{ identifier: "child", url: "https://192.0.2.1" }], {
    ownOrigins,
  });
  await using federation = federate(() => Promise.resolve(Response.json({})), {
    servers,
    ownOrigins,
    rules: [
      {
        name: "ask the child",
        handlermodule: "Federation",
        event: ["validate_check"],
        position: "pre",
        action: "forward",
        options: { privacyIDEA: "child" },
      },
    ],
  });
  const asked = federation.handler(
    new Request("https://parent.example.com/validate/check", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: "ann", pass: "1" }),
    }),
  );
  await expect(asked).rejects.toMatchObject(stub);
});
