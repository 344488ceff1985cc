import { InMemoryNonceRepository } from "concordat/repositories";
import { describe, expect, test } from "vitest";

describe("nonces in memory", () => {
  test("are refused when the store is full, and none that is valid is forgotten", async () => {
    let now = 1_000_000;
    const nonces = new InMemoryNonceRepository({ limit: 3, now: () => new Date(now) });
    const take = (value: string, seconds: number): Promise<boolean> =>
      nonces.take({ scope: "s", value, expiresAt: new Date(now + seconds * 1_000) });
    await take("a", 10);
    await take("b", 20);
    await take("c", 20);
    await expect(take("d", 10)).rejects.toMatchObject({ code: "too_many", limit: 3 });
    for (const value of ["a", "b", "c"]) expect(await take(value, 10), value).toBe(false);
    now += 11_000;
    expect(await take("d", 10)).toBe(true);
    await expect(take("e", 10)).rejects.toMatchObject({ code: "too_many" });
    for (const value of ["b", "c", "d"]) expect(await take(value, 10), value).toBe(false);
  });

  test("are remembered to the millisecond, and may be used again then", async () => {
    let now = 1_000_500;
    const nonces = new InMemoryNonceRepository({ now: () => new Date(now) });
    const take = (expiresAt: number): Promise<boolean> =>
      nonces.take({ scope: "s", value: "n", expiresAt: new Date(expiresAt) });
    expect(await take(1_003_500)).toBe(true);
    now = 1_003_499;
    expect(await take(1_009_000)).toBe(false);
    now = 1_003_500;
    expect(await take(1_009_000)).toBe(true);
    // The second in which the first use expired is over, the second use is still remembered.
    now = 1_005_000;
    expect(await nonces.purge()).toBe(0);
    expect(await take(1_010_000)).toBe(false);
  });
});
