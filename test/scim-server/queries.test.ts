import { searchRequestId } from "concordat/scim";
import { expect, test } from "vitest";
import { vector } from "../vectors/vector.js";
import { inMemory, type Provider, provider } from "./provider.js";

async function populated(options: Parameters<typeof provider>[1] = {}): Promise<Provider> {
  const made = provider(inMemory(), options);
  for (const [userName, displayName] of [
    ["asmith", "Smith, Anna"],
    ["bjones", "Jones, Bob"],
    ["csmith", "Smith, Carl"],
  ]) {
    await made.create("/Users", { userName, displayName });
  }
  await made.create("/Groups", { displayName: "Smiths of the World" });
  return made;
}

function query(parameters: Readonly<Record<string, string>>): string {
  return `?${new URLSearchParams(parameters)}`;
}

test("RFC 7644 §3.4.3: a POST to /.search asks all types, or those of its endpoint", async () => {
  const { call } = await populated();
  const request = vector("rfc7644-3.4.3-search-request");
  const all = await call("POST", "/.search", request);
  expect(all).toMatchObject({
    status: 200,
    body: {
      totalResults: 3,
      itemsPerPage: 3,
      startIndex: 1,
    },
  });
  const shapes = all.body.Resources.map((resource: object) => Object.keys(resource).sort());
  expect(shapes).toEqual([
    ["displayName", "id", "schemas", "userName"],
    ["displayName", "id", "schemas", "userName"],
    ["displayName", "id", "schemas"],
  ]);
  const groups = await call("POST", "/Groups/.search", request);
  expect(groups.body).toMatchObject({
    totalResults: 1,
    Resources: [{ displayName: "Smiths of the World" }],
  });
});

test("RFC 9865 §3: a search has pages by cursor", async () => {
  const { call } = await populated();
  const request = {
    schemas: [searchRequestId],
    attributes: ["displayName", "userName"],
    filter: 'displayName sw "smith"',
    cursor: "",
    count: 1,
  };
  const first = await call("POST", "/Users/.search", request);
  expect(first.body).toMatchObject({ itemsPerPage: 1, nextCursor: expect.any(String) });
  const { nextCursor: cursor } = first.body;
  const second = await call("POST", "/Users/.search", { ...request, cursor });
  expect(second.body).toMatchObject({ itemsPerPage: 1, previousCursor: expect.any(String) });
  expect(second.body).not.toHaveProperty("nextCursor");
  expect(second.body.Resources[0].id).not.toBe(first.body.Resources[0].id);
  const back = { ...request, cursor: second.body.previousCursor };
  expect((await call("POST", "/Users/.search", back)).body.Resources).toEqual(first.body.Resources);
});

test("a query of the root comes type by type, in pages over the border between two", async () => {
  const { call } = await populated({ limits: { pageSize: 2 } });
  const seen: string[] = [];
  for (const startIndex of ["1", "3"]) {
    const { body } = await call("GET", `/${query({ startIndex, attributes: "displayName" })}`);
    expect(body).toMatchObject({ totalResults: 4, itemsPerPage: 2 });
    seen.push(...body.Resources.map((one: { displayName: string }) => one.displayName));
  }
  expect(seen.sort()).toEqual(["Jones, Bob", "Smith, Anna", "Smith, Carl", "Smiths of the World"]);
});

test.each([
  ['meta.resourceType eq "Group"', 1],
  ['meta.resourceType eq "User" or meta.resourceType eq "Group"', 4],
  ['userName eq "asmith" or displayName co "World"', 2],
  ["userName pr", 3],
  ["not (userName pr)", 1],
  ['userName ne "asmith"', 3],
  ["userName eq null", 1],
  ['emails[type eq "work"]', 0],
  ['meta.resourceType eq "Group" and userName pr', 0],
])("of the root, %s matches %d", async (filter, matches) => {
  const { call } = await populated();
  const { status, body } = await call("GET", `/${query({ filter })}`);
  expect({ status, body }).toMatchObject({ status: 200, body: { totalResults: matches } });
  expect(body.Resources).toHaveLength(matches);
});

