import assert from "node:assert/strict";
import type { NonceRepository } from "../../repositories/index.js";
import { assertRefusal } from "../assertions.js";
import {
  type ContractCase,
  hostileStrings,
  longStrings,
  type Make,
  type Requirement,
  toCases,
} from "../contract.js";

/** What is required of a {@link NonceRepository} whose clock is the system's. */
export async function nonceRepositoryContract(
  make: Make<NonceRepository>,
): Promise<readonly ContractCase[]> {
  return toCases(make, requirements);
}

const minute = 60_000;

function inOneMinute(): Date {
  return new Date(Date.now() + minute);
}

function aMinuteAgo(): Date {
  return new Date(Date.now() - minute);
}

const requirements: readonly Requirement<NonceRepository>[] = [
  {
    name: "a nonce is taken once",
    async check(nonces) {
      const nonce = { scope: "s", value: "n", expiresAt: inOneMinute() };
      assert.equal(await nonces.take(nonce), true);
      assert.equal(await nonces.take(nonce), false);
      assert.equal(await nonces.take({ ...nonce, expiresAt: aMinuteAgo() }), false);
      assert.equal(await nonces.take({ ...nonce, expiresAt: inOneMinute() }), false);
    },
  },
  {
    name: "of 100 concurrent takes of one nonce exactly one is the first",
    async check(nonces) {
      for (const value of ["a", "b", "c"]) {
        const nonce = { scope: "s", value, expiresAt: inOneMinute() };
        const results = await Promise.all(Array.from({ length: 100 }, () => nonces.take(nonce)));
        assert.equal(results.filter(Boolean).length, 1);
      }
    },
  },
  {
    name: "of 100 concurrent takes of a nonce that has expired exactly one is the first",
    async check(nonces) {
      const nonce = { scope: "s", value: "n" };
      assert.equal(await nonces.take({ ...nonce, expiresAt: aMinuteAgo() }), true);
      const results = await Promise.all(
        Array.from({ length: 100 }, () => nonces.take({ ...nonce, expiresAt: inOneMinute() })),
      );
      assert.equal(results.filter(Boolean).length, 1);
    },
  },
  {
    name: "scopes and values are kept apart, whatever they hold",
    async check(nonces) {
      const texts = [...hostileStrings, ...longStrings, "nul\u0000byte", ""];
      const expiresAt = inOneMinute();
      for (const text of texts) {
        assert.equal(await nonces.take({ scope: text, value: "n", expiresAt }), true, text);
        assert.equal(await nonces.take({ scope: "s", value: text, expiresAt }), true, text);
      }
      for (const text of texts) {
        assert.equal(await nonces.take({ scope: text, value: "n", expiresAt }), false, text);
        assert.equal(await nonces.take({ scope: "s", value: text, expiresAt }), false, text);
      }
      for (const value of ["A", "a", "a ", "\u00e4"]) {
        assert.equal(await nonces.take({ scope: "case", value, expiresAt }), true, value);
      }
      assert.equal(await nonces.take({ scope: "ab", value: "c", expiresAt }), true);
      assert.equal(await nonces.take({ scope: "a", value: "bc", expiresAt }), true);
    },
  },
  {
    name: "purge forgets what has expired, and nothing else",
    async check(nonces) {
      const valid = { scope: "s", value: "valid", expiresAt: inOneMinute() };
      await nonces.take(valid);
      await nonces.take({ scope: "s", value: "expired", expiresAt: aMinuteAgo() });
      assert.equal(await nonces.purge(), 1);
      assert.equal(await nonces.purge(), 0);
      assert.equal(await nonces.take(valid), false);
    },
  },
  {
    name: "a call that is aborted before it begins takes nothing",
    async check(nonces) {
      const nonce = { scope: "s", value: "n", expiresAt: inOneMinute() };
      const reason = new Error("aborted");
      const signal = AbortSignal.abort(reason);
      await assertRefusal(nonces.take(nonce, { signal }), reason);
      assert.equal(await nonces.take(nonce), true);
    },
  },
];
