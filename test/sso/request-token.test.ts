import { InMemorySignOnTokenRepository } from "concordat/repositories";
import { createKey, createSigner, KeyRing } from "concordat/signing";
import {
  issueRequestToken,
  newConsumer,
  openRequestToken,
  revokeConsumer,
  rotateSecret,
} from "concordat/sso";
import { describe, expect, test } from "vitest";
import { Browser, startSites } from "./sites.js";

const now = new Date(1_700_000_000_000);
const redirectTo = "https://shop.example/client/authenticate/";
const consumer = newConsumer({
  name: "shop",
  format: "http-signature",
  redirectUris: [redirectTo],
});

function later(seconds: number): Date {
  return new Date(now.getTime() + seconds * 1_000);
}

describe("a request token", () => {
  const token = issueRequestToken(consumer, { redirectTo, state: "st\u00e4te" }, now);

  test("carries what it is for, which is unreadable", () => {
    expect(openRequestToken(consumer, token, now)).toMatchObject({
      kind: "request",
      consumer: consumer.key,
      redirectTo,
      state: "st\u00e4te",
      expiresAt: later(600),
    });
    const [, sealed = ""] = token.split(".");
    expect(Buffer.from(sealed, "base64url").toString("latin1")).not.toContain("shop.example");
    expect(issueRequestToken(consumer, { redirectTo, state: "st\u00e4te" }, now)).not.toBe(token);
    const draft = newConsumer({
      name: "old",
      format: "simple-sso-draft",
      redirectUris: [redirectTo, "https://other.example/"],
    });
    const opened = openRequestToken(draft, issueRequestToken(draft, {}, now), now);
    expect(opened?.redirectTo).toBe(redirectTo);
    expect(opened).not.toHaveProperty("state");
  });

  test("is good for its time", () => {
    expect(openRequestToken(consumer, token, later(599))).toBeDefined();
    expect(openRequestToken(consumer, token, later(600))).toBeUndefined();
    expect(openRequestToken(consumer, token, later(5), { request: 5 })).toBeUndefined();
    // Two processes of one server have clocks of their own.
    expect(openRequestToken(consumer, token, later(-60))).toBeDefined();
    expect(openRequestToken(consumer, token, later(-61))).toBeUndefined();
  });

  test("is none when any character of it is changed, added or left out", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ";
    for (let at = 0; at < token.length; at++) {
      const [before, after] = [token.slice(0, at), token.slice(at + 1)];
      expect(openRequestToken(consumer, before + after, now)).toBeUndefined();
      for (const other of alphabet) {
        if (other === token[at]) continue;
        expect(openRequestToken(consumer, before + other + after, now)).toBeUndefined();
      }
    }
    for (const changed of ["", ".", `${token}=`, `${token}.`, ` ${token}`, "a".repeat(20_000)]) {
      expect(openRequestToken(consumer, changed, now)).toBeUndefined();
    }
  });

  test("is none of another consumer, or of the same in another format or without its place", () => {
    const other = newConsumer({ ...consumer, key: "other" });
    const impostor = { ...other, key: consumer.key };
    for (const one of [
      other,
      impostor,
      { ...consumer, format: "simple-sso" as const },
      { ...consumer, redirectUris: ["https://shop.example/elsewhere/"] },
      revokeConsumer(consumer),
    ]) {
      expect(openRequestToken(one, token, now)).toBeUndefined();
    }
    expect(openRequestToken(consumer, token, now)).toBeDefined();
  });

  test("outlives the replacement of its secret, with which none can be made any more", () => {
    const { consumer: rotated } = rotateSecret(consumer, { at: later(10), now });
    expect(openRequestToken(rotated, token, later(300))).toBeDefined();
    expect(
      openRequestToken(rotated, issueRequestToken(rotated, { redirectTo }, later(10)), later(11)),
    ).toBeDefined();
    const forged = issueRequestToken(consumer, { redirectTo }, later(10));
    expect(openRequestToken(rotated, forged, later(11))).toBeUndefined();
    const early = issueRequestToken(
      { ...rotated, secrets: rotated.secrets.slice(1).map(({ value }) => ({ value })) },
      { redirectTo },
      later(9),
    );
    expect(openRequestToken(rotated, early, later(11))).toBeUndefined();
  });

  test("is not issued for another place, for a state that is too long, or without a secret", () => {
    const issue = (request: object, one = consumer) => issueRequestToken(one, request, now);
    const notRegistered = expect.objectContaining({ reason: "redirect_not_registered" });
    expect(() => issue({ redirectTo: "https://evil.example/" })).toThrow(notRegistered);
    issue({ redirectTo, state: "s".repeat(1_024) });
    expect(() => issue({ redirectTo, state: "s".repeat(1_025) })).toThrow(
      expect.objectContaining({ reason: "malformed" }),
    );
    expect(() => issue({ redirectTo }, { ...consumer, secrets: [] })).toThrow(
      expect.objectContaining({ reason: "access_denied" }),
    );
  });
});

describe("whoever has not signed in", () => {
  test.each(["http-signature", "simple-sso", "simple-sso-draft"] as const)(
    "fills no store of the server, by %s",
    async (format) => {
      // The store is full after two tokens: that of the visitor who signs in, and what is kept of the session.
      const tokens = new InMemorySignOnTokenRepository({ limit: 2 });
      await using sites = await startSites({ format, server: { tokens } });
      for (let visitor = 0; visitor < 10; visitor++) {
        const { location: authorize } = await new Browser().go(sites.clientUrl);
        expect((await new Browser().go(authorize)).location).toContain("/login");
      }
      const browser = new Browser();
      browser.set(sites.serverUrl, "user", sites.ann.id);
      const back = await browser.comeBack(sites.clientUrl);
      expect((await browser.go(back)).response.status).toBe(302);
    },
  );
});

test("a request whose path was written otherwise on the way is refused where the mount tells the target", async () => {
  await using sites = await startSites({ format: "http-signature" });
  const { key: id, secrets } = sites.consumer;
  const key = createKey({ id, secret: secrets[0]?.value ?? "" });
  const signer = createSigner({
    profile: "http-signature",
    tag: "concordat-sign-on",
    keys: new KeyRing([key]),
  });
  const ask = async (target: string): Promise<number> => {
    const content = new TextEncoder().encode('{"access_token": "none"}');
    const request = new Request(`${sites.serverUrl}verify/`, { method: "POST", body: content });
    for (const [name, value] of Object.entries(signer.signRequest(request, content).fields)) {
      request.headers.set(name, value);
    }
    return (await sites.server.handler(request, { target })).status;
  };
  expect(await ask("/server/verify/")).toBe(403);
  expect(await ask("/server/sign-out/../verify/")).toBe(400);
});
