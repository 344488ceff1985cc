import { createHmac } from "node:crypto";
import { TooManyError, UnavailableError } from "concordat";
import { createTables, KyselyNonceRepository, nodeSqliteDialect } from "concordat/kysely";
import { InMemoryNonceRepository, type Nonce, NonceRepository } from "concordat/repositories";
import { createSigner, createVerifier, KeyRing, type KeySource } from "concordat/signing";
import fc from "fast-check";
import { Kysely } from "kysely";
import { describe, expect, test } from "vitest";
import { at, keyNamed, signedAt } from "./keys.js";

const key = keyNamed("k");
const freshness = { timestamp: "timestamp", nonce: "nonce" };
const signer = createSigner({
  profile: "simple-sso-draft",
  keys: new KeyRing([key]),
  freshness,
  now: at(signedAt),
});

function verifierWith(
  nonces: NonceRepository,
  keys: KeySource = new KeyRing([key]),
  now = signedAt,
) {
  return createVerifier({ profile: "simple-sso-draft", keys, freshness, nonces, now: at(now) });
}

/** A store that says what was asked of it. */
class WatchedNonces extends InMemoryNonceRepository {
  readonly taken: Nonce[] = [];
  override take(nonce: Nonce): Promise<boolean> {
    this.taken.push(nonce);
    return super.take(nonce);
  }
}

