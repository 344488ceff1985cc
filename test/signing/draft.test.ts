import { readFileSync } from "node:fs";
import { InMemoryNonceRepository } from "concordat/repositories";
import {
  canonicalQuery,
  createKey,
  createSigner,
  createVerifier,
  KeyRing,
  type QueryParameters,
} from "concordat/signing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { at, keyNamed, only, signedAt } from "./keys.js";

interface DraftVector {
  readonly secret: string;
  readonly params: readonly (readonly [string, string])[];
  readonly message: string;
  readonly signature: string;
}

/** Recorded from the 0.6 release under Python 2.7, first the example that the draft prints. */
const vectors: readonly DraftVector[] = JSON.parse(
  readFileSync(new URL("../vectors/simple-sso-draft-signatures.json", import.meta.url), "utf8"),
);

const key = keyNamed("k");
const signer = createSigner({ profile: "simple-sso-draft" });
const verifier = createVerifier({ profile: "simple-sso-draft", keys: new KeyRing([key]) });

describe("the queries of the draft", () => {
  test.each(vectors)("$message", async ({ secret, params, message, signature }) => {
    const peer = createKey({ id: "peer", secret, allowShortSecret: true });
    expect(canonicalQuery(params)).toBe(message);
    expect(signer.signResponse(params, peer)).toBe(`${message}&signature=${signature}`);
    const fromPeer = createVerifier({ profile: "simple-sso-draft", keys: only(peer) });
    expect(await fromPeer.verifyResponse(`signature=${signature}&${message}`, "peer")).toEqual({
      verified: true,
      key: peer,
      parameters: [...params].sort(() => 0).length === 0 ? [] : expect.arrayContaining([...params]),
    });
  });

  test("the signature that the draft prints, with key and message swapped, is refused", async () => {
    const peer = createKey({ id: "bundle123", secret: "secret key", allowShortSecret: true });
    const fromPeer = createVerifier({ profile: "simple-sso-draft", keys: new KeyRing([peer]) });
    const printed = "fbf6396d0fc40d563e2be3c861f7eb5a1b821b76c2ac943d40a7a63b288619a9";
    const meant = "9cd21cfb95e6d6a9bac071b7c556c2eeef455efe1e192a3f4862a274b8495d7f";
    expect(await fromPeer.verifyRequest(`key=bundle123&signature=${printed}`)).toEqual({
      verified: false,
      keyId: "bundle123",
      refusal: { code: "wrong_signature" },
    });
    expect(await fromPeer.verifyRequest(`key=bundle123&signature=${meant}`)).toMatchObject({
      verified: true,
    });
    expect(signer.signRequest([], peer)).toBe(`key=bundle123&signature=${meant}`);
  });

  test("sort by bytes, where code units sort otherwise", () => {
    expect(
      canonicalQuery([
        ["\u{1F600}", ""],
        ["\uFF5E", ""],
        ["a", "\u{1F600}"],
        ["a", "\uE000"],
        ["~*'()! ", "+"],
      ]),
    ).toBe("a=%EE%80%80&a=%F0%9F%98%80&%7E%2A%27%28%29%21+=%2B&%EF%BD%9E=&%F0%9F%98%80=");
  });

  test("sort as Buffer.compare does, and mean one list of parameters each", () => {
    fc.assert(
      fc.property(parameterLists, parameterLists, (one, other) => {
        const sorted = [...one].sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]));
        const text = canonicalQuery(one);
        expect(canonicalQuery(sorted)).toBe(text);
        expect([...new URLSearchParams(text)]).toEqual(sorted);
        expect(canonicalQuery(other) === text).toBe(
          JSON.stringify(sorted) ===
            JSON.stringify([...other].sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))),
        );
      }),
    );
  });

  test("are refused in any other encoding than the canonical one", async () => {
    const query = signer.signRequest([["next", "/a page~"]], key);
    expect(query).toContain("next=%2Fa+page%7E");
    for (const [canonical, other] of [
      ["%2F", "%2f"],
      ["%2F", "/"],
      ["%7E", "~"],
      ["a+page", "a%20page"],
      ["a+page", "%61+page"],
      ["key=k", "key=k&"],
      ["key=k", "&key=k"],
      ["key=k", "key=k&unsigned"],
      ["key=k", "key=k=k"],
    ] as const) {
      const changed = query.replace(canonical, other);
      expect(changed).not.toBe(query);
      expect(await verifier.verifyRequest(changed), changed).toMatchObject({
        refusal: { code: "malformed" },
      });
    }
    const [message = "", signature] = query.split("&signature=");
    const reversed = message.split("&").reverse().join("&");
    expect(reversed).not.toBe(message);
    for (const order of [
      `${reversed}&signature=${signature}`,
      `signature=${signature}&${reversed}`,
    ]) {
      expect(await verifier.verifyRequest(order), order).toMatchObject({ verified: true });
    }
    expect(await verifier.verifyRequest(`signature=${signature}&${message}`)).toMatchObject({
      verified: true,
    });
    expect(
      await verifier.verifyRequest(query.replace(/signature=.*/, (hex) => hex.toUpperCase())),
    ).toMatchObject({
      verified: false,
    });
  });

  test("name one key", async () => {
    const two = signer.signResponse(
      [
        ["key", "k"],
        ["key", "k"],
      ],
      key,
    );
    expect(await verifier.verifyRequest(two)).toMatchObject({ refusal: { code: "malformed" } });
    expect(await verifier.verifyResponse(two, "k")).toMatchObject({ verified: true });
  });

  test("sign and verify every parameter, empty and repeated ones too", async () => {
    const parameters: QueryParameters = [
      ["a", "2"],
      ["a", ""],
      ["", ""],
      ["a", "1"],
    ];
    const query = signer.signRequest(parameters, key);
    expect(await verifier.verifyRequest(query)).toMatchObject({ verified: true });
    for (const added of ["&b=", "&a=1", "&=", "&key=k"]) {
      expect(await verifier.verifyRequest(query + added), added).toMatchObject({ verified: false });
    }
    for (const part of query.split("&")) {
      const less = query.split("&").filter((one) => one !== part);
      expect(await verifier.verifyRequest(less.join("&")), part).toMatchObject({ verified: false });
    }
  });

  test("may have no parameter but the signature", async () => {
    const signed = signer.signResponse([], key);
    expect(signed).toMatch(/^signature=[0-9a-f]{64}$/);
    expect(await verifier.verifyResponse(signed, key.id)).toMatchObject({ verified: true });
  });

  test("refuse to sign a parameter that the profile itself uses", () => {
    expect(() => signer.signRequest([["key", "x"]], key)).toThrow(/"key"/);
    expect(() => signer.signRequest([["signature", "x"]], key)).toThrow(/"signature"/);
    expect(() => signer.signResponse([["signature", "x"]], key)).toThrow(/"signature"/);
    expect(() => signer.signRequest([["a", "\ud800"]], key)).toThrow(/surrogate/);
    expect(() => signer.signRequest([["a", "b"]])).toThrow(/no key/);
  });
});

