import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { InvalidValueError } from "concordat";
import { InMemoryNonceRepository } from "concordat/repositories";
import { createKey, createSigner, KeyRing } from "concordat/signing";
import { newConsumer, type SignOnError, signOnClient } from "concordat/sso";
import { describe, expect, test } from "vitest";
import { Browser, startSites } from "./sites.js";

describe("at the server", () => {
  test("of 50 browsers that come at once with one request token one is sent back", async () => {
    await using sites = await startSites({ format: "http-signature" });
    const { location: authorize } = await new Browser().go(sites.clientUrl);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        sites.server.handler(
          new Request(authorize, { headers: { cookie: `user=${sites.ann.id}` } }),
        ),
      ),
    );
    expect(answers.filter(({ status }) => status === 302)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(49);
  });

  test("a request token that was used passes no more where another process's clock is behind", async () => {
    let ahead = 0;
    let behind = 0;
    const nonces = new InMemoryNonceRepository({ now: () => new Date(Date.now() + ahead) });
    await using sites = await startSites({
      format: "http-signature",
      server: { nonces, now: () => new Date(Date.now() + behind) },
    });
    const { location: authorize } = await new Browser().go(sites.clientUrl);
    const come = async () =>
      await sites.server.handler(
        new Request(authorize, { headers: { cookie: `user=${sites.ann.id}` } }),
      );
    expect((await come()).status).toBe(302);
    // The token's 600 seconds are over where the nonces are kept, and not yet where it comes again.
    ahead = 610_000;
    behind = 560_000;
    expect((await come()).status).toBe(403);
  });

  test("a request token of the draft is of use to the consumer only that it is for, and signed", async () => {
    await using sites = await startSites({ format: "simple-sso-draft" });
    const headers = { cookie: `user=${sites.ann.id}` };
    const { location: authorize } = await new Browser().go(sites.clientUrl);
    const token = new URL(authorize).searchParams.get("request_token") ?? "";
    const other = newConsumer({
      name: "other",
      format: "simple-sso-draft",
      redirectUris: ["https://other.example/"],
    });
    await sites.consumers.save(other);
    const key = createKey({ id: other.key, secret: other.secrets[0]?.value ?? "" });
    const stolen = createSigner({ profile: "simple-sso-draft" }).signRequest(
      [["request_token", token]],
      key,
    );
    const statusOf = async (url: string): Promise<number> =>
      (await sites.server.handler(new Request(url, { headers }))).status;
    expect(await statusOf(`${sites.serverUrl}authorize/?${stolen}`)).toBe(403);
    expect(await statusOf(`${sites.serverUrl}authorize/?token=${token}`)).toBe(403);
    expect(await statusOf(`${sites.serverUrl}authorize/?request_token=${token}`)).toBe(400);
    expect(await statusOf(authorize)).toBe(302);
  });

  test("of the draft, nothing counts that is not signed, after a second question mark either", async () => {
    await using sites = await startSites({ format: "simple-sso-draft" });
    const headers = { cookie: `user=${sites.ann.id}` };
    const { location: authorize } = await new Browser().go(sites.clientUrl);
    const token = new URL(authorize).searchParams.get("request_token") ?? "";
    const key = createKey({
      id: sites.consumer.key,
      secret: sites.consumer.secrets[0]?.value ?? "",
    });
    const signed = createSigner({ profile: "simple-sso-draft" }).signRequest([], key);
    const statusOf = async (path: string): Promise<number> =>
      (await sites.server.handler(new Request(`${sites.serverUrl}${path}`, { headers }))).status;
    for (const added of ["?x=1", "&x=1", "?"]) {
      expect(await statusOf(`request-token/?${signed}${added}`)).toBe(400);
    }
    expect(await statusOf(`authorize/?${signed}?&request_token=${token}`)).toBe(400);
    expect(await statusOf(`request-token/?${signed}`)).toBe(200);
    expect(await statusOf(new URL(authorize).href.slice(sites.serverUrl.length))).toBe(302);
  });

  test("a text with half a surrogate pair is refused before a token is made for it", async () => {
    await using sites = await startSites({ format: "simple-sso" });
    const key = createKey({
      id: sites.consumer.key,
      secret: sites.consumer.secrets[0]?.value ?? "",
    });
    const members = { redirect_to: sites.consumer.redirectUris[0], state: "\ud800" };
    const response = await fetch(`${sites.serverUrl}request-token/`, {
      method: "POST",
      headers: { "x-services-public-key": key.id },
      body: createSigner({ profile: "simple-sso" }).sign(JSON.stringify(members), key),
    });
    expect(response.status).toBe(400);
  });

  test("who may use a client is asked again when the client asks", async () => {
    let may = true;
    await using sites = await startSites({
      format: "http-signature",
      server: { mayUse: () => may },
    });
    const browser = new Browser();
    browser.set(sites.serverUrl, "user", sites.ann.id);
    const back = await browser.comeBack(sites.clientUrl);
    may = false;
    expect((await browser.go(back)).response.status).toBe(403);
    expect(sites.sessions.size).toBe(0);
  });

  test("more than 64 KiB are not read", async () => {
    await using sites = await startSites({ format: "simple-sso" });
    const response = await fetch(`${sites.serverUrl}verify/`, {
      method: "POST",
      headers: { "x-services-public-key": sites.consumer.key },
      body: "x".repeat(65_537),
    });
    expect(response.status).toBe(413);
  });

  test.each(["", "authorize", "authorise/", "../server/verify", "request-token"])(
    "there is nothing at %j",
    async (path) => {
      await using sites = await startSites({ format: "http-signature" });
      expect((await fetch(`${sites.serverUrl}${path}`)).status).toBe(404);
    },
  );
});

