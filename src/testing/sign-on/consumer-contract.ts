import assert from "node:assert/strict";
import type { Consumer, ConsumerRepository } from "../../repositories/index.js";
import { assertThat } from "../assertions.js";
import {
  type ContractCase,
  hostileStrings,
  longStrings,
  type Make,
  type Requirement,
  toCases,
  unknownIds,
} from "../contract.js";

/** What is required of a {@link ConsumerRepository}. */
export async function consumerRepositoryContract(
  make: Make<ConsumerRepository>,
): Promise<readonly ContractCase[]> {
  return toCases(make, requirements);
}

const full: Consumer = {
  key: "shop",
  name: 'The "shop" – 😀',
  format: "http-signature",
  secrets: [
    { value: "old".repeat(20), notAfter: new Date("2026-01-02T03:04:05.678Z") },
    { value: "new".repeat(20), notBefore: new Date("2026-01-02T00:00:00.000Z") },
  ],
  redirectUris: ["https://shop.example/client/authenticate/", "https://other.example/"],
  signOutUri: "https://shop.example/client/sign-out/",
  isRevoked: false,
};

const least: Consumer = {
  key: "shop",
  name: "",
  format: "simple-sso",
  secrets: [],
  redirectUris: [],
};

const requirements: readonly Requirement<ConsumerRepository>[] = [
  {
    name: "a consumer that was not stored is not there",
    async check(consumers) {
      for (const key of unknownIds) assert.equal(await consumers.get(key), undefined, key);
      assert.deepEqual(await consumers.list(), []);
      await consumers.remove("shop");
    },
  },
  {
    name: "a consumer is given back as it was stored, and as it was changed",
    async check(consumers) {
      await consumers.save(full);
      assert.deepEqual(await consumers.get("shop"), full);
      await consumers.save(least);
      assert.deepEqual(await consumers.get("shop"), least);
      assert.deepEqual(await consumers.list(), [least]);
    },
  },
  {
    name: "consumers are kept apart, and listed by key",
    async check(consumers) {
      const all = [...hostileStrings, ...longStrings, "Shop", "shop", "shop "].map((key) => ({
        ...full,
        key,
        name: key,
      }));
      for (const consumer of all) await consumers.save(consumer);
      for (const consumer of all) assert.deepEqual(await consumers.get(consumer.key), consumer);
      const sorted = [...all].sort((one, other) => (one.key < other.key ? -1 : 1));
      assert.deepEqual(await consumers.list(), sorted);
    },
  },
  {
    name: "a consumer that is removed is gone, and no other",
    async check(consumers) {
      const other = { ...full, key: "Shop" };
      await consumers.save(full);
      await consumers.save(other);
      await consumers.remove("shop");
      assert.equal(await consumers.get("shop"), undefined);
      assert.deepEqual(await consumers.list(), [other]);
    },
  },
  {
    name: "of 20 who store one consumer at once none fails, and one is right",
    async check(consumers) {
      const names = Array.from({ length: 20 }, (_, number) => `name ${number}`);
      await Promise.all(names.map((name) => consumers.save({ ...full, name })));
      const stored = await consumers.list();
      assert.equal(stored.length, 1);
      assertThat(
        names.includes(stored[0]?.name ?? ""),
        "the consumer is one of those that were stored",
      );
    },
  },
  {
    name: "what a caller does to a consumer afterwards is not stored",
    async check(consumers) {
      const redirectUris = ["https://shop.example/"];
      await consumers.save({ ...full, redirectUris });
      redirectUris.push("https://evil.example/");
      assert.deepEqual((await consumers.get("shop"))?.redirectUris, ["https://shop.example/"]);
    },
  },
];