describe("verification", () => {
  test("asks for the nonce only when all else is right", async () => {
    const nonces = new WatchedNonces({ now: at(signedAt) });
    const query = signer.signRequest([["a", "b"]]);
    const ended = keyNamed("k", { notAfter: new Date(signedAt * 1_000) });
    const attempts: [string, string, ReturnType<typeof verifierWith>][] = [
      ["malformed", query.replace("a=b", "a"), verifierWith(nonces)],
      ["unknown_key", query.replace("key=k", "key=x"), verifierWith(nonces)],
      ["wrong_signature", query.replace("a=b", "a=c"), verifierWith(nonces)],
      ["stale", query, verifierWith(nonces, undefined, signedAt + 61)],
      ["skewed", query, verifierWith(nonces, undefined, signedAt - 31)],
      ["key_expired", query, verifierWith(nonces, new KeyRing([ended]))],
    ];
    for (const [code, message, verifier] of attempts) {
      const verification = await verifier.verifyRequest(message);
      expect(verification).toMatchObject({ verified: false, refusal: { code } });
      expect(nonces.taken, code).toEqual([]);
    }
    expect(await verifierWith(nonces).verifyRequest(query)).toMatchObject({ verified: true });
    expect(nonces.taken.length).toBe(1);
  });

  test("has a nonce remembered until no clock within the window takes the message any more", async () => {
    const nonces = new WatchedNonces({ now: at(signedAt) });
    await verifierWith(nonces).verifyRequest(signer.signRequest([]));
    expect(nonces.taken).toMatchObject([
      { scope: "simple-sso-draft k", expiresAt: new Date((signedAt + 60 + 30 + 1) * 1_000) },
    ]);
    const past = verifierWith(nonces, undefined, signedAt + 61);
    expect(await past.verifyRequest(signer.signRequest([]))).toMatchObject({
      refusal: { code: "stale" },
    });
  });

  test("refuses when the store of nonces fails, is full, or says what is no answer", async () => {
    const query = signer.signRequest([]);
    const failure = new UnavailableError("The database is unavailable.");
    class Failing extends NonceRepository {
      override take(): Promise<boolean> {
        return Promise.reject(failure);
      }
      override purge(): Promise<number> {
        return Promise.resolve(0);
      }
    }
    expect(await verifierWith(new Failing()).verifyRequest(query)).toEqual({
      verified: false,
      keyId: "k",
      refusal: { code: "unavailable", cause: failure },
    });
    const full = new InMemoryNonceRepository({ limit: 0, now: at(signedAt) });
    expect(await verifierWith(full).verifyRequest(query)).toMatchObject({
      refusal: { code: "unavailable", cause: expect.any(TooManyError) },
    });
    class Throwing extends Failing {
      override take(): Promise<boolean> {
        throw failure;
      }
    }
    expect(await verifierWith(new Throwing()).verifyRequest(query)).toMatchObject({
      refusal: { code: "unavailable" },
    });
    class Vague extends Failing {
      override take(): Promise<boolean> {
        return Promise.resolve(JSON.parse("1"));
      }
    }
    expect(await verifierWith(new Vague()).verifyRequest(query)).toMatchObject({
      refusal: { code: "replayed" },
    });
  });

  test("refuses when the store of keys fails, and waits for it when it does not", async () => {
    const nonces = new InMemoryNonceRepository({ now: at(signedAt) });
    const query = signer.signRequest([]);
    const failure = new Error("gone");
    const failing = { find: () => Promise.reject(failure) };
    expect(await verifierWith(nonces, failing).verifyRequest(query)).toEqual({
      verified: false,
      keyId: "k",
      refusal: { code: "unavailable", cause: failure },
    });
    const slow = { find: (id: string) => Promise.resolve(id === "k" ? [key] : []) };
    expect(await verifierWith(nonces, slow).verifyRequest(query)).toMatchObject({ verified: true });
  });

  test("rejects with the reason of the signal", async () => {
    const reason = new Error("The client is gone.");
    const controller = new AbortController();
    const keys: KeySource = {
      find: (_, options) =>
        new Promise((_resolve, reject) => {
          options?.signal?.addEventListener("abort", () => reject(new Error("stopped")));
        }),
    };
    const verification = verifierWith(new InMemoryNonceRepository(), keys).verifyRequest(
      signer.signRequest([]),
      { signal: controller.signal },
    );
    controller.abort(reason);
    await expect(verification).rejects.toBe(reason);
    const late = verifierWith(new InMemoryNonceRepository({ now: at(signedAt) })).verifyRequest(
      signer.signRequest([]),
      { signal: controller.signal },
    );
    await expect(late).rejects.toBe(reason);
  });

  test("lets one of 100 concurrent messages pass that are the same, in memory and in a database", async () => {
    await using db = new Kysely<unknown>({ dialect: nodeSqliteDialect({ path: ":memory:" }) });
    await createTables(db);
    for (const nonces of [
      new InMemoryNonceRepository({ now: at(signedAt) }),
      new KyselyNonceRepository(db, { now: at(signedAt) }),
    ]) {
      const query = signer.signRequest([]);
      // Two processes, as it were.
      const verifiers = [verifierWith(nonces), verifierWith(nonces)];
      const results = await Promise.all(
        Array.from({ length: 50 }, () => verifiers.map((one) => one.verifyRequest(query))).flat(),
      );
      expect(results.filter(({ verified }) => verified).length).toBe(1);
      const refusals = results.filter((one) => !one.verified && one.refusal.code === "replayed");
      expect(refusals.length).toBe(99);
    }
  });

  test("keeps the nonces of two keys apart", async () => {
    const other = keyNamed("other");
    const nonces = new InMemoryNonceRepository({ now: at(signedAt) });
    const verifier = verifierWith(nonces, new KeyRing([key, other]));
    const same = createSigner({
      profile: "simple-sso-draft",
      freshness,
      newNonce: () => "same",
      now: at(signedAt),
    });
    for (const one of [key, other]) {
      const query = same.signRequest([], one);
      expect(await verifier.verifyRequest(query)).toMatchObject({ verified: true, key: one });
      expect(await verifier.verifyRequest(query)).toMatchObject({ refusal: { code: "replayed" } });
    }
  });

  test("signs in vain with what a source has for an id that is not known", async () => {
    const asked: string[] = [];
    const decoy = keyNamed("x");
    const source: KeySource = {
      find: async (id) => (id === "k" ? [key] : []),
      decoy: () => {
        asked.push("decoy");
        return [decoy];
      },
    };
    const judge = async (query: string) =>
      await verifierWith(new InMemoryNonceRepository(), source).verifyRequest(query);
    expect(await judge(signer.signRequest([["a", "b"]]))).toMatchObject({ verified: true });
    expect(asked).toEqual([]);
    // Nobody has it: what it signs is not taken either.
    const signed = signer.signRequest([["a", "b"]], decoy);
    expect(await judge(signed)).toMatchObject({ refusal: { code: "unknown_key" } });
    expect(asked).toEqual(["decoy"]);
  });

  test("does not reveal what the signature should have been", async () => {
    const nonces = new InMemoryNonceRepository({ now: at(signedAt) });
    const query = signer.signRequest([["a", "b"]]);
    const forged = query.replace("a=b", "a=c");
    const message = forged.replace(/&signature=.*/, "");
    const mac = createHmac("sha256", key.secret).update(message).digest("hex");
    const verification = await verifierWith(nonces).verifyRequest(forged);
    expect(verification).toEqual({
      verified: false,
      keyId: "k",
      refusal: { code: "wrong_signature" },
    });
    expect(JSON.stringify(verification)).not.toContain(mac.slice(0, 8));
  });

  test("requires a window that is one", () => {
    for (const window of [
      { past: -1 },
      { future: Number.NaN },
      { past: Number.POSITIVE_INFINITY },
    ]) {
      expect(() => createVerifier({ profile: "simple-sso", keys: new KeyRing(), window })).toThrow(
        /window/,
      );
    }
  });
});