test("says which methods there are where the request has another one", async () => {
  await using sites = await startSites({ format: "http-signature" });
  const answers: Record<string, string> = {};
  for (const url of [
    ...["request-token/", "authorize/", "verify/", "sign-out/"].map(
      (path) => sites.serverUrl + path,
    ),
    ...["", "authenticate/", "sign-out/"].map((path) => sites.clientUrl + path),
  ]) {
    const { status, headers } = await fetch(url, { method: "DELETE" });
    answers[new URL(url).pathname] = `${status} ${headers.get("allow")}`;
  }
  expect(answers).toEqual({
    "/server/request-token/": "405 GET, POST",
    "/server/authorize/": "405 GET",
    "/server/verify/": "405 GET, POST",
    "/server/sign-out/": "405 POST",
    "/client/": "405 GET",
    "/client/authenticate/": "405 GET",
    "/client/sign-out/": "405 POST",
  });
});

describe("at the client", () => {
  test("the access token of one sign-on does not end another of the same browser", async () => {
    await using sites = await startSites({ format: "http-signature" });
    const browser = new Browser();
    browser.set(sites.serverUrl, "user", sites.ann.id);
    const [one, other] = [
      new URL(await browser.comeBack(sites.clientUrl)),
      new URL(await browser.comeBack(sites.clientUrl)),
    ];
    other.searchParams.set("access_token", one.searchParams.get("access_token") ?? "");
    expect((await browser.go(other.href)).response.status).toBe(403);
    expect(sites.sessions.size).toBe(0);
  });

  test("tokens that the server does not know are not remembered, so that strangers fill no store", async () => {
    const nonces = new InMemoryNonceRepository();
    const asked: string[] = [];
    nonces.take = async ({ value }) => {
      asked.push(value);
      return true;
    };
    await using sites = await startSites({ format: "http-signature", client: { nonces } });
    const browser = new Browser();
    browser.set(sites.serverUrl, "user", sites.ann.id);
    const back = await browser.comeBack(sites.clientUrl);
    const invented = new URL(back);
    invented.searchParams.set("access_token", "invented");
    expect((await browser.go(invented.href)).response.status).toBe(403);
    expect((await browser.go(back)).response.status).toBe(302);
    // What is kept is of no use to whoever reads it.
    const token = new URL(back).searchParams.get("access_token") ?? "";
    expect(asked).toEqual([createHash("sha256").update(token).digest("base64url")]);
  });

  test("a parameter that is there twice is refused", async () => {
    await using sites = await startSites({ format: "http-signature" });
    const browser = new Browser();
    browser.set(sites.serverUrl, "user", sites.ann.id);
    const back = await browser.comeBack(sites.clientUrl);
    for (const added of ["state=x", "access_token=x"]) {
      expect((await browser.go(`${back}&${added}`)).response.status).toBe(400);
    }
    expect((await browser.go(back)).response.status).toBe(302);
  });

  test("a cookie of another sign-on under the name of this one is none", async () => {
    await using sites = await startSites({ format: "simple-sso" });
    const browser = new Browser();
    browser.set(sites.serverUrl, "user", sites.ann.id);
    const back = await browser.comeBack(sites.clientUrl);
    const [name = ""] = browser.cookies(sites.clientUrl).split("=");
    const other = new Browser();
    await other.go(sites.clientUrl);
    const [, value = ""] = other.cookies(sites.clientUrl).split("=");
    browser.set(sites.clientUrl, name, value);
    expect((await browser.go(back)).response.status).toBe(403);
  });

  test("a cookie that is there twice, as another host may have set one, is none", async () => {
    await using sites = await startSites({ format: "http-signature" });
    const browser = new Browser();
    browser.set(sites.serverUrl, "user", sites.ann.id);
    const back = await browser.comeBack(sites.clientUrl);
    const cookie = browser.cookies(back);
    const statusWith = async (sent: string): Promise<number> =>
      (await sites.client.handler(new Request(back, { headers: { cookie: sent } }))).status;
    expect(await statusWith(`${cookie}; ${cookie}`)).toBe(403);
    expect(await statusWith(cookie)).toBe(302);
  });

  test("a cookie whose name only looks like this one's, as another host may set it, is none", async () => {
    await using sites = await startSites({ format: "http-signature" });
    const browser = new Browser();
    browser.set(sites.serverUrl, "user", sites.ann.id);
    const back = await browser.comeBack(sites.clientUrl);
    // Browsers keep names with the prefix __Host- for the host itself, and take these for others.
    for (const space of ["\u00a0", "\u000b"]) {
      const cookie = `a=b; ${space}${browser.cookies(back)}`;
      const request = new Request(back, { headers: { cookie } });
      expect((await sites.client.handler(request)).status).toBe(403);
    }
    expect((await browser.go(back)).response.status).toBe(302);
  });

  test("five tabs may sign on at once, and a sixth one gives up the oldest alone", async () => {
    await using sites = await startSites({ format: "http-signature" });
    const browser = new Browser();
    browser.set(sites.serverUrl, "user", sites.ann.id);
    const backs: string[] = [];
    for (let tab = 0; tab < 6; tab += 1) {
      backs.push(await browser.comeBack(sites.clientUrl, `/tab-${tab}`));
      const flows = browser
        .cookies(sites.clientUrl)
        .split("; ")
        .filter((one) => /^sign-on-/.test(one));
      expect(flows).toHaveLength(Math.min(tab + 1, 5));
    }
    const ends: unknown[] = [];
    for (const back of backs) {
      const { response } = await browser.go(back);
      const { pathname } = new URL(response.headers.get("location") ?? "about:blank");
      ends.push(response.status === 302 ? pathname : response.status);
    }
    expect(ends).toEqual([403, "/tab-1", "/tab-2", "/tab-3", "/tab-4", "/tab-5"]);
  });

  test("the oldest tabs are given up wherever their cookies stand, and what is none of ours before", async () => {
    await using sites = await startSites({ format: "http-signature" });
    const cookieOf = (name: string, begunAt: unknown): string => {
      const flow = { state: "s", requestToken: "t", next: "/", begunAt };
      return `sign-on-${name}=${Buffer.from(JSON.stringify(flow)).toString("base64url")}`;
    };
    const cookie = [
      "session=1",
      cookieOf("d", 4),
      cookieOf("b", 2),
      "sign-on-x=nonsense",
      cookieOf("c", 3),
      cookieOf("y", "1"),
      cookieOf("a", 1),
      cookieOf("e", 5),
    ].join("; ");
    const { headers } = await sites.client.handler(
      new Request(sites.clientUrl, { headers: { cookie } }),
    );
    const ended = headers
      .getSetCookie()
      .filter((line) => line.endsWith("Max-Age=0"))
      .map((line) => line.split("=", 1)[0]);
    expect(ended.sort()).toEqual(["sign-on-a", "sign-on-x", "sign-on-y"]);
    expect(headers.getSetCookie()).toHaveLength(4);
  });

  test("a token that makes no sense is in no error", async () => {
    const errors: SignOnError[] = [];
    const key = createKey({ id: "key", secret: "s".repeat(64) });
    const client = signOnClient({
      format: "simple-sso",
      url: "https://shop.example/client/",
      server: "https://sso.example/server/",
      keys: new KeyRing([key]),
      nonces: new InMemoryNonceRepository(),
      signIn: async () => new Headers(),
      failure: (error) => {
        errors.push(error);
        return new Response(null, { status: error.status });
      },
    });
    const signed = createSigner({ profile: "simple-sso" }).signUrlSafe("t0ken", key);
    const url = `https://shop.example/client/authenticate/?state=a&access_token=${signed}`;
    expect((await client.handler(new Request(url))).status).toBe(400);
    expect(errors.map(({ reason }) => reason)).toEqual(["malformed"]);
    expect(inspect(errors, { depth: 9 })).not.toContain("t0ken");
  });

  test("an account that is not active is not let in", async () => {
    await using sites = await startSites({ format: "http-signature" });
    const browser = new Browser();
    browser.set(sites.serverUrl, "user", sites.ann.id);
    await browser.go(await browser.comeBack(sites.clientUrl));
    const [session] = [...sites.sessions.values()];
    await sites.accounts.modify(session?.account.id ?? "", { set: { active: false } });
    expect((await browser.go(await browser.comeBack(sites.clientUrl))).response.status).toBe(403);
    expect(sites.sessions.size).toBe(1);
  });
});

