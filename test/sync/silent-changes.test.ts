import { expect, test } from "vitest";
import { application, onEveryTarget } from "./stores.js";
import { dn, follow, live, person, quick, refresh, scripted, team } from "./streams.js";

onEveryTarget(({ open }) => {
  test("what was read of a group beside the stream outlasts an older state that the stream tells later", async () => {
    const target = await open();
    // Somebody was renamed, and the directory has rewritten the group, whose stamp says nothing of it.
    const before = team("g", "staff", [dn("cn=ann"), dn("cn=bob")], { stamp: "2" });
    const after = team("g", "staff", [dn("cn=anne"), dn("cn=bob")], { stamp: "2" });
    const stream = scripted([
      ...refresh([person("1", "ann"), person("2", "bob"), team("g", "staff", [dn("cn=ann")])]),
      live([person("1", "anne", { stamp: "3" })]),
      // Whoever takes the old name makes the group be read again.
      live([person("3", "ann", { stamp: "4" })]),
      // The directory had made this ready to send before it rewrote the group.
      live([before]),
    ]);
    await follow({ ...stream, reread: async () => [after] }, target, quick);
    expect((await application(target)).groups["staff"]).toEqual(["anne", "bob"]);
  });
});
