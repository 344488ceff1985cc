import { createHmac } from "node:crypto";
import { InMemoryNonceRepository } from "concordat/repositories";
import {
  contentDigest,
  createSigner,
  createVerifier,
  type HttpRequest,
  type HttpSignerOptions,
  type HttpVerifierOptions,
  KeyRing,
  type SignatureComponent,
  type SignatureRefusal,
  type SignedRequest,
  signatureBase,
} from "concordat/signing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fieldsOf, type Lines } from "./fields.js";
import { at, keyNamed, signedAt } from "./keys.js";

const key = keyNamed("k");
const other = keyNamed("other");
const keys = new KeyRing([key, other]);
const url = "https://sso.example/verify?state=1";
const content = Buffer.from('{"a": 1}');
const answer = Buffer.from("{}");
const headers = new Headers({ "content-type": "application/json" });
const request = { method: "POST", url, headers };
const response = { status: 200, headers };

function signerWith(options: Partial<HttpSignerOptions> = {}) {
  return createSigner({
    profile: "http-signature",
    keys: new KeyRing([key]),
    now: at(signedAt),
    ...options,
  });
}

function verifierWith(options: Partial<HttpVerifierOptions> = {}) {
  return createVerifier({
    profile: "http-signature",
    keys,
    authorities: ["sso.example"],
    nonces: new InMemoryNonceRepository({ now: at(signedAt) }),
    now: at(signedAt),
    ...options,
  });
}

/** A message with the fields of its signature. */
function withFields<M extends { readonly headers: Headers }>(message: M, fields: object): M {
  return { ...message, headers: new Headers([...message.headers, ...Object.entries(fields)]) };
}

/** A request that was signed, as it arrives. */
function signed(content: Uint8Array | null, options?: Partial<HttpSignerOptions>) {
  return withFields(request, signerWith(options).signRequest(request, content).fields);
}

function codeOf(verification: {
  readonly verified: boolean;
  readonly refusal?: SignatureRefusal;
}): string {
  return verification.refusal?.code ?? "verified";
}

