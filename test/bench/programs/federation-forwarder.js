// A process that forwards to the server named by its arguments, and says what it has used when it is asked.
import { createServer } from "node:http";

const [, , variant, upstream] = process.argv;

const variants = {
  /** Nothing in between: what a server of node:http costs by itself. */
  async none() {
    const answer = "x".repeat(330);
    return createServer((request, response) => {
      request.resume().on("end", () => {
        response.writeHead(200, { "content-type": "application/json", "content-length": 330 });
        response.end(answer);
      });
    });
  },
  async "pass-through"() {
    const { ConfiguredServers, passThrough } = await import("concordat/federation");
    const servers = new ConfiguredServers([
      { identifier: "child", url: upstream, allowCleartext: true },
    ]);
    return createServer(passThrough({ servers, to: ["child"], id: "parent" }).listener);
  },
  async bare() {
    return exp({});
  },
  async bareasync() {
    return exp({ asy: true });
  },
  async barefields() {
    return exp({ more: true });
  },
  async baretimer() {
    return exp({ timer: true });
  },
  async bareclose() {
    return exp({ close: true });
  },
  async rules() {
    const { ConfiguredServers, federate } = await import("concordat/federation");
    const servers = new ConfiguredServers([
      { identifier: "child", url: upstream, allowCleartext: true },
    ]);
    const federation = federate(async () => new Response(null, { status: 500 }), {
      servers,
      id: "parent",
      rules: [
        {
          name: "to the child",
          event: ["validate_check"],
          position: "pre",
          conditions: { client_ip: "127.0.0.0/8", realm: "realm1" },
          action: "forward",
          options: { privacyIDEA: "child", realm: "realm2", client_ip: "True" },
        },
      ],
    });
    return createServer(federation.listener);
  },
  async "reply-from"() {
    const { default: fastify } = await import("fastify");
    const { default: replyFrom } = await import("@fastify/reply-from");
    const app = fastify();
    app.register(replyFrom, { base: upstream });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    app.all("/*", (request, reply) => reply.from(request.raw.url));
    await app.ready();
    return app.server;
  },
  async "http-proxy"() {
    const { default: httpProxy } = await import("http-proxy");
    const { Agent } = await import("node:http");
    const proxy = httpProxy.createProxyServer({
      target: upstream,
      agent: new Agent({ keepAlive: true, maxSockets: 128 }),
      xfwd: true,
    });
    return createServer((request, response) => proxy.web(request, response));
  },
};

const server = await variants[variant]();
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
process.on("message", (wish) => {
  if (wish === "collect") globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  process.send({ cpu: user + system, memory: process.memoryUsage() });
});
process.on("disconnect", () => process.exit());

async function exp({ asy, more, timer, close }) {
  const { Pool } = await import("undici");
  const pool = new Pool(upstream, { connections: 128, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  return createServer((req, res) => {
    const extra = more ? ["accept-language", "en", "traceparent", req.headers.traceparent, "forwarded", "for=127.0.0.1;proto=http", "x-forwarded-for", "127.0.0.1", "via", "1.1 parent"] : [];
    if (close) res.once("close", () => {});
    const go = (body) => {
      let t;
      if (timer) { t = setTimeout(() => {}, 10000); clearTimeout(t); t = setTimeout(() => {}, 30000); }
      pool.dispatch({ method: req.method, path: req.url, headers: ["accept", req.headers.accept, "user-agent", req.headers["user-agent"], "content-type", req.headers["content-type"] ?? "x", ...extra], body }, {
      onRequestStart() {},
      onResponseStart(c, status, headers) { res.writeHead(status, ["content-type", headers["content-type"], "content-length", headers["content-length"]]); },
      onResponseData(c, chunk) { res.end(chunk.latin1Slice(), "latin1"); },
      onResponseEnd() { clearTimeout(t); },
      onResponseError() { res.destroy(); },
    });
    };
    const start = async () => { if (asy) { await 0; await 0; await 0; await 0; await 0; await 0; } if (req.method === "GET") go(null); else req.once("data", go); };
    if (asy) start(); else if (req.method === "GET") go(null); else req.once("data", go);
  });
}
