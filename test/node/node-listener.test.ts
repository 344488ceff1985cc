import { once } from "node:events";
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
} from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { serve } from "@hono/node-server";
import type { Handler } from "concordat/node";
import { nodeListener } from "concordat/node";
import { patchOpId } from "concordat/scim";
import { bearerTokens, createScimServer } from "concordat/scim-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { inMemory, sha256, userId } from "../scim-server/provider.js";

const path = "/scim/v2";

function scim(): Handler {
  const stores = inMemory();
  return createScimServer({
    baseUrl: `https://example.com${path}`,
    authenticate: bearerTokens([{ sha256: sha256("token"), principal: { id: "client" } }]),
    repositories: () => stores,
  });
}

/** A server that listens, and its end. */
interface Mounted extends AsyncDisposable {
  readonly origin: string;
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

/** The ways in which hosts mount a handler. */
const mounts: Readonly<Record<string, (handler: Handler) => Promise<Mounted>>> = {
  "node:http": (handler) => listening(createServer(nodeListener(handler))),
  "Express after a parser of every body": (handler) => {
    const app = express();
    app.use(express.json({ type: "*/*" }));
    app.use(path, nodeListener(handler));
    return listening(createServer(app));
  },
  "Express after parsers of text and of bytes": (handler) => {
    const app = express();
    app.use(express.text({ type: "application/scim+json" }));
    app.use(express.raw({ type: "application/json" }));
    app.use(path, nodeListener(handler));
    return listening(createServer(app));
  },
  "Fastify with its own parsers": async (handler) => {
    const app = fastify();
    const listener = nodeListener(handler);
    app.addHook("onRequest", (request, reply, done) => {
      // As the documentation of nodeListener has it.
      if (!/^\/scim\/v2(?:[/?]|$)/.test(request.url)) {
        done();
        return;
      }
      reply.hijack();
      listener(request.raw, reply.raw);
    });
    const origin = await app.listen({ host: "127.0.0.1", port: 0 });
    return { origin, [Symbol.asyncDispose]: () => app.close() };
  },
  Hono: async (handler) => {
    const app = new Hono();
    app.all(`${path}/*`, (context) => handler(context.req.raw));
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return {
      origin: `http://127.0.0.1:${port}`,
      [Symbol.asyncDispose]: async () => {
        server.close();
      },
    };
  },
};

describe.each(Object.entries(mounts))("mounted on %s", (_, mount) => {
  test("the base URL is answered without a slash too", async () => {
    await using mounted = await mount(scim());
    for (const at of ["", "/", "?count=1", "/?count=1"]) {
      const headers = { authorization: "Bearer token" };
      const response = await fetch(`${mounted.origin}${path}${at}`, { headers });
      expect(await response.json()).toMatchObject({ totalResults: 0 });
    }
  });

  test.each(["application/scim+json", "application/json"])("bodies are read: %s", async (type) => {
    await using mounted = await mount(scim());
    const call = async (
      method: string,
      at: string,
      body?: object,
    ): Promise<{ status: number; type: string | null; body: unknown }> => {
      const response = await fetch(`${mounted.origin}${path}${at}`, {
        method,
        headers: { authorization: "Bearer token", "content-type": type },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        type: response.headers.get("content-type"),
        body: text === "" ? undefined : JSON.parse(text),
      };
    };
    const created = await call("POST", "/Users", { schemas: [userId], userName: "José" });
    expect(created).toMatchObject({
      status: 201,
      type: "application/scim+json",
      body: { userName: "José" },
    });
    const { id } = created.body as { readonly id: string };
    const patch = {
      schemas: [patchOpId],
      Operations: [{ op: "add", path: "title", value: "Guide" }],
    };
    expect(await call("PATCH", `/Users/${id}`, patch)).toMatchObject({
      status: 200,
      body: { title: "Guide" },
    });
    const filter = encodeURIComponent('userName eq "josé"');
    expect(await call("GET", `/Users?filter=${filter}`)).toMatchObject({
      status: 200,
      body: { totalResults: 1, Resources: [{ id }] },
    });
    expect(await call("DELETE", `/Users/${id}`)).toMatchObject({ status: 204, body: undefined });
    expect(await call("GET", `/Users/${id}`)).toMatchObject({
      status: 404,
      type: "application/scim+json",
    });
  });
});

test("a body that is gone is named in the error", async () => {
  const app = express();
  app.use((request, _, next) => {
    request.resume().once("end", next);
  });
  app.use(path, nodeListener(scim()));
  app.use(((error, _request, response, _next) => {
    response.status(500).send(error.message);
  }) satisfies express.ErrorRequestHandler);
  await using mounted = await listening(createServer(app));
  const response = await fetch(`${mounted.origin}${path}/Users`, { method: "POST", body: "{}" });
  expect(response.status).toBe(500);
  expect(await response.text()).toContain("mount the handler before what reads bodies");
});

test.each([
  ["reads nothing of it", async () => new Response(null, { status: 413 })],
  [
    "reads the beginning of it",
    async (request) => {
      const reader = request.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      return new Response(null, { status: 413 });
    },
  ],
] satisfies [string, Handler][])(
  "a client that sends a large body is answered by a handler that %s, and then again",
  async (_, handler) => {
    await using mounted = await listening(createServer(nodeListener(handler)));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const send = async (size: number, headers: Record<string, string> = {}): Promise<number> => {
      const client = httpRequest(mounted.origin, { method: "POST", agent, headers });
      client.end(Buffer.alloc(size));
      const [response] = (await once(client, "response")) as [IncomingMessage];
      response.resume();
      await once(response, "end");
      return response.statusCode ?? 0;
    };
    for (const size of [200_000, 100, 5_000_000, 100, 200_000, 200_000]) {
      expect(await send(size, { "content-length": String(size) })).toBe(413);
      expect(await send(size, { "transfer-encoding": "chunked" })).toBe(413);
    }
    agent.destroy();
  },
);

test("the handler is told who is at the other end, and the whole path below a mount", async () => {
  const app = express();
  const seen: unknown[] = [];
  const handler: Handler = async (request, connection) => {
    seen.push(request.url, connection);
    return new Response(null, {
      status: 204,
      headers: [
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
      ],
    });
  };
  app.use("/inner", nodeListener(handler, { origin: "https://example.com" }));
  await using mounted = await listening(createServer(app));
  const response = await fetch(`${mounted.origin}/inner/path?x=1`);
  expect(response.status).toBe(204);
  expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  expect(seen).toEqual([
    "https://example.com/inner/path?x=1",
    { remoteAddress: "127.0.0.1", target: "/inner/path?x=1" },
  ]);
});

test.each(Object.entries(mounts).filter(([name]) => name !== "Hono"))(
  "the handler is told the target as it was received by %s",
  async (_, mount) => {
    const seen: unknown[] = [];
    await using mounted = await mount(async (request, connection) => {
      seen.push(connection?.target, new URL(request.url).pathname);
      return new Response();
    });
    for (const target of [`${path}/a/../b?x='y'`, `${path}/%2e%2e/%62?`]) {
      const client = httpRequest(mounted.origin, { path: target });
      client.end();
      const [response] = (await once(client, "response")) as [IncomingMessage];
      response.resume();
      await once(response, "end");
    }
    expect(seen).toEqual([`${path}/a/../b?x='y'`, `${path}/b`, `${path}/%2e%2e/%62?`, "/scim/%62"]);
  },
);

test("a client that goes away is told by the signal", async () => {
  const gone = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const handler: Handler = async (request) => {
    request.signal.addEventListener("abort", () => gone.resolve());
    begun.resolve();
    await gone.promise;
    return new Response("too late");
  };
  await using mounted = await listening(createServer(nodeListener(handler)));
  const client = httpRequest(mounted.origin);
  client.on("error", () => {});
  client.end();
  await begun.promise;
  client.destroy();
  await gone.promise;
});

test("an answer of several pieces arrives as it is made, and whole", async () => {
  const pieces = ["one", "two", "three".repeat(100_000)];
  const handler: Handler = async () =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          const piece = pieces.shift();
          await sleep(1);
          if (piece === undefined) controller.close();
          else controller.enqueue(new TextEncoder().encode(piece));
        },
      }),
    );
  await using mounted = await listening(createServer(nodeListener(handler)));
  const response = await fetch(mounted.origin);
  expect(await response.text()).toBe(`onetwo${"three".repeat(100_000)}`);
});