describe("the verifiers of the compatible formats", () => {
  const draft = createVerifier({ profile: "simple-sso-draft", keys: new KeyRing([key]) });
  const text = createVerifier({ profile: "simple-sso", keys: new KeyRing([key]) });
  const sso = createSigner({ profile: "simple-sso", keys: new KeyRing([key]) });

  test("never throw, whatever bytes they are given", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: "binary" }).map((one) => Buffer.from(one)),
      fc
        .stringMatching(/^[a-z&=%+.]{0,30}\.[A-Za-z0-9_-]{0,10}\.[A-Za-z0-9_=-]{0,30}$/)
        .map((one) => Buffer.from(one)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.string({ unit: "binary" }), async (message, keyId) => {
        const latin = Buffer.from(message).toString("latin1");
        const verifications = await Promise.all([
          text.verify(message, keyId),
          text.verifyUrlSafe(message, "k"),
          text.verify(latin, "k"),
          draft.verifyRequest(latin),
          draft.verifyResponse(`${latin}&signature=${latin}`, keyId),
          text.verify(`${latin}\ud800.AAAA.AAAA`, "k"),
        ]);
        expect(verifications.some(({ verified }) => verified)).toBe(false);
      }),
    );
  });

  test("refuse a message of which any byte is changed", async () => {
    const payloads = fc.string({ unit: "grapheme" }).map((one) => JSON.stringify(one));
    await fc.assert(
      fc.asyncProperty(
        payloads,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (payload, place, bits) => {
          const change = (message: string): Buffer => {
            const changed = Buffer.from(message);
            const index = place % changed.length;
            changed[index] = (changed[index] ?? 0) ^ bits;
            return changed;
          };
          const query = createSigner({ profile: "simple-sso-draft" }).signRequest(
            [["a", payload]],
            key,
          );
          expect((await draft.verifyRequest(query)).verified).toBe(true);
          expect((await draft.verifyRequest(change(query).toString("latin1"))).verified).toBe(
            false,
          );
          expect((await text.verify(sso.sign(payload), "k")).verified).toBe(true);
          expect((await text.verify(change(sso.sign(payload)), "k")).verified).toBe(false);
          expect((await text.verifyUrlSafe(change(sso.signUrlSafe(payload)), "k")).verified).toBe(
            false,
          );
        },
      ),
    );
  });
});
