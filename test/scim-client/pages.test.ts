import { rfc7644Profile, userResourceType } from "concordat/scim";
import { type ResourceQuery, ScimResponseError } from "concordat/scim-client";
import { expect, test } from "vitest";
import { type Scripted, script, user } from "./scripted-provider.js";

/** A page with these users. */
function page(names: readonly string[], about: object): Scripted {
  const Resources = names.map((userName) => user({ id: userName, userName }));
  return { status: 200, body: { ...about, Resources } };
}

/** Everybody on the pages, and what was asked for. */
async function read(
  answers: readonly Scripted[],
  query: ResourceQuery = {},
): Promise<{ names: readonly unknown[]; asked: readonly string[]; error?: unknown }> {
  await using provider = await script(answers);
  const names: unknown[] = [];
  const asked = () => provider.received.map(({ target }) => target.slice("/Users".length));
  try {
    for await (const { userName } of provider.client.resources(userResourceType).list(query)) {
      names.push(userName);
    }
    return { names, asked: asked() };
  } catch (error) {
    return { names, asked: asked(), error };
  }
}

test("a service provider may give fewer than were asked for", async () => {
  const total = { totalResults: 3 };
  const { names, asked } = await read(
    [page(["ann"], { ...total, startIndex: 1 }), page(["bob", "eve"], { ...total, startIndex: 2 })],
    { count: 3 },
  );
  expect(names).toEqual(["ann", "bob", "eve"]);
  expect(asked).toEqual(["?count=3", "?count=3&startIndex=2"]);
});

test("one that runs out early is believed", async () => {
  const { names } = await read([page(["ann"], { totalResults: 9 }), page([], { totalResults: 9 })]);
  expect(names).toEqual(["ann"]);
});

test("a reading may begin in the middle", async () => {
  const { asked } = await read([page(["eve"], { totalResults: 3, startIndex: 3 })], {
    startIndex: 3,
  });
  expect(asked).toEqual(["?startIndex=3"]);
});

test("one that has pages by cursor alone is followed by cursor", async () => {
  const { names, asked } = await read([page(["ann"], { nextCursor: "b c" }), page(["bob"], {})]);
  expect(names).toEqual(["ann", "bob"]);
  expect(asked).toEqual(["", "?cursor=b+c"]);
});

test("one who moves to the next page while they are read comes once", async () => {
  const total = { totalResults: 4 };
  const { names } = await read([
    page(["ann", "bob"], total),
    page(["bob", "eve"], total),
    page(["zoe"], total),
  ]);
  expect(names).toEqual(["ann", "bob", "eve"]);
});

test.each([
  ["nothing", () => ({})],
  ["what was asked for", (startIndex: number) => ({ startIndex })],
])("one that ignores startIndex, and says %s of it, gives the same again", async (_, about) => {
  const all = Array.from({ length: 50 }, (_, n) => `user${n}`);
  const answers = [1, 51, 101].map((begin) => page(all, { totalResults: 150, ...about(begin) }));
  const { names, asked, error } = await read(answers);
  expect(error).toBeInstanceOf(ScimResponseError);
  expect(new Set(names).size).toBe(names.length);
  expect(asked).toHaveLength(2);
});

test("one that gives the last page for every page after it", async () => {
  const total = { totalResults: 9 };
  const { names, error } = await read([
    page(["ann", "bob"], total),
    page(["eve", "zoe"], total),
    page(["eve", "zoe"], total),
  ]);
  expect(names).toEqual(["ann", "bob", "eve", "zoe"]);
  expect(error).toBeInstanceOf(ScimResponseError);
});

test("numbers that are written as text are numbers", async () => {
  const { names } = await read([
    page(["ann"], { totalResults: "2", startIndex: "1" }),
    page(["bob"], { totalResults: "2", startIndex: "2" }),
  ]);
  expect(names).toEqual(["ann", "bob"]);
});

test("one odd value does not hide everybody on a page, but where only the RFCs count", async () => {
  const Resources = [
    user({ id: "1", meta: { created: "yesterday", version: "7" }, nickName: 7 }),
    user({ id: "2", userName: "bob" }),
  ];
  const answer = { status: 200, body: { totalResults: 2, Resources } };
  await using provider = await script([answer]);
  const page2 = await provider.client.resources(userResourceType).query({});
  expect(page2.resources.map(({ id, meta }) => [id, meta])).toEqual([
    ["1", { version: "7" }],
    ["2", undefined],
  ]);
  await using strict = await script([answer], { profile: rfc7644Profile });
  const query = strict.client.resources(userResourceType).query({});
  await expect(query).rejects.toThrow(ScimResponseError);
});

test("what has to be there, and cannot be read, is not ignored", async () => {
  const Resources = [user({ id: 7 })];
  await using provider = await script([{ status: 200, body: { totalResults: 1, Resources } }]);
  const query = provider.client.resources(userResourceType).query({});
  await expect(query).rejects.toThrow(ScimResponseError);
});

test.each([
  ["does not know startIndex", {}, { totalResults: 2, startIndex: 1 }, 2],
  ["does not say how many there are", {}, {}, 1],
  ["leads in a circle", { cursor: "" }, { nextCursor: "a" }, 2],
])("one that %s is no end of pages, but an error", async (_, query, about, requests) => {
  const { asked, error } = await read([page(["ann"], about)], query);
  expect(error).toBeInstanceOf(ScimResponseError);
  expect(asked).toHaveLength(requests);
});
