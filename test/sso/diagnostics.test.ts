import { createKey, KeyRing } from "concordat/signing";
import {
  type SignOnClientOptions,
  SignOnError,
  signOnClientChannelName,
  signOnServerChannelName,
} from "concordat/sso";
import { describe, expect, test } from "vitest";
import { listen } from "./listen.js";
import { Browser, type Sites, startSites } from "./sites.js";

/** Begins a sign-on that fails, and gives back why, as both sides tell. */
async function beginWith(
  format: "http-signature" | "simple-sso",
  clientOf: (sites: Sites) => Partial<SignOnClientOptions>,
) {
  await using right = await startSites({ format });
  const [server, client] = [listen(signOnServerChannelName), listen(signOnClientChannelName)];
  const errors: SignOnError[] = [];
  const failure = (error: SignOnError): Response => {
    errors.push(error);
    return new Response(error.text, { status: error.status });
  };
  // Another client, which is set up as the operator of a site might do it by mistake.
  await using wrong = await startSites({
    format,
    client: {
      server: right.serverUrl,
      keys: new KeyRing([
        createKey({ id: right.consumer.key, secret: right.consumer.secrets[0]?.value ?? "" }),
      ]),
      failure,
      ...clientOf(right),
    },
  });
  const { key } = right.consumer;
  await right.consumers.save({
    ...right.consumer,
    redirectUris: [`${wrong.clientUrl}authenticate/`],
  });
  const { response } = await new Browser().go(wrong.clientUrl);
  return { status: response.status, error: errors[0], server, client, key };
}

const someSecret = "another secret of more than thirty-two bytes";

describe.each(["http-signature", "simple-sso"] as const)("a sign-on of %s that fails", (format) => {
  test("for a wrong secret is told as such by both sides", async () => {
    const { status, error, server, client, key } = await beginWith(format, ({ consumer }) => ({
      keys: new KeyRing([createKey({ id: consumer.key, secret: someSecret })]),
    }));
    expect(status).toBe(502);
    expect(error).toMatchObject({
      reason: "server_refused",
      answered: { status: 400, text: "Bad Signature" },
    });
    expect(error?.message).toContain('400 "Bad Signature"');
    const refused = { reason: "wrong_signature", refusal: "wrong_signature", consumer: key };
    expect(server).toMatchObject([{ step: "request-token", status: 400, ...refused }]);
    expect(client).toMatchObject([
      { step: "begin", status: 502, reason: "server_refused", consumer: key, format },
    ]);
  });

  test("for a key that the server does not know is told as such by both sides", async () => {
    const { error, server } = await beginWith(format, () => ({
      keys: new KeyRing([createKey({ id: "k".repeat(256), secret: someSecret })]),
    }));
    expect(error?.answered).toMatchObject({ status: 400, text: "Invalid public key" });
    expect(server).toMatchObject([{ refusal: "unknown_key", consumer: "k".repeat(256) }]);
  });

  test("for a wrong path is told as such by both sides", async () => {
    const { error, server } = await beginWith(format, ({ serverUrl }) => ({
      server: `${serverUrl}sso/`,
    }));
    expect(error?.answered).toMatchObject({ status: 404, text: "Not found" });
    expect(server).toMatchObject([{ step: "unknown", status: 404, reason: "not_found" }]);
  });

  test.each([
    ["behind", -200, "stale"],
    ["ahead", 200, "skewed"],
  ])("for a clock that is %s is told with the seconds by both sides", async (_, seconds, code) => {
    const now = (): Date => new Date(Date.now() + seconds * 1_000);
    const { error, server, client } = await beginWith(format, () => ({ now }));
    expect(error?.answered).toMatchObject({ status: 400, text: "Signature expired" });
    expect(server).toMatchObject([{ reason: "untimely", refusal: code }]);
    // On a busy machine the message is under way for some seconds.
    const [there = 0, here = 0] = [server[0]?.skew, client[0]?.skew];
    expect(Math.abs(there + seconds)).toBeLessThan(30);
    expect(Math.abs(here - seconds)).toBeLessThan(30);
    expect(error?.message).toMatch(/its clock is \d+ s (ahead|behind)/);
  });

  test("since the server cannot be reached has a cause", async () => {
    const { error, client } = await beginWith(format, () => ({
      fetch: () => Promise.reject(new Error("no route")),
    }));
    expect(error).toMatchObject({ reason: "server_failed", cause: { message: "no route" } });
    expect(client).toMatchObject([{ reason: "server_failed" }]);
  });

  test("since the answer is not the server's is told by the client", async () => {
    const { error, client } = await beginWith(format, () => ({
      fetch: async (request) => {
        const response = await fetch(request);
        const text = await response.text();
        return new Response(text.replace(/.(?=.{30})/, "x"), response);
      },
    }));
    expect(error).toMatchObject({ reason: "server_not_verified", status: 502 });
    expect(client).toMatchObject([{ refusal: error?.refusal?.code }]);
  });
});

