import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createKey, createSigner, type Epoch, KeyRing } from "concordat/signing";
import { newConsumer, type SignOnClientOptions, type SignOnError } from "concordat/sso";
import { describe, expect, test } from "vitest";
import { installedPeer } from "../foreign-peers.js";
import { Browser, type Sites, type SitesOptions, startSites } from "../sso/sites.js";

const peer = installedPeer("django-simple-sso");
const describeWithDjango = describe.skipIf(peer === undefined);
const what = peer === undefined ? " (install the peer django-simple-sso)" : "";

/** The newest release, with the itsdangerous that it asks for, and with one past it. */
const epochs: readonly Epoch[] = ["2011", "unix"];

const publicKey = "A".repeat(64);
const privateKey = "B".repeat(64);
const key = createKey({ id: publicKey, secret: privateKey });

/** A site with Django and django-simple-sso, in a process of its own. */
interface DjangoSite extends AsyncDisposable {
  readonly url: string;
  /** Who is signed in in a browser, and which accounts there are. */
  who(browser: Browser): Promise<unknown>;
}

async function startDjango(
  epoch: Epoch,
  role: "server" | "client",
  serverUrl?: string,
): Promise<DjangoSite> {
  const program = fileURLToPath(new URL("django-site.py", import.meta.url));
  const args = [role, publicKey, privateKey, ...(serverUrl === undefined ? [] : [serverUrl])];
  const python = join(peer ?? "", epoch, "bin", "python");
  const child = spawn(python, [program, ...args], { stdio: ["pipe", "pipe", "ignore"] });
  for await (const url of createInterface(child.stdout)) {
    return {
      url,
      who: async (browser) => await (await browser.go(`${url}who/`)).response.json(),
      async [Symbol.asyncDispose]() {
        child.stdin.end();
        if (child.exitCode === null) await once(child, "exit");
      },
    };
  }
  throw new Error("The site did not start.");
}

const alice = {
  username: "alice",
  email: "alice@example.com",
  first_name: "Alice",
  last_name: "Ünïcode",
  is_staff: false,
  is_superuser: false,
  is_active: true,
};

