// A SCIM service provider over a SQLite file, on node:http: `scim-server-sqlite.js FILE`.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { nodeListener } from "concordat/node";
import { bearerTokens, createScimServer } from "concordat/scim-server";
import { Kysely } from "kysely";

const [path] = process.argv.slice(2);
const { users, groups } = kyselyTarget({
  db: new Kysely({ dialect: nodeSqliteDialect({ path }) }),
});
const sha256 = createHash("sha256").update("bench").digest("hex");
const handler = createScimServer({
  baseUrl: "http://localhost/scim/v2",
  authenticate: bearerTokens([{ sha256, principal: { id: "bench" } }]),
  repositories: () => ({ users, groups }),
  // What groups cost is measured apart.
  userGroups: "request",
});
const server = createServer(nodeListener(handler));
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  const { maxRSS } = process.resourceUsage();
  process.send({ cpu: user + system, memory: process.memoryUsage(), peak: maxRSS / 1_000 });
});
process.on("disconnect", () => process.exit());
