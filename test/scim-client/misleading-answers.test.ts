import { UnsupportedError } from "concordat";
import { userResourceType } from "concordat/scim";
import { describe, expect, test } from "vitest";
import { errorId } from "../../src/scim/internal.js";
import { type Answer, type Asked, quirky, refusal } from "./quirky-provider.js";
import { script } from "./scripted-provider.js";

const user = (value: string) => ({ value, type: "User" as const });

const group = (...values: readonly string[]) => ({
  displayName: "staff",
  members: values.map((value) => ({ value })),
});

describe("an error that is answered as a success", () => {
  const failed = (error: object): Answer => ({
    status: 200,
    body: { schemas: [errorId], detail: "No.", ...error },
  });

  test.each([
    ["400", "invalid_value"],
    [403, "unsupported"],
    ["not a number", "unavailable"],
  ])("is an error: %s", async (status, code) => {
    let isOver = false;
    const answer = failed({ status });
    await using provider = await quirky({
      before: ({ method }) => (isOver && method !== "GET" ? answer : undefined),
      options: { lookEvery: Number.POSITIVE_INFINITY },
    });
    provider.put("g", group("1", "2"));
    provider.put("u", { userName: "ann", active: true });
    provider.put("v", { userName: "bob", active: true });
    // Each form was seen to work.
    await provider.groups.changeMembers("g", { add: [user("3")] });
    await provider.users.modify("u", { set: { active: false } });
    await provider.users.delete("u");
    isOver = true;
    await expect(provider.groups.changeMembers("g", { add: [user("4")] })).rejects.toMatchObject({
      code,
    });
    await expect(provider.users.modify("v", { set: { active: false } })).rejects.toMatchObject({
      code,
    });
    await expect(provider.users.delete("v")).rejects.toMatchObject({ code });
  });
});

test("an error that is answered as the success of a bulk operation is one", async () => {
  const response = { schemas: [errorId], status: "403" };
  await using provider = await script(
    [{ status: 200, body: { Operations: [{ method: "DELETE", status: "200", response }] } }],
    { configuration: { bulk: { supported: true } } },
  );
  const outcomes = await provider.client.bulk([{ method: "DELETE", path: "/Users/1" }]);
  expect(outcomes).toMatchObject([{ done: false, error: { code: "unsupported" } }]);
});

describe("pages by cursor that go round in a circle", () => {
  const after: Readonly<Record<string, string>> = { "": "a", a: "b", b: "c", c: "d", d: "b" };

  test.each([
    ["of resources", true],
    ["of nothing", false],
  ])("are an error: %s", async (_, hasResources) => {
    const page = ({ query }: Asked): Answer | undefined => {
      const cursor = query.get("cursor");
      if (cursor === null) return undefined;
      const Resources = hasResources ? [{ id: `u${cursor}`, userName: `u${cursor}` }] : [];
      return { status: 200, body: { totalResults: 5, nextCursor: after[cursor], Resources } };
    };
    await using provider = await quirky({ before: page });
    const read = async () => {
      let count = 0;
      const list = provider.client.resources(userResourceType).list({ cursor: "" });
      for await (const _ of list) if (count++ > 100) return;
    };
    // A list that never ends would leave the loop, or the time of the test.
    await expect(read()).rejects.toThrow("again");
  });
});

describe("members of a group that is written whole", () => {
  test("with others, and ignored, are reported to be ignored", async () => {
    const before = ({ method, body }: Asked): undefined => {
      if (method === "POST") Reflect.deleteProperty(body, "members");
    };
    await using added = await quirky({ before });
    const resource = { displayName: "staff", members: [user("1")] };
    added.put("seen", group("1"));
    await added.groups.members("seen");
    const [result] = await added.groups.write([{ kind: "create", resource }]);
    expect(result).toMatchObject({ written: true });
    expect(result?.written === true && added.membersOf(result.id)).toEqual(["1"]);
    await using passed = await quirky({
      before: (asked) => {
        before(asked);
        return ["PATCH", "PUT"].includes(asked.method) ? refusal() : undefined;
      },
    });
    passed.put("seen", group("1"));
    await passed.groups.members("seen");
    const results = await passed.groups.write([{ kind: "create", resource }]);
    expect(results).toEqual([{ written: true, id: expect.any(String), ignored: ["members"] }]);
  });

  test("and whom nobody can see are not believed to be all that there are", async () => {
    const answer = (asked: Asked): Answer | undefined =>
      asked.method === "PUT"
        ? { status: 200, body: { id: "g", displayName: "staff" } }
        : asked.query.has("filter")
          ? refusal()
          : undefined;
    await using provider = await quirky({ members: "never", before: answer });
    provider.put("g", group("1", "2"));
    const replaced = provider.groups.replace("g", { displayName: "staff", members: [user("2")] });
    await expect(replaced).rejects.toThrow(UnsupportedError);
  });
});

describe("the groups of a user", () => {
  test("who has the id of a group are found", async () => {
    await using provider = await quirky();
    provider.put("5", { displayName: "five" });
    provider.put("g", { displayName: "g", members: [{ value: "5", type: "User" }] });
    provider.put("h", { displayName: "h", members: [{ value: "5", type: "Group" }] });
    expect(await provider.groups.groupsOf("5", { type: "User" })).toEqual(["g"]);
  });
});

describe("credentials that a service provider repeats", () => {
  test("are in no error: those of Basic decoded, and those that were refused before", async () => {
    const authorization = `Basic ${Buffer.from("admin:correct horse").toString("base64")}`;
    await using basic = await script(
      [{ status: 401, body: { detail: "No admin:correct horse, no correct horse." } }],
      { authorization },
    );
    await expect(basic.client.schemas()).rejects.toThrow("No …, no ….");
    await using renewed = await script(
      [{ status: 401 }, { status: 403, body: { detail: "No first-of-tokens." } }],
      {
        authorization: ({ refused }) =>
          refused === undefined ? "Bearer first-of-tokens" : "Bearer second",
      },
    );
    const call = renewed.client.resources(userResourceType).get("1");
    await expect(call).rejects.toThrow("No ….");
  });
});
