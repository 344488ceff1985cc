import { createSecretKey, generateKeyPairSync } from "node:crypto";
import { InMemoryNonceRepository } from "concordat/repositories";
import {
  createKey,
  createSigner,
  createVerifier,
  KeyRing,
  type SigningKey,
} from "concordat/signing";
import { describe, expect, test } from "vitest";
import { keyNamed, signedAt } from "./keys.js";

function time(seconds: number): Date {
  return new Date((signedAt + seconds) * 1_000);
}

describe("a key", () => {
  test("has a secret of 32 bytes, unless a short one is asked for", () => {
    expect(() => createKey({ id: "k", secret: "s".repeat(31) })).toThrow(/31 bytes/);
    expect(createKey({ id: "k", secret: "s".repeat(32) }).secret.symmetricKeySize).toBe(32);
    const short = createKey({ id: "k", secret: "s", allowShortSecret: true });
    expect(short.secret.symmetricKeySize).toBe(1);
    expect(() => createKey({ id: "k", secret: "", allowShortSecret: true })).toThrow(/0 bytes/);
  });

  test("is made of text, bytes or a KeyObject", () => {
    const text = createKey({ id: "k", secret: "\u00e9".repeat(16) });
    const bytes = createKey({ id: "k", secret: Buffer.from("\u00e9".repeat(16)) });
    const object = createKey({
      id: "k",
      secret: createSecretKey(Buffer.from("\u00e9".repeat(16))),
    });
    expect(bytes.secret.equals(text.secret)).toBe(true);
    expect(object.secret.equals(text.secret)).toBe(true);
    const { publicKey } = generateKeyPairSync("ed25519");
    expect(() => createKey({ id: "k", secret: publicKey })).toThrow(/public key/);
  });

  test("has a name and does not end before it begins", () => {
    expect(() => keyNamed("")).toThrow(/name/);
    expect(() => keyNamed("k", { notBefore: time(1), notAfter: time(1) })).toThrow(
      /before it begins/,
    );
  });

  test("does not show its secret when it is printed", () => {
    const key = createKey({ id: "k", secret: "do-not-print-me-do-not-print-me-!" });
    expect(JSON.stringify(key)).not.toContain("print");
    expect(Object.values(key).map(String).join()).not.toContain("print");
  });
});

describe("a ring", () => {
  test("signs with the key that began last of those that are alive", () => {
    const old = keyNamed("old", { notAfter: time(100) });
    const middle = keyNamed("middle", { notBefore: time(10), notAfter: time(50) });
    const next = keyNamed("next", { notBefore: time(60) });
    const ring = new KeyRing([next, old, middle]);
    const currents = [0, 10, 49, 50, 59, 60, 1_000].map((at) => ring.current(time(at))?.id);
    expect(currents).toEqual(["old", "middle", "middle", "old", "old", "next", "next"]);
    ring.remove(next);
    expect(ring.current(time(99))?.id).toBe("old");
    expect(ring.current(time(100))).toBeUndefined();
  });

  test("has several keys with one id, up to four", () => {
    const keys = [1, 2, 3, 4].map((at) =>
      createKey({ id: "k", secret: `${at}`.repeat(32), notBefore: time(at) }),
    );
    const ring = new KeyRing(keys);
    expect(ring.find("k")).toEqual(keys);
    expect(() => ring.add(keyNamed("k"))).toThrow(/4 keys/);
    const [first] = keys;
    if (first === undefined) throw new Error("There is no key.");
    ring.add(first);
    ring.remove(first);
    expect(ring.find("k").length).toBe(3);
    ring.add(keyNamed("k"));
    expect(ring.find("__proto__")).toEqual([]);
    expect(ring.find("other")).toEqual([]);
  });
});

