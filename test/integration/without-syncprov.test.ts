import { UnsupportedError } from "concordat";
import { inMemoryTarget } from "concordat/repositories";
import { expect, test } from "vitest";
import type { Target } from "../sync/stores.js";
import { Following } from "./following.js";
import { describeWithSlapd, startSlapd } from "./slapd.js";

describeWithSlapd("a slapd that has syncprov, but not on this database", () => {
  test("ends the stream with an error that says what to load", async () => {
    await using slapd = await startSlapd({ syncprov: false });
    await using app = new Following(slapd, inMemoryTarget() as Target);
    app.start();
    const failure = await app.failure();
    expect(failure).toBeInstanceOf(UnsupportedError);
    expect(failure).toHaveProperty("message", expect.stringMatching(/syncprov/));
  });
});
