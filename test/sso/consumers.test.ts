import { InvalidValueError } from "concordat";
import { type Consumer, InMemoryNonceRepository } from "concordat/repositories";
import { createKey, KeyRing } from "concordat/signing";
import { newConsumer, rotateSecret, type SignOnClient, signOnClient } from "concordat/sso";
import { describe, expect, test } from "vitest";
import { startSites } from "./sites.js";

const now = new Date("2026-01-01T00:00:00Z");
const nextWeek = new Date("2026-01-08T00:00:00Z");

function consumerOf(
  format: Consumer["format"],
  more: Partial<Parameters<typeof newConsumer>[0]> = {},
): Consumer {
  const redirectUris = ["https://shop.example/client/authenticate/"];
  return newConsumer({ name: "shop", format, redirectUris, ...more });
}

describe("a new consumer", () => {
  test("has a secret of 32 bytes at least, unless its site has an older one", () => {
    expect(() => consumerOf("http-signature", { secret: "short" })).toThrow(InvalidValueError);
    expect(consumerOf("simple-sso", { secret: "short" }).secrets).toEqual([{ value: "short" }]);
  });

  test("of http-signature has its visitors sent back over TLS, or on this machine", () => {
    const at = (uri: string): Consumer => consumerOf("http-signature", { redirectUris: [uri] });
    expect(() => at("http://shop.example/authenticate/")).toThrow(InvalidValueError);
    expect(() => at("http://localhost.evil.example/")).toThrow(InvalidValueError);
    expect(() =>
      consumerOf("http-signature", { signOutUri: "http://shop.example/sign-out/" }),
    ).toThrow(InvalidValueError);
    for (const uri of ["https://shop.example/", "http://localhost:8080/", "http://[::1]:8080/"]) {
      expect(at(uri).redirectUris).toEqual([uri]);
    }
  });
});

describe("another secret", () => {
  test("takes the place of one that was to come later", () => {
    const consumer = consumerOf("http-signature");
    const planned = rotateSecret(consumer, { at: nextWeek, now });
    const sooner = rotateSecret(planned.consumer, { at: now, now });
    expect(sooner.consumer.secrets).toEqual([
      { ...consumer.secrets[0], notAfter: now },
      { value: sooner.secret, notBefore: now },
    ]);
  });

  test("takes the place of one of the same time", () => {
    const consumer = consumerOf("http-signature");
    const one = rotateSecret(consumer, { at: nextWeek, now });
    const other = rotateSecret(one.consumer, { at: nextWeek, now });
    expect(other.consumer.secrets).toEqual([
      { ...consumer.secrets[0], notAfter: nextWeek },
      { value: other.secret, notBefore: nextWeek },
    ]);
  });

  test("after a leak shuts the former secret out at once, whatever time is put into a message", async () => {
    for (const format of ["http-signature", "simple-sso", "simple-sso-draft"] as const) {
      await using sites = await startSites({ format });
      const begin = async (client: SignOnClient) =>
        (await client.handler(new Request(sites.clientUrl))).status;
      const { key: id, secrets } = sites.consumer;
      const clientWith = (secret: string) =>
        signOnClient({
          url: sites.clientUrl,
          server: sites.serverUrl,
          format,
          keys: new KeyRing([createKey({ id, secret })]),
          nonces: new InMemoryNonceRepository(),
          signIn: async () => new Headers(),
          // A quarter of a minute before now the secret was still alive.
          now: () => new Date(Date.now() - 15_000),
        });
      const old = clientWith(secrets[0]?.value ?? "");
      expect(await begin(old)).toBe(302);
      const planned = rotateSecret(sites.consumer, { at: new Date(Date.now() + 86_400_000) });
      const rotated = rotateSecret(planned.consumer, { leaked: true });
      await sites.consumers.save(rotated.consumer);
      expect(await begin(old)).toBe(502);
      expect(await begin(clientWith(planned.secret))).toBe(502);
      expect(await begin(clientWith(rotated.secret))).toBe(302);
    }
  });

  test("is refused where it is too short", () => {
    const consumer = consumerOf("http-signature");
    expect(() => rotateSecret(consumer, { at: now, now, secret: "short" })).toThrow(
      InvalidValueError,
    );
  });

  test("does not end the sign-on of a site that still has the one before", async () => {
    await using sites = await startSites({ format: "http-signature" });
    const planned = rotateSecret(sites.consumer, { at: new Date(Date.now() + 86_400_000) });
    const sooner = rotateSecret(planned.consumer, { at: new Date(Date.now() + 5_000) });
    await sites.consumers.save(sooner.consumer);
    expect((await fetch(sites.clientUrl, { redirect: "manual" })).status).toBe(302);
  });
});
