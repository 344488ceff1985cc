import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { InMemoryUserRepository } from "concordat/repositories";
import { entraProfile } from "concordat/scim";
import { bearerJwt, bearerTokens, createScimServer } from "concordat/scim-server";
import {
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  type JWTHeaderParameters,
  SignJWT,
  UnsecuredJWT,
} from "jose";
import { describe, expect, test } from "vitest";
import { baseUrl, inMemory, provider, sha256 } from "./provider.js";

function withAuthorization(value?: string): Request {
  return new Request(baseUrl, value === undefined ? {} : { headers: { authorization: value } });
}

describe("bearerTokens", () => {
  const now = Date.UTC(2026, 10, 22);
  const authenticate = bearerTokens(
    [
      { sha256: sha256("old"), principal: { id: "okta" }, expires: new Date(now + 1_000) },
      { sha256: sha256("new").toUpperCase(), principal: { id: "okta" } },
      { sha256: sha256("over"), principal: { id: "okta" }, expires: new Date(now) },
      { sha256: sha256("other"), principal: { id: "entra" } },
    ],
    { now: () => now },
  );

  test.each([
    ["Bearer old", "okta"],
    ["Bearer new", "okta"],
    ["bearer  other", "entra"],
    ["Bearer over", undefined],
    ["Bearer unknown", undefined],
    ["Bearer new extra", undefined],
    [`Bearer ${sha256("new")}`, undefined],
    ["Basic new", undefined],
    ["Bearer", undefined],
    [`Bearer ${"x".repeat(20_000)}`, undefined],
    [undefined, undefined],
  ])("%s is %s", async (authorization, id) => {
    expect((await authenticate(withAuthorization(authorization)))?.id).toBe(id);
  });

  test("clients can be listed by name, with what else is known of them", async () => {
    const byName = bearerTokens({
      entra: { sha256: sha256("e"), profile: entraProfile, tenant: "acme" },
      okta: { sha256: [sha256("old"), sha256("new")] },
      script: sha256("s"),
    });
    const known = (token: string) => byName(withAuthorization(`Bearer ${token}`));
    expect(await known("e")).toEqual({ id: "entra", profile: entraProfile, tenant: "acme" });
    for (const token of ["old", "new"]) expect(await known(token)).toEqual({ id: "okta" });
    expect(await known("s")).toEqual({ id: "script" });
    expect(await known("okta")).toBeUndefined();
  });

  test.each([
    { okta: undefined },
    { okta: "" },
    { okta: { sha256: undefined } },
    { okta: { sha256: [] } },
    { okta: { sha256: [sha256("good"), ""] } },
  ])("a client without a digest is refused by its name: %o", (clients) => {
    expect(() => bearerTokens(clients)).toThrow(/^"okta": it has no SHA-256 digest/);
  });

  test("a client with another text in its place is refused by its name, and the text is not said", () => {
    expect(() => bearerTokens({ okta: "the token itself" })).toThrow(
      /^"okta": it is a SHA-256 digest in 64 hexadecimal digits\.$/,
    );
  });

  test("the profile of a client decides how its requests are read, and that of the options for others", async () => {
    const scim = createScimServer({
      baseUrl,
      authenticate: bearerTokens({
        entra: { sha256: sha256("e"), profile: entraProfile },
        strict: sha256("s"),
      }),
      repositories: { users: new InMemoryUserRepository() },
    });
    const statusFor = async (token: string): Promise<number> => {
      const send = (path: string, method: string, body: object) =>
        scim(
          new Request(`${baseUrl}${path}`, {
            method,
            headers: { authorization: `Bearer ${token}`, "content-type": "application/scim+json" },
            body: JSON.stringify(body),
          }),
        );
      const schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"];
      const created = await send("/Users", "POST", { schemas, userName: `ann-${token}` });
      const { id } = (await created.json()) as { id: string };
      // As Entra writes it: the operation with a capital, and a boolean as text.
      const Operations = [{ op: "Replace", path: "active", value: "False" }];
      const patch = { schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations };
      return (await send(`/Users/${id}`, "PATCH", patch)).status;
    };
    expect(await statusFor("e")).toBe(200);
    expect(await statusFor("s")).toBe(400);
  });

  test("tokens can be read anew for each request", async () => {
    const tokens = [{ sha256: sha256("one"), principal: { id: "okta" } }];
    const reading = bearerTokens(async () => tokens);
    const request = withAuthorization("Bearer two");
    expect(await reading(request)).toBeUndefined();
    tokens.push({ sha256: sha256("two"), principal: { id: "okta" } });
    expect(await reading(request)).toEqual({ id: "okta" });
  });

  test("a digest that is none is refused, and not repeated in the error", () => {
    expect(() => bearerTokens([{ sha256: "my token", principal: { id: "x" } }])).toThrow(
      /^"sha256": it is a SHA-256 digest in 64 hexadecimal digits.$/,
    );
  });
});

