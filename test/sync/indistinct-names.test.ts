import { expect, test } from "vitest";
import { application, onEveryTarget } from "./stores.js";
import { apply, live, person, refresh, refused, team } from "./streams.js";

onEveryTarget(({ open }) => {
  test.each([" admin", "admin ", "ad  min", "admin\u200b", "admin\u00a0", "adm\u00adin"])(
    "a name that people cannot tell from another is refused and listed: %j",
    async (name) => {
      const target = await open();
      await apply(target, refresh([person("1", "admin"), team("g", "admin", [])]));
      const outcomes = await apply(target, [live([person("2", name), team("h", name, [])])]);
      expect(outcomes).toEqual([
        `deferred ${name}: invalid_value`,
        `deferred ${name}: invalid_value`,
      ]);
      expect(await refused(target)).toHaveLength(2);
      const { users, groups } = await application(target);
      expect([Object.keys(users), Object.keys(groups)]).toEqual([["admin"], ["admin"]]);
      // Nobody is renamed so, either; and whoever is to be disabled is.
      await apply(target, [live([person("1", name, { resource: { active: false } })])]);
      expect((await application(target)).users).toEqual({ admin: "inactive" });
      // The entry has another name now.
      await apply(target, [live([person("2", "admin2"), team("h", "admin2", [])])]);
      expect(Object.keys((await application(target)).users).sort()).toEqual(["admin", "admin2"]);
      expect((await refused(target)).map(({ sourceId }) => sourceId)).toEqual(["1"]);
    },
  );

  test("whoever has such a name keeps it, and a host may take any", async () => {
    const target = await open();
    const name = "admin\u200b";
    await apply(target, refresh([person("1", name)]), { names: "any" });
    expect(Object.keys((await application(target)).users)).toEqual([name]);
    const changed = person("1", name, { resource: { active: false } });
    expect(await apply(target, [live([changed])])).toEqual([`deactivated ${name}`]);
    expect(await refused(target)).toEqual([]);
  });
});
