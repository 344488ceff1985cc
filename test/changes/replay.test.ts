import { writeFile } from "node:fs/promises";
import { ConcordatError } from "concordat";
import { type ChangeBatch, InvalidRecordingError, replayChanges } from "concordat/changes";
import { describe, expect, test } from "vitest";
import { ann, batch, header, newPath, replay } from "./recordings.js";

describe("a damaged recording", () => {
  const line = JSON.stringify(batch("c1", ann));

  async function written(...lines: readonly string[]): Promise<string> {
    const path = newPath();
    await writeFile(path, `${[header, ...lines].join("\n")}\n`);
    return path;
  }

  test.for([
    ["no JSON", "{"],
    ["an empty line", ""],
    ["another value", "[]"],
    ["an unknown phase", line.replace("live", "dead")],
    ["an unknown kind of change", line.replace("upsert", "insert")],
    ["an unknown type", line.replace("User", "Robot")],
    ["an unknown kind of name", line.replace('"dn"', '"rdn"')],
    ["an unknown key", line.replace("sourceId", "sourceID")],
    ["a key too many", line.replace('"phase"', '"more":1,"phase"')],
    ["a value of another type", line.replace('"1"', "1")],
    ["a null where there is none", line.replace('"c1"', "null")],
    ["no attributes", line.replace('{"userName":"ann","nickName":null}', "[]")],
    ["a prototype at the top", line.replace('"phase"', '"__proto__":{},"phase"')],
    [
      "a prototype in a resource",
      line.replace('"userName"', '"__proto__":{"admin":true},"userName"'),
    ],
    ["a prototype far below", line.replace("null", '[{"a":{"\\u005f_proto__":{"admin":true}}}]')],
    ["too many levels", line.replace("null", `${"[".repeat(40)}${"]".repeat(40)}`)],
    ["very many levels", line.replace("null", `${"[".repeat(100_000)}${"]".repeat(100_000)}`)],
  ] as const)("with %s says in which line", async ([, damaged]) => {
    const path = await written(line, damaged, line);
    const stream = await replayChanges(path);
    const seen: ChangeBatch[] = [];
    const read = async (): Promise<void> => {
      for await (const each of stream.read()) seen.push(each);
    };
    const error = await read().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidRecordingError);
    expect(error).toBeInstanceOf(ConcordatError);
    expect(error).toMatchObject({ code: "invalid_recording", line: 3 });
    expect(seen).toEqual([batch("c1", ann)]);
    expect(Object.prototype).not.toHaveProperty("admin");
  });

  test("says nothing of what the line holds", async () => {
    const path = await written('{"token":"hush');
    const error = await replay(path).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidRecordingError);
    const told = `${(error as Error).message} ${String((error as Error).cause)}`;
    expect(told).not.toContain("hush");
  });

  test("that is not UTF-8 is refused", async () => {
    const path = newPath();
    const bytes = Buffer.from(`${header}\n${line}\n`);
    bytes[bytes.indexOf("ann")] = 0xff;
    await writeFile(path, bytes);
    await expect(replay(path)).rejects.toThrow("Line 2: It is not JSON in UTF-8.");
  });

  test("with a line that is too long is refused, whether or not it ends", async () => {
    const long = line.replace("ann", "a".repeat(200_000));
    for (const end of ["\n", ""]) {
      const path = newPath();
      await writeFile(path, `${header}\n${line}\n${long}${end}`);
      await expect(replay(path, { maxLineLength: 100_000 })).rejects.toMatchObject({ line: 3 });
      expect(await replay(path, { maxLineLength: long.length })).toHaveLength(2);
      await expect(replay(path, { maxLineLength: long.length - 1 })).rejects.toMatchObject({
        code: "invalid_recording",
      });
    }
  });

  test.for([
    ["", "header is missing"],
    ["\n", "not JSON"],
    [line, "format"],
    [header.replace("1", "2"), "version"],
    [header.replace("concordat", "discordat"), "format"],
    [header.replace(',"source":"directory"', ""), "source"],
  ] as const)("has no header when it begins with %j", async ([text, message]) => {
    const path = newPath();
    await writeFile(path, text);
    const opened = replayChanges(path);
    await expect(opened).rejects.toThrow(message);
    await expect(opened).rejects.toMatchObject({ code: "invalid_recording", line: 1 });
  });

  test("may be missing altogether", async () => {
    await expect(replayChanges(newPath())).rejects.toThrow(InvalidRecordingError);
  });

  test("that a crash has cut is replayed up to there only when asked", async () => {
    const euro = { ...ann, sourceId: "€" };
    const whole = Buffer.from(`${header}\n${line}\n${JSON.stringify(batch("c2", euro))}`);
    const second = header.length + 1 + line.length + 1;
    for (const cut of [second + 1, whole.indexOf("€") + 1, whole.length - 1]) {
      const path = newPath();
      await writeFile(path, whole.subarray(0, cut));
      await expect(replay(path)).rejects.toMatchObject({ line: 3 });
      expect(await replay(path, { allowCutLine: true })).toEqual([batch("c1", ann)]);
    }
    const path = newPath();
    await writeFile(path, whole);
    expect(await replay(path)).toEqual([batch("c1", ann), batch("c2", euro)]);
    const damaged = await written("{", line);
    await expect(replay(damaged, { allowCutLine: true })).rejects.toMatchObject({ line: 2 });
  });
});