describe("bearerJwt", async () => {
  const issuer = "https://issuer.example.com";
  const audience = "https://example.com/scim";
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const other = await generateKeyPair("ES256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" }] };
  const now = Date.now();
  const authenticate = bearerJwt({
    keys: createLocalJWKSet(jwks),
    issuer,
    audience,
    scopes: ["scim"],
    now: () => now,
    principal: ({ sub }) => (sub === undefined ? undefined : { id: sub }),
  });
  const seconds = Math.floor(now / 1000);

  function token(
    claims: object = {},
    header: JWTHeaderParameters = { alg: "ES256", kid: "one", typ: "at+jwt" },
  ): SignJWT {
    return new SignJWT({
      iss: issuer,
      aud: audience,
      sub: "okta",
      scope: "openid scim",
      exp: seconds + 60,
      ...claims,
    }).setProtectedHeader(header);
  }

  function authenticateAs(type: "at+jwt" | "JWT"): typeof authenticate {
    const principal = ({ sub = "" }): { id: string } => ({ id: sub });
    return bearerJwt({ keys: createLocalJWKSet(jwks), issuer, audience, type, principal });
  }

  async function answer(jwt: string): Promise<string | undefined> {
    return (await authenticate(withAuthorization(`Bearer ${jwt}`)))?.id;
  }

  test.each([
    ["a good one", {}, "okta"],
    ["one with scopes as a list", { scope: undefined, scp: ["scim"] }, "okta"],
    ["one for several audiences", { aud: ["https://other.example.com", audience] }, "okta"],
    ["one that is over by less than the clocks may be apart", { exp: seconds - 29 }, "okta"],
    ["one that is over", { exp: seconds - 31 }, undefined],
    ["one that begins later", { nbf: seconds + 31 }, undefined],
    ["one without an end", { exp: undefined }, undefined],
    ["one for somebody else", { aud: "https://other.example.com" }, undefined],
    ["one of another issuer", { iss: "https://other.example.com" }, undefined],
    ["one of nobody", { sub: undefined }, undefined],
  ])("a JWT: %s", async (_, claims, id) => {
    expect(await answer(await token(claims).sign(privateKey))).toBe(id);
  });

  test("one of an unknown key, one that was changed, and one that is not signed are nobody's", async () => {
    const good = await token().sign(privateKey);
    const [head, , signature] = good.split(".");
    const claims = Buffer.from(JSON.stringify({ iss: issuer, aud: audience, exp: seconds + 60 }));
    expect(await answer(await token().sign(other.privateKey))).toBeUndefined();
    const unknown = token({}, { alg: "ES256", kid: "two", typ: "at+jwt" });
    expect(await answer(await unknown.sign(other.privateKey))).toBeUndefined();
    expect(await answer(`${head}.${claims.toString("base64url")}.${signature}`)).toBeUndefined();
    const unsecured = new UnsecuredJWT({ sub: "okta", scope: "scim" });
    unsecured
      .setIssuer(issuer)
      .setAudience(audience)
      .setExpirationTime(seconds + 60);
    expect(await answer(unsecured.encode())).toBeUndefined();
    expect(await answer("no token")).toBeUndefined();
    const symmetric = token({}, { alg: "HS256", kid: "one", typ: "at+jwt" });
    const publicBytes = new TextEncoder().encode(JSON.stringify(jwks.keys[0]));
    expect(await answer(await symmetric.sign(publicBytes))).toBeUndefined();
  });

  test.each([
    ["at+jwt", { "at+jwt": "okta", JWT: undefined }],
    ["application/AT+JWT", { "at+jwt": "okta", JWT: undefined }],
    ["JWT", { "at+jwt": undefined, JWT: "okta" }],
    [undefined, { "at+jwt": undefined, JWT: "okta" }],
    ["logout+jwt", { "at+jwt": undefined, JWT: undefined }],
    ["dpop+jwt", { "at+jwt": undefined, JWT: undefined }],
  ])("RFC 9068 §4: a token that states the type %s", async (typ, expected) => {
    const header = { alg: "ES256", kid: "one", ...(typ !== undefined && { typ }) };
    const sent = withAuthorization(`Bearer ${await token({}, header).sign(privateKey)}`);
    for (const type of ["at+jwt", "JWT"] as const) {
      expect((await authenticateAs(type)(sent))?.id).toBe(expected[type]);
    }
    expect((await authenticate(sent))?.id).toBe(expected["at+jwt"]);
  });

  test("a token that states an algorithm which the key is not for is nobody's", async () => {
    const rsa = await generateKeyPair("RS256");
    const reading = bearerJwt({
      keys: async () => rsa.publicKey,
      issuer,
      audience,
      principal: () => ({ id: "okta" }),
    });
    const sent = withAuthorization(`Bearer ${await token().sign(privateKey)}`);
    expect(await reading(sent)).toBeUndefined();
  });

  test("symmetric algorithms are refused at once", () => {
    const options = { keys: createLocalJWKSet(jwks), issuer, audience, principal: () => undefined };
    expect(() => bearerJwt({ ...options, algorithms: ["HS256"] })).toThrow("proves nothing");
    expect(() => bearerJwt({ ...options, algorithms: ["none"] })).toThrow("proves nothing");
  });

  test("a token without the scopes is answered 403, which names them", async () => {
    const { call } = provider(inMemory(), { authenticate });
    const authorization = `Bearer ${await token({ scope: "openid" }).sign(privateKey)}`;
    const answered = await call("GET", "/Users", undefined, { authorization });
    expect(answered).toMatchObject({ status: 403, body: { status: "403" } });
    expect(answered.headers.get("www-authenticate")).toBe(
      'Bearer error="insufficient_scope", scope="scim"',
    );
  });

  test("keys are fetched, and an issuer that does not answer is no reason to say who it is not", async () => {
    const server = createServer((_, response) => response.end(JSON.stringify(jwks)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const make = (): ReturnType<typeof bearerJwt> =>
      bearerJwt({
        keys: new URL(`http://127.0.0.1:${port}/keys`),
        issuer,
        audience,
        principal: () => ({ id: "okta" }),
      });
    const authorization = `Bearer ${await token().sign(privateKey)}`;
    expect(await make()(withAuthorization(authorization))).toEqual({ id: "okta" });
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    const { call } = provider(inMemory(), { authenticate: make() });
    expect(await call("GET", "/Users", undefined, { authorization })).toMatchObject({
      status: 503,
      body: { status: "503" },
    });
  });

  test("keys that cannot be fetched are asked for again after a while, however many ask meanwhile", async () => {
    let fetched = 0;
    let answering = "no keys";
    const server = createServer((_, response) => {
      fetched++;
      response.end(answering);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    let time = now;
    const reading = bearerJwt({
      keys: new URL(`http://127.0.0.1:${port}/keys`),
      issuer,
      audience,
      now: () => time,
      principal: () => ({ id: "okta" }),
    });
    const { call } = provider(inMemory(), { authenticate: reading });
    const authorization = `Bearer ${await token().sign(privateKey)}`;
    for (let at = 0; at < 5; at++) {
      const answered = await call("GET", "/Users", undefined, { authorization });
      expect(answered.status).toBe(503);
      if (at > 0) expect(answered.headers.get("retry-after")).toBe("5");
    }
    expect(fetched).toBe(1);
    answering = JSON.stringify(jwks);
    time += 5_000;
    expect(await reading(withAuthorization(authorization))).toEqual({ id: "okta" });
    // What was fetched is good while a token with a key that nobody knows finds the issuer gone.
    answering = "no keys";
    const unknown = await token({}, { alg: "ES256", kid: "two", typ: "at+jwt" }).sign(privateKey);
    await reading(withAuthorization(`Bearer ${unknown}`));
    expect(await reading(withAuthorization(authorization))).toEqual({ id: "okta" });
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
});

test("a request without credentials is refused with 401 at every endpoint", async () => {
  const { call } = provider(inMemory(), { challenge: 'Bearer realm="scim"' });
  for (const path of ["/Users", "/ServiceProviderConfig", "/nothing", "/Users/x"]) {
    const answered = await call("GET", path, undefined, { authorization: "Bearer wrong" });
    expect(answered).toMatchObject({ status: 401, body: { status: "401" } });
    expect(answered.headers.get("www-authenticate")).toBe('Bearer realm="scim"');
    expect(answered.headers.get("content-type")).toBe("application/scim+json");
  }
});
