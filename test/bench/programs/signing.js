// Signs and verifies messages of each profile, and the same with the peers, in turns. Prints, as JSON,
// how often a second of CPU time each was done, in each round.
import { createHash, createHmac, createSecretKey } from "node:crypto";
import { InMemoryNonceRepository } from "concordat/repositories";
import { createKey, createSigner, createVerifier, KeyRing } from "concordat/signing";
import {
  httpbis,
  createSigner as signerOf,
  createVerifier as verifierOf,
} from "http-message-signatures";
import { TimedSerializer } from "itsdangerous.js";

const rounds = Number(process.argv[2]);
const secondsPerCase = 0.3;

const secret = "s".repeat(64);
const key = createKey({ id: "consumer", secret });
const keys = new KeyRing([key]);
// Others in the ring, so that looking a key up is not free.
for (let at = 0; at < 100; at++) keys.add(createKey({ id: `other ${at}`, secret }));
// A new store for each round, so that it holds some ten thousands of nonces, as one in use does.
let store = new InMemoryNonceRepository();
const nonces = { take: (nonce, options) => store.take(nonce, options) };

const cases = new Map();

// simple-sso-draft: 200 bytes of query, each request another one, as the replay check demands.
const freshness = { timestamp: "timestamp", nonce: "nonce" };
const draftSigner = createSigner({ profile: "simple-sso-draft", freshness });
const draftVerifier = createVerifier({ profile: "simple-sso-draft", keys, freshness, nonces });
const token = "x".repeat(32);
const draft = () =>
  draftSigner.signRequest(
    [
      ["auth_token", token],
      ["next", "/a page"],
    ],
    key,
  );
const query = draft();
cases.set("HMAC-SHA256 alone", {
  work: () => createHmac("sha256", key.secret).update(query).digest("hex"),
});
cases.set("draft sign", { work: draft });
cases.set("draft verify", {
  prepare: draft,
  work: async (query) => demand(await draftVerifier.verifyRequest(query)),
});

// simple-sso: the body of a request for a token.
const value = { redirect_to: "https://client.example/client/authenticate/?next=%2Fhello%2Fworld" };
const ssoSigner = createSigner({ profile: "simple-sso", epoch: "unix" });
// One message for the whole run, however long that takes.
const window = { past: 86_400 };
const ssoVerifier = createVerifier({ profile: "simple-sso", keys, window });
const signedPayload = ssoSigner.sign(JSON.stringify(value), key);
cases.set("simple-sso sign", { work: () => ssoSigner.sign(JSON.stringify(value), key) });
cases.set("simple-sso verify", {
  work: async () => JSON.parse(demand(await ssoVerifier.verify(signedPayload, "consumer")).payload),
});
const forged = `${signedPayload.slice(0, -1)}${signedPayload.endsWith("A") ? "E" : "A"}`;
cases.set("simple-sso known key, wrong signature", {
  work: async () => refuse(await ssoVerifier.verify(forged, "consumer")),
});
cases.set("simple-sso unknown key", {
  work: async () => refuse(await ssoVerifier.verify(forged, "nobody")),
});

// http-signature: a POST with a small document.
const url = "https://sso.example/verify?state=0123456789abcdef";
const content = Buffer.from(JSON.stringify({ access_token: "t".repeat(64) }));
const headers = new Headers({ "content-type": "application/json" });
const request = { method: "POST", url, headers };
const httpSigner = createSigner({ profile: "http-signature" });
const httpVerifier = createVerifier({
  profile: "http-signature",
  keys,
  nonces,
  authorities: ["sso.example"],
});
cases.set("http sign", { work: () => httpSigner.signRequest(request, content, key) });
cases.set("http verify", {
  prepare() {
    const { fields } = httpSigner.signRequest(request, content, key);
    return {
      method: "POST",
      url,
      headers: new Headers({ ...Object.fromEntries(headers), ...fields }),
    };
  },
  work: async (signed) => demand(await httpVerifier.verifyRequest(signed, content)),
});

// The peers.
const serializer = new TimedSerializer({ secretKey: secret });
const signedValue = serializer.stringify(value);
cases.set("itsdangerous.js sign", { work: () => serializer.stringify(value) });
cases.set("itsdangerous.js verify", {
  work: () => serializer.parse(signedValue, undefined, 86_400),
});

const secretKey = createSecretKey(secret, "utf8");
const peerKey = signerOf(secretKey, "hmac-sha256", "consumer");
const peerVerifier = { verify: verifierOf(secretKey, "hmac-sha256") };
const fields = ["@method", "@authority", "@path", "@query", "content-digest"];
const sign = () => {
  const now = Date.now();
  const digest = createHash("sha256").update(content).digest("base64");
  return httpbis.signMessage(
    {
      key: peerKey,
      fields,
      params: ["created", "expires", "nonce", "keyid", "tag"],
      paramValues: {
        created: new Date(now),
        expires: new Date(now + 60_000),
        nonce: createHmac("sha256", secretKey).update(String(now)).digest("base64url").slice(0, 22),
        tag: "concordat",
      },
    },
    {
      method: "POST",
      url,
      headers: { "content-type": "application/json", "content-digest": `sha-256=:${digest}:` },
    },
  );
};
cases.set("http-message-signatures sign", { work: sign });
cases.set("http-message-signatures verify", {
  prepare: sign,
  work: async (signed) => {
    const digest = createHash("sha256").update(content).digest("base64");
    const isRight = await httpbis.verifyMessage(
      { keyLookup: async () => peerVerifier, requiredFields: fields, tolerance: 30, maxAge: 60 },
      signed,
    );
    if (isRight !== true || signed.headers["content-digest"] !== `sha-256=:${digest}:`) {
      throw new Error("The peer refuses its own message.");
    }
  },
});

const rates = Object.fromEntries([...cases.keys()].map((name) => [name, []]));
for (const { work, prepare } of cases.values()) await run(work, prepare, 0.2);
for (let round = 0; round < rounds; round++) {
  for (const [name, { work, prepare }] of cases) {
    store = new InMemoryNonceRepository();
    rates[name].push(await run(work, prepare, secondsPerCase));
  }
}
process.stdout.write(JSON.stringify(rates));

/** How often a second of CPU time the work is done, with messages that were prepared outside of that time. */
async function run(work, prepare, seconds) {
  const batch = 200;
  let done = 0;
  let spent = 0;
  while (spent < seconds * 1e6) {
    const messages = [];
    for (let at = 0; at < batch; at++) messages.push(await prepare?.());
    const before = process.cpuUsage();
    for (const message of messages) {
      const result = work(message);
      if (result instanceof Promise) await result;
    }
    const { user, system } = process.cpuUsage(before);
    spent += user + system;
    done += batch;
  }
  return (done / spent) * 1e6;
}

function demand(verification) {
  if (!verification.verified) throw new Error(`refused: ${verification.refusal.code}`);
  return verification;
}

function refuse(verification) {
  if (verification.verified) throw new Error("A forged message passes.");
}
