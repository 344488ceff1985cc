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
