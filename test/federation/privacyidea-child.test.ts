import { createHmac, createPublicKey, generateKeyPairSync } from "node:crypto";
import {
  ConfiguredServers,
  FederationEventHandler,
  Forwarder,
  LoopGuard,
  readEventRules,
  TrustedProxies,
} from "concordat/federation";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { verifyResponse } from "../../src/federation/rewrite/response-signature.js";
import { type Body, type Parent, rule, serverOf, startParent } from "./parent.js";
import { installedPrivacyIdea, type PrivacyIdea, startPrivacyIdea } from "./privacyidea.js";

const secret = "3132333435363738393031323334353637383930";
let counter = 0;

/** The next one-time password of the token (RFC 4226 §5.3). */
function press(): string {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(counter));
  counter += 1;
  const digest = createHmac("sha1", Buffer.from(secret, "hex")).update(message).digest();
  const number = digest.readUInt32BE((digest[19] ?? 0) & 0xf) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

const own = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

const odd = "p%41ss %25 ü+&=";

describe.skipIf(installedPrivacyIdea === undefined)(
  "privacyIDEA 3.14 as a child (install the privacyidea peer)",
  () => {
    let child: PrivacyIdea;
    let parent: Parent;

    beforeAll(async () => {
      child = await startPrivacyIdea();
      await child.api("POST", "/system/setConfig", { OverrideAuthorizationClient: "127.0.0.1/32" });
      const token = { type: "hotp", genkey: 0, otplen: 6, otpkey: secret };
      await child.api("POST", "/token/init", {
        ...token,
        serial: "CHILDHOTP",
        user: "cornelius",
        realm: "realm1",
        pin: "pin",
      });
      await child.api("POST", "/token/init", {
        type: "pw",
        serial: "PW",
        user: "jürgen",
        realm: "realm1",
        otpkey: odd,
        pin: "",
      });
      parent = await startParent([serverOf(child, { responseKey: child.responseKey })], {
        responseKey: own.privateKey,
        trustedProxies: ["127.0.0.1"],
        rules: [
          rule({
            position: "pre",
            event: [
              "validate_check",
              "validate_triggerchallenge",
              "validate_poll_transaction",
              "auth",
              "token_list",
            ],
            options: {
              privacyIDEA: "child",
              client_ip: "1",
              forward_authorization_token: "1",
            },
          }),
        ],
      });
    }, 180_000);

    afterAll(async () => {
      await parent?.[Symbol.asyncDispose]();
      await child?.[Symbol.asyncDispose]();
    });

    /** Asks the parent, and requires that its answer is signed by it and says where it comes from. */
    async function ask(path: string, init: RequestInit = {}): Promise<Body> {
      const response = await fetch(parent.url + path, init);
      const text = await response.text();
      expect(verifyResponse(text, createPublicKey(own.publicKey))).toBe(true);
      const body = JSON.parse(text) as Body;
      const [asked] = path.split("?");
      expect(body.detail?.["origin"]).toBe(child.url + asked);
      return body;
    }
    const post = (parameters: Record<string, string>, headers: Record<string, string> = {}) => ({
      method: "POST",
      body: new URLSearchParams(parameters),
      headers,
    });

    test("takes a one-time password once, by the user and by the serial number", async () => {
      const user = { user: "cornelius", realm: "realm1" };
      const pass = `pin${press()}`;
      const good = await ask("/validate/check", post({ ...user, pass, nonce: "17" }));
      expect(good).toMatchObject({
        detail: { serial: "CHILDHOTP", type: "hotp" },
        nonce: "17",
        result: { authentication: "ACCEPT", status: true, value: true },
      });
      const again = await ask("/validate/check", post({ ...user, pass }));
      expect(again.result).toMatchObject({ authentication: "REJECT", value: false });
      const bySerial = await ask(`/validate/check?serial=CHILDHOTP&pass=pin${press()}`);
      expect(bySerial.result.value).toBe(true);
      const unknown = await ask("/validate/check", post({ user: "nobody", pass: "1" }));
      expect(unknown.result).toMatchObject({ status: false, error: { code: 904 } });
    });

    test.each([
      ["a form", () => post({ user: "jürgen", realm: "realm1", pass: odd })],
      [
        "JSON",
        () => ({
          method: "POST",
          body: JSON.stringify({ user: "jürgen", realm: "realm1", pass: odd }),
          headers: { "content-type": "application/json" },
        }),
      ],
      [
        "parts",
        () => {
          const body = new FormData();
          for (const [name, value] of Object.entries({
            user: "jürgen",
            realm: "realm1",
            pass: odd,
          })) {
            body.set(name, value);
          }
          return { method: "POST", body };
        },
      ],
      [
        "a form of a plugin that decodes once",
        () =>
          post(
            { user: "jürgen", realm: "realm1", pass: odd },
            { "user-agent": "privacyidea-cp;1" },
          ),
      ],
    ])("gets names and passwords of any characters in %s", async (_name, init) => {
      expect((await ask("/validate/check", init())).result.value).toBe(true);
    });

    test("gets them in a query", async () => {
      const query = new URLSearchParams({ user: "jürgen", realm: "realm1", pass: odd });
      expect((await ask(`/validate/check?${query}`)).result.value).toBe(true);
    });

    test("triggers a challenge for the authenticated user, is polled, and takes the response", async () => {
      const triggered = await ask(
        "/validate/triggerchallenge",
        post({ serial: "CHILDHOTP" }, { authorization: child.administrator }),
      );
      expect(triggered.result.authentication).toBe("CHALLENGE");
      const transaction = String(triggered.detail?.["transaction_id"]);
      const polled = await ask(`/validate/polltransaction/${transaction}`);
      expect(polled.result).toMatchObject({ status: true, value: false });
      const answered = await ask(
        "/validate/check",
        post({ user: "cornelius", realm: "realm1", transaction_id: transaction, pass: press() }),
      );
      expect(answered.result).toMatchObject({ authentication: "ACCEPT", value: true });
    });

    test("logs an administrator in, whose token is good for its other API", async () => {
      const body = await ask("/auth", post({ username: "admin", password: "adminpw" }));
      const { token } = body.result.value as { token: string };
      const list = await ask("/token/?user=cornelius", {
        headers: { authorization: `Bearer ${token}` },
      });
      expect(list.result.value).toMatchObject({ count: 1, tokens: [{ serial: "CHILDHOTP" }] });
      const refused = await ask("/token/?user=cornelius");
      expect(refused.result).toMatchObject({ status: false, error: { code: 4033 } });
    });

    test("says in its audit log who the client was, behind a proxy or by the word of a plugin", async () => {
      const clients: unknown[] = [];
      for (const [headers, client] of [
        [{ "x-forwarded-for": "203.0.113.7" }, undefined],
        [{ "x-forwarded-for": "203.0.113.7, 127.0.0.1" }, undefined],
        [{ "x-forwarded-for": "203.0.113.7" }, "10.9.9.9"],
        [{}, "198.51.100.3"],
        [{}, undefined],
      ] as const) {
        const parameters = { user: "cornelius", pass: "x" };
        const said = client === undefined ? parameters : { ...parameters, client };
        await ask("/validate/check", post(said, headers));
        const { value } = await child.api(
          "GET",
          "/audit/?page_size=1&sortorder=desc&action=*validate/check*",
        );
        const [row] = (value as { auditdata: { client: string }[] }).auditdata;
        clients.push(row?.client);
      }
      expect(clients).toEqual([
        "203.0.113.7",
        "203.0.113.7",
        "203.0.113.7",
        "198.51.100.3",
        "127.0.0.1",
      ]);
    });

    test("says in JSON that there is no such page, which is passed back", async () => {
      await using lenient = await startParent([serverOf(child)], {
        eventOf: () => "everything",
        rules: [rule({ position: "pre", event: "everything" })],
      });
      const response = await fetch(`${lenient.url}/no/such/page`, {
        headers: { accept: "application/json" },
      });
      expect([response.status, await response.json()]).toEqual([
        404,
        { error: "Not found", detail: { origin: `${child.url}/no/such/page` } },
      ]);
    });

    test("exports rules that are read, with those of other handlers", async () => {
      const servers = { url: "https://pi.division.example.com", tls: true, description: "" };
      await child.api("POST", "/privacyideaserver/division", servers);
      const common = { ordering: 1, position: "post", event: "validate_check,auth" };
      await child.api("POST", "/event", {
        ...common,
        name: "to the division",
        handlermodule: "Federation",
        action: "forward",
        conditions: { result_value: "False", realm: "realm1" },
        "option.privacyIDEA": "division",
        "option.realm": "r2",
        "option.forward_client_ip": true,
      });
      await child.api("POST", "/event", {
        ...common,
        name: "mail",
        handlermodule: "UserNotification",
        action: "sendmail",
        conditions: { token_locked: "True" },
        "option.emailconfig": "none",
      });
      const { value } = await child.api("GET", "/event/");
      expect(value).toMatchObject([{ condition: "" }, { condition: "" }]);
      const handler = new FederationEventHandler({
        forwarder: new Forwarder({ servers: new ConfiguredServers([]) }),
        guard: new LoopGuard(),
        proxies: new TrustedProxies(),
      });
      expect(readEventRules(value, [handler])).toEqual([
        {
          name: "to the division",
          handlermodule: "Federation",
          event: ["validate_check", "auth"],
          position: "post",
          ordering: 1,
          conditions: { result_value: "False", realm: "realm1" },
          action: "forward",
          options: { privacyIDEA: "division", realm: "r2", forward_client_ip: "True" },
          uncheckable: false,
          onFailure: "fail",
        },
      ]);
      for (const { id } of value as { id: number }[]) await child.api("DELETE", `/event/${id}`);
    });
  },
);
