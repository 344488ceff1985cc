// A SCIM service provider with 10,000 users in memory, over node:http: the package's, or that of scimmy-routers on
// Express.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { nodeListener } from "concordat/node";
import { InMemoryGroupRepository, InMemoryUserRepository } from "concordat/repositories";
import { bearerTokens, createScimServer } from "concordat/scim-server";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const [variant] = process.argv.slice(2);
const token = "bench";

const people = Array.from({ length: 10_000 }, (_, n) => ({
  userName: `user${n}@example.com`,
  name: { givenName: `Given${n}`, familyName: `Family${n}` },
  emails: [{ value: `user${n}@example.com`, type: "work", primary: true }],
  active: true,
}));

async function concordat() {
  const users = new InMemoryUserRepository({ newId: ids() });
  const groups = new InMemoryGroupRepository();
  const known = [];
  for (const person of people) known.push((await users.create(person)).id);
  // Everybody is in two groups.
  for (let at = 0; at < known.length; at += 500) {
    const members = known.slice(at, at + 500).map((value) => ({ value, type: "User" }));
    await groups.create({ displayName: `Team ${at}`, members });
    await groups.create({ displayName: `Floor ${at}`, members });
  }
  const sha256 = createHash("sha256").update(token).digest("hex");
  return nodeListener(
    createScimServer({
      baseUrl: "http://localhost/scim/v2",
      authenticate: bearerTokens([{ sha256, principal: { id: "bench" } }]),
      repositories: () => ({ users, groups }),
      // What groups cost is measured apart.
      userGroups: "request",
    }),
  );
}

/** The same store behind scimmy: a Map by id, and an index by userName, which its handler may look into. */
function scimmy() {
  const newId = ids();
  const meta = { created: new Date(), lastModified: new Date() };
  const byId = new Map();
  const byName = new Map();
  for (const person of people) {
    const user = { id: newId(), ...person, meta };
    byId.set(user.id, user);
    byName.set(user.userName, user);
  }
  SCIMMY.Resources.declare(SCIMMY.Resources.User)
    .egress((resource) => {
      if (resource.id !== undefined) return byId.get(resource.id);
      const [operator, name] = resource.filter?.[0]?.userName ?? [];
      if (operator === "eq") return [byName.get(name)].filter((user) => user !== undefined);
      return [...byId.values()];
    })
    .ingress((resource, data) => {
      const user = { ...byId.get(resource.id), ...JSON.parse(JSON.stringify(data)), meta };
      byId.set(user.id, user);
      return user;
    })
    .degress((resource) => byId.delete(resource.id));
  const app = express();
  const handler = ({ headers }) => {
    if (headers.authorization !== `Bearer ${token}`) throw new Error("Nobody.");
    return "bench";
  };
  app.use("/scim/v2", new SCIMMYRouters({ type: "bearer", handler }));
  return app;
}

function ids() {
  let count = 0;
  return () => `id${String(count++).padStart(6, "0")}`;
}

const server = createServer(variant === "scimmy" ? scimmy() : await concordat());
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpu: user + system, memory: process.memoryUsage() });
});
process.on("disconnect", () => process.exit());
