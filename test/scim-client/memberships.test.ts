import { UnsupportedError } from "concordat";
import { isRefusal } from "concordat/repositories";
import { groupSchema } from "concordat/scim";
import { describe, expect, test } from "vitest";
import { schemaDocument } from "../../src/scim/internal.js";
import { type Answer, type Asked, quirky, refusal } from "./quirky-provider.js";

/** The error with which something is rejected. */
async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const user = (value: string) => ({ value, type: "User" as const });

/** A group with these members. */
const group = (...values: readonly string[]) => ({
  displayName: "staff",
  members: values.map((value) => ({ value })),
});

/** Whether a request removes members. */
const removes = ({ body }: Asked, path?: string): boolean =>
  body?.Operations?.some(
    (operation: { op: string; path: string }) =>
      operation.op === "remove" && (path === undefined || operation.path === path),
  ) === true;

const ok: Answer = { status: 204 };

describe("a member who leaves", () => {
  test("is named by the id alone, and has left where it is not kept what members are", async () => {
    await using provider = await quirky({ keepsTypes: false });
    provider.put("g", group("1", "2"));
    await provider.groups.changeMembers("g", { remove: [user("1")] });
    expect(provider.membersOf("g")).toEqual(["2"]);
    expect(provider.requests()).toEqual([
      "GET /Groups/g?attributes=members",
      ["PATCH /Groups/g", { op: "remove", path: 'members[value eq "1"]' }],
      "GET /Groups/g?attributes=members",
    ]);
  });

  test("is named by the type too where a user and a group have one id", async () => {
    await using provider = await quirky();
    provider.put("g", {
      displayName: "staff",
      members: [
        { value: "1", type: "User" },
        { value: "1", type: "Group" },
      ],
    });
    await provider.groups.members("g");
    await provider.groups.changeMembers("g", { remove: [user("1")] });
    expect(provider.stored.get("g").members).toEqual([{ value: "1", type: "Group" }]);
  });

  test("is not looked for again once that was seen to work, but every so often", async () => {
    await using provider = await quirky({ options: { lookEvery: 3 } });
    provider.put("g", group("1", "2", "3", "4", "5"));
    for (const value of ["1", "2", "3", "4"]) {
      await provider.groups.changeMembers("g", { remove: [user(value)] });
    }
    const lines = provider.requests().map((told) => (Array.isArray(told) ? told[0] : told));
    expect(lines).toEqual([
      "GET /Groups/g?attributes=members",
      "PATCH /Groups/g",
      "GET /Groups/g?attributes=members",
      "PATCH /Groups/g",
      "PATCH /Groups/g",
      "GET /Groups/g?attributes=members",
      "PATCH /Groups/g",
    ]);
    expect(provider.membersOf("g")).toEqual(["5"]);
  });

  test("is seen to have left by an answer that has the members, without a look", async () => {
    await using provider = await quirky({ answersPatch: true });
    provider.put("g", group("1", "2", "3"));
    await provider.groups.changeMembers("g", { remove: [user("1")] });
    provider.requests();
    await provider.groups.changeMembers("g", { remove: [user("2")] });
    expect(provider.requests()).toHaveLength(1);
  });

  test("has not left where an answer says so, though it was a success", async () => {
    let isBroken = false;
    await using provider = await quirky({
      before: (asked, stored) =>
        isBroken && removes(asked) ? { status: 200, body: stored.get("g") } : undefined,
      answersPatch: true,
    });
    provider.put("g", group("1", "2", "3"));
    await provider.groups.changeMembers("g", { remove: [user("1")] });
    isBroken = true;
    await provider.groups.changeMembers("g", { remove: [user("2")] });
    // A PUT does it.
    expect(provider.membersOf("g")).toEqual(["3"]);
  });

  test("leaves by a PUT where a removal is ignored, and the others stay with all that is said of them", async () => {
    await using provider = await quirky({
      before: (asked) => (removes(asked) ? ok : undefined),
    });
    provider.put("g", {
      displayName: "staff",
      "urn:example:Team": { color: "red" },
      members: [{ value: "1" }, { value: "2", display: "Two" }],
    });
    await provider.groups.changeMembers("g", { remove: [user("1")] });
    expect(provider.stored.get("g")).toMatchObject({
      id: "g",
      displayName: "staff",
      "urn:example:Team": { color: "red" },
      members: [{ value: "2", display: "Two" }],
    });
  });

  test("is an error where nothing takes the member away", async () => {
    await using provider = await quirky({
      before: (asked, stored) =>
        removes(asked) || asked.method === "PUT"
          ? { status: 200, body: stored.get("g") }
          : undefined,
    });
    provider.put("g", group("1", "2"));
    for (const _ of ["once", "and again"]) {
      const error = await errorOf(provider.groups.changeMembers("g", { remove: [user("1")] }));
      expect(error).toBeInstanceOf(UnsupportedError);
      expect((error as Error).message).toContain('"1" still there');
      expect(isRefusal(error)).toBe(true);
    }
  });

  test("of whom nobody can see whether it has left is an error, unless it is to be believed", async () => {
    for (const options of [{}, { trustRemovals: true }]) {
      await using provider = await quirky({ members: "never", options, keepsTypes: false });
      provider.put("g", group("1", "2"));
      // It does not answer filters about members either.
      const change = provider.groups.changeMembers("g", { remove: [user("9")] });
      const error = await errorOf(change);
      if ("trustRemovals" in options) expect(error).toBeUndefined();
      else expect((error as Error | undefined)?.message).toMatch(/trustRemovals/);
    }
  });

  test("is asked for by filter where members are never returned", async () => {
    await using provider = await quirky({ members: "never" });
    provider.put("g", group("1", "2"));
    await provider.groups.changeMembers("g", { remove: [user("1")] });
    expect(provider.membersOf("g")).toEqual(["2"]);
    expect(await provider.groups.whichAreMembers("g", ["1", "2"])).toEqual(new Set(["2"]));
  });

  test("is not believed to have left because a schema says that members would be returned", async () => {
    await using provider = await quirky({
      members: "never",
      schemas: [schemaDocument(groupSchema)],
      before: (asked) => (asked.query.has("filter") ? refusal() : undefined),
    });
    provider.put("g", group("1"));
    await provider.groups.changeMembers("g", { remove: [user("1")] });
    provider.requests();
    // Nobody was ever seen in a group here: each is looked at.
    await provider.groups.changeMembers("g", { remove: [user("2")] });
    expect(provider.requests().length).toBeGreaterThan(1);
    // And whoever is added there, and not seen, is an error.
    const error = await errorOf(provider.groups.changeMembers("g", { add: [user("3")] }));
    expect(error).toBeInstanceOf(UnsupportedError);
  });

  test("is a refusal where 400 invalidFilter meets members that nobody sees", async () => {
    await using provider = await quirky({
      members: "never",
      before: (asked) =>
        removes(asked) || asked.query.has("filter") ? refusal("No.", "invalidFilter") : undefined,
    });
    provider.put("g", group("1", "2"));
    const error = await errorOf(provider.groups.changeMembers("g", { remove: [user("1")] }));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(provider.membersOf("g")).toEqual(["1", "2"]);
  });

  test.each([
    undefined,
    "noTarget",
    "invalidPath",
    "invalidFilter",
    "invalidSyntax",
    "invalidValue",
  ])("is done in another way after 400 with the scimType %s", async (scimType) => {
    let refused = 0;
    await using provider = await quirky({
      before: (asked) => (removes(asked) && refused++ < 2 ? refusal("No.", scimType) : undefined),
    });
    provider.put("g", group("1", "2", "4"));
    const remove = [user("1"), user("2"), user("3")];
    await provider.groups.changeMembers("g", { remove });
    expect(provider.membersOf("g")).toEqual(["4"]);
    const [, first, ...others] = provider.requests();
    // Who is not there is not taken away.
    expect(first).toEqual([
      "PATCH /Groups/g",
      { op: "remove", path: 'members[value eq "1"]' },
      { op: "remove", path: 'members[value eq "2"]' },
    ]);
    expect(others).toContain("PUT /Groups/g");
  });

  test("who is not there is not missed, and nothing is sent", async () => {
    await using provider = await quirky();
    provider.put("g", group("1"));
    await provider.groups.changeMembers("g", { remove: [user("2")] });
    expect(provider.requests()).toEqual(["GET /Groups/g?attributes=members"]);
  });
});