describeWithDjango.each(epochs)(
  `a server with django-simple-sso that counts from %s${what}`,
  (epoch) => {
    /** A client of ours at the server. */
    async function startClient(
      { url }: DjangoSite,
      options: SitesOptions["client"] = {},
    ): Promise<Sites> {
      const keys = new KeyRing([key]);
      const client = { server: `${url}server/`, keys, epoch, ...options };
      return await startSites({ format: "simple-sso", client });
    }

    /** Lets the server sign the visitor in, and goes as far as the URL at which it is back at the client. */
    async function comeBack(browser: Browser, clientUrl: string): Promise<string> {
      const { location: authorize } = await browser.go(`${clientUrl}?next=/hello%3Fx=1`);
      const { location: login } = await browser.go(authorize);
      expect(new URL(login).pathname).toBe("/login/");
      const { location: again } = await browser.go(login);
      expect(again).toBe(authorize);
      return (await browser.go(again)).location;
    }

    test("signs its user in at a client of ours, where the visitor wanted to go", async () => {
      await using django = await startDjango(epoch, "server");
      const identities: unknown[] = [];
      await using sites = await startClient(django, {
        signIn: async (identity) => {
          identities.push(identity);
          return new Headers();
        },
      });
      const browser = new Browser();
      const back = await comeBack(browser, sites.clientUrl);
      expect((await browser.go(back)).location).toBe(
        `${new URL(sites.clientUrl).origin}/hello?x=1`,
      );
      expect(identities).toEqual([
        { server: `${django.url}server/`, subject: "alice", user: alice },
      ]);
    });

    test("takes a token twice, with which our client signs in once, and only who has begun", async () => {
      await using django = await startDjango(epoch, "server");
      await using sites = await startClient(django);
      const browser = new Browser();
      const back = await comeBack(browser, sites.clientUrl);
      expect((await new Browser().go(back)).response.status).toBe(403);
      expect((await browser.go(back)).response.status).toBe(302);
      expect((await browser.go(back)).response.status).toBe(403);
      expect(sites.sessions.size).toBe(1);

      const [payload = ""] = new URL(back).searchParams.get("access_token")?.split(".") ?? [];
      const token: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
      const signer = createSigner({ profile: "simple-sso", epoch });
      const body = signer.sign(JSON.stringify({ access_token: token }), key);
      const answer = await post(`${django.url}server/verify/`, body);
      expect(answer).toMatch(/^200 \{"username": "alice", /);
    });

    test("says to our client why it does not begin", async () => {
      await using django = await startDjango(epoch, "server");
      const whyNot = async (options: Partial<SignOnClientOptions>): Promise<unknown> => {
        const errors: SignOnError[] = [];
        const failure = (error: SignOnError): Response => {
          errors.push(error);
          return new Response(error.text, { status: error.status });
        };
        await using sites = await startClient(django, { failure, ...options });
        expect((await new Browser().go(sites.clientUrl)).response.status).toBe(502);
        return errors[0]?.answered;
      };
      const keys = (id: string, secret: string) => new KeyRing([createKey({ id, secret })]);
      const late = () => new Date(Date.now() - 60_000);
      expect(await whyNot({ keys: keys(publicKey, publicKey) })).toMatchObject({
        status: 400,
        text: "Bad Signature",
      });
      expect(await whyNot({ keys: keys(privateKey, privateKey) })).toMatchObject({
        status: 400,
        text: "Invalid public key",
      });
      expect(await whyNot({ server: `${django.url}sso/` })).toMatchObject({ status: 404 });
      const expired = { status: 400, text: "Signature expired" };
      expect(await whyNot({ now: late })).toMatchObject({ ...expired, skew: expect.any(Number) });
      // A stamp of 1970 is one of the future for a server that counts from 2011, which takes it.
      if (epoch === "unix") expect(await whyNot({ epoch: "2011" })).toMatchObject(expired);
    });

    test("tells our client of a user who is not active any more, whose sessions end", async () => {
      await using django = await startDjango(epoch, "server");
      await using sites = await startClient(django);
      const browser = new Browser();
      await browser.go(await comeBack(browser, sites.clientUrl));
      expect(sites.sessions.size).toBe(1);
      const { location: authorize } = await browser.go(sites.clientUrl);
      const { location: back } = await browser.go(authorize);
      await browser.go(`${django.url}deactivate/`);
      expect((await browser.go(back)).response.status).toBe(403);
      expect(sites.sessions.size).toBe(0);
    });

    test("refuses requests in the words in which ours does", async () => {
      await using django = await startDjango(epoch, "server");
      await using sites = await startSites({ format: "simple-sso" });
      await sites.consumers.save(consumerFor("https://client.example/"));
      const signer = createSigner({ profile: "simple-sso", epoch });
      const late = createSigner({
        profile: "simple-sso",
        epoch,
        now: () => new Date(Date.now() - 120_000),
      });
      const body = signer.sign('{"redirect_to": "https://client.example/"}', key);
      for (const [sent, id] of [
        [body, null],
        [body, "C".repeat(64)],
        [`${body}A`, publicKey],
        [body.replace("client", "another"), publicKey],
        ["{}", publicKey],
        [late.sign("{}", key), publicKey],
        [signer.sign("{}", key), publicKey],
      ] as const) {
        const theirs = await post(`${django.url}server/request-token/`, sent, id);
        expect(theirs).toMatch(/^400 /);
        expect(await post(`${sites.serverUrl}request-token/`, sent, id)).toBe(theirs);
      }
      for (const query of ["", "?token=unknown"]) {
        const answers = await Promise.all(
          [`${django.url}server/`, sites.serverUrl].map(async (url) => {
            const { response } = await new Browser().go(`${url}authorize/${query}`);
            return `${response.status} ${await response.text()}`;
          }),
        );
        expect(answers[1]).toBe(answers[0]);
      }
    });
  },
);

describeWithDjango.each(epochs)(
  `a client with django-simple-sso that counts from %s${what}`,
  (epoch) => {
    /**
     * Makes a client with Django known to a server of ours, and gives back the browser of Alice, who is signed in
     * there.
     */
    async function introduce(
      sites: Sites,
      django: DjangoSite,
    ): Promise<{ browser: Browser; aliceId: string }> {
      await sites.consumers.save(consumerFor(`${django.url}client/authenticate/`));
      const { id: aliceId } = await sites.users.create({
        userName: "alice",
        name: { givenName: "Alice", familyName: "Ünïcode" },
        emails: [{ value: "alice@example.com" }],
      });
      const browser = new Browser();
      browser.set(sites.serverUrl, "user", aliceId);
      return { browser, aliceId };
    }

    test("signs our user in, where the visitor wanted to go", async () => {
      await using sites = await startSites({ format: "simple-sso", server: { epoch } });
      await using django = await startDjango(epoch, "client", sites.serverUrl);
      const { browser } = await introduce(sites, django);
      const back = await browser.comeBack(`${django.url}client/`, "/who/?x=1");
      expect((await browser.go(back)).location).toBe(`${django.url}who/?x=1`);
      expect(await django.who(browser)).toEqual({ user: "alice", accounts: [alice] });
    });

    test("is named where a user who is signed in there is deleted here, of which nothing tells it", async () => {
      await using sites = await startSites({ format: "simple-sso", server: { epoch } });
      await using django = await startDjango(epoch, "client", sites.serverUrl);
      const { browser, aliceId } = await introduce(sites, django);
      await browser.go(await browser.comeBack(`${django.url}client/`));
      await sites.users.delete(aliceId);
      expect(await sites.server.signOut({ subject: aliceId })).toEqual({
        notified: [],
        unreachable: [{ consumer: publicKey, reason: "no_sign_out_uri" }],
      });
      expect(await django.who(browser)).toEqual({ user: "alice", accounts: [alice] });
    });

    test("gets who it is from us once, though another browser comes with the same URL", async () => {
      await using sites = await startSites({ format: "simple-sso", server: { epoch } });
      await using django = await startDjango(epoch, "client", sites.serverUrl);
      const { browser } = await introduce(sites, django);
      const back = await browser.comeBack(`${django.url}client/`);
      await browser.go(back);
      const other = new Browser();
      expect((await other.go(back)).response.status).toBe(500);
      expect(await django.who(other)).toMatchObject({ user: "" });
    });

    test("deactivates its account of a user whom we tell to be not active", async () => {
      await using sites = await startSites({ format: "simple-sso", server: { epoch } });
      await using django = await startDjango(epoch, "client", sites.serverUrl);
      const { browser, aliceId } = await introduce(sites, django);
      await browser.go(await browser.comeBack(`${django.url}client/`));
      const back = await browser.comeBack(`${django.url}client/`);
      await sites.users.modify(aliceId, { set: { active: false } });
      await browser.go(back);
      expect(await django.who(browser)).toEqual({
        user: "",
        accounts: [{ ...alice, is_active: false }],
      });
    });
  },
);

function consumerFor(redirectUri: string) {
  return newConsumer({
    name: "Django",
    format: "simple-sso",
    key: publicKey,
    secret: privateKey,
    redirectUris: [redirectUri],
  });
}

async function post(url: string, body: string, id: string | null = publicKey): Promise<string> {
  const headers = new Headers({ "content-type": "application/json" });
  if (id !== null) headers.set("x-services-public-key", id);
  const response = await fetch(url, { method: "POST", body, headers });
  return `${response.status} ${await response.text()}`;
}