describe("requests of the draft with a time and a nonce", () => {
  const freshness = { timestamp: "timestamp", nonce: "nonce" };
  const fresh = createSigner({
    profile: "simple-sso-draft",
    freshness,
    now: at(signedAt),
    newNonce: () => "n0nce",
  });

  test("have them among what is signed", () => {
    expect(fresh.signRequest([["request_token", "R"]], key)).toBe(
      "key=k&nonce=n0nce&request_token=R&timestamp=1700000000&signature=eccd9b1ce0a0ee3ab223531e5d385812e58e520239442c387798439d0cb50e67",
    );
  });

  test("pass once, and within the window", async () => {
    let now = signedAt;
    const nonces = new InMemoryNonceRepository({ now: () => new Date(now * 1_000) });
    const strict = createVerifier({
      profile: "simple-sso-draft",
      keys: new KeyRing([key]),
      freshness,
      nonces,
      now: () => new Date(now * 1_000),
    });
    const query = fresh.signRequest([], key);
    now = signedAt - 31;
    expect(await strict.verifyRequest(query)).toMatchObject({
      refusal: { code: "skewed", seconds: 31, tolerated: 30 },
    });
    now = signedAt + 61;
    expect(await strict.verifyRequest(query)).toMatchObject({
      refusal: { code: "stale", seconds: 61, tolerated: 60 },
    });
    now = signedAt;
    expect(await strict.verifyRequest(query)).toMatchObject({
      verified: true,
      created: new Date(signedAt * 1_000),
    });
    expect(await strict.verifyRequest(query)).toMatchObject({ refusal: { code: "replayed" } });
    now = signedAt + 60;
    expect(await strict.verifyRequest(query)).toMatchObject({ refusal: { code: "replayed" } });
  });

  test("are refused without them", async () => {
    const strict = createVerifier({
      profile: "simple-sso-draft",
      keys: new KeyRing([key]),
      freshness,
    });
    const query = signer.signRequest([["nonce", "n"]], key);
    expect(await strict.verifyRequest(query)).toMatchObject({ refusal: { code: "malformed" } });
    const now: [string, string] = ["timestamp", String(Math.floor(Date.now() / 1_000))];
    const nonce: [string, string] = ["nonce", "n"];
    const others: QueryParameters[] = [
      [nonce, ["timestamp", "0x1"]],
      [nonce, ["timestamp", "1e9"]],
      [nonce, now, now],
      [nonce, nonce, now],
      [["nonce", ""], now],
      [now],
    ];
    for (const parameters of others) {
      const signed = signer.signRequest(parameters, key);
      expect(await strict.verifyRequest(signed), signed).toMatchObject({
        refusal: { code: "malformed" },
      });
    }
    expect(await strict.verifyRequest(signer.signRequest([nonce, now], key))).toMatchObject({
      verified: true,
    });
  });

  test("are not remembered for ever for want of a time", () => {
    const nonces = new InMemoryNonceRepository();
    expect(() =>
      createVerifier({ profile: "simple-sso-draft", keys: new KeyRing(), nonces }),
    ).toThrow(/for ever/);
  });
});

const parameterLists = fc.array(
  fc.tuple(
    fc.string({ unit: "binary", maxLength: 5 }),
    fc.string({ unit: "binary", maxLength: 5 }),
  ),
  { maxLength: 5 },
);

function compare(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
