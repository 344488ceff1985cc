import { startDirectory } from "concordat/testing/directory";
import { expect, test } from "vitest";

const ann = "uid=ann,ou=people,dc=example,dc=com";
const person = { objectClass: "inetOrgPerson", uid: "ann", cn: "ann", sn: "ann" };

test("a directory that is restored holds what it held, by the same ids and versions, and listens", async () => {
  await using directory = await startDirectory();
  const before = directory.add(ann, person);
  const backup = directory.backUp();
  directory.modify(ann, { replace: { title: "later" } });
  const other = "uid=bob,ou=people,dc=example,dc=com";
  directory.add(other, { ...person, uid: "bob" });
  const { url } = directory;
  await directory.restore(backup);
  expect(directory.entry(ann)).toEqual(before);
  expect(directory.entry(other)).toBeUndefined();
  expect(directory.url).toBe(url);
  // As often as wanted.
  directory.delete(ann);
  await directory.restore(backup);
  expect(directory.entry(ann)).toEqual(before);
});

test("a backup of another directory is refused", async () => {
  await using directory = await startDirectory();
  await using other = await startDirectory();
  await expect(directory.restore(other.backUp())).rejects.toMatchObject({ path: "backup" });
});

test("after the clock was set back, what is written is earlier, and no two writes have one number", async () => {
  await using directory = await startDirectory({ now: () => new Date(Date.UTC(2026, 0, 1)) });
  const csns = [directory.add(ann, person).entryCSN];
  for (const by of [-3_000, 3_000, 0]) {
    directory.setClock(by);
    csns.push(directory.modify(ann, { replace: { title: String(by) } }).entryCSN);
  }
  const [first = "", back = ""] = csns;
  expect(back < first).toBe(true);
  expect(back.startsWith("20251231235957.")).toBe(true);
  expect(new Set(csns).size).toBe(4);
});