describe("members that are returned only when they are asked for by name", () => {
  test("are read by name", async () => {
    await using provider = await quirky({ members: "request" });
    provider.put("g", group("1", "2"));
    const read = await provider.groups.get("g", { attributes: ["members"] });
    expect(read).toMatchObject({ displayName: "staff", members: [{ value: "1" }, { value: "2" }] });
    expect((await provider.groups.members("g")).members).toEqual([user("1"), user("2")]);
    expect(await provider.groups.whichAreMembers("g", ["2", "3"])).toEqual(new Set(["2"]));
  });

  test("are not taken for none after a PATCH that is refused", async () => {
    await using provider = await quirky({
      members: "request",
      before: (asked) => (removes(asked) ? refusal() : undefined),
    });
    provider.put("g", group("1", "2"));
    await provider.groups.changeMembers("g", { remove: [user("1")] });
    expect(provider.membersOf("g")).toEqual(["2"]);
  });

  test("that are not returned are unknown: a group without them is not replaced, and has no empty list", async () => {
    await using provider = await quirky({
      members: "never",
      before: ({ method }) => (method === "PATCH" ? refusal() : undefined),
    });
    provider.put("g", group("1", "2"));
    const change = provider.groups.modify("g", { set: { displayName: "crew", externalId: "1" } });
    expect(await errorOf(change)).toMatchObject({ code: "invalid_value" });
    expect(provider.membersOf("g")).toEqual(["1", "2"]);
    await expect(provider.groups.members("g")).rejects.toThrow(UnsupportedError);
    const read = await provider.groups.get("g", { attributes: ["members"] });
    expect(read).not.toHaveProperty("members");
  });

  test("that are not returned are not replaced by those who come, where there is no PATCH", async () => {
    await using provider = await quirky({ members: "never", configuration: {} });
    provider.put("g", group("1", "2"));
    const error = await errorOf(provider.groups.changeMembers("g", { add: [user("3")] }));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(provider.membersOf("g")).toEqual(["1", "2"]);
  });

  test("that are not returned are none where the schema says that they would be", async () => {
    await using provider = await quirky({ schemas: [schemaDocument(groupSchema)] });
    provider.put("g", group());
    expect((await provider.groups.members("g")).members).toEqual([]);
  });

  test("and of which it is not said what they are have the type of their reference", async () => {
    await using provider = await quirky();
    provider.put("g", {
      displayName: "staff",
      members: [{ value: "1", $ref: "https://example.com/v2/Groups/1" }, { value: "2" }],
    });
    const { members } = await provider.groups.members("g");
    expect(members).toEqual([{ value: "1", type: "Group" }, user("2")]);
  });
});