describe("the channels", () => {
  test("tell each step, and nothing secret", async () => {
    const [server, client] = [listen(signOnServerChannelName), listen(signOnClientChannelName)];
    await using sites = await startSites({ format: "http-signature" });
    const browser = new Browser();
    browser.set(sites.serverUrl, "user", sites.ann.id);
    const back = await browser.comeBack(sites.clientUrl);
    await browser.go(back);
    await sites.client.signOut(`session of ${sites.ann.id}`);
    const consumer = { consumer: sites.consumer.key, format: "http-signature" };
    const at = (step: string, status: number) => ({ step, status, ...consumer });
    expect(server).toMatchObject([
      at("request-token", 200),
      at("authorize", 302),
      at("verify", 200),
      at("sign-out", 200),
    ]);
    expect(client).toMatchObject([at("begin", 302), at("authenticate", 302), at("tell", 200)]);
    expect(client[0]).toMatchObject({ site: sites.clientUrl });
    const told = JSON.stringify([server, client]);
    const token = new URL(back).searchParams.get("access_token") ?? "no token";
    for (const secret of [token, sites.consumer.secrets[0]?.value ?? "none", sites.ann.id]) {
      expect(told).not.toContain(secret);
    }
  });

  test("tell of a sign-out that a client does not confirm, and of a handler that rejects", async () => {
    const [server, client] = [listen(signOnServerChannelName), listen(signOnClientChannelName)];
    await using sites = await startSites({
      format: "http-signature",
      client: { endSessions: () => Promise.reject(new Error("no store")) },
    });
    const browser = new Browser();
    browser.set(sites.serverUrl, "user", sites.ann.id);
    await browser.go(await browser.comeBack(sites.clientUrl));
    await sites.server.signOut({ subject: sites.ann.id });
    expect(server.at(-1)).toMatchObject({
      step: "tell",
      consumer: sites.consumer.key,
      reason: "server_refused",
      answered: { status: 500 },
    });
    expect(client.at(-1)).toMatchObject({ step: "sign-out", status: 500 });
  });

  test.each([
    ["/hello", undefined],
    ["/", undefined],
    ["", undefined],
    [`/${"x".repeat(1_000)}`, true],
    ["//evil.example/", true],
  ])("tell that the page in next is not taken: %j", async (next, isNextRefused) => {
    const events = listen(signOnClientChannelName);
    await using sites = await startSites({ format: "http-signature" });
    await new Browser().go(`${sites.clientUrl}?${new URLSearchParams({ next })}`);
    expect(events).toHaveLength(1);
    expect(events[0]?.isNextRefused).toBe(isNextRefused);
  });

  test("have no more than 256 characters of a key", () => {
    const error = new SignOnError("unknown_key", { consumer: "k".repeat(300) });
    expect(error.consumer).toHaveLength(256);
  });
});

test.each([
  [7, ' 400 "No" (its clock is 7 s behind)'],
  [-7, ' 400 "No" (its clock is 7 s ahead)'],
  [0, ' 400 "No"'],
  [undefined, ' 400 "No"'],
])("an error says whose clock is behind: %s seconds", (skew, end) => {
  const answered = { status: 400, text: "No", ...(skew === undefined ? {} : { skew }) };
  const { message } = new SignOnError("server_refused", { answered });
  expect(message.slice(message.indexOf(":") + 1)).toBe(end);
});

test("what another site answers is told in 200 characters that can be printed", async () => {
  const { error } = await beginWith("simple-sso", () => ({
    fetch: async () =>
      new Response(`\u001b[31m<p>\n\n\u202eé${"x".repeat(70_000 - 9)}`, { status: 500 }),
  }));
  expect(error?.reason).toBe("server_failed");
  const { error: shorter } = await beginWith("simple-sso", () => ({
    fetch: async () => new Response(`\u001b[31m<p>\n\n\u202eé${"x".repeat(300)}`, { status: 500 }),
  }));
  expect(shorter?.answered).toEqual({ status: 500, text: `[31m<p> é${"x".repeat(191)}` });
});
