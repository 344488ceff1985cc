import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { bodyParser } from "@koa/bodyparser";
import { type INestApplication, Logger, type MiddlewareConsumer } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import * as kysely from "concordat/kysely";
import * as node from "concordat/node";
import type { Handler } from "concordat/scim-server";
import * as scimServer from "concordat/scim-server";
import express from "express";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { Hono } from "hono";
import { cloneRawRequest } from "hono/request";
import Koa from "koa";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { inMemory, sha256, userId } from "../scim-server/provider.js";
import { functionsOfGuide } from "./guide.js";
import { call, converse, type Mounted, refusedAsTooLong, tooLong } from "./scim-conversation.js";

type Route = (request: Request, context: object) => Promise<Response>;
interface Guide {
  nodeServer(scim: Handler): Server;
  expressApplication(scim: Handler): express.Express;
  fastifyApplication(scim: Handler): FastifyInstance;
  koaApplication(scim: Handler): Koa;
  honoApplication(scim: Handler): Hono;
  nestApplication(scim: Handler, module: typeof AppModule): Promise<INestApplication>;
  readonly GET: Route;
  readonly POST: Route;
  readonly PUT: Route;
  readonly PATCH: Route;
  readonly DELETE: Route;
}

const guide = functionsOfGuide<Guide>(
  "mounting.md",
  [
    "nodeServer",
    "expressApplication",
    "fastifyApplication",
    "koaApplication",
    "honoApplication",
    "nestApplication",
    "GET",
  ],
  { "concordat/kysely": kysely, "concordat/node": node, "concordat/scim-server": scimServer },
);

Logger.overrideLogger(false);

class AppModule {}

function scim(): Handler {
  const stores = inMemory();
  return scimServer.createScimServer({
    baseUrl: "https://example.com/scim/v2",
    authenticate: scimServer.bearerTokens({ client: sha256("token") }),
    repositories: () => stores,
  });
}

async function listening(server: Server): Promise<Mounted> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function ofFastify(app: FastifyInstance): Promise<Mounted> {
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  return { origin, [Symbol.asyncDispose]: () => closed(app, app.server) };
}

async function ofNest(app: INestApplication): Promise<Mounted> {
  await app.listen(0, "127.0.0.1");
  const origin = await app.getUrl();
  return { origin, [Symbol.asyncDispose]: () => closed(app, app.getHttpServer()) };
}

/** Frameworks close what is idle: where a body was not read to its end, the client keeps the connection after that. */
async function closed(app: { close(): Promise<unknown> }, server: Server): Promise<void> {
  const closing = app.close();
  server.closeAllConnections();
  await closing;
}

function ofHono(app: Hono): Promise<Mounted> {
  return listening(createAdaptorServer({ fetch: app.fetch }) as Server);
}

/** As the guide has it: the handler reads the body. */
const unparsed: Readonly<Record<string, (scim: Handler) => Promise<Mounted>>> = {
  Node: (scim) => listening(guide.nodeServer(scim)),
  Express: (scim) => listening(createServer(guide.expressApplication(scim))),
  Fastify: (scim) => ofFastify(guide.fastifyApplication(scim)),
  Koa: (scim) => listening(createServer(guide.koaApplication(scim).callback())),
  Hono: (scim) => ofHono(guide.honoApplication(scim)),
  Nest: async (scim) => ofNest(await guide.nestApplication(scim, moduleOf())),
};

/** A module of an application of Nest, with a middleware if there is one. */
function moduleOf(configure?: (consumer: MiddlewareConsumer) => void): typeof AppModule {
  return class extends AppModule {
    configure(consumer: MiddlewareConsumer): void {
      configure?.(consumer);
    }
  };
}

const types = ["application/json", "application/scim+json"];

/** After the framework's own parser of bodies, as the guide says that it can be done. */
const parsed: Readonly<Record<string, (scim: Handler) => Promise<Mounted>>> = {
  Express: (scim) => {
    const app = express();
    app.use(express.json({ type: types }));
    app.use("/scim/v2", node.nodeListener(scim));
    return listening(createServer(app));
  },
  Fastify: (scim) => {
    const app = fastify();
    const answer = (request: FastifyRequest, reply: FastifyReply): void => {
      reply.hijack();
      Object.assign(request.raw, { body: request.body });
      listener(request.raw, reply.raw);
    };
    const listener = node.nodeListener(scim);
    app.addContentTypeParser("application/scim+json", { parseAs: "string" }, (_, text, done) =>
      done(null, text),
    );
    app.all("/scim/v2", answer);
    app.all("/scim/v2/*", answer);
    return ofFastify(app);
  },
  Koa: (scim) => {
    const app = new Koa();
    app.use(bodyParser());
    app.use(async (context, next) => {
      Object.assign(context.req, { body: context.request.body });
      await next();
    });
    for (const one of guide.koaApplication(scim).middleware.slice(0, 1)) app.use(one);
    return listening(createServer(app.callback()));
  },
  Hono: (scim) => {
    const app = new Hono();
    app.use(async (context, next) => {
      if (context.req.header("content-length") !== undefined) await context.req.json();
      await next();
    });
    app.all("/scim/v2/*", async (context) => scim(await cloneRawRequest(context.req)));
    return ofHono(app);
  },
  Nest: async (scim) =>
    ofNest(
      await NestFactory.create(
        moduleOf((consumer) => {
          consumer.apply(node.nodeListener(scim)).forRoutes("scim/v2", "scim/v2/*path");
        }),
      ),
    ),
};