test.each(["http-signature", "simple-sso", "simple-sso-draft"] as const)(
  "of two clients of %s at once neither gets to know whom the other's tokens are of",
  async (format) => {
    const shop: string[] = [];
    await using sites = await startSites({
      format,
      client: {
        signIn: async ({ user }) => {
          shop.push(user.username);
          return new Headers();
        },
      },
    });
    const bob = await sites.users.create({ userName: "bob" });
    const consumer = newConsumer({
      name: "wiki",
      format,
      redirectUris: ["https://wiki.example/client/authenticate/"],
    });
    await sites.consumers.save(consumer);
    const wiki: string[] = [];
    const wikiClient = signOnClient({
      url: "https://wiki.example/client/",
      server: sites.serverUrl,
      format,
      keys: new KeyRing([
        createKey({ id: consumer.key, secret: consumer.secrets[0]?.value ?? "" }),
      ]),
      nonces: new InMemoryNonceRepository(),
      signIn: async ({ user }) => {
        wiki.push(user.username);
        return new Headers();
      },
    });
    const clients = {
      shop: { handler: sites.client.handler, url: sites.clientUrl, user: sites.ann.id },
      wiki: { handler: wikiClient.handler, url: "https://wiki.example/client/", user: bob.id },
    };
    const signOn = async ({ handler, url, user }: (typeof clients)["shop"]) => {
      const begun = await handler(new Request(url));
      const cookie = begun.headers.getSetCookie()[0]?.split(";")[0] ?? "";
      const authorize = new Request(begun.headers.get("location") ?? "", {
        headers: { cookie: `user=${user}` },
      });
      const back = new URL((await sites.server.handler(authorize)).headers.get("location") ?? "");
      const callback = async ({ search }: URL): Promise<number> => {
        const request = new Request(`${url}authenticate/${search}`, { headers: { cookie } });
        return (await handler(request)).status;
      };
      return { back, callback };
    };
    const pairs = await Promise.all(
      Array.from({ length: 20 }, () => Promise.all([signOn(clients.shop), signOn(clients.wiki)])),
    );
    const token = format === "simple-sso-draft" ? "auth_token" : "access_token";
    const statuses = await Promise.all(
      pairs.flatMap(([one, other]) => {
        const swapped = new URL(one.back);
        swapped.searchParams.set(token, other.back.searchParams.get(token) ?? "");
        return [one.callback(swapped), one.callback(other.back), other.callback(one.back)];
      }),
    );
    expect(statuses.filter((status) => status < 400)).toEqual([]);
    expect([shop, wiki]).toEqual([[], []]);
    await Promise.all(
      pairs.flatMap(([one, other]) => [one.callback(one.back), other.callback(other.back)]),
    );
    expect(shop).toEqual(Array(20).fill("ann"));
    expect(wiki).toEqual(Array(20).fill("bob"));
  },
);

