import { InMemorySignOnTokenRepository, type SignOnToken } from "concordat/repositories";
import { expect, test } from "vitest";

const begun = 1_700_000_000_000;

function storeAt(limit: number) {
  const clock = { time: begun, looks: 0 };
  const now = (): Date => {
    clock.looks += 1;
    return new Date(clock.time);
  };
  const tokens = new InMemorySignOnTokenRepository({ limit, now });
  const token = (
    id: string,
    seconds: number,
    kind: SignOnToken["kind"] = "access",
  ): SignOnToken => ({
    kind,
    id,
    consumer: "shop",
    subject: "ann",
    session: id,
    expiresAt: new Date(clock.time + seconds * 1_000),
  });
  return { clock, tokens, token };
}

test("a full store of tokens refuses, and takes more as soon as one of them has expired or was taken", async () => {
  const { clock, tokens, token } = storeAt(2);
  await tokens.save(token("a", 1));
  await tokens.save(token("b", 60));
  await expect(tokens.save(token("c", 60))).rejects.toMatchObject({ code: "too_many" });
  // In the place of the one that is there.
  await tokens.save(token("b", 60));
  clock.time += 2_000;
  await tokens.save(token("c", 60));
  await expect(tokens.save(token("d", 60))).rejects.toMatchObject({ code: "too_many" });
  await tokens.take({ kind: "access", id: "b", consumer: "shop" });
  await tokens.save(token("d", 60));
  expect(await tokens.get("access", "a")).toBeUndefined();
});

test("a full store of tokens does not look at them for each that it refuses", async () => {
  const { clock, tokens, token } = storeAt(1_000);
  for (let at = 0; at < 1_000; at++) await tokens.save(token(`${at}`, 60));
  // Whether a token has expired is asked of the clock.
  clock.looks = 0;
  for (let at = 0; at < 100; at++) {
    await expect(tokens.save(token(`more ${at}`, 60))).rejects.toMatchObject({ code: "too_many" });
  }
  expect(clock.looks).toBeLessThan(1_000);
});

test("a store of tokens knows the sessions of a user that are left", async () => {
  const { clock, tokens, token } = storeAt(10);
  await tokens.save(token("a", 1, "session"));
  await tokens.save(token("b", 60, "session"));
  await tokens.save({ ...token("b", 60, "session"), subject: "bob" });
  await tokens.save(token("c", 60, "session"));
  await tokens.save(token("c", 60));
  const idsOf = async (subject: string) =>
    (await tokens.sessions(subject)).map(({ id }) => id).sort();
  expect(await idsOf("ann")).toEqual(["a", "c"]);
  expect(await idsOf("bob")).toEqual(["b"]);
  clock.time += 1_000;
  expect(await idsOf("ann")).toEqual(["c"]);
  expect(await tokens.purge()).toBe(0);
  clock.time += 1_000;
  expect(await tokens.purge()).toBe(1);
  await tokens.take({ kind: "session", id: "c", consumer: "shop" });
  expect(await idsOf("ann")).toEqual([]);
  clock.time += 61_000;
  expect(await tokens.purge()).toBe(2);
});
