import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { passing, serve } from "./passing.js";

test("fields of an answer that occur several times stay several", async () => {
  await using api = await serve((_got, response) => {
    response.setHeader("set-cookie", ["a=1", "b=2"]).setHeader("vary", ["x", "y"]).end();
  });
  await using parent = await passing(api, { responseFields: ["set-cookie"] });
  const { headers } = await fetch(parent.url);
  expect([headers.getSetCookie(), headers.get("vary")]).toEqual([["a=1", "b=2"], "x, y"]);
  const web = await parent.federation.handler(new Request("http://parent/"));
  expect([web.headers.getSetCookie(), web.headers.get("vary")]).toEqual([["a=1", "b=2"], "x, y"]);
});

test("a request with two Host lines is refused", async () => {
  let asked = 0;
  await using api = await serve((_got, response) => {
    asked += 1;
    response.end();
  });
  await using parent = await passing(api);
  const socket = connect(Number(new URL(parent.url).port), "127.0.0.1");
  let received = "";
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString();
  });
  socket.write("GET / HTTP/1.1\r\nhost: a\r\nHost: b\r\nconnection: close\r\n\r\n");
  await once(socket, "close");
  expect([received.slice(0, 12), asked]).toEqual(["HTTP/1.1 400", 0]);
});

describe("a request that is passed through", () => {
  test("goes on as it is, and its answer comes back as it is", async () => {
    let seen: unknown;
    await using api = await serve((got, response) => {
      const { host: _, ...headers } = got.headers;
      void buffer(got).then((content) => {
        seen = [got.method, got.url, headers, content.toString()];
        response.writeHead(302, "Elsewhere", {
          location: "/elsewhere",
          "set-cookie": "a=b",
          etag: '"1"',
          "x-own": "1",
        });
        response.end("gone");
      });
    });
    await using parent = await passing(api, {
      basePath: "/api",
      requestFields: ["Authorization", "X-Own"],
      responseFields: ["X-Own"],
    });
    const response = await fetch(`${parent.url}/api/a%2Fb?c=%41&c=2`, {
      method: "PATCH",
      body: '{"a":1}',
      redirect: "manual",
      headers: {
        "content-type": "application/merge-patch+json",
        authorization: "Bearer x",
        cookie: "c=d",
        "x-own": "é",
        "if-match": '"0"',
      },
    });
    expect(seen).toEqual([
      "PATCH",
      "/base/a%2Fb?c=%41&c=2",
      {
        accept: "*/*",
        "accept-encoding": "gzip, deflate",
        "accept-language": "*",
        authorization: "Bearer x",
        "cache-control": "no-cache",
        connection: "keep-alive",
        "content-length": "7",
        "content-type": "application/merge-patch+json",
        forwarded: "for=127.0.0.1;proto=http",
        "if-match": '"0"',
        "user-agent": "node",
        via: "1.1 parent",
        "x-forwarded-for": "127.0.0.1",
        "x-own": "é",
      },
      '{"a":1}',
    ]);
    expect(response.status).toBe(302);
    expect(await response.text()).toBe("gone");
    expect(Object.fromEntries(response.headers)).toEqual({
      connection: "keep-alive",
      date: expect.any(String),
      etag: '"1"',
      "keep-alive": expect.any(String),
      location: "/elsewhere",
      "transfer-encoding": "chunked",
      "x-own": "1",
    });
  });

  test.each([204, 205, 304])("may have an answer without content: %i", async (status) => {
    await using api = await serve((_request, response) => {
      response.writeHead(status).end();
    });
    await using parent = await passing(api);
    const response = await fetch(`${parent.url}/`);
    expect([response.status, await response.text()]).toEqual([status, ""]);
    const web = await parent.federation.handler(new Request("http://parent/"));
    expect([web.status, web.body]).toEqual([status, null]);
  });

  test("by HEAD has the length of what it does not have", async () => {
    await using api = await serve((_request, response) => {
      response.writeHead(200, { "content-length": 1_234 }).end();
    });
    await using parent = await passing(api);
    const response = await fetch(`${parent.url}/`, { method: "HEAD" });
    expect(response.headers.get("content-length")).toBe("1234");
  });

  test("flows in both directions as it comes, of any size", async () => {
    await using api = await serve((got, response) => {
      got.pipe(response);
    });
    await using parent = await passing(api);
    const content = randomBytes(20 * 1_048_576);
    const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    for (const send of [
      (init: RequestInit) => fetch(`${parent.url}/echo`, init),
      (init: RequestInit) => parent.federation.handler(new Request("http://parent/echo", init)),
    ]) {
      const response = await send({ method: "POST", body: content });
      expect(digest(new Uint8Array(await response.arrayBuffer()))).toBe(digest(content));
    }
    // Piece by piece: what the client has sent comes back before it sends more.
    const sent = request(`${parent.url}/echo`, { method: "POST" });
    sent.write("first");
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    expect(String((await once(response, "data"))[0])).toBe("first");
    sent.write("second");
    expect(String((await once(response, "data"))[0])).toBe("second");
    sent.end();
    await once(response, "end");
  });

  test("is no faster than the client reads", async () => {
    let written = 0;
    await using api = await serve((_request, response) => {
      const write = (): void => {
        let mayGoOn = true;
        while (mayGoOn && written < 200 * 1_048_576) {
          written += 65_536;
          mayGoOn = response.write(Buffer.alloc(65_536));
        }
      };
      response.on("drain", write);
      write();
    });
    await using parent = await passing(api);
    const sent = request(`${parent.url}/`);
    sent.end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    response.pause();
    await pause(300);
    const held = written;
    await pause(100);
    expect(written).toBe(held);
    expect(held).toBeLessThan(50 * 1_048_576);
    sent.destroy();
    const web = await parent.federation.handler(new Request("http://parent/"));
    await pause(200);
    const before = written;
    await pause(100);
    expect(written).toBe(before);
    await web.body?.cancel();
  });

  test("is cut off where the API breaks off, so that it is not taken for whole", async () => {
    await using api = await serve((_request, response) => {
      response.write("half");
      setTimeout(() => response.socket?.destroy(), 20);
    });
    await using parent = await passing(api);
    const response = await fetch(`${parent.url}/`);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
    const web = await parent.federation.handler(new Request("http://parent/"));
    await expect(web.text()).rejects.toMatchObject({ reason: "broken_off" });
  });

  test("ends at the API when the client goes away", async () => {
    let closed = 0;
    await using api = await serve((_request, response) => {
      response.write("some");
      response.on("close", () => {
        closed += 1;
      });
    });
    await using parent = await passing(api);
    const sent = request(`${parent.url}/`).on("error", () => {});
    sent.end();
    await once(sent, "response");
    sent.destroy();
    await expect.poll(() => closed).toBe(1);
    const web = await parent.federation.handler(new Request("http://parent/"));
    await web.body?.cancel();
    await expect.poll(() => closed).toBe(2);
  });

  test("that cannot be is answered so, also behind a handler of Web requests", async () => {
    await using api = await serve(() => {});
    await using parent = await passing(api, { to: () => ["nobody"] });
    const response = await fetch(`${parent.url}/`, { method: "POST", body: "x" });
    const web = await parent.federation.handler(new Request("http://parent/"));
    for (const answer of [response, web]) {
      expect([answer.status, answer.headers.get("proxy-status")]).toEqual([
        502,
        '"parent"; error=destination_not_found; next-hop="nobody"',
      ]);
    }
    const looped = await fetch(`${parent.url}/`, { headers: { via: "1.1 parent" } });
    expect(looped.status).toBe(508);
  });

  test("does not tell who the client is, where it is not to", async () => {
    let seen: IncomingMessage["headers"] = {};
    await using api = await serve((got, response) => {
      seen = got.headers;
      response.end();
    });
    await using parent = await passing(api, { isAnonymous: true });
    await fetch(`${parent.url}/`, { headers: { "x-forwarded-for": "6.6.6.6" } });
    expect([seen["forwarded"], seen["x-forwarded-for"]]).toEqual([undefined, undefined]);
  });

  test("does not tell who the client is, where it is not known", async () => {
    let seen: IncomingMessage["headers"] = {};
    await using api = await serve((got, response) => {
      seen = got.headers;
      response.end();
    });
    await using parent = await passing(api);
    const response = await parent.federation.handler(new Request("http://parent/"));
    await response.text();
    expect(seen["via"]).toBe("1.1 parent");
    expect(["forwarded" in seen, "x-forwarded-for" in seen]).toEqual([false, false]);
  });

  test("ends without an answer where the host's own choice of a server fails", async () => {
    await using api = await serve(() => {});
    await using parent = await passing(api, {
      to: () => {
        throw new TypeError("A mistake of the host's.");
      },
    });
    const asked = [
      {},
      { method: "POST", body: "small" },
      { method: "POST", body: "x".repeat(1e5) },
    ];
    for (const init of asked) {
      await expect(fetch(`${parent.url}/`, init)).rejects.toThrow("fetch failed");
    }
    await expect(parent.federation.handler(new Request("http://parent/"))).rejects.toThrow(
      "A mistake of the host's.",
    );
  });
});