describe.each(Object.entries(unparsed))("mounted on %s", (_, mount) => {
  test.each(types)("the handler is asked and answers: %s", async (type) => {
    await using mounted = await mount(scim());
    await converse(mounted, type);
  });

  test.each(types)("a body that is too long is refused by the handler: %s", async (type) => {
    await using mounted = await mount(scim());
    const answer = await call(`${mounted.origin}/scim/v2/Users`, "POST", tooLong, type);
    expect(answer).toMatchObject(refusedAsTooLong);
  });
});

describe.each(Object.entries(parsed))("mounted on %s after a parser", (_, mount) => {
  test.each(types)("the handler is asked and answers: %s", async (type) => {
    await using mounted = await mount(scim());
    await converse(mounted, type);
  });

  test("a body that is too long is refused", async () => {
    await using mounted = await mount(scim());
    const url = `${mounted.origin}/scim/v2/Users`;
    const response = await fetch(url, {
      method: "POST",
      headers: { authorization: "Bearer token", "content-type": "application/json" },
      body: tooLong,
    });
    expect(response.status).toBe(413);
    await response.body?.cancel();
  });
});

test("Koa: a body that a parser has kept for itself is named in the error", async () => {
  const app = new Koa();
  const error = Promise.withResolvers<Error>();
  app.on("error", error.resolve);
  app.use(bodyParser());
  for (const one of guide.koaApplication(scim()).middleware.slice(0, 1)) app.use(one);
  await using mounted = await listening(createServer(app.callback()));
  const response = await fetch(`${mounted.origin}/scim/v2/Users`, {
    method: "POST",
    headers: { "content-type": "application/scim+json" },
    body: "{}",
  });
  expect(response.status).toBe(500);
  expect((await error.promise).message).toContain("mount the handler before what reads bodies");
});

test("other routes of the application still have the parser of the framework", async () => {
  const app = guide.expressApplication(scim());
  app.post("/echo", (request, response) => void response.json(request.body));
  await using mounted = await listening(createServer(app));
  const echoed = await call(`${mounted.origin}/echo`, "POST", { a: 1 }, "application/json");
  expect(echoed.body).toEqual({ a: 1 });
  const ofFastify = guide.fastifyApplication(scim());
  ofFastify.post("/echo", async ({ body }) => body);
  const reply = await ofFastify.inject({ method: "POST", url: "/echo", payload: { a: 1 } });
  expect(reply.json()).toEqual({ a: 1 });
});

describe("the route of Next", () => {
  // As Next calls it: test/interop/next.peers.ts has Next itself.
  const ask = (method: "GET" | "POST", url: string, body?: string) =>
    guide[method](
      new Request(url, {
        method,
        headers: { authorization: "Bearer token", "content-type": "application/scim+json" },
        ...(body !== undefined && { body }),
      }),
      { params: Promise.resolve({ path: ["Users"] }) },
    );
  const url = "http://localhost:3000/scim/v2/Users";

  test("opens what it needs at the first request, and again where that has failed", async () => {
    vi.stubEnv("DATABASE", ":memory:");
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv("OKTA_TOKEN_SHA256", undefined);
    await expect(ask("GET", url)).rejects.toThrow(/okta/);
    vi.stubEnv("OKTA_TOKEN_SHA256", sha256("token"));
    const user = JSON.stringify({ schemas: [userId], userName: "ada" });
    expect((await ask("POST", url, user)).status).toBe(201);
    expect(await (await ask("GET", url)).json()).toMatchObject({ totalResults: 1 });
    expect((await ask("POST", url, tooLong)).status).toBe(413);
  });

  test("has every method of SCIM", () => {
    for (const name of ["GET", "POST", "PUT", "PATCH", "DELETE"] as const) {
      expect(guide[name]).toBeTypeOf("function");
    }
  });
});
