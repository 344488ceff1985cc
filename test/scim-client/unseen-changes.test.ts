import { NotFoundError, UnsupportedError } from "concordat";
import { describe, expect, test } from "vitest";
import { type Answer, type Asked, quirky, refusal, type Stored } from "./quirky-provider.js";

const user = (value: string) => ({ value, type: "User" as const });

/** A group with these members. */
const group = (...values: readonly string[]) => ({
  displayName: "staff",
  members: values.map((value) => ({ value })),
});

/** A service provider without PATCH, for all that it says. */
const refusesPatch = ({ method }: Asked): Answer | undefined =>
  method === "PATCH" ? refusal() : undefined;

describe("a group of which members were seen before", () => {
  test.each([[{ displayName: "crew" }], [{ displayName: "crew", externalId: "1" }]])(
    "keeps them when it is replaced, since a PATCH of %j is refused",
    async (set) => {
      await using provider = await quirky({ before: refusesPatch });
      provider.put("g", group("1", "2"));
      await provider.groups.members("g");
      await provider.groups.modify("g", { set });
      expect(provider.stored.get("g")).toMatchObject({ ...set });
      expect(provider.membersOf("g")).toEqual(["1", "2"]);
    },
  );
});

describe("members of whom one cannot be read", () => {
  const odd = { displayName: "odd", members: [{ value: "1" }, { value: "2" }, { value: 5 }] };

  test("are not none: who is to leave leaves", async () => {
    await using provider = await quirky();
    provider.put("seen", group("1"));
    provider.put("g", odd);
    await provider.groups.members("seen");
    await provider.groups.changeMembers("g", { remove: [user("1")] });
    expect(provider.membersOf("g")).toEqual(["2", 5]);
  });

  test("are not taken to be gone where nothing takes them away", async () => {
    await using provider = await quirky({
      before: ({ method, query }) =>
        method === "PATCH" ? { status: 204 } : query.has("filter") ? refusal() : undefined,
    });
    provider.put("seen", group("1"));
    provider.put("g", odd);
    await provider.groups.members("seen");
    const change = provider.groups.changeMembers("g", { remove: [user("1")] });
    await expect(change).rejects.toThrow(UnsupportedError);
  });

  test("are not taken away by a PUT", async () => {
    await using provider = await quirky({ before: refusesPatch });
    provider.put("seen", group("1"));
    provider.put("g", odd);
    await provider.groups.members("seen");
    const change = provider.groups.changeMembers("g", { add: [user("7")] });
    await expect(change).rejects.toThrow("No.");
    expect(provider.membersOf("g")).toEqual(["1", "2", 5]);
  });
});

describe("many members that no list has", () => {
  const names = (letter: string, count: number): readonly string[] =>
    Array.from({ length: count }, (_, at) => `${letter}${at}`);

  test.each(["remove", "add"] as const)(
    "and whose %s is refused are not taken for done by the first of them",
    async (what) => {
      await using provider = await quirky({ members: "never", before: refusesPatch });
      provider.put("g", group(...names("m", 20)));
      // A question was seen to find somebody.
      await provider.groups.whichAreMembers("g", ["m0"]);
      const done = names(what === "remove" ? "x" : "m", 10);
      const open = what === "remove" ? names("m", 5) : names("x", 5);
      const change = { [what]: [...done, ...open].map(user) };
      await expect(provider.groups.changeMembers("g", change)).rejects.toThrow("No.");
    },
  );

  test("and of whom one is refused, without a reason, come but for that one", async () => {
    await using provider = await quirky({
      members: "never",
      before: (asked) =>
        asked.method === "PATCH" && JSON.stringify(asked.body).includes('"m0"')
          ? refusal()
          : undefined,
    });
    provider.put("g", group("m0"));
    await provider.groups.whichAreMembers("g", ["m0"]);
    const add = [user("m0"), ...names("x", 12).map(user)];
    await provider.groups.changeMembers("g", { add });
    expect(provider.membersOf("g")).toEqual(["m0", ...names("x", 12)]);
  });
});

