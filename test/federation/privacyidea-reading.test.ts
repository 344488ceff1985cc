import { rm } from "node:fs/promises";
import { EventRequest, eventsOf, pathParametersOf } from "concordat/federation";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PythonPeer, startPythonPeer } from "../integration/python-peer.js";
import { rule, serverOf, startParent } from "./parent.js";
import { serve } from "./passing.js";
import { installedPrivacyIdea, privacyIdeaFolder } from "./privacyidea.js";

/** A request as it is sent. */
interface Sent {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly content: string;
}

const type = (value: string) => [["content-type", value] as const];
const form = type("application/x-www-form-urlencoded");
const json = type("application/json");
const parts = (pairs: Readonly<Record<string, string>>): Omit<Sent, "method" | "target"> => ({
  fields: type("multipart/form-data; boundary=XX"),
  content: `${Object.entries(pairs)
    .map(
      ([name, value]) => `--XX\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}`,
    )
    .join("\r\n")}\r\n--XX--\r\n`,
});

const paths: Readonly<Record<string, string>> = {
  GET: "/validate/check",
  POST: "/validate/check",
  PUT: "/user/",
  DELETE: "/token/S%201",
  PATCH: "/clients/c%C3%BC",
};
const queries = [
  "",
  "user=a",
  "user=a&realm=q&x=1&x=2",
  "user=%2541&pass=a%2Bb+c%25",
  "%75ser=a&webauthn_x=1",
];
const contents: readonly Omit<Sent, "method" | "target">[] = [
  { fields: [], content: "" },
  { fields: form, content: "" },
  { fields: form, content: "x=y" },
  { fields: form, content: "user=b&pass=1%25&pass2=%2541&x=3" },
  { fields: form, content: "user=a&realm=f&t=1&t=2&%2541=1" },
  { fields: type("application/x-www-form-urlencoded; charset=utf-16"), content: "user=%C3%BC" },
  { fields: json, content: '{"user": "a", "pass": "%2541", "x": {"y": [1, null]}}' },
  { fields: json, content: '{"realm": "j", "x": true, "x": 5}' },
  { fields: type("Application/Scim+JSON; q=1"), content: '{"user": "a"}' },
  { fields: type("text/x+json"), content: '{"user": "a"}' },
  parts({ user: "a", pass: "%2541 ü", x: "3" }),
  parts({ realm: "m" }),
  { fields: type("text/plain"), content: '{"user": "b"}' },
  { fields: [], content: '{"user": "b"}' },
  { fields: type("application/octet-stream"), content: "user=b" },
];
const agents = [undefined, "curl/8.0", "privacyidea-cp;1", "simpleSAMLphp/2"];

describe.skipIf(installedPrivacyIdea === undefined)(
  "beside the code of privacyIDEA 3.14 (install the privacyidea peer)",
  () => {
    let peer: PythonPeer;
    let folder: string;

    beforeAll(async () => {
      const made = await privacyIdeaFolder();
      folder = made.folder;
      peer = startPythonPeer(made.python, "../federation/privacyidea-peer.py", [
        made.configuration,
      ]);
      await peer.ask({ ask: "unquotes", agent: "" });
    }, 120_000);

    afterAll(async () => {
      await peer?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    });

    test("what is decided on and sent is what privacyIDEA reads, or nothing is sent", async () => {
      const got: Sent[] = [];
      await using api = await serve((request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          const fields = ["content-type", "user-agent"].flatMap((name) => {
            const value = request.headers[name];
            return typeof value === "string" ? [[name, value] as const] : [];
          });
          const content = Buffer.concat(chunks).toString();
          got.push({ method: request.method ?? "", target: request.url ?? "", fields, content });
          response.setHeader("content-type", "application/json");
          response.end('{"result": {"status": true}}');
        });
      });
      const events = ["validate_check", "user_update", "token_delete", "api_client_edit"];
      await using parent = await startParent([serverOf(api)], {
        rules: [
          rule({
            position: "pre",
            event: events,
            options: { privacyIDEA: "child", realm: "safe" },
          }),
        ],
      });
      let passed = 0;
      const problems: unknown[] = [];
      for (const [method, path] of Object.entries(paths)) {
        for (const query of queries) {
          for (const content of contents) {
            for (const agent of agents) {
              const target = query === "" ? path : `${path}?${query}`;
              const fields = [
                ...content.fields,
                ...(agent === undefined ? [] : [["user-agent", agent] as const]),
              ];
              const sent: Sent = { method, target, fields, content: content.content };
              got.length = 0;
              const { status } = await send(parent.url, sent);
              const [seen] = got;
              if (seen === undefined) {
                if (status !== 400 && status !== 415) problems.push([sent, status]);
                continue;
              }
              passed += 1;
              const read = await peer.ask({
                ask: "parameters",
                ...seen,
                content: Buffer.from(seen.content).toString("base64"),
              });
              const expected = { ...readHere(sent), realm: "safe" };
              if (!isEqual(read, { parameters: expected }))
                problems.push([sent, seen, read, expected]);
            }
          }
        }
      }
      expect(problems.slice(0, 3)).toEqual([]);
      expect(passed).toBeGreaterThan(500);
    }, 300_000);

    test("the events and the parameters in paths are those of its routes", async () => {
      const routes = (await peer.ask({ ask: "routes" })) as readonly [string, string, string][];
      expect(routes.length).toBeGreaterThan(100);
      const eventOf = eventsOf();
      const parametersOf = pathParametersOf();
      const differing = routes.filter(([method, path, event]) => {
        const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        const filled = path.replace(/\{(\w+)\}/g, "value-$1");
        const parameters = parametersOf(method, filled);
        const isSame =
          eventOf(method, filled) === event &&
          isEqual(
            [...parameters],
            names.map((name) => [name, `value-${name}`]),
          );
        return !isSame;
      });
      expect(differing).toEqual([]);
    });
  },
);

/** Sends a request as it stands. */
async function send(url: string, { method, target, fields, content }: Sent) {
  const { request } = await import("node:http");
  return await new Promise<{ readonly status: number }>((resolve, reject) => {
    const headers = Object.fromEntries(fields);
    const length = content === "" ? {} : { "content-length": Buffer.byteLength(content) };
    const sent = request(url + target, { method, headers: { ...headers, ...length } }, (response) =>
      response.resume().on("end", () => resolve({ status: response.statusCode ?? 0 })),
    );
    sent.on("error", reject).end(content);
  });
}

/** The parameters that are decided on here, without those that stay at home. */
function readHere({ method, target, fields, content }: Sent): Readonly<Record<string, unknown>> {
  const [path = ""] = target.split("?");
  const { parameters } = new EventRequest({
    method,
    target,
    fields: fields.flat(),
    content: Buffer.from(content),
    pathParameters: pathParametersOf()(method, decodeURIComponent(path)),
  });
  return Object.fromEntries([...parameters].filter(([name]) => name !== "webauthn_x"));
}

/** Whether two values of JSON are the same, whatever the order of their members. */
function isEqual(one: unknown, other: unknown): boolean {
  return sorted(one) === sorted(other);
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}
