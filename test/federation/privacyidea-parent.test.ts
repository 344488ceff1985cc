import { type Child, startChild } from "concordat/testing/federation";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isPolicyParameter } from "../../src/federation/rules/federation-event-handler.js";
import { type Body, type Parent, rule, serverOf, startParent } from "./parent.js";
import { type Running, serve } from "./passing.js";
import { installedPrivacyIdea, type PrivacyIdea, startPrivacyIdea } from "./privacyidea.js";

/** A request as it came over the wire, without the fields that each client library has of its own. */
interface Sent {
  readonly line: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly content: string;
}

const events = [
  "validate_check",
  "validate_triggerchallenge",
  "validate_poll_transaction",
  "auth",
  "token_list",
  "token_enable",
  "token_delete",
];
const users = [
  { user: "cornelius", realm: "division", pin: "pin", serial: "S", passwords: ["755224"] },
];

describe.skipIf(installedPrivacyIdea === undefined)(
  "privacyIDEA 3.14 as a parent (install the privacyidea peer)",
  () => {
    let above: PrivacyIdea;
    let recorder: Running;
    let ours: Parent;
    let middle: Parent;
    let child: Child;
    const got: Sent[] = [];

    beforeAll(async () => {
      above = await startPrivacyIdea();
      recorder = await serve((request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          const fields: Record<string, string> = {};
          for (const name of ["content-type", "pi-authorization", "x-forwarded-for"]) {
            const value = request.headers[name];
            if (typeof value === "string") fields[name] = value;
          }
          const content = Buffer.concat(chunks).toString();
          got.push({ line: `${request.method} ${request.url}`, fields, content });
          response.setHeader("content-type", "application/json");
          response.end('{"detail": {}, "result": {"status": true, "value": true}}');
        });
      });
      child = await startChild({ users });
      middle = await startParent([serverOf(child)], {
        id: "middle",
        rules: [
          rule({
            event: events,
            position: "pre",
            options: { privacyIDEA: "child", realm: "division" },
          }),
        ],
      });
      const options = { forward_client_ip: "1", forward_authorization_token: "1" };
      ours = await startParent([serverOf(recorder)], {
        defaultRealm: "realm1",
        rules: [
          rule({ event: events, position: "pre", options: { ...options, privacyIDEA: "child" } }),
        ],
      });
      for (const [name, url] of [
        ["recorder", recorder.url],
        ["middle", middle.url],
      ] as const) {
        await above.api("POST", `/privacyideaserver/${name}`, { url, tls: false, description: "" });
      }
      await above.api("POST", "/token/init", { type: "spass", serial: "SP1" });
    }, 180_000);

    afterAll(async () => {
      for (const one of [ours, middle, child, recorder, above]) await one?.[Symbol.asyncDispose]();
    });

    async function forwardTo(server: string): Promise<void> {
      const { value } = await above.api("GET", "/event/");
      for (const { id } of value as { id: number }[]) await above.api("DELETE", `/event/${id}`);
      await above.api("POST", "/event", {
        name: "to the division",
        event: events.join(","),
        handlermodule: "Federation",
        action: "forward",
        position: "post",
        ordering: 0,
        conditions: {},
        "option.privacyIDEA": server,
        "option.forward_client_ip": "1",
        "option.forward_authorization_token": "1",
      });
    }

    const form = (parameters: Record<string, string>): RequestInit => ({
      method: "POST",
      body: new URLSearchParams(parameters).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    const json = (body: object): RequestInit => ({
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });

    /** A request, what privacyIDEA sends for it, and what is sent here: the line, and the content. */
    const table: readonly {
      readonly path: string;
      readonly init: RequestInit;
      readonly isByAdministrator?: boolean;
      readonly theirs: readonly [line: string, content: string];
      readonly ours: readonly [line: string, content: string];
    }[] = [
      {
        path: "/validate/check",
        init: form({ user: "cornelius", pass: "a b", realm: "realm1" }),
        theirs: ["POST /validate/check", "user=cornelius&pass=a+b&realm=realm1&client=127.0.0.1"],
        ours: ["POST /validate/check", "user=cornelius&pass=a+b&realm=realm1&client=127.0.0.1"],
      },
      {
        // The default realm.
        path: "/validate/check",
        init: form({ user: "cornelius", pass: "a b" }),
        theirs: ["POST /validate/check", "user=cornelius&pass=a+b&realm=realm1&client=127.0.0.1"],
        ours: ["POST /validate/check", "user=cornelius&pass=a+b&realm=realm1&client=127.0.0.1"],
      },
      {
        // Percent signs.
        path: "/validate/check?user=cornelius&realm=realm1&pass=%25%2541%C3%BC",
        init: {},
        theirs: [
          "GET /validate/check?user=cornelius&realm=realm1&pass=%25A%C3%BC&client=127.0.0.1",
          "",
        ],
        ours: [
          "GET /validate/check?user=cornelius&realm=realm1&pass=%2525%252541%C3%BC&client=127.0.0.1",
          "",
        ],
      },
      {
        // Values of JSON.
        path: "/validate/check",
        init: json({
          user: "cornelius",
          realm: "realm1",
          pass: "%41",
          x: [1, "b"],
          y: true,
          z: null,
        }),
        theirs: [
          "POST /validate/check",
          "user=cornelius&realm=realm1&pass=%2541&x=1&x=b&y=True&client=127.0.0.1",
        ],
        ours: [
          "POST /validate/check",
          '{"user":"cornelius","realm":"realm1","pass":"%41","x":[1,"b"],"y":true,"z":null, "client": "127.0.0.1"}',
        ],
      },
      {
        // A query beside a form.
        path: "/validate/check?realm=realm1",
        init: form({ user: "cornelius", pass: "1" }),
        theirs: ["POST /validate/check", "realm=realm1&user=cornelius&pass=1&client=127.0.0.1"],
        ours: ["POST /validate/check?realm=realm1", "user=cornelius&pass=1&client=127.0.0.1"],
      },
      {
        // A parameter of the path, and a realm without a user.
        path: "/validate/polltransaction/17",
        init: {},
        theirs: ["GET /validate/polltransaction/17?transaction_id=17&realm=&client=127.0.0.1", ""],
        ours: ["GET /validate/polltransaction/17?client=127.0.0.1", ""],
      },
      {
        path: "/auth",
        init: form({ username: "admin", password: "adminpw" }),
        theirs: ["POST /auth", "username=admin&password=adminpw&client=127.0.0.1"],
        ours: ["POST /auth", "username=admin&password=adminpw&client=127.0.0.1"],
      },
      {
        path: "/validate/triggerchallenge",
        init: form({ user: "cornelius", realm: "realm1" }),
        isByAdministrator: true,
        theirs: ["POST /validate/triggerchallenge", "user=cornelius&realm=realm1&client=127.0.0.1"],
        ours: ["POST /validate/triggerchallenge", "user=cornelius&realm=realm1&client=127.0.0.1"],
      },
      {
        path: "/token/?serial=SP1",
        init: {},
        isByAdministrator: true,
        theirs: ["GET /token/?serial=SP1&client=127.0.0.1", ""],
        ours: ["GET /token/?serial=SP1&client=127.0.0.1", ""],
      },
      {
        // A list of its own, and parameters in a form where there was none.
        path: "/token/enable/SP1",
        init: { method: "POST" },
        isByAdministrator: true,
        theirs: ["POST /token/enable/SP1", "serial=SP1&serials=SP1&client=127.0.0.1"],
        ours: ["POST /token/enable/SP1?client=127.0.0.1", ""],
      },
      {
        path: "/token/SP1",
        init: { method: "DELETE" },
        isByAdministrator: true,
        theirs: ["DELETE /token/SP1", "serial=SP1&serials=SP1&client=127.0.0.1"],
        ours: ["DELETE /token/SP1?client=127.0.0.1", ""],
      },
    ];

    test("sends the same but for what the table of differences says", async () => {
      await forwardTo("recorder");
      const seen: unknown[] = [];
      for (const { path, init, isByAdministrator = false } of table) {
        const authorization = isByAdministrator ? { authorization: above.administrator } : {};
        const headers = {
          ...(init.headers as Record<string, string> | undefined),
          ...authorization,
        };
        got.length = 0;
        for (const url of [above.url, ours.url]) {
          expect((await fetch(url + path, { ...init, headers })).status).toBe(200);
        }
        const token = isByAdministrator ? above.administrator : undefined;
        expect(got.map(({ fields }) => fields["pi-authorization"])).toEqual([token, token]);
        expect(got.map(({ fields }) => fields["x-forwarded-for"])).toEqual([undefined, undefined]);
        seen.push(
          got.map(({ line, content }) => [withoutPolicies(line), withoutPolicies(content)]),
        );
      }
      expect(seen).toEqual(table.map(({ theirs, ours: own }) => [theirs, own]));
    }, 120_000);

    async function askAbove(parameters: Record<string, string>) {
      const response = await fetch(`${above.url}/validate/check`, form(parameters));
      return { status: response.status, body: (await response.json()) as Body };
    }

    test("gets the answers of a parent between it and a child, errors and failures included", async () => {
      await forwardTo("middle");
      const good = await askAbove({ user: "cornelius", pass: "pin755224" });
      expect([good.status, good.body.result.authentication]).toEqual([200, "ACCEPT"]);
      expect(good.body.detail?.["origin"]).toBe(`${middle.url}/validate/check`);
      const again = await askAbove({ user: "cornelius", pass: "pin755224" });
      expect([again.status, again.body.result.authentication]).toEqual([200, "REJECT"]);
      const unknown = await askAbove({ user: "jürgen", pass: "x" });
      expect([unknown.status, unknown.body.result.error?.code]).toEqual([400, 904]);
      await child.stop();
      const failed = await askAbove({ user: "cornelius", pass: "x" });
      expect([failed.status, failed.body.result.error]).toEqual([
        502,
        { code: -502, message: 'The server "child" cannot be reached.' },
      ]);
    }, 60_000);
  },
);

/** A target or a form without the parameters that stay at home, which are those of policies. */
function withoutPolicies(text: string): string {
  if (!/[?=]/.test(text) || text.startsWith("{")) return text;
  const mark = text.indexOf("?") + 1;
  const pairs = text.slice(mark).split("&");
  const kept = pairs.filter((pair) => !isPolicyParameter(pair.split("=")[0] ?? ""));
  return text.slice(0, mark) + kept.join("&");
}
