import { createSecretKey } from "node:crypto";
import { join } from "node:path";
import { InMemoryNonceRepository } from "concordat/repositories";
import { contentDigest, createKey, createSigner, createVerifier, KeyRing } from "concordat/signing";
import {
  httpbis,
  createSigner as peerSigner,
  createVerifier as peerVerifier,
} from "http-message-signatures";
import { describe, expect, test } from "vitest";
import { installedPeer } from "../foreign-peers.js";
import { startPythonPeer } from "./python-peer.js";

const secret = "a secret of more than thirty-two bytes";
const keys = new KeyRing([createKey({ id: "consumer", secret })]);
const secretKey = createSecretKey(secret, "utf8");
const url = "https://sso.example/verify?state=1&next=%2Fa";
const content = Buffer.from('{"access_token": "x"}');
const covered = ["@method", "@authority", "@path", "@query", "content-digest"];
const answered = ["@status", "content-digest", ...covered.map((name) => `"${name}";req`)];
const params = ["created", "expires", "nonce", "keyid", "tag"];

/** What the peer requires. It looks at the names of components only, and does not tell those of the request. */
const required = {
  keyLookup: async () => ({ verify: peerVerifier(secretKey, "hmac-sha256") }),
  requiredFields: covered,
  requiredParams: params,
};

function inAMinute(): Date {
  return new Date(Date.now() + 60_000);
}

describe("a peer with JavaScript's http-message-signatures", () => {
  test("signs a request that is verified here, and verifies the answer", async () => {
    const request = { method: "POST", url, headers: { "content-digest": contentDigest(content) } };
    const signed = await httpbis.signMessage(
      {
        key: peerSigner(secretKey, "hmac-sha256", "consumer"),
        fields: covered,
        params: [...params, "alg"],
        paramValues: { expires: inAMinute(), nonce: "n0nce", tag: "concordat" },
      },
      request,
    );
    const verifier = createVerifier({
      profile: "http-signature",
      keys,
      authorities: ["sso.example"],
      nonces: new InMemoryNonceRepository(),
    });
    const headers = new Headers(
      Object.entries(signed.headers).map(([name, one]) => [name, `${one}`]),
    );
    const verification = await verifier.verifyRequest({ method: "POST", url, headers }, content);
    if (!verification.verified) throw new Error(verification.refusal.code);
    const response = { status: 200, headers: new Headers() };
    const fields = verification.exchange.signResponse(response, content);
    const message = { status: 200, headers: { ...fields } };
    expect(await httpbis.verifyMessage(required, message, signed)).toBe(true);
    const changed = { ...message, status: 201 };
    expect(await httpbis.verifyMessage(required, changed, signed)).toBe(false);
  });

  test("verifies a request that is signed here, and signs the answer", async () => {
    const signer = createSigner({ profile: "http-signature", keys, newNonce: () => "n0nce" });
    const bare = { method: "POST", url, headers: new Headers() };
    const { fields, exchange } = signer.signRequest(bare, content);
    const request = { method: "POST", url, headers: { ...fields } };
    expect(await httpbis.verifyMessage(required, request)).toBe(true);
    const answer = await httpbis.signMessage(
      {
        key: peerSigner(secretKey, "hmac-sha256", "consumer"),
        fields: answered,
        params,
        paramValues: { expires: inAMinute(), nonce: "n0nce", tag: "concordat" },
      },
      { status: 200, headers: { "content-digest": contentDigest(content) } },
      request,
    );
    const headers = new Headers(
      Object.entries(answer.headers).map(([name, one]) => [name, `${one}`]),
    );
    expect(exchange.verifyResponse({ status: 200, headers }, content)).toMatchObject({
      verified: true,
    });
  });
});

const python = installedPeer("http-message-signatures");
const unlessInstalled = python === undefined ? " (install the peer http-message-signatures)" : "";