test("over TLS the cookie is one that no other host can set", async () => {
  const key = createKey({ id: "shop", secret: "s".repeat(64) });
  const signer = createSigner({ profile: "simple-sso-draft" });
  const client = signOnClient({
    url: "https://shop.example/client/",
    server: "https://sso.example/server/",
    format: "simple-sso-draft",
    keys: new KeyRing([key]),
    nonces: new InMemoryNonceRepository(),
    signIn: async () => new Headers(),
    fetch: async () => new Response(signer.signResponse([["request_token", "R"]], key)),
  });
  const begun = await client.handler(new Request("https://shop.example/client/"));
  expect(begun.headers.getSetCookie()).toEqual([
    expect.stringMatching(
      /^__Host-sign-on-[\w-]{16}=[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Secure; Max-Age=600$/,
    ),
  ]);
  expect(begun.headers.get("referrer-policy")).toBe("no-referrer");
  expect(begun.headers.get("cache-control")).toBe("no-store");
});

test("an answer that is not signed is none", async () => {
  const client = signOnClient({
    url: "https://shop.example/client/",
    server: "https://sso.example/server/",
    keys: new KeyRing([createKey({ id: "shop", secret: "s".repeat(64) })]),
    nonces: new InMemoryNonceRepository(),
    signIn: async () => new Headers(),
    fetch: async () => Response.json({ request_token: "R" }),
  });
  const begun = await client.handler(new Request("https://shop.example/client/"));
  expect(begun.status).toBe(502);
});

test.each([
  "http://shop.example/client/",
  "http://localhost.evil.example/",
  "https://shop.example/client",
  "https://user@shop.example/client/",
  "https://shop.example/client/?x=/",
  "https://SHOP.example/client/",
  "/client/",
])("a site cannot be at %s", (url) => {
  expect(() =>
    signOnClient({
      url,
      server: "https://sso.example/server/",
      keys: new KeyRing(),
      nonces: new InMemoryNonceRepository(),
      signIn: async () => new Headers(),
    }),
  ).toThrow(InvalidValueError);
});
