import { UnavailableError } from "concordat";
import {
  type Consumer,
  InMemorySignOnTokenRepository,
  type SignOnToken,
} from "concordat/repositories";
import { newConsumer, revokeConsumer } from "concordat/sso";
import { describe, expect, test } from "vitest";
import { Browser, type Sites, startSites } from "./sites.js";

const formats: readonly Consumer["format"][] = ["http-signature", "simple-sso", "simple-sso-draft"];

/** A browser in which Ann is signed in at the server. */
function annsBrowser({ serverUrl, ann }: Sites): Browser {
  const browser = new Browser();
  browser.set(serverUrl, "user", ann.id);
  return browser;
}

describe.each(formats)("sign-on by %s", (format) => {
  test("a visitor who is signed in at the server is signed in at the client, where it wanted to go", async () => {
    await using sites = await startSites({ format });
    const browser = annsBrowser(sites);
    const back = await browser.comeBack(sites.clientUrl, "/hello?x=1#there");
    const { response, location } = await browser.go(back);
    expect(response.status).toBe(302);
    expect(location).toBe(`${new URL(sites.clientUrl).origin}/hello?x=1#there`);
    expect([...sites.sessions.values()].map(({ account }) => account)).toMatchObject([
      { userName: "ann", emails: [{ value: "ann@example.com" }] },
    ]);
    expect(browser.cookies(sites.clientUrl)).toBe("session=session-1");
  });

  test("a visitor who is not is sent to sign in, and comes back to where it was", async () => {
    await using sites = await startSites({ format });
    const browser = new Browser();
    const { location: authorize } = await browser.go(sites.clientUrl);
    const { location: login } = await browser.go(authorize);
    const returnTo = new URL(login).searchParams.get("next") ?? "";
    expect(new URL(returnTo, sites.serverUrl).href).toBe(authorize);
    browser.set(sites.serverUrl, "user", sites.ann.id);
    const { location: back } = await browser.go(authorize);
    expect((await browser.go(back)).response.status).toBe(302);
    expect(sites.sessions.size).toBe(1);
  });

  test("of 200 who come back at once with one token exactly one is signed in", async () => {
    await using sites = await startSites({ format });
    const browser = annsBrowser(sites);
    const back = await browser.comeBack(sites.clientUrl);
    const headers = { cookie: browser.cookies(back) };
    const statuses = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const response = await fetch(back, { redirect: "manual", headers });
        await response.body?.cancel();
        return response.status;
      }),
    );
    expect(statuses.filter((status) => status === 302)).toHaveLength(1);
    expect(statuses.filter((status) => status === 403)).toHaveLength(199);
    expect(sites.sessions.size).toBe(1);
  });

  test("the server gives the visitor one token, and tells who it is once", async () => {
    await using sites = await startSites({ format });
    const browser = annsBrowser(sites);
    const { location: authorize } = await browser.go(sites.clientUrl);
    const [one, other] = await Promise.all([browser.go(authorize), browser.go(authorize)]);
    expect([one.response.status, other.response.status].sort()).toEqual([302, 403]);
  });

  test("the URL of one browser signs no other one in", async () => {
    await using sites = await startSites({ format });
    const back = await annsBrowser(sites).comeBack(sites.clientUrl);
    const victim = new Browser();
    expect((await victim.go(back)).response.status).toBe(403);
    // Nor does it where the other one has begun to sign on as well.
    await victim.go(sites.clientUrl);
    const { response } = await victim.go(back);
    expect(response.status).toBe(403);
    expect(await response.text()).toBe("Sign-on was not begun in this browser");
    expect(sites.sessions.size).toBe(0);
  });

  test("a user who is not active is refused, before and after the way back", async () => {
    await using sites = await startSites({ format });
    const browser = annsBrowser(sites);
    const { location: authorize } = await browser.go(sites.clientUrl);
    const back = await browser.comeBack(sites.clientUrl);
    await sites.users.modify(sites.ann.id, { set: { active: false } });
    expect((await browser.go(authorize)).response.status).toBe(403);
    expect((await browser.go(back)).response.status).not.toBe(302);
    expect(sites.sessions.size).toBe(0);
  });

  test("a sign-on that was told of nobody active ends the sessions that there are", async () => {
    await using sites = await startSites({ format });
    const browser = annsBrowser(sites);
    await browser.go(await browser.comeBack(sites.clientUrl));
    const back = await browser.comeBack(sites.clientUrl);
    await sites.users.modify(sites.ann.id, { set: { active: false } });
    const { response } = await browser.go(back);
    expect(`${response.status} ${await response.text()}`).toBe("403 Access denied");
    // The draft cannot tell a client of it.
    expect(sites.sessions.size).toBe(format === "simple-sso-draft" ? 1 : 0);
  });

  test("a consumer that is revoked is unknown", async () => {
    await using sites = await startSites({ format });
    const browser = annsBrowser(sites);
    const { location: authorize } = await browser.go(sites.clientUrl);
    await sites.consumers.save({ ...sites.consumer, isRevoked: true });
    expect((await browser.go(authorize)).response.status).toBeGreaterThanOrEqual(400);
    expect((await browser.go(sites.clientUrl)).response.status).toBe(502);
  });

  test("who may not use the client gets no token", async () => {
    await using sites = await startSites({ format, server: { mayUse: () => false } });
    const { response } = await annsBrowser(sites).go(
      (await annsBrowser(sites).go(sites.clientUrl)).location,
    );
    expect(response.status).toBe(403);
    expect(await response.text()).toBe("Access denied");
  });

  test("an account that has the name already is not taken over", async () => {
    await using sites = await startSites({ format });
    const local = await sites.accounts.create({ userName: "Ann", title: "the local one" });
    const browser = annsBrowser(sites);
    const { response } = await browser.go(await browser.comeBack(sites.clientUrl));
    expect(response.status).toBe(403);
    expect(await response.text()).toBe("User name taken");
    expect(await sites.accounts.get(local.id)).toEqual(local);
    expect(sites.sessions.size).toBe(0);
  });

  test("the same user has the same account the next time", async () => {
    await using sites = await startSites({ format });
    for (let time = 0; time < 2; time += 1) {
      const browser = annsBrowser(sites);
      await browser.go(await browser.comeBack(sites.clientUrl));
    }
    const [first, second] = [...sites.sessions.values()].map(({ account }) => account.id);
    expect(second).toBe(first);
    expect(sites.sessions.size).toBe(2);
  });
});

