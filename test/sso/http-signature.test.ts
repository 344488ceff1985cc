import { createHash, createHmac } from "node:crypto";
import {
  InMemoryConsumerRepository,
  InMemoryNonceRepository,
  InMemorySignOnTokenRepository,
  InMemoryUserRepository,
} from "concordat/repositories";
import { createKey, KeyRing } from "concordat/signing";
import { type Fetch, newConsumer, signOnClient, signOnServer } from "concordat/sso";
import { expect, test } from "vitest";

const secret = "S".repeat(64);
const now = (): Date => new Date(1_700_000_000_000);

/** A request with its answer as they went over the wire, with names in place of what is random. */
async function written(request: Request, response: Response): Promise<string> {
  const [asked, told] = [await request.text(), await response.text()];
  expect(request.headers.get("content-digest")).toBe(digestOf(asked));
  expect(response.headers.get("content-digest")).toBe(digestOf(told));

  const { host, pathname } = new URL(request.url);
  const components = [
    `"@method": ${request.method}`,
    `"@authority": ${host}`,
    `"@path": ${pathname}`,
    `"@query": ?`,
    `"content-digest": ${digestOf(asked)}`,
  ];
  expect(request.headers.get("signature")).toBe(signatureOf(components, request));
  const bound = components.map((line) => line.replace(":", ";req:"));
  const answered = [`"@status": ${response.status}`, `"content-digest": ${digestOf(told)}`];
  expect(response.headers.get("signature")).toBe(signatureOf([...answered, ...bound], response));

  const nonces = new Set(
    [request, response].map(
      ({ headers }) => headers.get("signature-input")?.match(/nonce="[^"]*"/)?.[0],
    ),
  );
  expect(nonces.size).toBe(1);
  return [
    `${request.method} ${request.url}`,
    ...fieldsOf(request),
    "",
    asked,
    "",
    `${response.status}`,
    ...fieldsOf(response),
    "",
    told,
  ]
    .join("\n")
    .replaceAll(/(?<=")(?:[\w-]{64}|[\w-]+\.[\w-]{100,300})(?=")/g, "<token>");
}

function digestOf(content: string): string {
  return `sha-256=:${createHash("sha256").update(content).digest("base64")}:`;
}

/** The signature of RFC 9421 §2.5 and §3.3.3 over these lines, made by hand. */
function signatureOf(components: readonly string[], { headers }: Request | Response): string {
  const parameters = headers.get("signature-input")?.replace(/^concordat=/, "");
  const base = [...components, `"@signature-params": ${parameters}`].join("\n");
  return `concordat=:${createHmac("sha256", secret).update(base).digest("base64")}:`;
}

/** What was checked already is left out, and what is random has a name. */
function fieldsOf({ headers }: Request | Response): readonly string[] {
  return [...headers]
    .filter(([name]) => name !== "signature" && name !== "content-digest")
    .map(([name, value]) => `${name}: ${value.replace(/nonce="[\w-]{22,}"/, 'nonce="<nonce>"')}`);
}

const input = (components: string): string =>
  `signature-input: concordat=(${components});created=1700000000;expires=1700000060;nonce="<nonce>";keyid="shop";tag="concordat-sign-on"`;
const asking = input('"@method" "@authority" "@path" "@query" "content-digest"');
const answering = input(
  '"@status" "content-digest" "@method";req "@authority";req "@path";req "@query";req "content-digest";req',
);

/** A message as it is expected. */
function message(url: string, asked: string, told: string): string {
  return `POST ${url}
accept-encoding: identity
content-type: application/json
${asking}

${asked}

200
cache-control: no-store
content-type: application/json
referrer-policy: no-referrer
${answering}
x-content-type-options: nosniff

${told}`;
}

test("the messages between the two sites are these", async () => {
  const transcript: string[] = [];
  const via =
    (handler: (request: Request) => Promise<Response>): Fetch =>
    async (request) => {
      const received = request.clone();
      const response = await handler(request);
      transcript.push(await written(received, response.clone()));
      return response;
    };
  const users = new InMemoryUserRepository();
  const { id } = await users.create({
    userName: "ada",
    name: { givenName: "Ada", familyName: "Lovelace" },
    emails: [{ value: "ada@example.com" }],
  });
  const redirectUri = "https://shop.example/client/authenticate/";
  const server = signOnServer({
    url: "https://sso.example/server/",
    consumers: new InMemoryConsumerRepository([
      newConsumer({
        key: "shop",
        secret,
        name: "Shop",
        format: "http-signature",
        redirectUris: [redirectUri],
        signOutUri: "https://shop.example/client/sign-out/",
      }),
    ]),
    tokens: new InMemorySignOnTokenRepository({ now }),
    nonces: new InMemoryNonceRepository({ now }),
    users,
    visitor: async () => ({ subject: id, session: "session 1" }),
    signInUrl: () => "/sign-in",
    extraData: (_user, _consumer, asked) => ({ asked }),
    endSession: async () => {},
    fetch: via((request) => client.handler(request)),
    now,
  });
  const client = signOnClient({
    url: "https://shop.example/client/",
    server: "https://sso.example/server/",
    keys: new KeyRing([createKey({ id: "shop", secret })]),
    nonces: new InMemoryNonceRepository({ now }),
    signIn: async () => new Headers(),
    extraData: ["é"],
    endSessions: async () => {},
    fetch: via((request) => server.handler(request)),
    now,
  });

  const begun = await client.handler(new Request("https://shop.example/client/"));
  const authorizeUrl = begun.headers.get("location") ?? "";
  expect(authorizeUrl).toMatch(
    /^https:\/\/sso\.example\/server\/authorize\/\?token=c2hvcA\.[\w-]{100,300}$/,
  );
  const authorized = await server.handler(new Request(authorizeUrl));
  const back = authorized.headers.get("location") ?? "";
  expect(back).toMatch(
    /^https:\/\/shop\.example\/client\/authenticate\/\?access_token=[\w-]{64}&state=[\w-]{64}$/,
  );
  const cookie = begun.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const returned = await client.handler(new Request(back, { headers: { cookie } }));
  expect(returned.headers.get("location")).toBe("https://shop.example/");
  expect(await server.signOut({ subject: id })).toEqual({ notified: ["shop"], unreachable: [] });
  await client.signOut("session 1");

  expect(transcript).toEqual([
    message(
      "https://sso.example/server/request-token/",
      `{"redirect_to":"${redirectUri}","state":"<token>"}`,
      '{"request_token":"<token>"}',
    ),
    message(
      "https://sso.example/server/verify/",
      '{"access_token":"<token>","request_token":"<token>","extra_data":["é"]}',
      `{"sub":"${id}","sid":"session 1","user":{"username":"ada","email":"ada@example.com","first_name":"Ada",` +
        `"last_name":"Lovelace","is_staff":false,"is_superuser":false,"is_active":true,` +
        `"extra_data":{"asked":["é"]}}}`,
    ),
    message("https://shop.example/client/sign-out/", `{"sub":"${id}","sid":"session 1"}`, "{}"),
    message("https://sso.example/server/sign-out/", '{"sid":"session 1"}', "{}"),
  ]);
});
