import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as federation from "concordat/federation";
import * as ldap from "concordat/ldap";
import * as repositories from "concordat/repositories";
import { entraProfile } from "concordat/scim";
import * as scimClient from "concordat/scim-client";
import * as scimServer from "concordat/scim-server";
import * as sso from "concordat/sso";
import { startDirectory } from "concordat/testing/directory";
import { expect, test } from "vitest";
import { functionsOfGuide } from "./guide.js";

const requireInstalled = createRequire(import.meta.url);
const modules = {
  "concordat/federation": federation,
  "concordat/ldap": ldap,
  "concordat/scim-client": scimClient,
  "concordat/scim-server": scimServer,
};

interface Span {
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

async function createUser(): Promise<void> {
  const { users, groups } = repositories.inMemoryTarget();
  const handler = scimServer.createScimServer({
    baseUrl: "https://example.com",
    repositories: () => ({ users, groups }),
    authenticate: () => ({ id: "entra" }),
    profile: entraProfile,
  });
  const response = await handler(
    new Request("https://example.com/Users", {
      method: "POST",
      headers: { "content-type": "application/scim+json" },
      body: JSON.stringify({
        schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
        userName: "ada",
        meta: { resourceType: "User" },
        unheardOf: 1,
      }),
    }),
  );
  expect(response.status).toBe(201);
}

test("every channel has a row in the index", () => {
  const text = readFileSync(new URL("../../docs/observability.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `(concordat:[\w.-]+)` \| `(\w+)`, `([\w/-]+)`/gm)];
  const entries = { ...modules, "concordat/sso": sso };
  const channels = Object.entries(entries).flatMap(([entry, exported]) =>
    Object.entries(exported)
      .filter(([name]) => name.endsWith("ChannelName"))
      .map(([name, channel]) => [channel, name, entry].join()),
  );
  expect(rows.map(([, ...cells]) => cells.join()).sort()).toEqual(channels.sort());
});

test("the recipe for OpenTelemetry makes a span of a request, with what was ignored", async () => {
  const { trace } = requireInstalled("@opentelemetry/api");
  const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = requireInstalled(
    "@opentelemetry/sdk-trace-base",
  );
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  const guide = functionsOfGuide<{ traceConcordat(): void }>(
    "observability.md",
    ["traceConcordat"],
    modules,
  );
  guide.traceConcordat();
  await createUser();
  const spans: readonly Span[] = exporter.getFinishedSpans();
  expect(spans.map(({ name }) => name)).toEqual(["POST /Users"]);
  expect(spans[0]?.attributes).toMatchObject({
    "http.response.status_code": 201,
    "concordat.ignored": expect.arrayContaining([expect.stringMatching(/^unheardOf: /)]),
  });
});

test("the recipe for Prometheus counts requests, and sees a stream connect and be cut off", async () => {
  const { Registry } = requireInstalled("prom-client");
  const registry = new Registry();
  const guide = functionsOfGuide<{ countConcordat(registry: unknown): void }>(
    "observability.md",
    ["countConcordat"],
    modules,
  );
  guide.countConcordat(registry);
  await createUser();
  const connected = async (): Promise<string | undefined> =>
    /^directory_connected\{source="corp"\} (\d)$/m.exec(await registry.metrics())?.[1];
  await using directory = await startDirectory({ anonymousRead: true });
  const controller = new AbortController();
  const stream = ldap.watchDirectory({
    source: "corp",
    url: directory.url,
    base: directory.suffix,
  });
  const reading = (async () => {
    for await (const _ of stream.read({ signal: controller.signal })) {
    }
  })().catch(() => undefined);
  await expect.poll(connected).toBe("1");
  await directory[Symbol.asyncDispose]();
  await expect.poll(connected).toBe("0");
  controller.abort();
  await reading;
  expect(await registry.metrics()).toContain(
    'scim_request_seconds_count{method="POST",status="201"} 1',
  );
});
