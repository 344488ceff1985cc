import { createHash } from "node:crypto";
import { TooManyError } from "concordat";
import {
  InMemoryConsumerRepository,
  InMemoryNonceRepository,
  InMemorySignOnTokenRepository,
  InMemoryUserRepository,
} from "concordat/repositories";
import { createKey, createSigner, KeyRing } from "concordat/signing";
import {
  newConsumer,
  rotateSecret,
  type SignOnServer,
  signOnClient,
  signOnServer,
} from "concordat/sso";
import { beforeEach, describe, expect, test } from "vitest";
import { vector } from "../vectors/vector.js";

interface RecordedExchange {
  readonly time: number;
  readonly publicKey: string;
  readonly privateKey: string;
  readonly redirectUri: string;
  readonly requestTokenRequest: string;
  readonly requestTokenResponse: string;
  readonly verifyResponse: string;
}

const recorded = vector<RecordedExchange>("django-simple-sso-exchange");
const key = createKey({ id: recorded.publicKey, secret: recorded.privateKey });
const serverUrl = "http://127.0.0.1:8901/server/";
const now = (): Date => new Date(recorded.time * 1_000);
const signer = createSigner({ profile: "simple-sso", now });

describe("a server, to a client with django-simple-sso", () => {
  let server: SignOnServer;
  let users: InMemoryUserRepository;
  let consumers: InMemoryConsumerRepository;
  let tokens: InMemorySignOnTokenRepository;
  let alice: string;

  beforeEach(async () => {
    users = new InMemoryUserRepository();
    const { id } = await users.create({
      userName: "alice",
      name: { givenName: "Alice", familyName: "Ünïcode" },
      emails: [{ value: "alice@example.com" }],
    });
    alice = id;
    tokens = new InMemorySignOnTokenRepository({ now });
    const consumer = newConsumer({
      key: recorded.publicKey,
      secret: recorded.privateKey,
      name: "client",
      format: "simple-sso",
      redirectUris: [recorded.redirectUri],
    });
    consumers = new InMemoryConsumerRepository([consumer]);
    server = signOnServer({
      url: serverUrl,
      consumers,
      tokens,
      nonces: new InMemoryNonceRepository({ now }),
      users,
      visitor: async () => ({ subject: id, session: "1" }),
      signInUrl: () => "/login/",
      extraData: (_user, _consumer, asked) => ({ asked }),
      now,
    });
  });

  async function post(
    path: string,
    body: string,
    publicKey: string | null = recorded.publicKey,
  ): Promise<Response> {
    const headers = new Headers({ "content-type": "application/json" });
    if (publicKey !== null) headers.set("x-services-public-key", publicKey);
    return await server.handler(
      new Request(`${serverUrl}${path}`, { method: "POST", body, headers }),
    );
  }

  function signed(document: object): string {
    return signer.sign(JSON.stringify(document), key);
  }

  /** Keeps a token that a server of Django's might have given out. */
  async function giveOut(token: string): Promise<void> {
    await tokens.save({
      kind: "access",
      id: createHash("sha256").update(token).digest("base64url"),
      consumer: recorded.publicKey,
      expiresAt: new Date(recorded.time * 1_000 + 60_000),
      subject: alice,
      session: "1",
    });
  }

  test("takes the recorded request, and sends the visitor back to where it says", async () => {
    const response = await post("request-token/", recorded.requestTokenRequest);
    expect(response.status).toBe(200);
    const [, token = ""] =
      /^\{"request_token": "([A-Za-z0-9_.-]+)"\}\.HeOBUw\./.exec(await response.text()) ?? [];
    const authorized = await server.handler(new Request(`${serverUrl}authorize/?token=${token}`));
    expect(authorized.headers.get("location")).toMatch(
      /^http:\/\/127\.0\.0\.1:8902\/client\/authenticate\/\?next=%2Fhello&access_token=[\w-]+\.HeOBUw\.[\w-]{27}$/,
    );
  });

  test("answers who it is in the recorded bytes", async () => {
    await giveOut("t");
    const response = await post("verify/", signed({ access_token: "t" }));
    expect(await response.text()).toBe(recorded.verifyResponse);
  });

  test("tells of a user who is not active, which Django's clients deactivate", async () => {
    await giveOut("t");
    await users.modify(alice, { set: { active: false } });
    const response = await post("verify/", signed({ access_token: "t" }));
    expect(await response.text()).toContain('"is_active": false}.');
  });

  test("tells another consumer nothing, and the right one once", async () => {
    await giveOut("t");
    const other = newConsumer({
      name: "other",
      format: "simple-sso",
      redirectUris: ["https://b.example/"],
    });
    await consumers.save(other);
    const otherKey = createKey({ id: other.key, secret: other.secrets[0]?.value ?? "" });
    const asked = signer.sign('{"access_token": "t"}', otherKey);
    expect((await post("verify/", asked, other.key)).status).toBe(403);
    expect((await post("verify/", signed({ access_token: "t" }))).status).toBe(200);
    expect((await post("verify/", signed({ access_token: "t" }))).status).toBe(403);
  });

  test("goes over to another secret at its time, and takes both around it", async () => {
    const consumer = await consumers.get(recorded.publicKey);
    if (consumer === undefined) throw new Error("There is no consumer.");
    const rotated = rotateSecret(consumer, { at: now(), now: now() });
    await consumers.save(rotated.consumer);
    const body = JSON.stringify({ redirect_to: recorded.redirectUri });
    const before = createSigner({
      profile: "simple-sso",
      now: () => new Date(recorded.time * 1_000 - 1_000),
    }).sign(body, key);
    const newKey = createKey({ id: recorded.publicKey, secret: rotated.secret });
    expect((await post("request-token/", before)).status).toBe(200);
    expect((await post("request-token/", signer.sign(body, newKey))).status).toBe(200);
    expect((await post("request-token/", signer.sign(body, key))).status).toBe(400);
  });

  test("says that it is to be asked later where a store is full", async () => {
    const told = await (await post("request-token/", recorded.requestTokenRequest)).text();
    const [, token = ""] = /"request_token": "([^"]+)"/.exec(told) ?? [];
    tokens.save = () => Promise.reject(new TooManyError("full", 1));
    const authorized = await server.handler(new Request(`${serverUrl}authorize/?token=${token}`));
    expect(authorized.status).toBe(503);
  });

  test("tells more where it is asked for more", async () => {
    await giveOut("t");
    const response = await post("verify/", signed({ access_token: "t", extra_data: ["é"] }));
    expect(await response.text()).toContain(
      '"is_active": true, "extra_data": {"asked": ["\\u00e9"]}}.',
    );
  });

  test.each<[string, string, string | null, string]>([
    ["no key", recorded.requestTokenRequest, null, "400 No public key"],
    ["another key", recorded.requestTokenRequest, "x".repeat(64), "400 Invalid public key"],
    ["another body", `${recorded.requestTokenRequest}A`, recorded.publicKey, "400 Bad Signature"],
    ["no signature", "{}", recorded.publicKey, "400 Bad Signature"],
    ["nothing", "", recorded.publicKey, "400 Bad Signature"],
    ["no place to return to", signed({}), recorded.publicKey, "400 Failed to process the request"],
    ["no object", signer.sign("[]", key), recorded.publicKey, "400 Failed to process the request"],
    ["no JSON", signer.sign("{", key), recorded.publicKey, "400 Failed to process the request"],
    [
      "a signature without a time",
      signer.sign("{}", key).replace(".HeOBUw.", ".."),
      recorded.publicKey,
      "400 Bad Signature",
    ],
    [
      "a late signature",
      createSigner({
        profile: "simple-sso",
        now: () => new Date(recorded.time * 1_000 - 61_000),
      }).sign("{}", key),
      recorded.publicKey,
      "400 Signature expired",
    ],
  ])("answers a request with %s as Django does, or more clearly", async (_, body, id, answer) => {
    const response = await post("request-token/", body, id);
    expect(`${response.status} ${await response.text()}`).toBe(answer);
  });

  test.each([
    "http://127.0.0.1:8902/client/authenticate",
    "http://127.0.0.1:8902/client/authenticate/x",
    "http://127.0.0.1:8902/client/authenticate/#x",
    "http://127.0.0.1:8902/client/authenticate/?access_token=x",
    "http://127.0.0.1:8902/client/authenticate/?access%5Ftoken=x",
    "http://127.0.0.1:8902.evil.example/client/authenticate/",
    "http://127.0.0.1:8902\\client\\authenticate/",
    "javascript:alert(1)//http://127.0.0.1:8902/client/authenticate/",
    "/client/authenticate/",
    `http://127.0.0.1:8902/client/authenticate/?${"x".repeat(2_048)}`,
  ])("sends no visitor back to %s", async (redirectTo) => {
    const response = await post("request-token/", signed({ redirect_to: redirectTo }));
    expect(`${response.status} ${await response.text()}`).toBe("403 Redirect not registered");
  });

  test.each(["unknown", ""])("answers 403 where Django fails: the token %j", async (token) => {
    const response = await post("verify/", signed({ access_token: token }));
    expect(response.status).toBe(403);
  });
});

