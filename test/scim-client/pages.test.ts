import { userResourceType } from "concordat/scim";
import { type ResourceQuery, ScimResponseError } from "concordat/scim-client";
import { expect, test } from "vitest";
import { type Scripted, script, user } from "./scripted-provider.js";

/** A page with these users. */
function page(names: readonly string[], about: object): Scripted {
  const Resources = names.map((userName) => user({ userName }));
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

test.each([
  ["does not know startIndex", {}, { totalResults: 2, startIndex: 1 }, 2],
  ["does not say how many there are", {}, {}, 1],
  ["leads in a circle", { cursor: "" }, { nextCursor: "a" }, 2],
])("one that %s is no end of pages, but an error", async (_, query, about, requests) => {
  const { asked, error } = await read([page(["ann"], about)], query);
  expect(error).toBeInstanceOf(ScimResponseError);
  expect(asked).toHaveLength(requests);
});
