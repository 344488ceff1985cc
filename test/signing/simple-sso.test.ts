import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { InMemoryNonceRepository } from "concordat/repositories";
import { createKey, createSigner, createVerifier, type Epoch, KeyRing } from "concordat/signing";
import { describe, expect, test } from "vitest";
import { at, keyNamed, only, signedAt } from "./keys.js";

interface SerializerVectors {
  readonly secret: string;
  readonly vectors: readonly {
    readonly dialect: string;
    readonly kind: string;
    readonly time: number;
    readonly payload: unknown;
    readonly signed: string;
  }[];
}

/** Recorded from itsdangerous 0.24 and 2.x. */
const { secret, vectors }: SerializerVectors = JSON.parse(
  readFileSync(new URL("../vectors/itsdangerous-timed-serializers.json", import.meta.url), "utf8"),
);

const recorded = createKey({ id: "recorded", secret });
const key = keyNamed("k");

describe("what itsdangerous signed", () => {
  test.each(vectors)(
    "$dialect $kind: $signed",
    async ({ dialect, kind, time, payload, signed }) => {
      const epoch: Epoch = dialect.startsWith("legacy") ? "2011" : "unix";
      const isUrlSafe = kind.startsWith("URLSafe");
      for (const accepted of [epoch, "auto"] as const) {
        const verifier = createVerifier({
          profile: "simple-sso",
          keys: only(recorded),
          epoch: accepted,
          now: at(time),
        });
        const verification = isUrlSafe
          ? await verifier.verifyUrlSafe(signed, "recorded")
          : await verifier.verify(Buffer.from(signed), "recorded");
        expect(verification).toMatchObject({ verified: true, created: new Date(time * 1_000) });
        if (!verification.verified) return;
        expect(JSON.parse(verification.payload)).toEqual(payload);
        const signer = createSigner({ profile: "simple-sso", epoch, now: at(time) });
        const again = isUrlSafe
          ? signer.signUrlSafe(verification.payload, recorded)
          : signer.sign(verification.payload, recorded);
        expect(again).toBe(signed);
      }
    },
  );

  test("is there for both epochs and both serializers", () => {
    const kinds = new Set(vectors.map(({ dialect, kind }) => `${dialect} ${kind}`));
    expect(vectors.length).toBe(10);
    expect(kinds.size).toBe(4);
  });
});

describe("the window", () => {
  /** How a stamp of an epoch is judged by a verifier of an epoch, so many seconds later. */
  async function judged(signed: Epoch, accepted: Epoch | "auto", later: number): Promise<unknown> {
    const text = createSigner({ profile: "simple-sso", epoch: signed, now: at(signedAt) }).sign(
      "1",
      key,
    );
    const verifier = createVerifier({
      profile: "simple-sso",
      keys: only(key),
      epoch: accepted,
      window: { past: 5, future: 2 },
      now: at(signedAt + later),
    });
    const verification = await verifier.verify(text, "k");
    return verification.verified ? "passes" : verification.refusal;
  }

  test.each(["2011", "unix"] as const)("is bounded on both sides for %s", async (epoch) => {
    for (const accepted of [epoch, "auto"] as const) {
      expect(await judged(epoch, accepted, 5.9)).toBe("passes");
      expect(await judged(epoch, accepted, 6)).toEqual({ code: "stale", seconds: 6, tolerated: 5 });
      expect(await judged(epoch, accepted, -2)).toBe("passes");
      expect(await judged(epoch, accepted, -2.1)).toEqual({
        code: "skewed",
        seconds: 3,
        tolerated: 2,
      });
    }
  });

  test("refuses the stamps of the other epoch, which deployed servers take for ever", async () => {
    expect(await judged("unix", "2011", 0)).toEqual({
      code: "skewed",
      seconds: 1_293_840_000,
      tolerated: 2,
    });
    expect(await judged("2011", "unix", 0)).toMatchObject({ code: "stale" });
  });
});

test("nothing is signed by a clock that is before the epoch, of which there is no stamp", () => {
  const signWith = (epoch: Epoch, seconds: number): string =>
    createSigner({ profile: "simple-sso", epoch, now: at(seconds) }).sign("1", key);
  for (const seconds of [0, 1_293_839_999]) {
    expect(() => signWith("2011", seconds)).toThrow(/before the time/);
  }
  expect(() => signWith("unix", -1)).toThrow(/before the time/);
  expect(() => signWith("unix", Number.NaN)).toThrow(/before the time/);
  expect(signWith("2011", 1_293_840_001)).toMatch(/^1\.AQ\./);
});