test("a piece of a response is sent before the next one exists, and its source ends with the client", async () => {
  const cancelled = Promise.withResolvers<void>();
  const handler: Handler = async () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("first")),
        cancel: () => cancelled.resolve(),
      }),
    );
  await using mounted = await listening(createServer(nodeListener(handler)));
  const abort = new AbortController();
  const { body } = await fetch(mounted.origin, { signal: abort.signal });
  const reader = body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("first");
  abort.abort();
  await cancelled.promise;
});

test("a handler that rejects is answered 500 where nobody else is told", async () => {
  const handler: Handler = () => Promise.reject(new Error("a secret"));
  await using mounted = await listening(createServer(nodeListener(handler)));
  const response = await fetch(mounted.origin);
  expect(response.status).toBe(500);
  expect(await response.text()).toBe("");
});

test("a body that a framework has unpacked is not called packed", async () => {
  const app = express();
  app.use(express.json({ type: "*/*" }));
  app.use(path, nodeListener(scim()));
  await using mounted = await listening(createServer(app));
  const response = await fetch(`${mounted.origin}${path}/Users`, {
    method: "POST",
    headers: {
      authorization: "Bearer token",
      "content-type": "application/scim+json",
      "content-encoding": "gzip",
    },
    body: gzipSync(JSON.stringify({ schemas: [userId], userName: "ann" })),
  });
  expect(response.status).toBe(201);
});

test("a method that no Web request has is answered", async () => {
  await using mounted = await listening(createServer(nodeListener(scim())));
  const client = httpRequest(`${mounted.origin}${path}/Users`, { method: "TRACE" }).end();
  const [response] = (await once(client, "response")) as [IncomingMessage];
  expect(response.resume().statusCode).toBe(501);
});

test("two Host lines are refused", async () => {
  await using mounted = await listening(createServer(nodeListener(async () => new Response())));
  const socket = connect(Number(new URL(mounted.origin).port), "127.0.0.1");
  let received = "";
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString();
  });
  socket.write("GET / HTTP/1.1\r\nhost: a\r\nHost: a\r\nconnection: close\r\n\r\n");
  await once(socket, "close");
  expect(received).toMatch(/^HTTP\/1\.1 400 /);
});
