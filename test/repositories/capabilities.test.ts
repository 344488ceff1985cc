import { InvalidValueError, UnsupportedError } from "concordat";
import { assertDeclared, type Capabilities, InMemoryUserRepository } from "concordat/repositories";
import {
  type BoundFilter,
  bindFilter,
  bindSort,
  parseFilter,
  userResourceType,
} from "concordat/scim";
import { expect, test } from "vitest";
import { supportsFilter } from "../../src/repositories/internal.js";

const capabilities: Capabilities = {
  filter: { userName: ["eq", "sw"], emails: ["valuePath"], "emails.type": ["eq"] },
  logic: ["and"],
  sort: ["userName"],
  maxPageSize: 10,
  versions: "none",
  delete: "none",
  rename: false,
  sessions: false,
};

const filter = (text: string): BoundFilter => bindFilter(parseFilter(text), userResourceType);

test.each([
  ['userName eq "a"', true],
  ['USERNAME sw "a"', true],
  ['userName co "a"', false],
  ['title eq "a"', false],
  ['userName eq "a" and userName sw "b"', true],
  ['userName eq "a" and title pr', false],
  ['userName eq "a" or userName eq "b"', false],
  ['not (userName eq "a")', false],
  ['emails[type eq "work"]', true],
  ['emails[type eq "work" and type eq "home"]', true],
  ['emails[value eq "a"]', false],
  ['emails[type eq "work" and value co "a"]', false],
  ['emails.type eq "work"', true],
  ['emails eq "a"', false],
])("whether %s is answered, where little is declared: %s", (text, isAnswered) => {
  expect(supportsFilter(capabilities, filter(text))).toBe(isAnswered);
  const assertSupported = (): void => assertDeclared({ filter: filter(text) }, capabilities);
  if (isAnswered) assertSupported();
  else expect(assertSupported).toThrow(UnsupportedError);
});

test("what a record inherits is not declared", () => {
  const { path, target, operator } = Object(filter('userName eq "a"'));
  const inherited = { path, operator, value: "a", target: { ...target, path: "constructor" } };
  expect(supportsFilter(capabilities, inherited)).toBe(false);
});

test("an order and a page that are not declared are refused", () => {
  const sorted = (path: string) => ({ sort: bindSort(path, userResourceType) });
  assertDeclared(sorted("userName"), capabilities);
  expect(() => assertDeclared(sorted("title"), capabilities)).toThrow(UnsupportedError);
  expect(() => assertDeclared({ cursor: "" }, capabilities)).toThrow(UnsupportedError);
  const byCursor: Capabilities = { ...capabilities, pages: ["cursor"] };
  assertDeclared({ cursor: "" }, byCursor);
  assertDeclared({ startIndex: 1 }, byCursor);
  expect(() => assertDeclared({ startIndex: 2 }, byCursor)).toThrow(UnsupportedError);
  expect(() => assertDeclared({ cursor: "", startIndex: 1 }, byCursor)).toThrow(InvalidValueError);
});

test("a cursor of one order means nothing in another", async () => {
  const users = new InMemoryUserRepository();
  for (const userName of ["ann", "bob"]) await users.create({ userName });
  const { nextCursor = "" } = await users.find({ cursor: "", count: 1 });
  const sort = bindSort("userName", userResourceType);
  await expect(users.find({ cursor: nextCursor, sort })).rejects.toThrow(InvalidValueError);
});
