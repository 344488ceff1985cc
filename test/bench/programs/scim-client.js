/**
 * Follows 1,000 people and 50 groups into the package's own service provider over HTTP, and counts the requests:
 * `scim-client.js patch|bulk`.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { nodeListener } from "concordat/node";
import {
  InMemoryGroupRepository,
  InMemoryUserRepository,
  inMemoryTarget,
} from "concordat/repositories";
import { enterpriseUserId } from "concordat/scim";
import { remoteRepositories, ScimClient } from "concordat/scim-client";
import { bearerTokens, createScimServer } from "concordat/scim-server";
import { synchronize } from "concordat/sync";

const [way] = process.argv.slice(2);
const token = "bench";
const sha256 = createHash("sha256").update(token).digest("hex");

let requests = [];
const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const baseUrl = `http://127.0.0.1:${server.address().port}/scim/v2`;
const stores = { users: new InMemoryUserRepository(), groups: new InMemoryGroupRepository() };
const listener = nodeListener(
  createScimServer({
    baseUrl,
    authenticate: bearerTokens([{ sha256, principal: { id: "bench" } }]),
    repositories: () => stores,
  }),
);
server.on("request", (request, response) => {
  requests.push({ method: request.method, bytes: Number(request.headers["content-length"] ?? 0) });
  listener(request, response);
});

const client = new ScimClient({
  baseUrl,
  authorization: `Bearer ${token}`,
  allowCleartext: true,
  ...(way === "patch" && {
    configuration: {
      patch: { supported: true },
      filter: { supported: true, maxResults: 200 },
      etag: { supported: true },
    },
  }),
});
const { users, groups } = await remoteRepositories(client);
const { links, memberships, checkpoints } = inMemoryTarget({ transactions: false });

const person = (number, title) => ({
  kind: "upsert",
  type: "User",
  sourceId: `u${number}`,
  names: [{ kind: "dn", key: `uid=u${number}` }],
  complete: true,
  resource: {
    userName: `user${number}`,
    externalId: `u${number}`,
    name: { formatted: `Given F${number}`, familyName: `F${number}`, givenName: "Given" },
    displayName: `Given F${number}`,
    title,
    userType: "staff",
    preferredLanguage: null,
    emails: [{ value: `user${number}@example.com`, type: "work", primary: true }],
    phoneNumbers: null,
    [enterpriseUserId]: { department: "1", organization: "Example" },
  },
});

const group = (number) => ({
  kind: "upsert",
  type: "Group",
  sourceId: `g${number}`,
  names: [{ kind: "dn", key: `cn=g${number}` }],
  complete: true,
  resource: { displayName: `Group ${number}`, externalId: `g${number}` },
  members: {
    kind: "all",
    members: Array.from({ length: 40 }, (_, at) => ({
      kind: "dn",
      key: `uid=u${(number * 37 + at) % 1_000}`,
    })),
  },
});

/** Applies batches. @returns how many requests that took, and of those with PATCH how many bytes. */
async function apply(batches) {
  requests = [];
  const stream = {
    source: "bench",
    async *read() {
      yield* batches;
    },
  };
  const target = { users, groups, links, memberships, checkpoints };
  for await (const { kind } of synchronize(stream, target)) {
    if (kind === "deferred" || kind === "memberDeferred") throw new Error(`Something is ${kind}.`);
  }
  const patches = requests.filter(({ method }) => method === "PATCH");
  return {
    requests: requests.length,
    patches: patches.length,
    patchBytes: patches.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

const everything = [
  ...Array.from({ length: 1_000 }, (_, number) => person(number, "Engineer")),
  ...Array.from({ length: 50 }, (_, number) => group(number)),
];
const snapshot = [];
for (let at = 0; at < everything.length; at += 500) {
  snapshot.push({ phase: "snapshot", changes: everything.slice(at, at + 500) });
}
snapshot[0].refresh = "begins";
Object.assign(snapshot.at(-1), { refresh: "ends", checkpoint: "1" });
const live = (changes, checkpoint) => [{ phase: "live", changes, checkpoint }];

const figures = {
  first: await apply(snapshot),
  again: await apply(snapshot),
  // The first of its form is looked at.
  firstTitle: await apply(live([person(1, "Head")], "2")),
  title: await apply(live([person(2, "Head")], "3")),
  titles: await apply(
    live(
      everything.slice(100, 200).map((_, at) => person(100 + at, "Head")),
      "4",
    ),
  ),
};
process.stdout.write(JSON.stringify(figures));
await client[Symbol.asyncDispose]();
server.closeAllConnections();
server.close();