describe("formats", () => {
  test.each(["simple-sso", "simple-sso-draft"] as const)(
    "a consumer of http-signature cannot be spoken for in %s",
    async (format) => {
      await using sites = await startSites({ format });
      await sites.consumers.save({ ...sites.consumer, format: "http-signature" });
      expect((await new Browser().go(sites.clientUrl)).response.status).toBe(502);
    },
  );
});

describe("sign-out", () => {
  test("at the server ends the sessions at the client, and is signed", async () => {
    await using sites = await startSites({ format: "http-signature" });
    const browser = annsBrowser(sites);
    await browser.go(await browser.comeBack(sites.clientUrl));
    expect(sites.sessions.size).toBe(1);
    const unsigned = await fetch(`${sites.clientUrl}sign-out/`, {
      method: "POST",
      body: JSON.stringify({ sub: sites.ann.id }),
    });
    expect(unsigned.status).toBe(400);
    expect(sites.sessions.size).toBe(1);
    expect(await sites.server.signOut({ subject: sites.ann.id })).toEqual({
      notified: [sites.consumer.key],
      unreachable: [],
    });
    expect(sites.sessions.size).toBe(0);
    expect(await sites.server.signOut({ subject: sites.ann.id })).toEqual({
      notified: [],
      unreachable: [],
    });
  });

  test("of one session at the server ends those that came from it, and no others of the user", async () => {
    await using sites = await startSites({
      format: "http-signature",
      server: {
        visitor: async ({ headers }) => {
          const [, subject = "", session = ""] =
            /user=([^;]+); session=(\w+)/.exec(headers.get("cookie") ?? "") ?? [];
          return { subject, session };
        },
      },
    });
    for (const session of ["laptop", "phone"]) {
      const browser = annsBrowser(sites);
      browser.set(sites.serverUrl, "session", session);
      await browser.go(await browser.comeBack(sites.clientUrl));
    }
    const sessions = (): unknown[] => [...sites.sessions.values()].map(({ session }) => session);
    expect(sessions()).toEqual(["laptop", "phone"]);
    await sites.server.signOut({ subject: sites.ann.id, session: "laptop" });
    expect(sessions()).toEqual(["phone"]);
    await sites.client.signOut("laptop");
    expect(sessions()).toEqual(["phone"]);
    await sites.server.signOut({ subject: sites.ann.id });
    expect(sessions()).toEqual([]);
  });

  test("at the client ends the session at the server, and is for the sessions of its own only", async () => {
    const ended: object[] = [];
    await using sites = await startSites({
      format: "http-signature",
      server: { endSession: async (visitor) => void ended.push(visitor) },
    });
    const browser = annsBrowser(sites);
    await browser.go(await browser.comeBack(sites.clientUrl));
    await sites.client.signOut("session of somebody else");
    expect(ended).toEqual([]);
    const session = `session of ${sites.ann.id}`;
    await sites.client.signOut(session);
    expect(ended).toEqual([{ subject: sites.ann.id, session }]);
  });

  test("that a site has no way to carry out is confirmed by neither side", async () => {
    await using sites = await startSites({ format: "http-signature", endsSessions: false });
    const browser = annsBrowser(sites);
    await browser.go(await browser.comeBack(sites.clientUrl));
    expect(await sites.server.signOut({ subject: sites.ann.id })).toMatchObject({
      notified: [],
      unreachable: [{ consumer: sites.consumer.key, reason: "failed" }],
    });
    await expect(sites.client.signOut(`session of ${sites.ann.id}`)).rejects.toMatchObject({
      reason: "server_refused",
      answered: { status: 404 },
    });
  });

  test("by a client that the server could not pass on is passed on when the client asks again", async () => {
    let isDown = false;
    const tokens = new (class extends InMemorySignOnTokenRepository {
      override async sessions(subject: string): Promise<readonly SignOnToken[]> {
        if (isDown) throw new UnavailableError("The store is down.");
        return await super.sessions(subject);
      }
    })();
    const told: string[] = [];
    await using sites = await startSites({
      format: "http-signature",
      server: {
        tokens,
        fetch: async ({ url }) => {
          told.push(url);
          return new Response(null, { status: 500 });
        },
      },
    });
    const browser = annsBrowser(sites);
    await browser.go(await browser.comeBack(sites.clientUrl));
    const session = `session of ${sites.ann.id}`;
    const signOutUri = "https://other.example/client/sign-out/";
    const redirectUris = ["https://other.example/client/authenticate/"];
    const other = newConsumer({ name: "o", format: "http-signature", redirectUris, signOutUri });
    await sites.consumers.save(other);
    await tokens.save({
      kind: "session",
      id: "known to another site",
      consumer: other.key,
      expiresAt: new Date(Date.now() + 600_000),
      subject: sites.ann.id,
      session,
    });
    isDown = true;
    await expect(sites.client.signOut(session)).rejects.toMatchObject({
      answered: { status: 503 },
    });
    expect(told).toEqual([]);
    isDown = false;
    await sites.client.signOut(session);
    // The client that asks knows already.
    expect(told).toEqual([signOutUri]);
  });

  test("that a client does not answer is tried again with the next", async () => {
    await using sites = await startSites({
      format: "http-signature",
      client: { endSessions: () => Promise.reject(new Error("no store")) },
    });
    const browser = annsBrowser(sites);
    await browser.go(await browser.comeBack(sites.clientUrl));
    const failed = {
      notified: [],
      unreachable: [
        {
          consumer: sites.consumer.key,
          reason: "failed",
          error: { reason: "server_refused", answered: { status: 500 } },
        },
      ],
    };
    expect(await sites.server.signOut({ subject: sites.ann.id })).toMatchObject(failed);
    expect(await sites.server.signOut({ subject: sites.ann.id })).toMatchObject(failed);
  });

  test.each<[string, (sites: Sites) => Promise<void>]>([
    [
      "no_sign_out_uri",
      async ({ consumers, consumer: { signOutUri: _, ...rest } }) => consumers.save(rest),
    ],
    ["revoked", ({ consumers, consumer }) => consumers.save(revokeConsumer(consumer))],
    ["removed", ({ consumers, consumer }) => consumers.remove(consumer.key)],
    ["no_secret", ({ consumers, consumer }) => consumers.save({ ...consumer, secrets: [] })],
  ])(
    "that a client was not told is said to be so, and is made up for later: %s",
    async (reason, lose) => {
      await using sites = await startSites({ format: "http-signature" });
      const browser = annsBrowser(sites);
      await browser.go(await browser.comeBack(sites.clientUrl));
      await lose(sites);
      const { key: consumer } = sites.consumer;
      for (let time = 0; time < 2; time += 1) {
        expect(await sites.server.signOut({ subject: sites.ann.id })).toEqual({
          notified: [],
          unreachable: [{ consumer, reason }],
        });
      }
      expect(sites.sessions.size).toBe(1);
      await sites.consumers.save(sites.consumer);
      expect(await sites.server.signOut({ subject: sites.ann.id })).toEqual({
        notified: [consumer],
        unreachable: [],
      });
      expect(sites.sessions.size).toBe(0);
    },
  );

  test("that a client confirmed for one of two sessions only has not told it", async () => {
    const failing = new Set(["phone"]);
    await using sites = await startSites({
      format: "http-signature",
      client: {
        endSessions: async ({ session = "" }) => {
          if (failing.has(session)) throw new Error("no store");
        },
      },
      server: {
        visitor: async ({ headers }) => {
          const [, subject = "", session = ""] =
            /user=([^;]+); session=(\w+)/.exec(headers.get("cookie") ?? "") ?? [];
          return { subject, session };
        },
      },
    });
    for (const session of ["laptop", "phone"]) {
      const browser = annsBrowser(sites);
      browser.set(sites.serverUrl, "session", session);
      await browser.go(await browser.comeBack(sites.clientUrl));
    }
    const { key: consumer } = sites.consumer;
    expect(await sites.server.signOut({ subject: sites.ann.id })).toMatchObject({
      notified: [],
      unreachable: [{ consumer, reason: "failed" }],
    });
    failing.clear();
    expect(await sites.server.signOut({ subject: sites.ann.id })).toEqual({
      notified: [consumer],
      unreachable: [],
    });
  });

  test.each(["simple-sso", "simple-sso-draft"] as const)(
    "names the sites of %s that know the user, none of which can be told",
    async (format) => {
      await using sites = await startSites({ format });
      const browser = annsBrowser(sites);
      await browser.go(await browser.comeBack(sites.clientUrl));
      expect(await sites.server.signOut({ subject: sites.ann.id })).toEqual({
        notified: [],
        unreachable: [{ consumer: sites.consumer.key, reason: "no_sign_out_uri" }],
      });
    },
  );

  test.each(["simple-sso", "simple-sso-draft"] as const)(
    "by a client of %s is refused, and the server is asked for nothing",
    async (format) => {
      const asked: string[] = [];
      await using sites = await startSites({
        format,
        client: {
          fetch: async (request) => {
            asked.push(request.url);
            return await fetch(request);
          },
        },
      });
      await expect(sites.client.signOut("session")).rejects.toMatchObject({ code: "unsupported" });
      expect(asked).toEqual([]);
    },
  );

  test("comes of deactivation, with the next visit at the server", async () => {
    await using sites = await startSites({ format: "http-signature" });
    const browser = annsBrowser(sites);
    await browser.go(await browser.comeBack(sites.clientUrl));
    await sites.users.modify(sites.ann.id, { set: { active: false } });
    const { location: authorize } = await browser.go(sites.clientUrl);
    expect((await browser.go(authorize)).response.status).toBe(403);
    expect(sites.sessions.size).toBe(0);
  });
});

