import { InvalidValueError, TooManyError, UnsupportedError } from "concordat";
import {
  assertDeclared,
  type Capabilities,
  findInMemory,
  InMemoryGroupRepository,
  InMemoryUserRepository,
  type Page,
  type Query,
} from "concordat/repositories";
import {
  type BoundFilter,
  bindFilter,
  bindSort,
  groupResourceType,
  parseFilter,
  printFilter,
  type User,
  userResourceType,
} from "concordat/scim";
import { beforeEach, expect, test } from "vitest";

/** A store that answers little, and remembers what it was asked. */
class Users extends InMemoryUserRepository {
  override readonly capabilities: Capabilities;
  readonly asked: string[] = [];

  constructor(answered: Partial<Capabilities>) {
    super({ maxPageSize: 3 });
    this.capabilities = {
      filter: { userName: ["sw"], active: ["eq"] },
      maxPageSize: 3,
      versions: "atomic",
      delete: "hard",
      rename: true,
      sessions: false,
      ...answered,
    };
  }

  override async find(query: Query): Promise<Page<User>> {
    assertDeclared(query, this.capabilities);
    this.asked.push(query.filter === undefined ? "everybody" : printFilter(query.filter));
    return await super.find(query);
  }
}

const names = ["ann", "abe", "bob", "art", "eve", "ada", "amy"];

async function filled(answered: Partial<Capabilities> = {}): Promise<Users> {
  const users = new Users(answered);
  for (const [at, userName] of names.entries()) {
    await users.create({ userName, active: at % 2 === 0, title: `Title ${names.length - at}` });
  }
  return users;
}

const filter = (text: string): BoundFilter => bindFilter(parseFilter(text), userResourceType);
const named = (page: Page<User>): string[] => page.resources.map(({ userName }) => userName);

let users: Users;

beforeEach(async () => {
  users = await filled();
});

test("a query that the store answers is the store's, and has no cap", async () => {
  const page = await findInMemory(users, { filter: filter('userName sw "a"') }, { maxRows: 0 });
  expect(page).toMatchObject({ totalResults: 5, startIndex: 1 });
  expect(users.asked).toEqual(['userName sw "a"']);
});

test("of a filter, the store is asked what it declares, and the rest is evaluated here", async () => {
  const query = { filter: filter('userName sw "a" and title ew "6"') };
  await expect(users.find(query)).rejects.toThrow(UnsupportedError);
  const page = await findInMemory(users, query, { maxRows: 10 });
  expect(named(page)).toEqual(["abe"]);
  expect(page.totalResults).toBe(1);
  expect(new Set(users.asked)).toEqual(new Set(['userName sw "a"']));
});

test("where the store combines nothing, it is asked one comparison; where it does, all that it can", async () => {
  const query = { filter: filter('userName sw "a" and active eq true and title pr') };
  expect(named(await findInMemory(users, query, { maxRows: 10 })).sort()).toEqual(["amy", "ann"]);
  expect(users.asked[0]).toBe('userName sw "a"');
  const combining = await filled({ logic: ["and"] });
  expect(named(await findInMemory(combining, query, { maxRows: 10 })).sort()).toEqual([
    "amy",
    "ann",
  ]);
  expect(combining.asked[0]).toBe('userName sw "a" and active eq true');
});

test("what the store cannot answer at all is looked for among everybody, and nothing more is found", async () => {
  const page = await findInMemory(
    users,
    { filter: filter('not (userName sw "a") or title ew "7"') },
    { maxRows: 10 },
  );
  expect(named(page).sort()).toEqual(["ann", "bob", "eve"]);
  expect(new Set(users.asked)).toEqual(new Set(["everybody"]));
});

test("an order that the store does not know is made here, in pages of either kind", async () => {
  const sort = bindSort("title", userResourceType);
  const query = { sort, startIndex: 2, count: 3 };
  const page = await findInMemory(users, query, { maxRows: 10 });
  expect(named(page)).toEqual(["ada", "eve", "art"]);
  expect(page).toMatchObject({ totalResults: 7, startIndex: 2 });
  const seen: string[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const next: Page<User> = await findInMemory(users, { sort, cursor, count: 2 }, { maxRows: 10 });
    seen.push(...named(next));
    cursor = next.nextCursor;
  }
  expect(seen).toEqual([...names].reverse());
});

test("a store with pages by cursor is read by them", async () => {
  const byCursor = await filled({ pages: ["cursor"] });
  const page = await findInMemory(byCursor, { filter: filter("title pr") }, { maxRows: 10 });
  expect(page.totalResults).toBe(7);
  expect(byCursor.asked).toHaveLength(3);
});

test("more rows than the cap are not read", async () => {
  const query = { filter: filter("title pr") };
  const tooMany = { code: "too_many", limit: 6 };
  await expect(findInMemory(users, query, { maxRows: 6 })).rejects.toMatchObject(tooMany);
  expect(users.asked).toHaveLength(1);
  await expect(findInMemory(users, query, { maxRows: 6 })).rejects.toThrow(TooManyError);
  expect((await findInMemory(users, query, { maxRows: 7 })).totalResults).toBe(7);
});

test.each([
  'schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"',
  "groups pr",
  "not (groups pr)",
  'groups[value eq "1"]',
  'userName pr and groups.display co "staff"',
  'meta.location ew "/1"',
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.$ref eq "x"',
])("what the service provider adds is refused, and not taken for absent: %s", async (text) => {
  const query = { filter: filter(text) };
  await expect(findInMemory(users, query, { maxRows: 10 })).rejects.toMatchObject({
    code: "unsupported",
  });
});

test("a filter of members reads them, and they are returned only if they were asked for", async () => {
  class Groups extends InMemoryGroupRepository {
    override readonly capabilities: Capabilities = {
      ...new InMemoryGroupRepository().capabilities,
      filter: {},
    };
  }
  const groups = new Groups();
  await groups.create({ displayName: "staff", members: [{ value: "1" }] });
  await groups.create({ displayName: "crew", members: [{ value: "2" }] });
  const query = { filter: bindFilter(parseFilter('members eq "2"'), groupResourceType) };
  const { resources } = await findInMemory(groups, query, {
    maxRows: 10,
    excludedAttributes: ["members"],
  });
  expect(resources).toMatchObject([{ displayName: "crew" }]);
  expect(resources[0]?.members).toBeUndefined();
  const asked = await findInMemory(groups, query, { maxRows: 10, attributes: ["members"] });
  expect(asked.resources[0]?.members).toEqual([{ value: "2", type: "User" }]);
});

test("a query that means nothing is refused here too", async () => {
  const both = { cursor: "", startIndex: 1 };
  await expect(findInMemory(users, both, { maxRows: 10 })).rejects.toThrow(InvalidValueError);
  await expect(
    new InMemoryUserRepository().find({ filter: filter('groups.value eq "x"') }),
  ).rejects.toThrow(UnsupportedError);
});
