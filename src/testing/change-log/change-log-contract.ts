import assert from "node:assert/strict";
import { InvalidValueError, VersionConflictError } from "../../core/index.js";
import {
  type ChangeLog,
  type LogLabel,
  type LogRecord,
  type NewLogRecord,
  ownerKey,
} from "../../repositories/index.js";
import { assertRefusal } from "../assertions.js";
import {
  type ContractCase,
  hostileStrings,
  type Make,
  type Requirement,
  toCases,
} from "../contract.js";

/** What is required of a {@link ChangeLog}. */
export async function changeLogContract(make: Make<ChangeLog>): Promise<readonly ContractCase[]> {
  return toCases(make, requirements);
}

const requirements: readonly Requirement<ChangeLog>[] = [
  {
    name: "a log that nobody has written has nothing",
    async check(log) {
      assert.equal(await log.last(), 0);
      assert.equal(await log.hasAfter(0), false);
      assert.deepEqual(await log.read(0), []);
      assert.deepEqual(await log.get([ownerKey, "e.x"]), []);
      assert.deepEqual(await all(log.list("e")), []);
    },
  },
  {
    name: "of two who take over at the same state, one becomes the owner",
    async check(log) {
      const results = await Promise.allSettled([log.claim("one", 0), log.claim("two", 0)]);
      const refused = results.filter((result) => result.status === "rejected");
      assert.equal(refused.length, 1, "one of the two is to be refused");
      assert.ok(refused[0]?.reason instanceof VersionConflictError, String(refused[0]?.reason));
      const [owner] = await log.get([ownerKey]);
      await assertRefusal(log.claim("three", 0), VersionConflictError);
      assert.equal(await log.claim("three", owner?.sequence ?? 0), await log.last());
    },
  },
  {
    name: "who is not the owner any more writes nothing, not even a part",
    async check(log) {
      const first = await log.claim("first", 0);
      await log.append(first, [record("e.a", "1")]);
      const second = await log.claim("second", first);
      const late = [record("e.a", "late"), record("e.b", "late")];
      await assertRefusal(log.append(first, late), VersionConflictError);
      assert.equal((await log.get(["e.a"]))[0]?.body, "1");
      assert.deepEqual(await log.get(["e.b"]), []);
      const last = await log.append(second, [record("e.b", "2")]);
      assert.equal(await log.last(), last);
    },
  },
  {
    name: "writes are numbered one after the other, and a key keeps its last state",
    async check(log) {
      const owner = await log.claim("o", 0);
      const last = await log.append(owner, [record("e.a", "1"), record("e.b", "1")]);
      assert.equal(last, owner + 2);
      assert.equal(await log.append(owner, [record("e.a", "2", "l")]), last + 1);
      const read = await readAll(log, 0);
      assert.deepEqual(
        read.filter(({ key }) => key !== ownerKey),
        [
          { key: "e.b", sequence: owner + 2, label: "", body: "1" },
          { key: "e.a", sequence: owner + 3, label: "l", body: "2" },
        ],
      );
      assert.deepEqual(await readAll(log, owner + 2), read.slice(-1));
      assert.equal(await log.hasAfter(owner + 2), true);
      assert.equal(await log.hasAfter(owner + 3), false);
    },
  },
  {
    name: "keys are listed by their first tokens, with and without what they hold",
    async check(log) {
      const owner = await log.claim("o", 0);
      const keys = ["m.a.1.0", "m.a.1.1", "m.a.12.0", "m.a-.1.0", "m.A.1.0", "e.a"];
      await log.append(
        owner,
        keys.map((key) => record(key, `of ${key}`, `label of ${key}`)),
      );
      const under = await all(log.under("m.a.1"));
      assert.deepEqual(under.map(({ key }) => key).sort(), ["m.a.1.0", "m.a.1.1"]);
      for (const { key, body, label } of under) {
        assert.equal(body, `of ${key}`);
        assert.equal(label, `label of ${key}`);
      }
      const listed = await all<LogLabel>(log.list("m"));
      assert.deepEqual(listed.map(({ key }) => key).sort(), [...keys.slice(0, 5)].sort());
      for (const { key, label } of listed) assert.equal(label, `label of ${key}`);
      await log.remove("m.a.1");
      assert.deepEqual(await all(log.under("m.a.1")), []);
      assert.equal((await all(log.list("m"))).length, 3);
    },
  },
  {
    name: "what is written comes back as it is",
    async check(log) {
      const owner = await log.claim("o", 0);
      const bodies = hostileStrings.map((text) => JSON.stringify(text));
      await log.append(
        owner,
        bodies.map((body, index) => record(`e.${index}`, body, body)),
      );
      for (const [index, body] of bodies.entries()) {
        const [found] = await log.get([`e.${index}`]);
        assert.equal(found?.body, body);
        assert.equal(found?.label, body);
      }
    },
  },
  {
    name: "as many records as it says are written at once, and no more",
    async check(log) {
      const owner = await log.claim("o", 0);
      const many = Array.from({ length: log.maxRecords }, (_, index) => record(`e.${index}`, "x"));
      assert.equal(await log.append(owner, many), owner + many.length);
      await assertRefusal(log.append(owner, [...many, record("e.y", "y")]), InvalidValueError);
      assert.equal((await all(log.list("e"))).length, many.length);
      assert.equal((await readAll(log, owner)).length, many.length);
      const keys = many.map(({ key }) => key);
      assert.equal((await log.get([...keys, "e.y"])).length, many.length);
    },
  },
  {
    name: "a record that is larger than it says is refused, and nothing is written",
    async check(log) {
      const owner = await log.claim("o", 0);
      const large = record("e.a", "x".repeat(log.maxRecordBytes));
      await assertRefusal(log.append(owner, [record("e.b", "y"), large]), InvalidValueError);
      assert.equal(await log.last(), owner);
    },
  },
  {
    name: "a wait ends when something is written, and when it is aborted",
    async check(log) {
      const owner = await log.claim("o", 0);
      await log.wait(owner - 1);
      const waiting = log.wait(owner);
      await log.append(owner, [record("e.a", "1")]);
      await waiting;
      const stop = new AbortController();
      const aborted = log.wait(owner + 1, { signal: stop.signal });
      stop.abort(new Error("stopped"));
      await assert.rejects(aborted, /stopped/);
    },
  },
];

function record(key: string, body: string, label?: string): NewLogRecord {
  return { key, body, ...(label !== undefined && { label }) };
}

async function all<T>(found: AsyncIterable<T>): Promise<readonly T[]> {
  const list: T[] = [];
  for await (const each of found) list.push(each);
  return list;
}

async function readAll(log: ChangeLog, after: number): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  for (let at = after; await log.hasAfter(at); at = records.at(-1)?.sequence ?? at) {
    records.push(...(await log.read(at)));
  }
  return records;
}