test("sites whose clocks are minutes apart sign on with a window that says so", async () => {
  const behind = (): Date => new Date(Date.now() - 200_000);
  const window = { past: 300, future: 300 };
  const begin = async (given: { window?: typeof window }): Promise<number> => {
    await using sites = await startSites({
      format: "http-signature",
      server: given,
      client: { ...given, now: behind },
    });
    return (await new Browser().go(sites.clientUrl)).response.status;
  };
  expect(await begin({})).toBe(502);
  expect(await begin({ window })).toBe(302);
});

test("a site that was stored with a secret of no use keeps no other from being told of a sign-out", async () => {
  await using sites = await startSites({ format: "http-signature" });
  const browser = annsBrowser(sites);
  await browser.go(await browser.comeBack(sites.clientUrl));
  const useless = { ...sites.consumer, key: "useless", secrets: [{ value: "short" }] };
  await sites.consumers.save(useless);
  await sites.tokens.save({
    kind: "session",
    id: "a session there",
    consumer: useless.key,
    expiresAt: new Date(Date.now() + 60_000),
    subject: sites.ann.id,
    session: "another",
  });
  expect(await sites.server.signOut({ subject: sites.ann.id })).toEqual({
    notified: [sites.consumer.key],
    unreachable: [{ consumer: "useless", reason: "no_secret" }],
  });
});