test.each([
  ["/Users", { filter: "userName" }, "invalidFilter"],
  ["/Users", { filter: 'nothing eq "x"' }, "invalidFilter"],
  ["/Users", { filter: 'password eq "x"' }, "invalidFilter"],
  ["/Users", { filter: 'userName regex "x"' }, "invalidFilter"],
  ["/Users", { filter: "active gt true" }, "invalidFilter"],
  ["/Users", { filter: `userName eq "${"x".repeat(20_000)}"` }, "invalidFilter"],
  ["/", { filter: 'nothing eq "x"' }, "invalidFilter"],
  ["/Users", { sortBy: "password" }, "invalidValue"],
  ["/Users", { sortBy: "name" }, "invalidValue"],
  ["/Users", { sortBy: "userName", sortOrder: "down" }, "invalidValue"],
  ["/", { sortBy: "id" }, "invalidValue"],
  ["/Users", { startIndex: "one" }, "invalidValue"],
  ["/Users", { startIndex: "2", cursor: "" }, "invalidValue"],
  ["/Users", { attributes: "id", excludedAttributes: "id" }, "invalidValue"],
  ["/Users", { count: "many" }, "invalidCount"],
  ["/Users", { cursor: "x" }, "invalidCursor"],
  ["/", { cursor: "" }, "invalidCursor"],
])("%s with %j is refused with %s", async (path, parameters, scimType) => {
  const { call } = await populated();
  expect(await call("GET", `${path}${query(parameters as Record<string, string>)}`)).toMatchObject({
    status: 400,
    body: { scimType, status: "400" },
  });
});

test.each([
  '?FILTER=userName%20eq%20"nobody"',
  '?%20filter=userName%20eq%20"nobody"',
  '?filter=userName%20pr&filter=userName%20eq%20"nobody"',
  "?Count=1",
  "?count=1&count=2",
  "?sortBy=userName&sortBy=title",
  "?ExcludedAttributes=userName",
])("a parameter that would be ignored is refused: %s", async (parameters) => {
  const { call } = await populated({});
  const answered = await call("GET", `/Users${parameters}`);
  expect(answered).toMatchObject({ status: 400, body: { scimType: "invalidValue" } });
});

test("what cannot be filtered says so, however the filter is spelled", async () => {
  const { call } = await populated({});
  expect(await call("GET", "/Schemas?FILTER=id%20pr")).toMatchObject({ status: 403 });
});

test("a search that says something twice in different case is refused", async () => {
  const { call } = await populated({});
  const body = { schemas: [searchRequestId], filter: "userName pr", Filter: 'userName eq "x"' };
  expect(await call("POST", "/Users/.search", body)).toMatchObject({ status: 400 });
});

test("counts and indexes out of range mean what RFC 7644 §3.4.2.4 says", async () => {
  const { call } = await populated({ limits: { pageSize: 2, defaultPageSize: 1 } });
  const sizes = async (parameters: Record<string, string>): Promise<readonly number[]> => {
    const { body } = await call("GET", `/Users${query(parameters)}`);
    return [body.startIndex, body.itemsPerPage, body.totalResults];
  };
  expect(await sizes({})).toEqual([1, 1, 3]);
  expect(await sizes({ startIndex: "-5", count: "-1" })).toEqual([1, 0, 3]);
  expect(await sizes({ startIndex: "0", count: "100" })).toEqual([1, 2, 3]);
  expect(await sizes({ startIndex: "3", count: "2" })).toEqual([3, 1, 3]);
  expect(await sizes({ startIndex: "9", count: "2" })).toEqual([9, 0, 3]);
});

test("what a store does not answer is answered in memory only by choice, and up to a limit", async () => {
  const stores = inMemory();
  Object.assign(stores.users, {
    capabilities: { ...stores.users.capabilities, filter: {}, sort: [], pages: ["index"] },
  });
  const refusing = provider(stores);
  const filter = query({ filter: 'title eq "Guide"' });
  for (const userName of ["a", "b", "c"])
    await refusing.create("/Users", { userName, title: "Guide" });
  const refused = async (parameters: string): Promise<string> =>
    (await refusing.call("GET", `/Users${parameters}`)).body.scimType;
  expect(await refused(filter)).toBe("invalidFilter");
  expect(await refused(query({ sortBy: "title" }))).toBe("invalidValue");
  expect(await refused(query({ cursor: "" }))).toBe("invalidCursor");

  const { call } = provider(stores, { limits: { rowsInMemory: 3 } });
  expect((await call("GET", `/Users${filter}`)).body.totalResults).toBe(3);
  expect((await call("GET", `/Users${query({ cursor: "", count: "2" })}`)).body.itemsPerPage).toBe(
    2,
  );
  await refusing.create("/Users", { userName: "d" });
  expect(await call("GET", `/Users${filter}`)).toMatchObject({
    status: 400,
    body: { scimType: "tooMany" },
  });
});