describe("a service provider that takes everybody away for one", () => {
  /** It ignores the filter in a path. */
  const emptying = ({ method, body }: Asked): undefined => {
    if (method !== "PATCH") return;
    for (const operation of body.Operations) {
      if (operation.op === "remove") operation.path = "members";
    }
  };

  test("has those back who were to stay, and is asked so no more", async () => {
    await using provider = await quirky({ before: emptying });
    provider.put("f", group("1"));
    provider.put("g", group("1", "2", "3"));
    provider.put("h", group("1", "2", "3"));
    // Of a group of one, nothing is to be learnt.
    await provider.groups.changeMembers("f", { remove: [user("1")] });
    await provider.groups.changeMembers("g", { remove: [user("1")], add: [user("4")] });
    expect(new Set(provider.membersOf("g"))).toEqual(new Set(["2", "3", "4"]));
    provider.requests();
    await provider.groups.changeMembers("h", { remove: [user("1")] });
    expect(provider.membersOf("h")).toEqual(["2", "3"]);
    expect(provider.requests().filter((request) => request[0] === "PATCH /Groups/h")).toEqual([]);
  });
});

describe("404 to a write", () => {
  const withoutRoutes = ({ method }: Asked): Answer | undefined =>
    method === "PATCH" || method === "DELETE"
      ? { status: 404, body: "Cannot do that", headers: { "content-type": "text/html" } }
      : undefined;

  test("does not say that a member is gone who is there", async () => {
    await using provider = await quirky({ before: withoutRoutes });
    provider.put("u", { userName: "ann", active: true });
    const disabled = provider.users.modify("u", { set: { active: false } });
    await expect(disabled).rejects.toThrow(UnsupportedError);
    await expect(provider.users.delete("u")).rejects.toThrow(UnsupportedError);
    const [result] = await provider.users.write([
      { kind: "modify", id: "u", modification: { set: { active: false } } },
    ]);
    expect(result).toMatchObject({ written: false, error: { code: "unsupported" } });
  });

  test("says it of a member who is not there", async () => {
    await using provider = await quirky({ before: withoutRoutes });
    await expect(provider.users.delete("u")).rejects.toThrow(NotFoundError);
  });

  test("does not say that nobody is in a group: members go by PUT", async () => {
    await using provider = await quirky({ before: withoutRoutes });
    provider.put("g", group("1", "2"));
    await provider.groups.changeMembers("g", { remove: [user("1")] });
    expect(provider.membersOf("g")).toEqual(["2"]);
  });
});

describe("a change of members of which one is refused", () => {
  /** Refuses who is there already, and who is not there. */
  const strict = (asked: Asked, stored: ReadonlyMap<string, Stored>): Answer | undefined => {
    if (asked.method !== "PATCH") return undefined;
    const there = new Set(stored.get("g").members.map(({ value }: Stored) => value));
    for (const { op, path, value } of asked.body.Operations) {
      if (op === "remove" && !there.has(path.split('"')[1])) return refusal("Who?", undefined, 404);
      const isDouble = op === "add" && value.some((one: Stored) => there.has(one.value));
      if (isDouble) return refusal("A member.", undefined, 409);
    }
    return undefined;
  };

  test("in a bulk request is made for the others too", async () => {
    const configuration = {
      patch: { supported: true },
      bulk: { supported: true, maxOperations: 10, maxPayloadSize: 100_000 },
    };
    await using provider = await quirky({
      configuration,
      before: ({ path, body }) =>
        path === "/Bulk"
          ? {
              status: 200,
              body: {
                Operations: body.Operations.map((one: Stored) => ({
                  ...{ method: one.method, location: one.path, status: "404" },
                })),
              },
            }
          : undefined,
    });
    provider.put("f", group("1"));
    provider.put("g", group("1", "2", "3"));
    provider.put("h", group("1", "2", "3"));
    const leaving = (id: string, value: string) => ({
      kind: "modify" as const,
      id,
      modification: { relations: { members: { remove: [user(value)] } } },
    });
    await provider.groups.write([leaving("f", "1")]);
    const results = await provider.groups.write([leaving("g", "2"), leaving("h", "3")]);
    expect(results).toEqual([
      { written: true, id: "g" },
      { written: true, id: "h" },
    ]);
    expect([provider.membersOf("g"), provider.membersOf("h")]).toEqual([
      ["1", "3"],
      ["1", "2"],
    ]);
  });

  test("with 404 or 409 is made for the others", async () => {
    await using provider = await quirky({ before: strict });
    provider.put("g", group("1", "2", "3"));
    await provider.groups.changeMembers("g", { remove: [user("1")], add: [user("4")] });
    await provider.groups.changeMembers("g", { remove: [user("1"), user("2")] });
    expect(provider.membersOf("g")).toEqual(["3", "4"]);
    await provider.groups.changeMembers("g", { remove: [user("3")], add: [user("4"), user("5")] });
    expect(provider.membersOf("g")).toEqual(["4", "5"]);
  });
});