describe("texts of simple-sso", () => {
  const signer = createSigner({
    profile: "simple-sso",
    keys: new KeyRing([key]),
    now: at(signedAt),
  });
  const verifier = createVerifier({
    profile: "simple-sso",
    keys: new KeyRing([key]),
    now: at(signedAt),
  });

  test("are signed by the current key, in the epoch of what is deployed", () => {
    expect(signer.sign('{"a": "1.2.3"}')).toBe('{"a": "1.2.3"}.GDWCgA.WjpJEy3PXm1gRyUxvhuHxb-y9Es');
  });

  test("are compressed for URLs where that makes them shorter, and not where it does not", async () => {
    const long = JSON.stringify("a".repeat(5_000));
    const signed = signer.signUrlSafe(long);
    expect(signed).toMatch(/^\.[A-Za-z0-9_-]{20,60}\.GDWCgA\.[A-Za-z0-9_-]{27}$/);
    expect(await verifier.verifyUrlSafe(signed, "k")).toMatchObject({ payload: long });
    expect(signer.signUrlSafe('"short"')).toMatch(/^[A-Za-z0-9_-]+\.GDWCgA\./);
  });

  test("may not grow beyond the limit when they are expanded", async () => {
    const bomb = deflateSync(Buffer.alloc(10_000_000, "a")).toString("base64url");
    expect(bomb.length).toBeLessThan(65_536);
    const signed = signer.sign(`.${bomb}`);
    expect(await verifier.verifyUrlSafe(signed, "k")).toMatchObject({
      refusal: { code: "malformed" },
    });
    const long = signer.sign("1".repeat(65_536));
    expect(await verifier.verify(long, "k")).toMatchObject({ refusal: { code: "malformed" } });
    const patient = createVerifier({
      profile: "simple-sso",
      keys: new KeyRing([key]),
      maxBodyBytes: 100_000,
      now: at(signedAt),
    });
    expect(await patient.verify(long, "k")).toMatchObject({ verified: true });
  });

  test("have a time: what itsdangerous signs without one is none", async () => {
    for (const text of ["payload.signature", "GDWCgA.WjpJEy3PXm1gRyUxvhuHxb-y9Es", "payload"]) {
      expect(await verifier.verify(text, "k"), text).toMatchObject({
        refusal: { code: "malformed" },
      });
    }
  });

  test("are no texts for URLs when their payload is not", async () => {
    for (const payload of ['{"a": 1}', ".eJw", "a=", "."]) {
      const signed = signer.sign(payload);
      expect(await verifier.verifyUrlSafe(signed, "k"), payload).toMatchObject({
        refusal: { code: "malformed" },
      });
    }
  });

  test("keep the bytes that were received", async () => {
    for (const payload of ['"\uFEFFbom"', "\uFEFF1", '"\u0000"', "", "{}.{}", '"\u{1F600}"']) {
      const signed = signer.sign(payload);
      expect(await verifier.verify(Buffer.from(signed), "k"), payload).toMatchObject({ payload });
    }
    const latin = Buffer.from('{"a": "\u00e9"}.GDWCgA.AAAAAAAAAAAAAAAAAAAAAAAAAAA', "latin1");
    expect(await verifier.verify(latin, "k")).toMatchObject({ refusal: { code: "malformed" } });
    expect(() => signer.sign("\ud800")).toThrow(/surrogate/);
    // Half a surrogate pair has the bytes of U+FFFD, and would pass for what was signed.
    const replaced = signer.sign('"\ufffd"').replace("\ufffd", "\ud800");
    expect(await verifier.verify(replaced, "k")).toMatchObject({ refusal: { code: "malformed" } });
  });

  test("are refused with a signature that decodes to the same bytes but is written otherwise", async () => {
    const signed = signer.sign("1");
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet.indexOf(signed.at(-1) ?? "");
    const bytes = (text: string): Buffer => Buffer.from(text.slice(9), "base64url");
    const others = [1, 2, 3].map((bits) => `${signed.slice(0, -1)}${alphabet[last ^ bits]}`);
    for (const other of [...others, `${signed}=`, `${signed}==`, `${signed}\n`]) {
      expect(bytes(other)).toEqual(bytes(signed));
      expect(await verifier.verify(other, "k"), other).toMatchObject({
        refusal: { code: "wrong_signature" },
      });
    }
  });

  test("have stamps in one form only", async () => {
    for (const stamp of ["AAAA", "", "GDWCgB", "GDWCgA=", "AGDWCgA", "GDWCgAGDWCgA"]) {
      // Signed as if the stamp were part of a payload, so that only the stamp is wrong.
      const forged = `1.${stamp}.AAAAAAAAAAAAAAAAAAAAAAAAAAA`;
      expect(await verifier.verify(forged, "k"), stamp).toMatchObject({
        refusal: { code: "malformed" },
      });
    }
  });

  test("pass once where they are remembered", async () => {
    const once = createVerifier({
      profile: "simple-sso",
      keys: new KeyRing([key]),
      nonces: new InMemoryNonceRepository({ now: at(signedAt) }),
      now: at(signedAt),
    });
    const token = signer.signUrlSafe('"token"');
    const results = await Promise.all(
      Array.from({ length: 50 }, () => once.verifyUrlSafe(token, "k")),
    );
    expect(results.filter(({ verified }) => verified).length).toBe(1);
    expect(results.filter((one) => !one.verified && one.refusal.code === "replayed").length).toBe(
      49,
    );
    expect(await once.verifyUrlSafe(signer.signUrlSafe('"other"'), "k")).toMatchObject({
      verified: true,
    });
  });

  test("are for the salt that they were signed with", async () => {
    const salted = createSigner({ profile: "simple-sso", salt: "other", now: at(signedAt) });
    expect(await verifier.verify(salted.sign("1", key), "k")).toMatchObject({
      refusal: { code: "wrong_signature" },
    });
  });
});
