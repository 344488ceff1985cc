import type { ContractCase } from "concordat/testing";
import { describe, expect, test } from "vitest";

/** A suite over a repository with one flaw, and the case that must see it. */
export interface Flaw {
  readonly flaw: string;
  readonly cases: Promise<readonly ContractCase[]>;
  readonly caughtBy: string;
}

/** One test for each flaw: that the suite fails in the case that must see it. */
export function testFlaws(title: string, flaws: readonly Flaw[]): void {
  describe(`the contract of ${title} catches a store that`, () => {
    test.for(flaws)("$flaw", async ({ cases, caughtBy }) => {
      const failed: string[] = [];
      for (const { name, skip, run } of await cases) {
        if (skip === undefined) await run().catch(() => failed.push(name));
      }
      expect(failed).toContain(caughtBy);
    });
  });
}
