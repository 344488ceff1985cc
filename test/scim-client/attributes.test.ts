import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { UniquenessError, UnsupportedError } from "concordat";
import { enterpriseUserId, userResourceType } from "concordat/scim";
import { clientIgnoredChannelName } from "concordat/scim-client";
import { describe, expect, test } from "vitest";
import { type Asked, quirky, refusal, type Stored } from "./quirky-provider.js";

/** The error with which something is rejected. */
async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const ann = {
  userName: "ann",
  name: { givenName: "Ann", familyName: "Lee", formatted: "Ann Lee" },
  title: "Engineer",
  emails: [{ value: "ann@example.com", type: "work", primary: true }],
  active: true,
  [enterpriseUserId]: { department: "1", organization: "Example" },
};

/** All that a directory says of Ann: what it has no value for is to be cleared. */
const profile = {
  set: {
    userName: "ann",
    name: { givenName: "Ann", familyName: "Lee", formatted: "Ann Lee" },
    title: "Engineer",
    emails: [{ value: "ann@example.com", type: "work", primary: true }],
    active: true,
    [enterpriseUserId]: { department: "1", organization: "Example" },
  },
  unset: ["phoneNumbers", "preferredLanguage", "nickName"],
} as const;

/** A strict service provider: it refuses to remove what is not there, as RFC 7644 §3.5.2.2 does not ask for. */
const strict = ({ method, body }: Asked, stored: Map<string, Stored>) =>
  method === "PATCH" &&
  body.Operations.some(
    ({ op, path }: { op: string; path: string }) =>
      op === "remove" && !(path.split(/[.[]/)[0] ?? path in (stored.get("u") ?? {})),
  )
    ? refusal("No target found.", "noTarget")
    : undefined;

describe("a change of a user", () => {
  test("of which one attribute differs is one operation", async () => {
    await using provider = await quirky();
    provider.put("u", ann);
    await provider.users.modify("u", { ...profile, set: { ...profile.set, title: "Head" } });
    const requests = provider.requests();
    expect(requests.filter((told) => Array.isArray(told))).toEqual([
      ["PATCH /Users/u", { op: "replace", path: "title", value: "Head" }],
    ]);
    expect(requests.filter((told) => !Array.isArray(told))).toEqual([
      "GET /Users/u",
      // The first of its form is looked at.
      "GET /Users/u",
    ]);
    await provider.users.modify("u", { ...profile, set: { ...profile.set, title: "Boss" } });
    expect(provider.requests()).toHaveLength(2);
  });

  test("of one attribute is one request, without a look", async () => {
    await using provider = await quirky();
    provider.put("u", ann);
    for (const title of ["Head", "Boss"]) await provider.users.modify("u", { set: { title } });
    const requests = provider.requests();
    expect(requests.at(-1)).toEqual([
      "PATCH /Users/u",
      { op: "replace", path: "title", value: "Boss" },
    ]);
    expect(requests).toHaveLength(3);
  });

  test("that changes nothing sends nothing", async () => {
    await using provider = await quirky();
    provider.put("u", ann);
    await provider.users.modify("u", profile);
    expect(provider.requests()).toEqual(["GET /Users/u"]);
  });

  test("changes names, addresses and extensions part by part, and clears them so", async () => {
    await using provider = await quirky();
    const home = { type: "home", locality: "Oslo" };
    provider.put("u", {
      ...ann,
      addresses: [{ type: "work", streetAddress: "1 Main", locality: "Bergen" }, home],
    });
    await provider.users.modify("u", {
      set: {
        name: { familyName: "Wu", formatted: "Ann Wu" },
        addresses: [{ type: "work", streetAddress: "2 Main" }, home],
        [enterpriseUserId]: { department: "2" },
      },
    });
    const patch = provider.requests().find((told) => Array.isArray(told));
    expect(patch).toEqual([
      "PATCH /Users/u",
      { op: "replace", path: "name.formatted", value: "Ann Wu" },
      { op: "replace", path: "name.familyName", value: "Wu" },
      { op: "remove", path: "name.givenName" },
      { op: "replace", path: 'addresses[type eq "work"].streetAddress', value: "2 Main" },
      { op: "remove", path: 'addresses[type eq "work"].locality' },
      { op: "remove", path: `${enterpriseUserId}:organization` },
      { op: "replace", path: `${enterpriseUserId}:department`, value: "2" },
    ]);
  });

  test.each([undefined, "noTarget", "invalidPath", "invalidValue", "mutability"])(
    "is a PUT of what was read where the PATCH is refused with 400 and the scimType %s",
    async (scimType) => {
      await using provider = await quirky({
        before: ({ method }) => (method === "PATCH" ? refusal("No.", scimType) : undefined),
      });
      const others = { "urn:example:Badge": { number: 7 }, locale: "en-GB" };
      provider.put("u", { ...ann, ...others });
      await provider.users.modify("u", {
        set: { title: "Head", name: { familyName: "Wu" } },
        unset: ["emails"],
      });
      const put = provider.asked.find(({ method }) => method === "PUT");
      expect(put?.body).toMatchObject({
        id: "u",
        userName: "ann",
        title: "Head",
        name: { familyName: "Wu" },
        ...others,
      });
      expect(put?.body).not.toHaveProperty("emails");
      expect(provider.stored.get("u").title).toBe("Head");
    },
  );

  test("that clears what is not there is refused by some, and then made of what is", async () => {
    await using provider = await quirky({ before: strict });
    provider.put("u", ann);
    await provider.users.modify("u", { unset: ["nickName"] });
    await provider.users.modify("u", { ...profile, set: { ...profile.set, title: "Head" } });
    expect(provider.stored.get("u").title).toBe("Head");
    expect(provider.asked.some(({ method }) => method === "PUT")).toBe(false);
  });

  test("is a PUT where a PATCH is ignored", async () => {
    await using provider = await quirky({
      before: ({ method }) => (method === "PATCH" ? { status: 204 } : undefined),
    });
    provider.put("u", ann);
    await provider.users.modify("u", { set: { title: "Head", nickName: "A" } });
    expect(provider.stored.get("u")).toMatchObject({ title: "Head", nickName: "A" });
  });

  test("is a PUT at once where that is said", async () => {
    await using provider = await quirky({ options: { updates: "put" } });
    provider.put("u", ann);
    await provider.users.modify("u", { set: { title: "Head" } });
    expect(provider.asked.map(({ method }) => method).slice(0, 2)).toEqual(["GET", "PUT"]);
  });

  test.each(["PATCH", "PUT"])("is a %s on condition of the version that was read", async (way) => {
    const conditions: unknown[] = [];
    await using provider = await quirky({
      configuration: { patch: { supported: true }, etag: { supported: true } },
      before: ({ method, headers }, stored) => {
        if (method === "GET") return undefined;
        if (method !== way) return refusal();
        conditions.push(headers["if-match"]);
        if (conditions.length > 1) return undefined;
        // Another writer was faster.
        stored.set("u", { ...stored.get("u"), nickName: "A", meta: { version: 'W/"2"' } });
        return refusal("It has changed.", undefined, 412);
      },
    });
    provider.put("u", { ...ann, meta: { version: 'W/"1"' } });
    await provider.users.modify("u", { set: { title: "Head", locale: "en" } });
    expect(conditions).toEqual(['W/"1"', 'W/"2"']);
    expect(provider.stored.get("u")).toMatchObject({ title: "Head", nickName: "A" });
  });

  test("a name that is taken is taken in every form", async () => {
    await using provider = await quirky({
      before: ({ method }) =>
        method === "PATCH" ? refusal("It is taken.", "uniqueness", 409) : undefined,
    });
    provider.put("u", ann);
    const change = provider.users.modify("u", { set: { userName: "bob", title: "Head" } });
    expect(await errorOf(change)).toBeInstanceOf(UniquenessError);
    expect(provider.asked.some(({ method }) => method === "PUT")).toBe(false);
  });
});

describe("what a service provider does not keep", () => {
  const keeps = ({ title: _, ...resource }: Stored) => resource;

  test("is told of a creation, although the answer has it, and not sent again", async () => {
    await using provider = await quirky({ keeps });
    const told: unknown[] = [];
    const take = (event: unknown): unknown => told.push(event);
    subscribe(clientIgnoredChannelName, take);
    try {
      const [first, second] = await provider.users.write([
        { kind: "create", resource: { userName: "ann", title: "Engineer" } },
        { kind: "create", resource: { userName: "bob", title: "Engineer" } },
      ]);
      expect(first).toMatchObject({ written: true, ignored: ["title"] });
      // It is known by then.
      expect(second).toMatchObject({ written: true, ignored: ["title"] });
      provider.requests();
      const id = first?.written === true ? first.id : "";
      const [result] = await provider.users.write([
        { kind: "modify", id, modification: { set: { title: "Head", nickName: "A" } } },
      ]);
      expect(result).toEqual({ written: true, id, ignored: ["title"] });
      expect(provider.requests()[1]).toEqual([
        `PATCH /Users/${id}`,
        { op: "add", path: "nickName", value: "A" },
      ]);
      await provider.users.create({ userName: "eve", title: "Engineer" });
      const event = { type: "User", paths: ["title"] };
      expect(told).toMatchObject([event, event, event, event]);
    } finally {
      unsubscribe(clientIgnoredChannelName, take);
    }
  });

  test("is an error of a change that asks for it by itself", async () => {
    await using provider = await quirky({ keeps });
    provider.put("u", ann);
    const error = await errorOf(provider.users.modify("u", { set: { title: "Head" } }));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect((error as Error).message).toContain("title");
  });

  test("is an error where a user stays active, or keeps a name, whatever else was done", async () => {
    await using provider = await quirky({
      keeps: (resource) => ({ ...resource, active: true, userName: "ann" }),
    });
    provider.put("u", ann);
    for (const set of [{ active: false }, { userName: "bob" }, { active: false, title: "Head" }]) {
      const [result] = await provider.users.write([
        { kind: "modify", id: "u", modification: { set } },
      ]);
      expect(result).toMatchObject({ written: false, error: { code: "unsupported" } });
    }
  });

  test("is not what it writes in its own way", async () => {
    await using provider = await quirky({
      keeps: (resource) => ({
        ...resource,
        userName: resource.userName.toLowerCase(),
        emails: resource.emails?.map((email: object) => ({ ...email, display: "mail" })),
      }),
    });
    const [result] = await provider.users.write([
      { kind: "create", resource: { userName: "Ann", emails: [{ value: "ann@example.com" }] } },
    ]);
    expect(result).not.toHaveProperty("ignored");
  });
});

describe("a user who is created", () => {
  test("has what the service provider has to be told", async () => {
    await using provider = await quirky({ options: { newUsers: { active: true } } });
    await provider.users.create({ userName: "ann" });
    await provider.users.create({ userName: "bob", active: false });
    expect([...provider.stored.values()].map(({ active }) => active)).toEqual([true, false]);
  });

  test("inactive, and is active all the same, is disabled; or that is told", async () => {
    for (const isStubborn of [false, true]) {
      await using provider = await quirky({
        before: ({ method, body }, stored) => {
          if (method === "GET" || (method !== "POST" && !isStubborn)) return undefined;
          if (method === "POST") stored.set("u", { ...body, id: "u", active: true });
          return method === "POST" ? { status: 201, body: { ...body, id: "u" } } : { status: 204 };
        },
      });
      const [result] = await provider.users.write([
        { kind: "create", resource: { userName: "ann", active: false } },
      ]);
      expect(provider.stored.get("u").active).toBe(isStubborn);
      expect(result).toEqual({
        written: true,
        id: "u",
        ...(isStubborn && { ignored: ["active"] }),
      });
    }
  });
});

describe("a user who is deleted", () => {
  test("is gone, or it is an error", async () => {
    await using provider = await quirky({
      before: ({ method }) => (method === "DELETE" ? { status: 204 } : undefined),
    });
    provider.put("u", ann);
    expect(await errorOf(provider.users.delete("u"))).toBeInstanceOf(UnsupportedError);
  });
});

describe("a write that was answered in an odd way was done", () => {
  const created = { status: 201, body: { ...ann, id: "u" } };
  const odd = (answer: object) =>
    quirky({
      before: ({ method, body }, stored) => {
        if (method === "GET") return undefined;
        if (method === "POST") stored.set("u", { ...body, id: "u" });
        else if (method === "DELETE") stored.delete("u");
        else stored.set("u", { ...stored.get("u"), title: "Head" });
        return { ...created, ...answer };
      },
    });

  test("a creation as application/json+scim", async () => {
    await using provider = await odd({ headers: { "content-type": "application/json+scim" } });
    expect(await provider.users.create({ userName: "ann" })).toMatchObject({ id: "u" });
  });

  test.each([
    ["with a Location", { headers: { location: "http://example.com/v2/Users/u" }, body: {} }],
    ["that is HTML", { headers: { "content-type": "text/html" }, body: "<p>Created" }],
    ["that holds nothing", { body: undefined }],
  ])("a creation %s is read again", async (_, answer) => {
    await using provider = await odd(answer);
    expect(await provider.users.create({ userName: "ann" })).toMatchObject({
      id: "u",
      userName: "ann",
    });
  });

  test("a creation that cannot be found again may have been done", async () => {
    await using provider = await quirky({
      before: ({ method }) => (method === "POST" ? { status: 201, body: "OK" } : undefined),
    });
    const error = await errorOf(provider.users.create({ userName: "ann" }));
    expect(error).toMatchObject({ code: "unavailable", mayBeDone: true });
    const plain = provider.client.resources(userResourceType).create({ userName: "ann" });
    expect(await errorOf(plain)).toMatchObject({ code: "unavailable", mayBeDone: true });
  });

  test.each([
    ["{}", {}],
    ["OK", "OK"],
    ["HTML", "<p>OK"],
  ])("a PATCH with 200 and %s", async (_, body) => {
    await using provider = await odd({ status: 200, body });
    provider.put("u", ann);
    await provider.users.modify("u", { set: { title: "Head" } });
    expect(await provider.client.resources(userResourceType).patch("u", [])).toBeUndefined();
  });

  test("a PUT with 200 and nothing of use is read again", async () => {
    await using provider = await odd({ status: 200, body: "OK" });
    provider.put("u", ann);
    expect(await provider.users.replace("u", { userName: "ann" })).toMatchObject({ title: "Head" });
  });

  test("a DELETE with 200 and HTML", async () => {
    const headers = { "content-type": "text/html" };
    await using provider = await odd({ status: 200, body: "<p>Deleted", headers });
    provider.put("u", ann);
    await provider.users.delete("u");
  });

  test("a PATCH whose answer is longer than the limit", async () => {
    await using provider = await quirky({
      before: ({ method }) =>
        method === "PATCH"
          ? { status: 200, body: { ...ann, title: "x".repeat(17_000_000) } }
          : undefined,
    });
    provider.put("u", ann);
    expect(await provider.client.resources(userResourceType).patch("u", [])).toBeUndefined();
  });
});