describe("a signed request", () => {
  const { fields } = signerWith({ newNonce: () => "n0nce" }).signRequest(request, content);

  test("has these fields", () => {
    expect(fields).toEqual({
      "content-digest": "sha-256=:+dhgKMbg1k4iUYb5astpM4ssWXZN95FiEH9cS7NNExA=:",
      "signature-input":
        'concordat=("@method" "@authority" "@path" "@query" ' +
        '"content-digest");created=1700000000;expires=1700000060;nonce="n0nce";keyid="k";tag="concordat"',
      signature: "concordat=:HsJFxMbHw88aMaGC6VKk4L6jMCSTfo5FVUgQPfnOn2A=:",
    });
  });

  test("has no digest without content", () => {
    for (const none of [null, new Uint8Array()]) {
      const { fields } = signerWith().signRequest(request, none);
      expect(Object.keys(fields)).toEqual(["signature-input", "signature"]);
      expect(fields["signature-input"]).toMatch(
        /^concordat=\("@method" "@authority" "@path" "@query"\);/,
      );
    }
  });

  test("has a nonce of its own each time", () => {
    const inputs = Array.from(
      { length: 100 },
      () => signerWith().signRequest(request, null).fields["signature-input"],
    );
    expect(new Set(inputs).size).toBe(100);
  });

  test("passes, as a Web Request too", async () => {
    const web = new Request(url, { method: "POST", body: content });
    for (const [name, value] of Object.entries(signerWith().signRequest(web, content).fields)) {
      web.headers.set(name, value);
    }
    const received = new Uint8Array(await web.clone().arrayBuffer());
    expect(await verifierWith().verifyRequest(web, received)).toMatchObject({
      verified: true,
      key,
      created: new Date(signedAt * 1_000),
    });
    const verified = await verifierWith().verifyRequest(withFields(request, fields), content);
    expect(codeOf(verified)).toBe("verified");
  });

  test.each<[string, Partial<typeof request>, Uint8Array | null, string]>([
    ["method", { method: "PUT" }, content, "wrong_signature"],
    ["method in another case", { method: "post" }, content, "wrong_signature"],
    ["path", { url: "https://sso.example/verifY?state=1" }, content, "wrong_signature"],
    ["query", { url: "https://sso.example/verify?state=2" }, content, "wrong_signature"],
    ["lack of a query", { url: "https://sso.example/verify" }, content, "wrong_signature"],
    ["host", { url: "https://evil.example/verify?state=1" }, content, "wrong_authority"],
    ["port", { url: "https://sso.example:8443/verify?state=1" }, content, "wrong_authority"],
    ["URL that is none", { url: "/verify?state=1" }, content, "malformed"],
    ["content", {}, Buffer.from('{"a": 2}'), "wrong_digest"],
    ["lack of content", {}, null, "wrong_digest"],
  ])("is refused with another %s", async (_, change, received, code) => {
    const changed = { ...withFields(request, fields), ...change };
    expect(codeOf(await verifierWith().verifyRequest(changed, received))).toBe(code);
  });

  test("is refused with content that it was signed without", async () => {
    expect(codeOf(await verifierWith().verifyRequest(signed(null), content))).toBe("wrong_digest");
    expect(codeOf(await verifierWith().verifyRequest(signed(null), new Uint8Array()))).toBe(
      "verified",
    );
  });

  test("is refused with a digest of the content that is not the one that was signed", async () => {
    const sha512 =
      "sha-512=:z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==:";
    const changed = withFields(request, { ...fields, "content-digest": sha512 });
    expect(codeOf(await verifierWith().verifyRequest(changed, new Uint8Array()))).toBe(
      "wrong_signature",
    );
  });

  test("is refused when any byte of it is changed", async () => {
    const texts = { url, method: "POST", content: content.toString(), ...fields };
    const names = Object.keys(texts) as (keyof typeof texts)[];
    // Each byte in turn, by bits that keep it printable or do not.
    for (const name of names) {
      const text = texts[name] ?? "";
      // The scheme is not covered, since the server may stand behind a proxy that ends TLS.
      for (let place = name === "url" ? "https".length : 0; place < text.length; place++) {
        for (const bit of [1, 2, 4, 16, 32]) {
          const byte = String.fromCharCode(text.charCodeAt(place) ^ bit);
          const changed = { ...texts, [name]: text.slice(0, place) + byte + text.slice(place + 1) };
          if (URL.parse(changed.url)?.href === url && name === "url") continue;
          const got = new Map<string, string | undefined>(Object.entries(changed));
          const verification = await verifierWith().verifyRequest(
            {
              method: changed.method,
              url: changed.url,
              headers: { get: (field) => got.get(field) ?? null },
            },
            Buffer.from(changed.content),
          );
          expect(verification.verified, `${name} ${place}: ${changed[name]}`).toBe(false);
        }
      }
    }
  });

  test("never makes the verifier throw, whatever its fields and its content are", async () => {
    const verifier = verifierWith();
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(...Object.values(fields), "concordat=:AA==:", "concordat=()", "a=1;b"),
      fc
        .tuple(fc.constantFrom(...Object.values(fields)), fc.nat(200), fc.string({ maxLength: 3 }))
        .map(([field, place, added]) => field.slice(0, place) + added + field.slice(place + 1)),
    );
    await fc.assert(
      fc.asyncProperty(
        text,
        text,
        text,
        text,
        fc.string(),
        async (input, mac, digest, target, method) => {
          const all = new Map([
            ["signature-input", input],
            ["signature", mac],
            ["content-digest", digest],
          ]);
          const verification = await verifier.verifyRequest(
            { method, url: target, headers: { get: (name) => all.get(name) ?? null } },
            content,
          );
          expect(verification.verified).toBe(false);
        },
      ),
    );
  });

  test("is refused when it covers other components, or its parameters are others", async () => {
    const plain = { method: "POST", url, headers: new Headers() };
    const parameters =
      ';created=1700000000;expires=1700000060;nonce="n0nce";keyid="k";tag="concordat"';
    const four = ["@method", "@authority", "@path", "@query"];
    /** Signs with the right key what is not of the profile. */
    function forge(names: readonly string[], parameters: string, label = "concordat") {
      const list = `(${names.map((name) => `"${name}"`).join(" ")})`;
      const components = names.map((name) => ({ name }));
      const base = signatureBase({ request: plain }, components, list + parameters);
      const mac = createHmac("sha256", key.secret).update(base).digest("base64");
      return withFields(plain, {
        "signature-input": `${label}=${list}${parameters}`,
        signature: `${label}=:${mac}:`,
      });
    }
    const judge = async (message: ReturnType<typeof forge>) =>
      codeOf(await verifierWith().verifyRequest(message, null));
    expect(await judge(forge(four, parameters))).toBe("verified");
    expect(await judge(forge(four, parameters, "another-label"))).toBe("verified");
    expect(await judge(forge(four, `${parameters};alg="hmac-sha256"`))).toBe("verified");
    const reordered =
      ';tag="concordat";keyid="k";nonce="n0nce";expires=1700000060;created=1700000000';
    expect(await judge(forge(four, reordered))).toBe("verified");
    for (const others of [
      ["@method", "@path", "@authority", "@query"],
      ["@request-target", ...four.toReversed(), "@target-uri", "@scheme"],
    ]) {
      expect(await judge(forge(others, parameters)), others.join()).toBe("verified");
    }
    for (const fewer of [four.slice(1), four.slice(0, 3), [], [...four.slice(1), "@target-uri"]]) {
      expect(await judge(forge(fewer, parameters)), fewer.join()).toBe("malformed");
    }
    for (const strange of [
      parameters.replace(';nonce="n0nce"', ""),
      parameters.replace(';nonce="n0nce"', ';nonce=""'),
      parameters.replace('"n0nce"', `"${"n".repeat(257)}"`),
      parameters.replace(";created=1700000000", ""),
      parameters.replace(";expires=1700000060", ""),
      parameters.replace("1700000000", '"1700000000"'),
      parameters.replace("1700000000", "1700000000.0"),
      parameters.replace("1700000000", "01700000000"),
      parameters.replace(';keyid="k"', ""),
      parameters.replace('"k"', "k"),
      parameters.replace('"concordat"', '"other"'),
      parameters.replace(';tag="concordat"', ""),
      parameters.replace(";nonce", "; nonce"),
      `${parameters};alg="rsa-v1_5-sha256"`,
      `${parameters};alg`,
      `${parameters};extra=1`,
      `${parameters};created=1700000000`,
    ]) {
      expect(await judge(forge(four, strange)), strange).toBe("malformed");
    }
  });

  /** Signs, with the right key, other components than those of the profile. */
  function signedBy(
    components: readonly SignatureComponent[],
    list = (identifiers: readonly string[]): string => `(${identifiers.join(" ")})`,
  ) {
    const lines: Lines = [
      ["content-digest", contentDigest(content)],
      ["x-list", "a,  b"],
      ["x-lines", "one, line"],
      ["x-lines", "two"],
    ];
    const message = {
      method: "POST",
      url,
      headers: fieldsOf(lines),
      trailers: fieldsOf([["x-after", "the content"]]),
    };
    const made = signatureBase({ request: message }, components, "", options).split("\n");
    const identifiers = made.slice(0, -1).map((line) => line.slice(0, line.indexOf(": ")));
    const input = `${list(identifiers)};created=1700000000;expires=1700000060;nonce="n0nce";keyid="k";tag="concordat"`;
    const base = signatureBase({ request: message }, components, input, options);
    const mac = createHmac("sha256", key.secret).update(base).digest("base64");
    const headers = fieldsOf([
      ...lines,
      ["signature-input", `peer=${input}`],
      ["signature", `peer=:${mac}:`],
    ]);
    return { ...message, headers };
  }

  const options = { structuredFields: { "x-list": "list" } } as const;
  const five = ["@query", "@method", "content-digest", "@path", "@authority"].map((name) => ({
    name,
  }));
  const more: readonly SignatureComponent[] = [
    { name: "x-list", sf: true },
    { name: "x-lines", bs: true },
    { name: "x-after", tr: true },
    { name: "content-digest", key: "sha-256" },
    { name: "@query-param", parameter: "state" },
    { name: "x-lines" },
  ];

  test("passes in any order, with more than is required, and so does the answer to it", async () => {
    const message = signedBy([...more, ...five]);
    const verification = await verifierWith(options).verifyRequest(message, content);
    if (!verification.verified) throw new Error(JSON.stringify(verification.refusal));
    const fields = verification.exchange.signResponse(response, answer);
    for (const covered of [...more, ...five]) {
      expect(fields["signature-input"]).toContain(`"${covered.name}";req`);
    }
    const unknown = await verifierWith().verifyRequest(message, content);
    expect(codeOf(unknown)).toBe("malformed");
  });

  test.each(["sf", "bs"])("has its content covered by its digest with %s", async (form) => {
    const components = five.map(({ name }) =>
      name === "content-digest" ? { name, [form]: true } : { name },
    );
    const message = signedBy(components);
    expect(codeOf(await verifierWith().verifyRequest(message, content))).toBe("verified");
    const changed = Buffer.from("changed");
    expect(codeOf(await verifierWith().verifyRequest(message, changed))).toBe("wrong_digest");
  });

  test("has its content not covered by a member of its digest, or one after it", async () => {
    const rest = five.filter(({ name }) => name !== "content-digest");
    const partly = signedBy([...rest, { name: "content-digest", key: "sha-256" }]);
    expect(codeOf(await verifierWith().verifyRequest(partly, content))).toBe("wrong_digest");
    const after = signedBy([...rest, { name: "x-after", tr: true }]);
    expect(codeOf(await verifierWith().verifyRequest(after, content))).toBe("wrong_digest");
  });

  test.each<[string, (identifiers: readonly string[]) => string]>([
    ["twice", ([first, ...others]) => `(${[first, first, ...others].join(" ")})`],
    ["with spaces", (all) => `( ${all.join(" ")})`],
    ["that are no strings", (all) => `(${all.join(" ")} 1)`],
    ["with an unknown parameter", (all) => `(${all.join(" ")} "x-list";x)`],
    ["with a flag that is false", (all) => `(${all.join(" ")} "x-list";sf=?0)`],
    ["with a key that is no text", (all) => `(${all.join(" ")} "x-list";key=a)`],
    ["of no list", () => '"@method"'],
    ["that nobody has", (all) => `(${all.join(" ")} "x-missing")`],
  ])("is refused with components %s", async (_, list) => {
    const message = signedBy(five, list);
    expect(codeOf(await verifierWith().verifyRequest(message, content))).toBe("malformed");
  });

  test("is refused with more components than the limit", async () => {
    const filled = (count: number): readonly SignatureComponent[] => [
      ...five,
      ...Array.from({ length: count - five.length }, (_, at) => ({
        name: "content-digest",
        key: `k${at}`,
      })),
    ];
    const judge = async (count: number, maxComponents?: number) => {
      const list = () =>
        `(${filled(count)
          .map(({ name, key }) => `"${name}"${key === undefined ? "" : `;key="${key}"`}`)
          .join(" ")})`;
      const verifier = verifierWith(maxComponents === undefined ? {} : { maxComponents });
      const verification = await verifier.verifyRequest(signedBy(five, list), content);
      return verification.verified ? "" : JSON.stringify(verification.refusal);
    };
    expect(await judge(65)).toContain("more than 64");
    // The components are as many as may be; the message does not have them.
    expect(await judge(64)).toContain("does not have it");
    expect(await judge(7, 6)).toContain("more than 6");
  });

  test("is of the target as it was received, where that is known", async () => {
    const target = "/x/../verify?state='1'";
    const parsed = "https://sso.example/verify?state=%271%27";
    const peer = signerWith().signRequest({ ...request, url: parsed, target }, content);
    const message = { ...withFields(request, peer.fields), url: parsed };
    const judge = async (one: HttpRequest) =>
      codeOf(await verifierWith().verifyRequest(one, content));
    expect(await judge({ ...message, target })).toBe("verified");
    // Whoever changed it on the way, or cannot tell what it was.
    expect(await judge({ ...message, target: "/verify?state='1'" })).toBe("wrong_signature");
    expect(await judge({ ...message, target: "/verify?state=%271%27" })).toBe("wrong_signature");
    expect(await judge(message)).toBe("wrong_signature");
    expect(await judge({ ...message, target: "/verify?state=2" })).toBe("malformed");
    const usual = withFields(request, signerWith().signRequest(request, content).fields);
    expect(await judge({ ...usual, target: "/verify?state=1" })).toBe("verified");
    expect(await judge({ ...usual, target: "/x/../verify?state=1" })).toBe("wrong_signature");
  });

  test("passes beside the signatures of others, but not beside another of its own kind", async () => {
    const message = signed(content);
    message.headers.append(
      "signature-input",
      'proxy=("@method";key="x" "date");alg="rsa-pss-sha512"',
    );
    message.headers.append("signature", "proxy=:AAAA:");
    expect(codeOf(await verifierWith().verifyRequest(message, content))).toBe("verified");
    const input = message.headers.get("signature-input");
    for (const both of [
      `${input}, second=();tag="concordat"`,
      `first=();tag="concordat", ${input}`,
    ]) {
      message.headers.set("signature-input", both);
      expect(await verifierWith().verifyRequest(message, content)).toMatchObject({
        refusal: { code: "malformed", detail: "Several signatures have the tag." },
      });
    }
  });

  test("is refused with a signature that is no byte sequence, or has parameters", async () => {
    for (const change of [
      (field: string) => field.replaceAll(":", '"'),
      (field: string) => `${field};a`,
      (field: string) => field.replace("concordat", "other"),
      (field: string) => field.replace("=:", "=(:").replace(/:$/, ":)"),
    ]) {
      const message = signed(content);
      const before = message.headers.get("signature") ?? "";
      message.headers.set("signature", change(before));
      const verification = await verifierWith().verifyRequest(message, content);
      expect(verification.verified, change(before)).toBe(false);
    }
  });

  test("covers the fields that both sides agreed on", async () => {
    const covered = { fields: { request: ["content-type"] } };
    const message = signed(content, covered);
    expect(message.headers.get("signature-input")).toContain('"content-digest" "content-type")');
    expect(codeOf(await verifierWith(covered).verifyRequest(message, content))).toBe("verified");
    message.headers.set("content-type", "text/plain");
    expect(codeOf(await verifierWith(covered).verifyRequest(message, content))).toBe(
      "wrong_signature",
    );
    message.headers.delete("content-type");
    expect(codeOf(await verifierWith(covered).verifyRequest(message, content))).toBe("malformed");
    expect(codeOf(await verifierWith(covered).verifyRequest(signed(content), content))).toBe(
      "malformed",
    );
    const bare = { method: "GET", url, headers: new Headers() };
    expect(() => signerWith(covered).signRequest(bare, null)).toThrow(/content-type/);
    for (const name of ["Content-Type", "set-cookie", "signature", "a b", ""]) {
      expect(() => signerWith({ fields: { request: [name] } }), name).toThrow(/cannot be covered/);
    }
  });

  test("cannot be made of what cannot be written", () => {
    const foreign = keyNamed("schl\u00fcssel");
    expect(() => signerWith().signRequest(request, null, foreign)).toThrow(/keyid/);
    expect(() => signerWith({ tag: "\n" }).signRequest(request, null)).toThrow(/tag/);
    expect(() => signerWith().signRequest({ ...request, url: "/verify" }, null)).toThrow(/url/);
    expect(() => signerWith({ lifetime: 0 })).toThrow(/lifetime/);
    expect(() => verifierWith({ authorities: [] })).toThrow(/authorities/);
  });

  test("takes the characters that strings escape", async () => {
    const strange = keyNamed('a "key" \\ with; all=()');
    const message = withFields(request, signerWith().signRequest(request, content, strange).fields);
    expect(message.headers.get("signature-input")).toContain(
      'keyid="a \\"key\\" \\\\ with; all=()"',
    );
    const verifier = verifierWith({ keys: new KeyRing([strange]) });
    expect(codeOf(await verifier.verifyRequest(message, content))).toBe("verified");
  });

  test("passes as long as what is taken here, unless a lifetime is given", () => {
    const expiresWith = (options: Partial<HttpSignerOptions>): string | undefined =>
      /expires=(\d+)/.exec(
        signerWith(options).signRequest(request, content).fields["signature-input"],
      )?.[1];
    expect(expiresWith({ window: { past: 300 } })).toBe(`${signedAt + 300}`);
    expect(expiresWith({ window: { past: 4.5 } })).toBe(`${signedAt + 5}`);
    expect(expiresWith({ window: { past: 0 } })).toBe(`${signedAt + 1}`);
    expect(expiresWith({ window: { past: 300 }, lifetime: 20 })).toBe(`${signedAt + 20}`);
    expect(expiresWith({ window: { future: 300 } })).toBe(`${signedAt + 60}`);
  });

  test("passes within its window and its own lifetime", async () => {
    const judge = async (later: number, lifetime: number) =>
      verifierWith({ now: at(signedAt + later), window: { past: 300, future: 5 } }).verifyRequest(
        signed(content, { lifetime }),
        content,
      );
    expect(codeOf(await judge(-5, 60))).toBe("verified");
    expect(await judge(-6, 60)).toMatchObject({
      refusal: { code: "skewed", seconds: 6, tolerated: 5 },
    });
    expect(codeOf(await judge(60, 60))).toBe("verified");
    expect(await judge(61, 60)).toMatchObject({
      refusal: { code: "stale", seconds: 61, tolerated: 60 },
    });
    expect(codeOf(await judge(300, 1_000))).toBe("verified");
    expect(await judge(301, 1_000)).toMatchObject({
      refusal: { code: "stale", seconds: 301, tolerated: 300 },
    });
  });
});