describe("the groups of a member", () => {
  test("are found by the id where it is not kept what members are", async () => {
    await using provider = await quirky({ keepsTypes: false });
    provider.put("g", group("1"));
    provider.put("h", group("h1"));
    provider.put("h1", { displayName: "inner" });
    expect(await provider.groups.groupsOf("1", { type: "User" })).toEqual(["g"]);
    expect(await provider.groups.groupsOf("1", { type: "Group" })).toEqual([]);
    expect(await provider.groups.groupsOf("h1", { type: "Group" })).toEqual(["h"]);
    expect(await provider.groups.whichAreMembers("g", ["1"], { type: "User" })).toEqual(
      new Set(["1"]),
    );
  });
});

describe("members that are stated as an attribute", () => {
  test("of a group that is created, and are ignored, are added", async () => {
    await using provider = await quirky({
      before: ({ method, body }, stored) => {
        if (method !== "POST") return undefined;
        stored.set("g", { displayName: body.displayName, id: "g" });
        return { status: 201, body: { ...body, id: "g" } };
      },
    });
    provider.put("h", group("9"));
    await provider.groups.members("h");
    await provider.groups.create({ displayName: "staff", members: [{ value: "1" }] });
    expect(provider.membersOf("g")).toEqual(["1"]);
  });

  test("of a group that is replaced, and stay, are taken away", async () => {
    await using provider = await quirky({
      before: ({ method }, stored) =>
        method === "PUT" ? { status: 200, body: stored.get("g") } : undefined,
    });
    provider.put("g", group("1", "2"));
    await provider.groups.replace("g", { displayName: "staff", members: [{ value: "2" }] });
    expect(provider.membersOf("g")).toEqual(["2"]);
  });

  test("are all that there are afterwards, and are seen to be", async () => {
    await using provider = await quirky({ members: "request" });
    provider.put("g", group("1", "2"));
    const set = { displayName: "crew", members: [{ value: "3" }] };
    await provider.groups.modify("g", { set });
    expect(provider.stored.get("g").displayName).toBe("crew");
    expect(provider.membersOf("g")).toEqual(["3"]);
    await provider.groups.modify("g", { unset: ["members"] });
    expect(provider.membersOf("g")).toEqual([]);
    await provider.groups.modify("g", {
      reads: ["members"],
      plan: () => ({ set: { members: [{ value: "4" }] } }),
    });
    expect(provider.membersOf("g")).toEqual(["4"]);
  });
});

