import type { Name } from "concordat/changes";
import { expect, test } from "vitest";
import { application, onEveryTarget, userNamed } from "./stores.js";
import { apply, dn, gone, live, person, refresh, team, uid } from "./streams.js";

/** A name that is not the one in the RDN. */
function alias(key: string): Name {
  return { ...uid(key), alias: true };
}

/** A person whose entry has several values for the name, and says by its RDN which it is. */
function named(sourceId: string, proper: string, ...aliases: string[]) {
  return person(sourceId, proper, {
    names: [dn(`uid=${proper}`), uid(proper), ...aliases.map(alias)],
  });
}

/** A person whose RDN is of another attribute, so that any of the values may be the name. */
function candidate(sourceId: string, ...values: [string, ...string[]]) {
  const nameCandidates = [...values].sort();
  return person(sourceId, nameCandidates[0] ?? "", {
    names: [dn(`cn=${sourceId}`), ...nameCandidates.map(alias)],
    nameCandidates,
  });
}

onEveryTarget(({ open }) => {
  test("values in another order rename nobody", async () => {
    const target = await open();
    await apply(target, refresh([named("1", "mary")]));
    expect(await apply(target, [live([named("1", "mary", "mjones")])])).toEqual([]);
    expect(Object.keys((await application(target)).users)).toEqual(["mary"]);
  });

  test("an account keeps its name while that is among the values, and no RDN says otherwise", async () => {
    const target = await open();
    await apply(target, refresh([candidate("1", "mary")]));
    await apply(target, [live([candidate("1", "mary", "anna", "mjones")])]);
    expect(Object.keys((await application(target)).users)).toEqual(["mary"]);
    // In whatever case it has it.
    await apply(target, [live([candidate("1", "Mary", "anna")])]);
    expect(Object.keys((await application(target)).users)).toEqual(["Mary"]);
    await apply(target, [live([candidate("1", "zoe", "anna")])]);
    expect(Object.keys((await application(target)).users)).toEqual(["anna"]);
    // Another value that goes is no reason to look for a name.
    await apply(target, [live([candidate("1", "anna")])]);
    expect(Object.keys((await application(target)).users)).toEqual(["anna"]);
    await apply(target, [live([named("1", "mjones", "anna")])]);
    expect(Object.keys((await application(target)).users)).toEqual(["mjones"]);
  });

  test("a value that comes before the present one in order does not rename, and neither does its going", async () => {
    const target = await open();
    await apply(target, refresh([candidate("1", "mary", "zoe")]));
    expect(Object.keys((await application(target)).users)).toEqual(["mary"]);
    await apply(target, [live([candidate("1", "anna", "mary", "zoe")])]);
    await apply(target, [live([candidate("1", "anna", "zoe", "mary")])]);
    await apply(target, [live([candidate("1", "mary", "zoe")])]);
    expect(Object.keys((await application(target)).users)).toEqual(["mary"]);
    await apply(target, [live([candidate("1", "zoe")])]);
    expect(Object.keys((await application(target)).users)).toEqual(["zoe"]);
  });

  test("a name that a rename kept as an alias goes to the next entry that gets it, with what it means", async () => {
    const target = await open();
    const staff = team("g", "staff", [uid("mary")]);
    await apply(target, refresh([named("1", "mary"), staff]));
    await apply(target, [live([named("1", "mjones", "mary")])]);
    // Nobody else has it: it means whoever has it for an alias.
    expect((await application(target)).groups).toEqual({ staff: ["mjones"] });
    expect(await apply(target, [live([named("2", "mary")])])).toEqual([
      "created mary",
      "mjones out of staff",
      "mary into staff",
    ]);
    await apply(target, [live([gone("2")])]);
    expect((await application(target)).groups).toEqual({ staff: ["mjones"] });
  });

  test("an alias that two have means neither, and a proper name among aliases means its holder", async () => {
    const target = await open();
    const staff = team("g", "staff", [uid("x")]);
    await apply(target, refresh([named("1", "ann", "x"), named("2", "bob", "x"), staff]));
    expect((await application(target)).groups).toEqual({ staff: [] });
    await apply(target, [live([named("3", "x")])]);
    expect((await application(target)).groups).toEqual({ staff: ["x"] });
    await apply(target, [live([named("3", "cid", "x")])]);
    expect((await application(target)).groups).toEqual({ staff: [] });
    await apply(target, [live([named("1", "x", "ann")])]);
    expect((await application(target)).groups).toEqual({ staff: ["x"] });
    expect((await userNamed(target, "x")).id).toBeDefined();
  });

  test("a group that has several values for its name keeps the one that it has", async () => {
    const target = await open();
    const group = (...values: [string, ...string[]]) =>
      team("g", values[0], [], { nameCandidates: values });
    await apply(target, refresh([group("staff")]));
    await apply(target, [live([group("crew", "staff")])]);
    expect(Object.keys((await application(target)).groups)).toEqual(["staff"]);
    await apply(target, [live([group("crew", "team")])]);
    expect(Object.keys((await application(target)).groups)).toEqual(["crew"]);
  });

  test("a name that becomes an alias, or is none any more, means another one from then on", async () => {
    const target = await open();
    const ann = (name: Name) => person("1", "ann", { names: [dn("cn=1"), name] });
    const bob = person("2", "bob", { names: [dn("cn=2"), alias("x")] });
    await apply(target, refresh([ann(alias("x")), bob, team("g", "staff", [uid("x")])]));
    expect((await application(target)).groups).toEqual({ staff: [] });
    expect(await apply(target, [live([ann(uid("x"))])])).toEqual(["ann into staff"]);
    expect(await apply(target, [live([ann(alias("x"))])])).toEqual(["ann out of staff"]);
  });
});
