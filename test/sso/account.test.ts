import { UnavailableError } from "concordat";
import { InMemoryLinkRepository, InMemoryUserRepository } from "concordat/repositories";
import {
  accountFor,
  type Identity,
  linkAccount,
  linkedAccount,
  newUserOf,
  readSignOnUser,
  SignOnError,
  signOnUserOf,
} from "concordat/sso";
import { describe, expect, test } from "vitest";

const server = "https://sso.example/server/";

function identityOf(subject: string, username: string): Identity {
  return { server, subject, user: readSignOnUser({ username, is_superuser: true }) };
}

describe("accountFor", () => {
  test("makes an account, and finds it by the subject when it was renamed there and here", async () => {
    const [users, links] = [new InMemoryUserRepository(), new InMemoryLinkRepository()];
    const made = await accountFor(identityOf("1", "ann"), { users, links });
    await users.modify(made.id, { set: { userName: "ann.b" } });
    const found = await accountFor(identityOf("1", "anna"), { users, links });
    expect(found).toMatchObject({ id: made.id, userName: "ann.b" });
    // The link is one of a user, as those of change streams are.
    const owner = await links.get(`sign-on ${server}`, ["1"]);
    expect(owner).toMatchObject([{ type: "User", state: "live", resourceId: made.id }]);
  });

  test("keeps the same subject of two servers apart", async () => {
    const [users, links] = [new InMemoryUserRepository(), new InMemoryLinkRepository()];
    const one = await accountFor(identityOf("1", "ann"), { users, links });
    const elsewhere = { ...identityOf("1", "bob"), server: "https://other.example/server/" };
    expect((await accountFor(elsewhere, { users, links })).id).not.toBe(one.id);
  });

  test("adopts an account that the host names, and leaves it as it is", async () => {
    const [users, links] = [new InMemoryUserRepository(), new InMemoryLinkRepository()];
    const local = await users.create({ userName: "ann", title: "Dr." });
    const adopt = async (): Promise<string> => local.id;
    expect(await accountFor(identityOf("1", "ann"), { users, links, adopt })).toEqual(local);
    expect(await accountFor(identityOf("1", "ann"), { users, links })).toEqual(local);
  });

  test("refuses a name that is taken, until its owner links the account", async () => {
    const [users, links] = [new InMemoryUserRepository(), new InMemoryLinkRepository()];
    const local = await users.create({ userName: "ANN" });
    const refused = accountFor(identityOf("1", "ann"), { users, links });
    await expect(refused).rejects.toMatchObject({ reason: "user_name_taken" });
    expect(await linkedAccount(identityOf("1", "ann"), { users, links })).toBeUndefined();
    await linkAccount({ users, links }, identityOf("1", "ann"), local);
    expect(await accountFor(identityOf("1", "ann"), { users, links })).toEqual(local);
  });

  test("leaves no account that it cannot link", async () => {
    const [users, links] = [new InMemoryUserRepository(), new InMemoryLinkRepository()];
    const save = links.save.bind(links);
    links.save = () => Promise.reject(new UnavailableError("no store"));
    await expect(accountFor(identityOf("1", "ann"), { users, links })).rejects.toThrow("no store");
    links.save = save;
    expect(await accountFor(identityOf("1", "ann"), { users, links })).toMatchObject({
      userName: "ann",
    });
  });

  test("leaves none either where the visitor has gone meanwhile", async () => {
    const [users, links] = [new InMemoryUserRepository(), new InMemoryLinkRepository()];
    const visit = new AbortController();
    links.save = async () => {
      visit.abort();
      throw new UnavailableError("no store");
    };
    const left = accountFor(identityOf("1", "ann"), { users, links }, { signal: visit.signal });
    await expect(left).rejects.toThrow("no store");
    expect((await users.find({})).resources).toEqual([]);
  });

  test("lets all in who come at once for the first time, into one account", async () => {
    const [users, links] = [new InMemoryUserRepository(), new InMemoryLinkRepository()];
    const save = links.save.bind(links);
    links.save = async (source, saved) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await save(source, saved);
    };
    const accounts = await Promise.all(
      Array.from({ length: 5 }, () => accountFor(identityOf("1", "ann"), { users, links })),
    );
    expect(new Set(accounts.map(({ id }) => id)).size).toBe(1);
  });

  test("makes another account where the linked one is gone", async () => {
    const [users, links] = [new InMemoryUserRepository(), new InMemoryLinkRepository()];
    const first = await accountFor(identityOf("1", "ann"), { users, links });
    await users.delete(first.id);
    const second = await accountFor(identityOf("1", "ann"), { users, links });
    expect(second.id).not.toBe(first.id);
    expect(await linkedAccount(identityOf("1", "ann"), { users, links })).toEqual(second);
  });
});

describe("the user object", () => {
  test("is told of a SCIM User, by its primary address", () => {
    const emails = [{ value: "a@example.com" }, { value: "b@example.com", primary: true }];
    const user = { schemas: [], id: "1", userName: "ann", name: { givenName: "Ann" }, emails };
    expect(signOnUserOf(user, { isStaff: true })).toEqual({
      username: "ann",
      email: "b@example.com",
      first_name: "Ann",
      last_name: "",
      is_staff: true,
      is_superuser: false,
      is_active: true,
    });
    expect(signOnUserOf({ schemas: [], id: "1", userName: "ann", active: false }).is_active).toBe(
      false,
    );
  });

  test("becomes a User without its privileges", () => {
    const told = {
      username: "ann",
      email: "a@example.com",
      last_name: "B",
      is_superuser: true,
      is_staff: true,
      extra_data: { roles: ["admin"] },
    };
    expect(newUserOf(readSignOnUser(told))).toEqual({
      userName: "ann",
      active: true,
      name: { familyName: "B" },
      emails: [{ value: "a@example.com", primary: true }],
    });
  });

  test.each([
    null,
    "ann",
    [],
    {},
    { username: "" },
    { username: 1 },
    { username: "x".repeat(1_025) },
    { username: "ann", is_active: "false" },
    { username: "ann", email: null },
  ])("is not %j", (told) => {
    expect(() => readSignOnUser(told)).toThrow(SignOnError);
  });
});
