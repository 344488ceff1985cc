import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as federation from "concordat/federation";
import * as kysely from "concordat/kysely";
import * as ldap from "concordat/ldap";
import * as node from "concordat/node";
import * as repositories from "concordat/repositories";
import * as scimServer from "concordat/scim-server";
import * as signing from "concordat/signing";
import * as sso from "concordat/sso";
import * as sync from "concordat/sync";
import { startDirectory } from "concordat/testing/directory";
import { startChild } from "concordat/testing/federation";
import ts from "typescript";
import { describe, expect, onTestFinished, test, vi } from "vitest";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const section = /^## Five programs\n(.*?)^## /ms.exec(readme)?.[1] ?? "";
const programs = [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text = ""]) => text);

/** What a program finds around it, in place of what is elsewhere. */
interface Surroundings {
  /** What is written otherwise: where a server is. */
  readonly instead?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** What the program declares, and other globals. */
  readonly given?: Readonly<Record<string, unknown>>;
}

/** Runs the program that has these words, in this process. @returns what it exports, and its server's address. */
function start(words: string, { instead = {}, env = {}, given = {} }: Surroundings = {}) {
  let text = programs.find((one) => one.includes(words)) ?? "";
  for (const [old, other] of Object.entries(instead)) {
    expect(text).toContain(old);
    text = text.replace(old, other);
  }
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
  });
  const listening = Promise.withResolvers<string>();
  const modules: Record<string, object> = {
    "concordat/federation": federation,
    "concordat/kysely": kysely,
    "concordat/ldap": ldap,
    "concordat/node": node,
    "concordat/repositories": repositories,
    "concordat/scim-server": scimServer,
    "concordat/signing": signing,
    "concordat/sso": sso,
    "concordat/sync": sync,
    // Where the program says 8080, a free port is listened at.
    "node:http": {
      createServer: (listener: http.RequestListener) => ({
        listen() {
          const server = http.createServer(listener).listen(0, "127.0.0.1");
          onTestFinished(() => void server.close().closeAllConnections());
          void once(server, "listening").then(() => {
            listening.resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
          });
        },
      }),
    },
  };
  const exported: Record<string, unknown> = {};
  const signals: Record<string, () => void> = {};
  const fake = {
    env,
    once: (signal: string, listener: () => void) => {
      signals[signal] = listener;
    },
  };
  const names = ["require", "exports", "process", ...Object.keys(given)];
  const program = new Function(...names, `return (async () => {${outputText}})()`);
  const ended: Promise<void> = program(
    (from: string) => modules[from],
    exported,
    fake,
    ...Object.values(given),
  );
  return { exported, signals, ended, url: listening.promise };
}

