import assert from "node:assert/strict";
import type { FederationServer, ServerRepository } from "../repositories/index.js";
import {
  type ContractCase,
  hostileStrings,
  type Make,
  type Requirement,
  toCases,
  unknownIds,
} from "./contract.js";

/** A {@link ServerRepository} without servers, and how servers come into it. */
export interface ServersUnderTest {
  /** The store under test. */
  readonly servers: ServerRepository;
  /** Puts servers into the store, each instead of the one with its identifier. */
  put(servers: readonly FederationServer[]): Promise<void>;
}

/** What is required of a {@link ServerRepository}. */
export async function serverRepositoryContract(
  make: Make<ServersUnderTest>,
): Promise<readonly ContractCase[]> {
  return toCases(make, requirements);
}

const full: FederationServer = {
  identifier: "child",
  url: "https://pi.example.com/privacyidea",
  description: 'The division\'s "own" – 😀',
  tls: { ca: "-----BEGIN CERTIFICATE-----\n…", pins: ["x".repeat(43)] },
  addresses: ["10.0.0.0/8"],
  limits: { connect: 1, firstByte: 2, total: 3, answerSize: 4, connections: 5 },
  decoding: "once",
  reportsOrigin: false,
  healthCheck: { path: "/healthz" },
};

const requirements: readonly Requirement<ServersUnderTest>[] = [
  {
    name: "a server that was not put there is not there",
    async check({ servers }) {
      for (const identifier of unknownIds) {
        assert.equal(await servers.get(identifier), undefined, identifier);
      }
      assert.deepEqual(await servers.list(), []);
    },
  },
  {
    name: "a server is given back as it was put there, and as it was changed",
    async check({ servers, put }) {
      await put([full]);
      assert.deepEqual(await servers.get("child"), full);
      const changed = { identifier: "child", url: "https://other.example" };
      await put([changed]);
      assert.deepEqual(await servers.get("child"), changed);
      assert.deepEqual(await servers.list(), [changed]);
    },
  },
  {
    name: "servers are kept apart, and listed by identifier",
    async check({ servers, put }) {
      const all = [...hostileStrings, "Child", "child", "child "].map((identifier) => ({
        identifier,
        url: "https://pi.example.com",
        description: identifier,
      }));
      await put(all);
      for (const server of all) assert.deepEqual(await servers.get(server.identifier), server);
      const sorted = [...all].sort((one, other) => (one.identifier < other.identifier ? -1 : 1));
      assert.deepEqual(await servers.list(), sorted);
    },
  },
];
