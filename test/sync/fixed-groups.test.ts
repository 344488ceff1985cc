import { expect, test } from "vitest";
import { application, groupNamed, onEveryTarget, type Target, withFixedGroups } from "./stores.js";
import { apply, gone, live, person, refresh, refused, team, uid } from "./streams.js";

const match = { groups: "displayName" } as const;
const [ann, bob] = [person("1", "ann"), person("2", "bob")];

onEveryTarget(({ open }) => {
  /** A target with the group `staff` declared, and entries of it that have come and gone. */
  async function declared(): Promise<{ target: Target; id: string }> {
    const target = withFixedGroups(await open({ uniqueDisplayName: true }));
    await target.groups.create({ displayName: "staff" });
    return { target, id: await groupNamed(target, "staff") };
  }

  test("a group that is made again in the directory has the declared one, and only its own members", async () => {
    const { target, id } = await declared();
    await apply(target, refresh([ann, bob, team("g", "staff", [uid("ann")])]), { match });
    await apply(target, [live([gone("g")], "2")], { match });
    expect((await application(target)).groups).toEqual({ staff: [] });
    const again = team("h", "staff", [uid("bob")]);
    expect(await apply(target, [live([again], "3")], { match })).toEqual([
      "adopted staff",
      "bob into staff",
    ]);
    expect((await application(target)).groups).toEqual({ staff: ["bob"] });
    expect(await groupNamed(target, "staff")).toBe(id);
    // And once more, by a refresh that has missed both.
    await apply(target, refresh([ann, bob, team("i", "staff", [uid("ann")])]), { match });
    expect((await application(target)).groups).toEqual({ staff: ["ann"] });
    expect(await refused(target)).toEqual([]);
  });

  test("members whom somebody has put into it by hand stay, whoever has it", async () => {
    const { target, id } = await declared();
    const zoe = await target.users.create({ userName: "zoe" });
    await target.groups.changeMembers(id, { add: [{ value: zoe.id }] });
    await apply(target, refresh([ann, team("g", "staff", [uid("ann")])]), { match });
    await apply(target, [live([gone("g"), team("h", "staff", [])], "2")], { match });
    expect((await application(target)).groups).toEqual({ staff: ["zoe"] });
  });

  test("without a match it is refused in words, and the group stays without members", async () => {
    const target = withFixedGroups(await open({ uniqueDisplayName: true }));
    await apply(target, refresh([ann, team("g", "staff", [uid("ann")])]));
    await apply(target, [live([gone("g"), team("h", "staff", [uid("ann")])], "2")]);
    expect((await refused(target)).map(({ failure }) => failure.message)).toEqual([
      'A group named "staff" is left of an entry that is gone, and cannot be renamed.',
    ]);
    expect((await application(target)).groups).toEqual({ staff: [] });
  });

  test("a group whose entry is there is nobody else's", async () => {
    const { target } = await declared();
    await apply(target, refresh([ann, team("g", "staff", [uid("ann")])]), { match });
    await apply(target, [live([team("h", "staff", [])], "2")], { match });
    expect((await application(target)).groups).toEqual({ staff: ["ann"] });
    expect(await refused(target)).toHaveLength(1);
    // When it goes, the other one has it.
    await apply(target, [live([gone("g")], "3")], { match });
    expect((await application(target)).groups).toEqual({ staff: [] });
    expect(await refused(target)).toEqual([]);
  });
});
