import { InMemoryNonceRepository } from "concordat/repositories";
import { newConsumer, signOnServer, signOnServerChannelName } from "concordat/sso";
import { describe, expect, test } from "vitest";
import { listen } from "./listen.js";
import { Browser, type Sites, startSites } from "./sites.js";

/** Signs Ann on. */
async function signAnnOn({ serverUrl, clientUrl, ann }: Sites): Promise<void> {
  const browser = new Browser();
  browser.set(serverUrl, "user", ann.id);
  await browser.go(await browser.comeBack(clientUrl));
}

describe("a sign-out", () => {
  test("at the client ends the session at the server also where another client cannot be notified yet", async () => {
    const [down, later]: [string[], string[]] = [[], []];
    let isDown = true;
    await using sites = await startSites({
      format: "http-signature",
      server: {
        fetch: async ({ url }) => {
          (isDown ? down : later).push(url);
          throw new Error("no route");
        },
      },
    });
    await signAnnOn(sites);
    const session = `session of ${sites.ann.id}`;
    const signOutUri = "https://other.example/client/sign-out/";
    const redirectUris = ["https://other.example/client/authenticate/"];
    const other = newConsumer({ name: "o", format: "http-signature", redirectUris, signOutUri });
    await sites.consumers.save(other);
    await sites.tokens.save({
      kind: "session",
      id: "known to another site",
      consumer: other.key,
      expiresAt: new Date(Date.now() + 600_000),
      subject: sites.ann.id,
      session,
    });
    const events = listen(signOnServerChannelName);
    await expect(sites.client.signOut(session)).resolves.toBeUndefined();
    expect(down).toEqual([signOutUri]);
    expect(events).toMatchObject([
      { step: "tell", consumer: other.key, reason: "server_failed" },
      { step: "sign-out", status: 200, consumer: sites.consumer.key },
    ]);
    isDown = false;
    // What the asking client knew is forgotten; what the other one knows is not.
    expect(await sites.server.signOut({ subject: sites.ann.id })).toMatchObject({
      notified: [],
      unreachable: [{ consumer: other.key, reason: "failed" }],
    });
    expect(later).toEqual([signOutUri]);
  });

  test("is taken by a client within the window that it was given", async () => {
    const window = { past: 300, future: 300 };
    const past = (): Date => new Date(Date.now() - 200_000);
    for (const [of, told] of [
      [{ window }, 1],
      [{}, 0],
    ] as const) {
      await using sites = await startSites({ format: "http-signature", client: of });
      await signAnnOn(sites);
      // A server whose clock is behind.
      const behind = signOnServer({
        url: sites.serverUrl,
        consumers: sites.consumers,
        tokens: sites.tokens,
        users: sites.users,
        nonces: new InMemoryNonceRepository(),
        visitor: async () => undefined,
        signInUrl: () => "/",
        window,
        now: past,
      });
      const { notified: confirmed } = await behind.signOut({ subject: sites.ann.id });
      expect(confirmed).toHaveLength(told);
    }
  });
});