describe("a key is replaced without a moment in which good messages are refused", () => {
  /**
   * Seconds from the first message: the server has both keys, then the client, then the new one begins, and the old one
   * goes.
   */
  const steps = { serverAdds: 20, clientAdds: 40, change: 80, serverRemoves: 80 + 30 + 60 + 1 };

  interface Sites {
    /** Signs a message by the client's clock, and gives it to the server by the server's. */
    exchange(clientNow: () => Date, serverNow: () => Date): Promise<string>;
    readonly client: KeyRing;
    readonly server: KeyRing;
  }

  function draft(freshness?: { timestamp: string; nonce: string }): Sites {
    const [client, server] = [new KeyRing(), new KeyRing()];
    const fresh = freshness === undefined ? {} : { freshness };
    const profile = "simple-sso-draft";
    return {
      client,
      server,
      async exchange(clientNow, now) {
        const signer = createSigner({ profile, keys: client, ...fresh, now: clientNow });
        const query = signer.signRequest([["a", "b"]]);
        const verifier = createVerifier({ profile, keys: server, ...fresh, now });
        const verification = await verifier.verifyRequest(query);
        return verification.verified ? verification.key.id : verification.refusal.code;
      },
    };
  }

  function simpleSso(): Sites {
    const [client, server] = [new KeyRing(), new KeyRing()];
    const profile = "simple-sso";
    return {
      client,
      server,
      async exchange(clientNow, now) {
        const signer = createSigner({ profile, keys: client, now: clientNow });
        // The id is the consumer's, and does not change with the secret.
        const verifier = createVerifier({
          profile,
          keys: { find: () => [...server.find("old"), ...server.find("new")] },
          now,
        });
        const verification = await verifier.verify(signer.sign("{}"), "consumer");
        return verification.verified ? verification.key.id : verification.refusal.code;
      },
    };
  }

  function http(): Sites {
    const [client, server] = [new KeyRing(), new KeyRing()];
    const profile = "http-signature";
    return {
      client,
      server,
      async exchange(clientNow, now) {
        const signer = createSigner({ profile, keys: client, now: clientNow });
        const request = { method: "GET", url: "https://sso.example/", headers: new Headers() };
        const { fields, exchange } = signer.signRequest(request, null);
        const verifier = createVerifier({
          profile,
          keys: server,
          authorities: ["sso.example"],
          nonces: new InMemoryNonceRepository({ now }),
          now,
        });
        const received = { ...request, headers: new Headers({ ...fields }) };
        const verification = await verifier.verifyRequest(received, null);
        if (!verification.verified) return verification.refusal.code;
        const response = { status: 204, headers: new Headers() };
        const signed = verification.exchange.signResponse(response, null);
        const answer = { status: 204, headers: new Headers({ ...signed }) };
        const answered = exchange.verifyResponse(answer, null);
        return answered.verified ? verification.key.id : `answer ${answered.refusal.code}`;
      },
    };
  }

  const profiles: readonly [string, () => Sites][] = [
    ["simple-sso-draft", draft],
    ["simple-sso-draft with times", () => draft({ timestamp: "t", nonce: "n" })],
    ["simple-sso", simpleSso],
    ["http-signature", http],
  ];

  test.each(profiles)("by %s, whatever the clocks are within the window", async (_, makeSites) => {
    // How many seconds the client's clock is ahead of the server's.
    for (const ahead of [-25, -1, 0, 1, 25]) {
      const sites = makeSites();
      const old: SigningKey = keyNamed("old", { notAfter: time(steps.change) });
      const next: SigningKey = keyNamed("new", { notBefore: time(steps.change) });
      sites.client.add(old);
      sites.server.add(old);
      const used: string[] = [];
      for (let second = 0; second < steps.serverRemoves + 20; second += 1) {
        if (second === steps.serverAdds) sites.server.add(next);
        if (second === steps.clientAdds) sites.client.add(next);
        if (second === steps.serverRemoves) sites.server.remove(old);
        // A message takes up to 20 seconds.
        const way = second % 21;
        let passed = 0;
        const id = await sites.exchange(
          () => time(second + ahead + passed),
          () => {
            passed = way;
            return time(second + way);
          },
        );
        used.push(id);
      }
      expect(new Set(used), `${ahead} s ahead`).toEqual(new Set(["old", "new"]));
      expect(used.indexOf("new")).toBe(steps.change - ahead);
      expect(used.lastIndexOf("old")).toBe(steps.change - ahead - 1);
    }
  });

  test("and the old one is of no use afterwards", async () => {
    const old = keyNamed("old", { notAfter: time(60) });
    const unaware = createSigner({ profile: "simple-sso", now: () => time(75) });
    const stolen = unaware.sign("{}", old);
    const verifier = createVerifier({
      profile: "simple-sso",
      keys: new KeyRing([old]),
      now: () => time(80),
    });
    expect(await verifier.verify(stolen, "old")).toEqual({
      verified: false,
      keyId: "old",
      refusal: { code: "key_expired", seconds: 15 },
    });
    const early = keyNamed("old", { notBefore: time(100) });
    const before = createVerifier({
      profile: "simple-sso",
      keys: new KeyRing([early]),
      now: () => time(80),
    });
    expect(await before.verify(stolen, "old")).toEqual({
      verified: false,
      keyId: "old",
      refusal: { code: "key_not_yet_valid", seconds: 25 },
    });
  });
});
