import assert from "node:assert/strict";
import type { SignOnToken, SignOnTokenRepository } from "../../repositories/index.js";
import { assertRefusal } from "../assertions.js";
import {
  assertRows,
  type ContractCase,
  hostileStrings,
  longStrings,
  type Make,
  type Requirement,
  toCases,
  unknownIds,
} from "../contract.js";

/** What is required of a {@link SignOnTokenRepository} whose clock is the system's. */
export async function signOnTokenRepositoryContract(
  make: Make<SignOnTokenRepository>,
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

function accessToken(id: string, consumer = "shop"): SignOnToken {
  return { kind: "access", id, consumer, expiresAt: inOneMinute(), subject: "ann" };
}

function session(id: string, subject: string): SignOnToken {
  return { kind: "session", id, consumer: "shop", expiresAt: inOneMinute(), subject, session: id };
}

const requirements: readonly Requirement<SignOnTokenRepository>[] = [
  {
    name: "a token that was not stored is not there",
    async check(tokens) {
      for (const id of unknownIds) {
        assert.equal(await tokens.get("access", id), undefined, id);
        const taken = await tokens.take({ kind: "access", id, consumer: "shop" });
        assert.equal(taken, undefined, id);
        assert.deepEqual(await tokens.sessions(id), [], id);
      }
    },
  },
  {
    name: "a token is given back as it was stored, until it is taken",
    async check(tokens) {
      const least: SignOnToken = {
        kind: "request",
        id: "t",
        consumer: "shop",
        expiresAt: inOneMinute(),
      };
      const full: SignOnToken = {
        ...least,
        kind: "access",
        redirectTo: "https://shop.example/?next=%2F&x=😀",
        state: "s",
        subject: "ann",
        session: "n",
        request: "r",
      };
      for (const token of [least, full]) {
        await tokens.save(token);
        assert.deepEqual(await tokens.get(token.kind, "t"), token);
        assert.deepEqual(await tokens.get(token.kind, "t"), token);
        assert.deepEqual(await tokens.take(token), token);
        assert.equal(await tokens.get(token.kind, "t"), undefined);
        assert.equal(await tokens.take(token), undefined);
      }
    },
  },
  {
    name: "of 200 concurrent takes of one token exactly one is given it",
    async check(tokens) {
      for (const id of ["a", "b", "c"]) {
        const token = accessToken(id);
        await tokens.save(token);
        const taken = await Promise.all(Array.from({ length: 200 }, () => tokens.take(token)));
        assert.deepEqual(
          taken.filter((one) => one !== undefined),
          [token],
        );
      }
    },
  },
  {
    name: "another consumer does not find a token, and does not take it away",
    async check(tokens) {
      const token = accessToken("t");
      await tokens.save(token);
      for (const consumer of ["forum", "Shop", "shop ", ""]) {
        const taken = await tokens.take({ kind: "access", id: "t", consumer });
        assert.equal(taken, undefined, consumer);
      }
      assert.deepEqual(await tokens.take(token), token);
    },
  },
  {
    name: "kinds and ids are kept apart, whatever they hold",
    async check(tokens) {
      const ids = [...hostileStrings, ...longStrings, "nul\u0000byte", "A", "a", "a "];
      const all = ids.flatMap((id) => [
        accessToken(id, id),
        { ...accessToken(id, id), kind: "request" as const },
      ]);
      for (const token of all) await tokens.save(token);
      for (const token of all) assert.deepEqual(await tokens.take(token), token);
    },
  },
  {
    name: "a token that has expired is as good as gone",
    async check(tokens) {
      const token = { ...session("s", "ann"), expiresAt: aMinuteAgo() };
      await tokens.save(token);
      assert.equal(await tokens.get("session", "s"), undefined);
      assert.equal(await tokens.take(token), undefined);
      assert.deepEqual(await tokens.sessions("ann"), []);
    },
  },
  {
    name: "a token that is stored again lasts as long as it says then",
    async check(tokens) {
      const token = session("s", "ann");
      await tokens.save({ ...token, expiresAt: aMinuteAgo() });
      await tokens.save(token);
      assert.deepEqual(await tokens.sessions("ann"), [token]);
    },
  },
  {
    name: "the sessions of a user are those of no other user, and nothing but sessions",
    async check(tokens) {
      const anns = [session("1", "ann"), session("2", "ann")];
      for (const token of [...anns, session("3", "Ann"), session("4", "ann ")]) {
        await tokens.save(token);
      }
      await tokens.save(accessToken("5"));
      assertRows(await tokens.sessions("ann"), anns);
    },
  },
  {
    name: "purge forgets what has expired, and nothing else",
    async check(tokens) {
      const valid = accessToken("valid");
      await tokens.save(valid);
      await tokens.save({ ...accessToken("expired"), expiresAt: aMinuteAgo() });
      assert.equal(await tokens.purge(), 1);
      assert.equal(await tokens.purge(), 0);
      assert.deepEqual(await tokens.take(valid), valid);
    },
  },
  {
    name: "a call that is aborted before it begins takes nothing",
    async check(tokens) {
      const token = accessToken("t");
      await tokens.save(token);
      const reason = new Error("aborted");
      const signal = AbortSignal.abort(reason);
      await assertRefusal(tokens.take(token, { signal }), reason);
      assert.deepEqual(await tokens.take(token), token);
    },
  },
];