test("a client takes the answers of a server with django-simple-sso", async () => {
  const requests: { url: string; body: string }[] = [];
  const identities: unknown[] = [];
  const client = signOnClient({
    url: "http://127.0.0.1:8902/client/",
    server: serverUrl,
    format: "simple-sso",
    keys: new KeyRing([key]),
    nonces: new InMemoryNonceRepository({ now }),
    now,
    signIn: async (identity) => {
      identities.push(identity);
      return new Headers();
    },
    fetch: async (request) => {
      requests.push({ url: request.url, body: await request.text() });
      const isFirst = request.url.endsWith("request-token/");
      return new Response(isFirst ? recorded.requestTokenResponse : recorded.verifyResponse);
    },
  });
  const begun = await client.handler(new Request("http://127.0.0.1:8902/client/?next=/hello"));
  expect(begun.headers.get("location")).toBe(
    `${serverUrl}authorize/?token=bniktJcDyNSDoyKKsfkGcjIog94XzXDY704oZZthKnRXLFUE1jnuWUVExhwaDoTi`,
  );
  const [cookie = ""] = begun.headers.getSetCookie();
  const [, state = ""] = /state=([\w-]{64})"\}\./.exec(requests[0]?.body ?? "") ?? [];
  // Django adds the token to the URL that it was given.
  const back = `${recorded.redirectUri}?state=${state}&access_token=${signer.signUrlSafe('"DSzp"', key)}`;
  const signedIn = await client.handler(
    new Request(back, { headers: { cookie: cookie.split(";")[0] ?? "" } }),
  );
  expect(signedIn.headers.get("location")).toBe("http://127.0.0.1:8902/hello");
  // A Django server takes a token for five minutes; here it signs in once.
  const again = await client.handler(
    new Request(back, { headers: { cookie: cookie.split(";")[0] ?? "" } }),
  );
  expect(again.status).toBe(403);
  expect(identities).toEqual([
    {
      server: serverUrl,
      subject: "alice",
      user: {
        username: "alice",
        email: "alice@example.com",
        first_name: "Alice",
        last_name: "Ünïcode",
        is_staff: false,
        is_superuser: false,
        is_active: true,
      },
    },
  ]);
  expect(requests.map(({ url }) => url)).toEqual([
    `${serverUrl}request-token/`,
    `${serverUrl}verify/`,
    `${serverUrl}verify/`,
  ]);
  expect(requests[1]?.body).toMatch(/^\{"access_token": "DSzp"\}\.HeOBUw\.[\w-]{27}$/);
});