describe("a signed answer", () => {
  /** A request that was verified, with both sides of the exchange. */
  async function exchange(options: Partial<HttpSignerOptions & HttpVerifierOptions> = {}) {
    const client: SignedRequest = signerWith(options).signRequest(request, content);
    const verification = await verifierWith(options).verifyRequest(
      withFields(request, client.fields),
      content,
    );
    if (!verification.verified) throw new Error(verification.refusal.code);
    return { client: client.exchange, server: verification.exchange };
  }

  test("has these fields", async () => {
    const { server } = await exchange({ newNonce: () => "n0nce" });
    expect(server.signResponse(response, answer)).toEqual({
      "content-digest": "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:",
      "signature-input":
        'concordat=("@status" "content-digest" "@method";req "@authority";req "@path";req "@query";req ' +
        '"content-digest";req);created=1700000000;expires=1700000060;nonce="n0nce";keyid="k";tag="concordat"',
      signature: "concordat=:R0wnlR8wbst23GhEsFmKAPU8L7rtJeIPQQFfSv/HYPU=:",
    });
  });

  test("passes, with content and without it, as a Web Response too", async () => {
    const { client, server } = await exchange();
    for (const body of [answer, null]) {
      const web = new Response(body, { status: body === null ? 204 : 201 });
      for (const [name, value] of Object.entries(server.signResponse(web, body))) {
        web.headers.set(name, value);
      }
      expect(client.verifyResponse(web, body)).toEqual({
        verified: true,
        key,
        created: new Date(signedAt * 1_000),
      });
    }
  });

  test("is refused when it is changed", async () => {
    const { client, server } = await exchange();
    const message = withFields(response, server.signResponse(response, answer));
    const judge = (change: Partial<typeof response>, body: Uint8Array | null = answer) =>
      codeOf(client.verifyResponse({ ...message, ...change }, body));
    expect(judge({})).toBe("verified");
    expect(judge({ status: 201 })).toBe("wrong_signature");
    expect(judge({}, content)).toBe("wrong_digest");
    expect(judge({}, null)).toBe("wrong_digest");
    expect(judge({ headers: new Headers() })).toBe("malformed");
  });

  test("is refused as the answer to any other request, even to one that is the same", async () => {
    const first = await exchange();
    const second = await exchange();
    const message = withFields(response, first.server.signResponse(response, answer));
    expect(codeOf(first.client.verifyResponse(message, answer))).toBe("verified");
    expect(codeOf(second.client.verifyResponse(message, answer))).toBe("replayed");
    const get = { ...request, method: "GET" };
    const third = signerWith({ newNonce: () => "n0nce" }).signRequest(get, null);
    const answered = await exchange({ newNonce: () => "n0nce" });
    const same = withFields(response, answered.server.signResponse(response, answer));
    expect(codeOf(third.exchange.verifyResponse(same, answer))).toBe("malformed");
    const otherUrl = { ...request, url: "https://sso.example/verify?state=2" };
    const fourth = signerWith({ newNonce: () => "n0nce" }).signRequest(otherUrl, content);
    expect(codeOf(fourth.exchange.verifyResponse(same, answer))).toBe("wrong_signature");
  });

  test("is refused when it is signed with another client's key", async () => {
    const mine = signerWith({ newNonce: () => "n0nce" }).signRequest(request, content);
    const theirs = await exchange({
      keys: new KeyRing([other]),
      newNonce: () => "n0nce",
    } as object);
    const message = withFields(response, theirs.server.signResponse(response, answer));
    expect(codeOf(mine.exchange.verifyResponse(message, answer))).toBe("wrong_signature");
  });

  test("is no request, nor is a request an answer", async () => {
    const { client, server } = await exchange();
    const fields = server.signResponse(response, answer);
    expect(codeOf(await verifierWith().verifyRequest(withFields(request, fields), answer))).toBe(
      "malformed",
    );
    expect(
      codeOf(client.verifyResponse(withFields(response, signed(content).headers), content)),
    ).toBe("malformed");
  });

  test("passes within the window of the client", async () => {
    let now = signedAt;
    const signer = signerWith({ now: () => new Date(now * 1_000), newNonce: () => "n0nce" });
    const { exchange: client, fields: requestFields } = signer.signRequest(request, content);
    const verified = await verifierWith().verifyRequest(
      withFields(request, requestFields),
      content,
    );
    if (!verified.verified) throw new Error(verified.refusal.code);
    const message = withFields(response, verified.exchange.signResponse(response, answer));
    now = signedAt + 61;
    expect(client.verifyResponse(message, answer)).toMatchObject({ refusal: { code: "stale" } });
    now = signedAt - 31;
    expect(client.verifyResponse(message, answer)).toMatchObject({ refusal: { code: "skewed" } });
    now = signedAt + 60;
    expect(codeOf(client.verifyResponse(message, answer))).toBe("verified");
  });

  test("covers the fields that both sides agreed on", async () => {
    const fields = { fields: { request: ["content-type"], response: ["cache-control"] } };
    const { client, server } = await exchange(fields);
    const cached = withFields(response, { "cache-control": "no-store" });
    const message = withFields(cached, server.signResponse(cached, answer));
    expect(message.headers.get("signature-input")).toContain('"content-type";req)');
    expect(codeOf(client.verifyResponse(message, answer))).toBe("verified");
    message.headers.set("cache-control", "public");
    expect(codeOf(client.verifyResponse(message, answer))).toBe("wrong_signature");
    expect(() => server.signResponse(response, answer)).toThrow(/cache-control/);
  });
});
