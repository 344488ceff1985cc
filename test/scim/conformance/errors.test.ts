import { ConcordatError } from "concordat";
import { type Capabilities, findInMemory, InMemoryUserRepository } from "concordat/repositories";
import {
  bindFilter,
  parseFilter,
  patchOpId,
  planPatch,
  readResource,
  userResourceType,
} from "concordat/scim";
import { expect, test } from "vitest";

const plan = (operation: object) =>
  planPatch(userResourceType, { schemas: [patchOpId], Operations: [operation] });

const bind = (filter: string) => bindFilter(parseFilter(filter), userResourceType);

/** A store that answers no filter, so that its users have to be read to find some. */
class Unasked extends InMemoryUserRepository {
  override readonly capabilities: Capabilities = {
    ...new InMemoryUserRepository().capabilities,
    filter: {},
  };
}

async function twoUsers(): Promise<Unasked> {
  const users = new Unasked();
  await users.create({ userName: "ann", title: "Dr." });
  await users.create({ userName: "bob", title: "Dr." });
  return users;
}

/**
 * The keywords of RFC 7644 §3.12, table 9, and what is refused with each of them. Two are about HTTP: invalidVers,
 * sensitive.
 */
const refused: Readonly<Record<string, readonly (() => unknown)[]>> = {
  invalidFilter: [
    () => parseFilter("title regex 1"),
    () => bind("active gt true"),
    () => plan({ op: "remove", path: "emails[unknown pr]" }),
  ],
  tooMany: [
    async () => findInMemory(await twoUsers(), { filter: bind('title eq "dr."') }, { maxRows: 1 }),
  ],
  uniqueness: [async () => (await twoUsers()).create({ userName: "ANN" })],
  mutability: [
    () => plan({ op: "replace", path: "id", value: "2" }),
    () => plan({ op: "remove", path: "userName" }),
  ],
  invalidSyntax: [
    () => planPatch(userResourceType, { Operations: [] }),
    () => plan({ op: "move", path: "title" }),
  ],
  invalidPath: [() => plan({ op: "add", path: "a/b", value: "x" })],
  noTarget: [() => plan({ op: "remove" })],
  invalidValue: [
    () => readResource(userResourceType, { userName: 1 }, { context: "creation" }),
    () => plan({ op: "add", path: "active", value: "yes" }),
    () => plan({ op: "replace", path: "userName", value: 1 }),
  ],
};

test.each(Object.keys(refused))("%s is the code of the errors that it names", async (scimType) => {
  const code = scimType.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  for (const refuse of refused[scimType] ?? []) {
    const error: unknown = await Promise.resolve()
      .then(refuse)
      .then(
        () => undefined,
        (reason) => reason,
      );
    expect(error).toBeInstanceOf(ConcordatError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(/\w/) });
    if (error instanceof Error && "scimType" in error) expect(error.scimType).toBe(scimType);
  }
});