describe("a group that is emptied", () => {
  test("is emptied one by one where the removal of all is ignored", async () => {
    await using provider = await quirky({
      before: (asked) => (removes(asked, "members") ? ok : undefined),
    });
    provider.put("g", group("1", "2"));
    await provider.groups.changeMembers("g", { clear: true, add: [user("3")] });
    expect(provider.membersOf("g")).toEqual(["3"]);
    // That is known from then on.
    provider.requests();
    await provider.groups.changeMembers("g", { clear: true });
    expect(provider.requests()[1]).toEqual([
      "PATCH /Groups/g",
      { op: "remove", path: 'members[value eq "3"]' },
    ]);
    expect(provider.membersOf("g")).toEqual([]);
  });

  test("is an error where all members stay", async () => {
    await using provider = await quirky({
      before: (asked) => (removes(asked) || asked.method === "PUT" ? ok : undefined),
    });
    provider.put("g", group("1", "2"));
    const error = await errorOf(provider.groups.changeMembers("g", { clear: true }));
    expect(error).toBeInstanceOf(UnsupportedError);
  });
});

describe("members who come", () => {
  const many = (count: number) => Array.from({ length: count }, (_, n) => ({ value: `${n}` }));
  const counts = (requests: readonly unknown[]): readonly number[] =>
    requests.flatMap((told) =>
      Array.isArray(told)
        ? [told.slice(1).reduce((sum, { value = [1] }) => sum + value.length, 0)]
        : [],
    );

  test("come so many at once as is said", async () => {
    await using provider = await quirky({ options: { membersAtOnce: 2 } });
    provider.put("g", group("a", "b"));
    await provider.groups.changeMembers("g", { remove: [user("a")], add: many(4) });
    expect(counts(provider.requests())).toEqual([2, 2, 1]);
    expect(provider.membersOf("g")).toEqual(["b", "0", "1", "2", "3"]);
  });

  test.each([
    ["413", refusal("Too large.", undefined, 413), [40, 20, 20]],
    ["a refusal that names a limit", refusal("At most 20 members are allowed."), [40, 20, 20]],
    ["tooMany", refusal("No.", "tooMany"), [40, 20, 20]],
  ])("come fewer at once after %s, and that is remembered", async (_, answer, sizes) => {
    await using provider = await quirky({
      before: ({ method, body }) =>
        method === "PATCH" && body.Operations[0].value.length > 20 ? answer : undefined,
    });
    provider.put("g", group());
    await provider.groups.changeMembers("g", { add: many(40) });
    expect(counts(provider.requests())).toEqual(sizes);
    expect(provider.membersOf("g")).toHaveLength(40);
    await provider.groups.changeMembers("g", { add: many(80).slice(40) });
    expect(counts(provider.requests())).toEqual([20, 20]);
  });

  test("come 100 at once where more are refused without a word", async () => {
    await using provider = await quirky({
      before: ({ method, body }) =>
        method === "PATCH" && body.Operations[0].value.length > 100 ? { status: 400 } : undefined,
    });
    provider.put("g", group());
    await provider.groups.changeMembers("g", { add: many(250) });
    expect(counts(provider.requests())).toEqual([250, 100, 100, 50]);
  });

  test("do not come again with what is repeated because another part was refused", async () => {
    let isRefused = true;
    await using provider = await quirky({
      options: { membersAtOnce: 2 },
      before: ({ method, body }) => {
        const isLast = body?.Operations?.[0]?.value?.some(
          ({ value }: { value: string }) => value === "3",
        );
        if (method !== "PATCH" || !isLast || !isRefused) return undefined;
        isRefused = false;
        return refusal();
      },
    });
    provider.put("g", group());
    await provider.groups.changeMembers("g", { add: many(4) });
    expect(provider.membersOf("g")).toEqual(["0", "1", "2", "3"]);
  });

  test("who are there already are not added where that doubles them", async () => {
    const doubling = (
      { method, body }: Asked,
      stored: Map<string, { members: object[] }>,
    ): Answer | undefined => {
      if (method !== "PATCH") return undefined;
      stored.get("g")?.members.push(...body.Operations[0].value);
      return ok;
    };
    await using provider = await quirky({ before: doubling, options: { doublesMembers: true } });
    provider.put("g", group("1"));
    await provider.groups.changeMembers("g", { add: [user("1"), user("2"), user("2")] });
    expect(provider.membersOf("g")).toEqual(["1", "2"]);
    // Where nobody says so, it is seen the first time.
    await using other = await quirky({ before: doubling });
    other.put("g", group("1"));
    await other.groups.changeMembers("g", { add: [user("1")] });
    await other.groups.changeMembers("g", { add: [user("1")] });
    expect(other.membersOf("g")).toEqual(["1", "1"]);
  });

  test("and whom the service provider ignores are an error", async () => {
    await using provider = await quirky({
      keeps: (resource) => ({
        ...resource,
        members: resource.members?.filter(({ value }: { value: string }) => value !== "2"),
      }),
    });
    provider.put("g", group("1"));
    const error = await errorOf(provider.groups.changeMembers("g", { add: [user("2")] }));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect((error as Error).message).toContain('"2" not there');
  });
});