describe.skipIf(python === undefined)(
  `a peer with Python's http-message-signatures${unlessInstalled}`,
  () => {
    const start = () =>
      startPythonPeer(
        join(python ?? "", "venv", "bin", "python"),
        "http-message-signatures-peer.py",
      );
    const told = { secret, content: content.toString(), nonce: "n0nce" };
    const request = { method: "POST", url, headers: {} };

    test("signs a request that is verified here, and verifies the answer", async () => {
      await using peer = start();
      const signed = fieldsOf(
        await peer.ask({ do: "sign", ...told, message: request, covered, expires: inSeconds(60) }),
      );
      const verifier = createVerifier({
        profile: "http-signature",
        keys,
        authorities: ["sso.example"],
        nonces: new InMemoryNonceRepository(),
      });
      const headers = new Headers(signed);
      const verification = await verifier.verifyRequest({ method: "POST", url, headers }, content);
      if (!verification.verified) throw new Error(verification.refusal.code);
      const fields = verification.exchange.signResponse(
        { status: 200, headers: new Headers() },
        content,
      );
      const message = { status: 200, headers: fields, request: { ...request, headers: signed } };
      const ask = { do: "verify", ...told, covered: answered };
      expect(await peer.ask({ ...ask, message })).toBe(true);
      expect(await peer.ask({ ...ask, message: { ...message, status: 201 } })).toBe(
        "InvalidSignature",
      );
    });

    test("signs in another order, more, and the bytes of a target, which is verified here", async () => {
      await using peer = start();
      const target = "/x/../verify?state='1'&next=%2fa";
      const sent = {
        method: "POST",
        url: `https://sso.example${target}`,
        headers: { "x-dictionary": "a=1,  b=(x   y);z, c" },
      };
      const more = [
        '"content-digest";sf',
        '"x-dictionary";key="b"',
        '"x-dictionary";bs',
        '"@query-param";name="state"',
        "@target-uri",
        "@query",
        "@path",
        "@authority",
        "@method",
      ];
      const signed = fieldsOf(
        await peer.ask({
          do: "sign",
          ...told,
          message: sent,
          covered: more,
          expires: inSeconds(60),
        }),
      );
      const headers = new Headers(signed);
      const source = { get: (name: string) => headers.get(name), lines: linesIn(headers) };
      const verify = async (received?: string) => {
        const verifier = createVerifier({
          profile: "http-signature",
          keys,
          authorities: ["sso.example"],
          nonces: new InMemoryNonceRepository(),
        });
        return await verifier.verifyRequest(
          {
            method: "POST",
            url: new URL(sent.url),
            headers: source,
            ...(received === undefined ? {} : { target: received }),
          },
          content,
        );
      };
      const verification = await verify(target);
      if (!verification.verified) throw new Error(JSON.stringify(verification.refusal));
      expect(await verify(target.replace("/x/..", ""))).toMatchObject({ verified: false });
      expect(await verify()).toMatchObject({ verified: false });
      const fields = verification.exchange.signResponse({ status: 200, headers: source }, content);
      const message = { status: 200, headers: fields, request: { ...sent, headers: signed } };
      const all = more.map((one) => (one.startsWith("@") ? `"${one}";req` : `${one};req`));
      const ask = { do: "verify", ...told, covered: ["@status", ...all] };
      expect(await peer.ask({ ...ask, message })).toBe(true);
    });

    test("verifies a request that is signed here, and signs the answer", async () => {
      await using peer = start();
      const signer = createSigner({ profile: "http-signature", keys, newNonce: () => "n0nce" });
      const bare = { method: "POST", url, headers: new Headers() };
      const { fields, exchange } = signer.signRequest(bare, content);
      const message = { ...request, headers: fields };
      const ask = { do: "verify", ...told, covered };
      expect(await peer.ask({ ...ask, message })).toBe(true);
      expect(await peer.ask({ ...ask, message, content: "changed" })).toBe("InvalidSignature");
      const answer = await peer.ask({
        do: "sign",
        ...told,
        message: { status: 200, headers: {}, request: message },
        covered: answered,
        expires: inSeconds(60),
      });
      const headers = new Headers(fieldsOf(answer));
      expect(exchange.verifyResponse({ status: 200, headers }, content)).toMatchObject({
        verified: true,
      });
    });
  },
);

function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}

/** Of a message of which it is known that each of its fields is one line. */
function linesIn(headers: Headers): (name: string) => readonly string[] {
  return (name) => [headers.get(name) ?? ""];
}

/** The fields of a message that the peer has signed. */
function fieldsOf(answer: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(answer ?? {}).map(([name, value]) => [name.toLowerCase(), `${value}`]),
  );
}
