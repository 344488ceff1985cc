import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { type ForwardEvent, forwardChannelName } from "concordat/federation";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { rule, serverOf, startParent } from "./parent.js";
import { passing, serve } from "./passing.js";

let reasons: (string | undefined)[] = [];
const listen = (event: unknown): void => {
  reasons.push((event as ForwardEvent).reason);
};
beforeEach(() => {
  reasons = [];
  subscribe(forwardChannelName, listen);
});
afterEach(() => {
  unsubscribe(forwardChannelName, listen);
});

/** Begins an upload that is never finished. */
async function beginUpload(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1").on("error", () => {});
  await once(socket, "connect");
  socket.write("POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\nabc");
  return socket;
}

/** Begins a request, and returns what is answered until the connection is closed. */
async function stalled(url: string, path: string, rest: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1").on("error", () => {});
  let received = "";
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString();
  });
  socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\n${rest}`);
  await once(socket, "close");
  return received;
}

const timedOut = /^HTTP\/1\.1 408 [\s\S]*\r\nconnection: close\r\n/i;

/** An API that reads whatever it gets, and then answers. */
const reads = (got: IncomingMessage, response: ServerResponse): void => {
  got.resume().on("end", () => response.end("read"));
};

describe("an upload", () => {
  test("that its client breaks off is not the server's fault", async () => {
    await using api = await serve(reads);
    await using parent = await passing(api, { breaker: { failures: 1 } });
    for (const end of ["destroy", "resetAndDestroy"] as const) {
      const socket = await beginUpload(parent.url);
      await pause(50);
      socket[end]();
    }
    await expect.poll(() => reasons).toEqual(["abandoned", "abandoned"]);
    const broken = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from("abc")),
      pull: () => Promise.reject(new Error("gone")),
    });
    const web = await parent.federation.handler(
      new Request("http://parent/", { method: "POST", body: broken, duplex: "half" }),
    );
    expect(web.status).toBe(499);
    expect((await fetch(parent.url)).status).toBe(200);
  });

  test("that its client does not go on with is not the server's fault", async () => {
    await using api = await serve(reads);
    await using parent = await passing(
      api,
      { breaker: { failures: 1 } },
      { limits: { content: 100 } },
    );
    const socket = await beginUpload(parent.url);
    let received = "";
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString();
    });
    await once(socket, "close");
    expect(received).toMatch(/^HTTP\/1\.1 408 [\s\S]*\r\nconnection: close\r\n/i);
    expect(received).toContain("The content of the request did not arrive in time.");
    expect(reasons).toEqual(["content_timeout"]);
    expect((await fetch(parent.url)).status).toBe(200);
  });

  test("that takes its client longer than all may is not the server's fault", async () => {
    await using api = await serve(reads);
    await using parent = await passing(
      api,
      { breaker: { failures: 1 } },
      { limits: { total: 200 } },
    );
    const socket = await beginUpload(parent.url);
    await once(socket, "data");
    socket.destroy();
    expect(reasons).toEqual(["content_timeout"]);
  });

  test.each([
    ["in pass-through", { content: 200 }, "content-length: 10\r\n\r\nabc"],
    ["in pass-through, in all", { total: 400 }, "content-length: 10\r\n\r\nabc"],
  ])(
    "that is small and stalls is waited for as long as its server says, %s",
    async (_name, limits, rest) => {
      await using api = await serve(reads);
      await using parent = await passing(api, { breaker: { failures: 1 } }, { limits });
      expect(await stalled(parent.url, "/up", rest)).toMatch(timedOut);
      expect(reasons).toEqual([]);
      expect((await fetch(parent.url)).status).toBe(200);
    },
  );

  test.each([
    ["with a length", "content-length: 10\r\n\r\nuser"],
    ["in chunks", "transfer-encoding: chunked\r\n\r\n4\r\nuser\r\n"],
    ["before it begins", "content-length: 10\r\n\r\n"],
  ])(
    "for which there are rules is waited for as long as its servers say, %s",
    async (_name, rest) => {
      await using api = await serve(reads);
      const servers = [
        serverOf(api, { limits: { content: 60_000 } }),
        serverOf(api, { identifier: "other", limits: { content: 200 } }),
      ];
      await using parent = await startParent(servers, {
        rules: [rule({ position: "pre", options: { privacyIDEA: ["child", "other"] } })],
      });
      const type = "content-type: application/x-www-form-urlencoded\r\n";
      expect(await stalled(parent.url, "/validate/check", type + rest)).toMatch(timedOut);
      expect([reasons, parent.asked.count]).toEqual([[], 0]);
    },
  );

  test("that comes slowly, but comes, is waited for and goes on whole", async () => {
    let content = "";
    await using api = await serve((got, response) => {
      got.on("data", (chunk: Buffer) => {
        content += chunk.toString();
      });
      got.on("end", () => response.end("read"));
    });
    await using parent = await passing(api, {}, { limits: { content: 1_000 } });
    const socket = connect(Number(new URL(parent.url).port), "127.0.0.1");
    let received = "";
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString();
    });
    socket.write("POST /up HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 6\r\n\r\n");
    for (const piece of ["abc", "def"]) {
      await pause(500);
      socket.write(piece);
    }
    await once(socket, "close");
    expect(received).toMatch(/^HTTP\/1\.1 200 /);
    expect(content).toBe("abcdef");
  });

  test("of a Web request for which there are rules is waited for as long as its servers say", async () => {
    await using api = await serve(reads);
    await using parent = await startParent([serverOf(api, { limits: { content: 200 } })]);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from("user")),
    });
    const response = await parent.federation.handler(
      new Request("http://parent/validate/check", {
        method: "POST",
        body,
        duplex: "half",
        headers: { "content-type": "application/x-www-form-urlencoded" },
      }),
    );
    expect([response.status, parent.asked.count]).toEqual([408, 0]);
  });

  test("may take longer than the server may for its answer", async () => {
    await using api = await serve(reads);
    await using parent = await passing(api, {}, { limits: { firstByte: 100 } });
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (const size of [70_000, 10, 10]) {
          controller.enqueue(new Uint8Array(size));
          await pause(200);
        }
        controller.close();
      },
    });
    const response = await fetch(parent.url, { method: "POST", body, duplex: "half" });
    expect([response.status, await response.text()]).toEqual([200, "read"]);
  });

  test("that the server does not take is the server's fault", async () => {
    await using api = await serve((got) => {
      got.once("data", () => got.pause());
    });
    await using parent = await passing(api, {}, { limits: { firstByte: 200, content: 60_000 } });
    const response = await fetch(parent.url, { method: "POST", body: new Uint8Array(20_000_000) });
    expect(response.status).toBe(504);
    expect(reasons).toEqual(["answer_timeout"]);
  });
});

describe("a request that is answered before its content was read", () => {
  /** Sends a large upload and a second request over one connection, and returns the statuses of the answers. */
  async function statuses(url: string): Promise<readonly string[]> {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let received = "";
    const found = (): string[] => received.match(/HTTP\/1\.1 \d{3}/g) ?? [];
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      if (found().length === 2) socket.destroy();
    });
    socket.on("error", () => {});
    socket.write("POST /up HTTP/1.1\r\nhost: x\r\ncontent-length: 3000000\r\n\r\n");
    socket.write(Buffer.alloc(3_000_000, "a"));
    socket.write("GET /second HTTP/1.1\r\nhost: x\r\n\r\n");
    await once(socket, "close");
    return found();
  }

  test("leaves the next one on its connection whole", async () => {
    await using api = await serve((got, response) => {
      response.writeHead(got.method === "GET" ? 200 : 413).end();
    });
    await using parent = await passing(api);
    expect(await statuses(parent.url)).toEqual(["HTTP/1.1 413", "HTTP/1.1 200"]);
  });

  test("does so also where the host's own handler answers", async () => {
    await using parent = await startParent([], {}, async (request) => {
      await request.body?.getReader().read();
      return new Response(null, { status: request.method === "GET" ? 200 : 413 });
    });
    expect(await statuses(parent.url)).toEqual(["HTTP/1.1 413", "HTTP/1.1 200"]);
  });
});
