import { chmod, chown, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { InvalidValueError } from "concordat";
import {
  type Change,
  type ChangeBatch,
  type ChangeStream,
  InvalidRecordingError,
  recordChanges,
  replayChanges,
} from "concordat/changes";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ann, batch, drain, header, newPath, record, replay, streamOf } from "./recordings.js";

test("a recording is a header and a batch a line", async () => {
  const path = await record([
    batch("c1", ann),
    { phase: "snapshot", refresh: "ends", changes: [] },
  ]);
  expect(await readFile(path, "utf8")).toBe(
    `${header}
{"phase":"live","changes":[{"kind":"upsert","type":"User","sourceId":"1","names":[{"kind":"dn","key":"uid=ann"}],"stamp":"2","resource":{"userName":"ann","nickName":null},"complete":true}],"checkpoint":"c1"}
{"phase":"snapshot","refresh":"ends","changes":[]}
`,
  );
  expect((await replayChanges(path)).source).toBe("directory");
});

describe("what is replayed is what was recorded", () => {
  const text = fc.string({ unit: "binary", maxLength: 20 });
  const optional = { requiredKeys: [] };
  const name = fc.record({ kind: fc.constantFrom("dn", "uid", "id"), key: text });
  const names = fc.array(name, { maxLength: 3 });
  const stamp = fc.record({ stamp: text }, optional);
  const foreign = fc.record({ foreign: fc.constant(true) }, optional);
  const member = fc.tuple(name, foreign).map(([one, other]) => ({ ...one, ...other }));
  const stated = fc.array(member, { maxLength: 3 });
  const members = fc.oneof(
    fc.record({ kind: fc.constant("all"), members: stated }),
    fc.record({ kind: fc.constant("delta"), add: stated, remove: stated }),
  );
  const resource = fc.record(
    {
      externalId: fc.option(text),
      active: fc.option(fc.boolean()),
      nickName: fc.option(text),
      emails: fc.array(fc.record({ value: text, primary: fc.boolean() }), { maxLength: 2 }),
    },
    optional,
  );
  const merge = <A, B>(first: fc.Arbitrary<A>, second: fc.Arbitrary<B>): fc.Arbitrary<A & B> =>
    fc.tuple(first, second).map(([one, other]) => ({ ...one, ...other }));
  const upsert = merge(
    fc.record({
      kind: fc.constant("upsert"),
      type: fc.constantFrom("User", "Group"),
      sourceId: text,
      names,
      resource,
      complete: fc.boolean(),
    }),
    fc.record({ stamp: text, members }, optional),
  );
  const change = fc.oneof(
    upsert,
    merge(fc.record({ kind: fc.constant("delete"), sourceId: text }), stamp),
    fc.record({
      kind: fc.constant("present"),
      entries: fc.array(
        merge(fc.record({ sourceId: text }), fc.record({ stamp: text, names }, optional)),
        { maxLength: 3 },
      ),
    }),
    fc.record({ kind: fc.constant("sweep") }),
  );
  // fast-check makes objects without a prototype too, which JSON cannot tell apart.
  const anyBatch = merge(
    fc.record({
      phase: fc.constantFrom("snapshot", "live", "reconcile"),
      changes: fc.array(change, { maxLength: 4 }),
    }),
    fc.record(
      { refresh: fc.constantFrom("begins", "continues", "ends"), checkpoint: text },
      optional,
    ),
  ).map((value) => structuredClone(value) as ChangeBatch);

  test("batch by batch, and after any checkpoint", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyBatch, { maxLength: 6 }), text, async (batches, other) => {
        const path = newPath();
        const passedOn = await drain(recordChanges(streamOf(batches), path));
        expect(passedOn).toEqual(batches);
        expect(await replay(path)).toStrictEqual(batches);
        for (const after of [other, ...batches.flatMap(({ checkpoint }) => checkpoint ?? [])]) {
          const first = batches.findIndex(({ checkpoint }) => checkpoint === after);
          expect(await replay(path, { after })).toStrictEqual(batches.slice(first + 1));
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("the file", () => {
  test("is for its owner alone", async () => {
    const path = await record([batch("c1", ann)]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test("is not overwritten", async () => {
    const path = await record([batch("c1", ann)]);
    const before = await readFile(path);
    await expect(record([batch("c2")], path)).rejects.toThrow(InvalidValueError);
    expect(await readFile(path)).toEqual(before);
  });

  test("is added to when told to, and by one recorder whenever its stream is read again", async () => {
    const path = newPath();
    const recorded = recordChanges(streamOf([batch("c1", ann)]), path);
    await drain(recorded);
    await drain(recorded);
    await record([batch("c2")], path, { append: true });
    expect((await replay(path)).map((each) => each.checkpoint)).toEqual(["c1", "c1", "c2"]);
    await record([batch("c1")], newPath(), { append: true });
  });

  test("is refused when it is a symbolic link, to what exists or not", async () => {
    const target = await record([batch("c1", ann)]);
    for (const [to, append] of [
      [target, true],
      [target, false],
      [newPath(), true],
      [newPath(), false],
    ] as const) {
      const path = newPath();
      await symlink(to, path);
      await expect(record([batch("c2")], path, { append })).rejects.toThrow(InvalidValueError);
    }
    expect((await replay(target)).length).toBe(1);
  });

  test("is refused when others have access to it", async () => {
    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      const path = await record([batch("c1", ann)]);
      await chmod(path, mode);
      await expect(record([batch("c2")], path, { append: true })).rejects.toThrow("mode 0600");
      expect((await replay(path)).length).toBe(1);
    }
  });

  test.skipIf(process.geteuid?.() !== 0)(
    "is refused when it belongs to another user, also by root",
    async () => {
      const path = await record([batch("c1", ann)]);
      await chown(path, 65_534, 65_534);
      await expect(record([batch("c2")], path, { append: true })).rejects.toThrow(
        "belongs to another user",
      );
      await chown(path, 0, 0);
      expect((await replay(path)).length).toBe(1);
    },
  );

  test("is refused when it is a folder or the recording of another source", async () => {
    await expect(record([], dirname(newPath()), { append: true })).rejects.toThrow("EISDIR");
    const path = await record([batch("c1", ann)]);
    const other = recordChanges(streamOf([], "another"), path, { append: true });
    await expect(drain(other)).rejects.toThrow(InvalidRecordingError);
    for (const diary of ["Monday\n", "Monday", "Monday\nTuesday"]) {
      const text = newPath();
      await writeFile(text, diary, { mode: 0o600 });
      await expect(record([], text, { append: true })).rejects.toThrow(InvalidRecordingError);
      expect(await readFile(text, "utf8")).toBe(diary);
    }
  });

  test("loses a line that a crash has cut, before more is added", async () => {
    const path = await record([batch("c1", ann), batch("c2", ann)]);
    const whole = await readFile(path);
    for (const cut of [whole.length - 1, whole.length - 40, header.length, 5, 0]) {
      const copy = newPath();
      await writeFile(copy, whole.subarray(0, cut), { mode: 0o600 });
      await record([batch("c3")], copy, { append: true });
      const checkpoints = (await replay(copy)).map((each) => each.checkpoint);
      expect(checkpoints).toEqual(cut > header.length ? ["c1", "c3"] : ["c3"]);
    }
  });

  test("has each batch before the batch is handed on, and no batch that was not asked for", async () => {
    const path = newPath();
    let asked = 0;
    const source: ChangeStream = {
      source: "directory",
      async *read() {
        for (;;) yield batch(`c${++asked}`, ann);
      },
    };
    const seen: (string | undefined)[] = [];
    for await (const { checkpoint } of recordChanges(source, path).read()) {
      seen.push(checkpoint);
      expect((await replay(path)).map((each) => each.checkpoint)).toEqual(seen);
      expect(asked).toBe(seen.length);
      if (seen.length === 3) break;
    }
    expect(asked).toBe(3);
  });
});

describe("a password", () => {
  const secrets = {
    userName: "ann",
    password: "secret-1",
    userPassword: "secret-2",
    PassWord: "secret-3",
    "userPassword;x-old": "secret-4",
    "urn:ietf:params:scim:schemas:core:2.0:User:password": "secret-5",
    "urn:example:2.0:User": { password: ["secret-6"], nested: [{ USERPASSWORD: "secret-7" }] },
    unicodePwd: "secret-8",
    sambaNTPassword: "secret-9",
    "urn:example:2.0:User:sambaLMPassword": "secret-10",
    "2.5.4.35;x-old": "secret-11",
    krbPrincipalKey: ["secret-12"],
  };
  const careless = { ...ann, resource: secrets } as Change;

  test("never reaches the file, and is passed on as it came", async () => {
    const path = newPath();
    const passedOn = await drain(recordChanges(streamOf([batch("c1", careless)]), path));
    expect(passedOn).toEqual([batch("c1", careless)]);
    const text = await readFile(path, "utf8");
    expect(text).not.toContain("secret");
    expect(text).toContain('"userName":"ann"');
    expect(await replay(path)).toHaveLength(1);
  });
});

test("a key that names a prototype is left out of a recording", async () => {
  const resource: unknown = JSON.parse('{"userName":"ann","__proto__":{"admin":true}}');
  const path = await record([batch("c1", { ...ann, resource } as Change)]);
  expect(await replay(path)).toEqual([batch("c1", { ...ann, resource: { userName: "ann" } })]);
});

describe("a signal", () => {
  const reason = new Error("The reader has left.");

  test("ends a replay between two batches", async () => {
    const path = await record([batch("c1", ann), batch("c2", ann)]);
    const controller = new AbortController();
    const stream = await replayChanges(path);
    const reading = stream.read({ signal: controller.signal })[Symbol.asyncIterator]();
    expect((await reading.next()).value).toEqual(batch("c1", ann));
    controller.abort(reason);
    expect(await reading.next()).toEqual({ done: true, value: undefined });
  });

  test("that is aborted already lets nothing begin", async () => {
    const path = await record([batch("c1", ann)]);
    const signal = AbortSignal.abort(reason);
    const stream = await replayChanges(path);
    expect(await stream.read({ signal })[Symbol.asyncIterator]().next()).toHaveProperty(
      "done",
      true,
    );
    await expect(replayChanges(path, { signal })).rejects.toBe(reason);
    const fresh = newPath();
    await drain(recordChanges(stream, fresh), { signal });
    await expect(stat(fresh)).rejects.toThrow("ENOENT");
  });

  test("hides no failure that comes when it is aborted", async () => {
    const controller = new AbortController();
    const failing: ChangeStream = {
      source: "directory",
      async *read() {
        yield batch("c1", ann);
        controller.abort(reason);
        throw new Error("The source has failed.");
      },
    };
    const recorded = drain(recordChanges(failing, newPath()), { signal: controller.signal });
    await expect(recorded).rejects.toThrow("The source has failed.");
  });

  test("and a checkpoint reach the stream that is recorded", async () => {
    let asked: unknown;
    const source: ChangeStream = {
      source: "directory",
      async *read(request) {
        asked = request;
        yield* [];
      },
    };
    const request = { after: "c1", signal: new AbortController().signal };
    await drain(recordChanges(source, newPath()), request);
    expect(asked).toEqual(request);
  });
});

describe("reading entries beside the stream", () => {
  test("is passed on to the stream, and not recorded", async () => {
    const path = newPath();
    const asked: unknown[] = [];
    class Directory implements ChangeStream {
      readonly source = "directory";
      readonly #entries = [ann];
      async *read(): AsyncGenerator<ChangeBatch> {
        yield batch("c1", ann);
      }
      async reread(...request: unknown[]): Promise<readonly (typeof ann)[]> {
        asked.push(request);
        return this.#entries;
      }
    }
    const recorded = recordChanges(new Directory(), path);
    await drain(recorded);
    const signal = new AbortController().signal;
    expect(await recorded.reread?.(["1"], { signal })).toEqual([ann]);
    expect(asked).toEqual([[["1"], { signal }]]);
    expect(await replay(path)).toEqual([batch("c1", ann)]);
  });

  test("is not offered where the stream does not offer it", () => {
    expect("reread" in recordChanges(streamOf([]), newPath())).toBe(false);
  });

  test("how entries become resources is passed on, since limits of what is cleared depend on it", () => {
    const stream = { ...streamOf([]), mapping: "of another profile" };
    expect(recordChanges(stream, newPath()).mapping).toBe("of another profile");
    expect("mapping" in recordChanges(streamOf([]), newPath())).toBe(false);
  });
});

test("a batch that replaying would refuse for its length is not written", async () => {
  const path = newPath();
  const long = batch("c2", { ...ann, resource: { userName: "a".repeat(64 * 1024 * 1024) } });
  const recorded = drain(recordChanges(streamOf([batch("c1", ann), long]), path));
  await expect(recorded).rejects.toThrow(InvalidRecordingError);
  expect(await replay(path)).toEqual([batch("c1", ann)]);
});

test("an error of the stream ends the recording, which keeps what came before", async () => {
  const path = newPath();
  const failure = new Error("The directory is gone.");
  const source: ChangeStream = {
    source: "directory",
    async *read() {
      yield batch("c1", ann);
      throw failure;
    },
  };
  await expect(drain(recordChanges(source, path))).rejects.toBe(failure);
  expect(await replay(path)).toEqual([batch("c1", ann)]);
});