describe("the programs of the README", () => {
  test("are five, of twelve lines at most", () => {
    expect(programs).toHaveLength(5);
    for (const text of programs) {
      const lines = text.split("\n").filter((line) => line.trim() !== "");
      expect(lines.length, text).toBeLessThanOrEqual(12);
    }
  });

  test("one is provisioned", async () => {
    const sha256 = createHash("sha256").update("secret").digest("hex");
    const { url, ended } = start("createScimServer(", {
      instead: { "app.sqlite": ":memory:" },
      env: { OKTA_TOKEN_SHA256: sha256 },
    });
    await ended;
    const response = await fetch(`${await url}/scim/v2/Users`, {
      method: "POST",
      headers: { authorization: "Bearer secret", "content-type": "application/scim+json" },
      body: JSON.stringify({
        schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
        userName: "ada",
      }),
    });
    expect([response.status, await response.json()]).toMatchObject([201, { userName: "ada" }]);
  });

  test("one follows a directory, and ends without an error at SIGTERM", async () => {
    await using directory = await startDirectory();
    directory.add(`uid=ada,ou=people,${directory.suffix}`, {
      objectClass: "inetOrgPerson",
      uid: "ada",
      cn: "Ada",
      sn: "L",
    });
    const lines: string[] = [];
    const { signals, ended } = start("watchDirectory(", {
      instead: {
        "app.sqlite": ":memory:",
        '"ldaps://ldap.example.com"': `"${directory.url}", allowCleartext: true`,
        '"dc=example,dc=com"': `"${directory.suffix}"`,
        '"cn=reader,dc=example,dc=com"': `"${directory.adminDn}"`,
      },
      env: { LDAP_PASSWORD: directory.password },
      given: { console: { log: (kind: string) => lines.push(kind) } },
    });
    await expect.poll(() => lines).toContain("refreshed");
    signals["SIGTERM"]?.();
    await ended;
    expect(lines).toContain("created");
  });

  test("one verifies a request and signs the response", async () => {
    const secret = "a secret that both sites have, and no third";
    const { exported, ended } = start("requestVerifier(", { env: { SHARED_SECRET: secret } });
    await ended;
    const handler = exported["handler"] as (request: Request) => Promise<Response>;
    const keys = new signing.KeyRing([signing.createKey({ id: "shop", secret })]);
    const { signRequest, verifyResponse } = signing.requestSigner({ keys });
    const sent = await signRequest(
      new Request("https://sso.example.com/report", { method: "POST", body: '"hello"' }),
    );
    const response = await verifyResponse(await handler(sent.clone()), sent);
    expect(await response.json()).toEqual({ from: "shop", read: "hello" });
    await expect(handler(sent)).rejects.toMatchObject({ refusal: { code: "replayed" } });
  });

  test("one signs a visitor on from one site to another", async () => {
    const users = new repositories.InMemoryUserRepository();
    const ada = await users.create({ userName: "ada" });
    const consumers = new repositories.InMemoryConsumerRepository();
    const made = sso.newConsumer({
      name: "The shop",
      format: "http-signature",
      redirectUris: ["https://shop.example.com/client/authenticate/"],
    });
    await consumers.save(made);
    const stores = {
      users,
      consumers,
      tokens: new repositories.InMemorySignOnTokenRepository(),
      nonces: new repositories.InMemoryNonceRepository(),
    };
    const app = {
      visitor: async () => ({ subject: ada.id, session: "1" }),
      signInUrl: () => "/login",
      begin: async (userName: string) => new Headers({ "set-cookie": `user=${userName}` }),
    };
    const consumer = { key: made.key, secret: made.secrets[0]?.value };
    const { exported, ended } = start("signOnServer(", { given: { stores, app, consumer } });
    await ended;
    const sites = exported as { sso: sso.SignOnServer; shop: sso.SignOnClient };
    vi.stubGlobal("fetch", (request: Request) => sites.sso.handler(request));
    onTestFinished(() => void vi.unstubAllGlobals());
    const cookies: string[] = [];
    let url = new URL("https://shop.example.com/client/?next=/basket");
    for (let hop = 0; url.pathname !== "/basket" && hop < 9; hop++) {
      const site = url.host === "sso.example.com" ? sites.sso : sites.shop;
      const cookie = cookies.map((line) => line.split(";")[0]).join("; ");
      const response = await site.handler(new Request(url, { headers: { cookie } }));
      cookies.push(...response.headers.getSetCookie());
      url = new URL(response.headers.get("location") ?? "", url);
    }
    expect(url.href).toBe("https://shop.example.com/basket");
    expect(cookies).toContain("user=ada");
  });

  test("one forwards to the instance that knows the answer", async () => {
    const user = { user: "ada", realm: "division", pin: "1234", serial: "HOTP1" };
    await using child = await startChild({ users: [{ ...user, passwords: ["567890"] }] });
    const { url, ended } = start("federate(", {
      instead: {
        '"https://pi.division.example.com"': `"${child.url}", allowCleartext: true`,
      },
    });
    await ended;
    const check = async (realm: string): Promise<unknown> => {
      const body = new URLSearchParams({ user: "ada", realm, pass: "1234567890" });
      const response = await fetch(`${await url}/validate/check`, { method: "POST", body });
      return await response.json();
    };
    expect(await check("other")).toMatchObject({ result: { value: false } });
    expect(await check("division")).toMatchObject({ result: { value: true } });
  });
});
