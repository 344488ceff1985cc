import { InvalidValueError } from "concordat";
import { LdapCredentialsError, type WatchOptions, watchDirectory } from "concordat/ldap";
import { type Directory, startDirectory } from "concordat/testing/directory";
import { expect, test } from "vitest";
import { changesOf, Watching } from "./watching.js";

const bind = { method: "simple", dn: "cn=admin,dc=example,dc=com", password: "secret" } as const;

function optionsFor(urls: readonly string[]): WatchOptions {
  return {
    urls,
    source: "directory",
    base: "dc=example,dc=com",
    bind,
    allowCleartext: true,
    reconcileEvery: false,
    reconnect: { initialDelay: 1, maxDelay: 1, maxAttempts: 20 },
  };
}

function addPerson(directory: Directory, uid: string): void {
  const dn = `uid=${uid},ou=people,dc=example,dc=com`;
  directory.add(dn, { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid });
}

/** The names of the people that were told. */
function told(batches: Parameters<typeof changesOf>[0]): readonly string[] {
  return changesOf(batches).flatMap((change) =>
    change.kind === "upsert" && change.type === "User" ? [change.resource.userName ?? "?"] : [],
  );
}

test("the first server that answers is read, in the order in which they are given", async () => {
  await using first = await startDirectory();
  await using second = await startDirectory();
  addPerson(first, "ann");
  addPerson(second, "bob");
  await using inOrder = new Watching(watchDirectory(optionsFor([first.url, second.url])));
  expect(told(await inOrder.refreshed())).toEqual(["ann"]);
  await using turned = new Watching(watchDirectory(optionsFor([second.url, first.url])));
  expect(told(await turned.refreshed())).toEqual(["bob"]);
});

test("a server that is down is passed by, at the start and later", async () => {
  const first = await startDirectory();
  await using second = await startDirectory();
  addPerson(first, "ann");
  addPerson(second, "bob");
  const { url } = first;
  await using watching = new Watching(watchDirectory(optionsFor([url, second.url])));
  expect(told(await watching.refreshed())).toEqual(["ann"]);
  watching.ask();
  await first.stop();
  expect(told(await watching.refreshed())).toEqual(["bob"]);
  await using later = new Watching(watchDirectory(optionsFor([url, second.url])));
  expect(told(await later.refreshed())).toEqual(["bob"]);
});

test("a password that one server refuses is tried at no other", async () => {
  await using first = await startDirectory();
  await using second = await startDirectory({ password: "other" });
  const options = { ...optionsFor([second.url, first.url]) };
  await using watching = new Watching(watchDirectory(options));
  await expect(watching.next()).rejects.toThrow(LdapCredentialsError);
});

test("what none of the servers mends by itself is thrown", async () => {
  await using first = await startDirectory();
  await using second = await startDirectory();
  const options = { ...optionsFor([first.url, second.url]), base: "ou=nowhere,dc=example,dc=com" };
  await using watching = new Watching(watchDirectory(options));
  await expect(watching.next()).rejects.toMatchObject({ code: "ldap_result" });
});

test.for<[string, Partial<WatchOptions>]>([
  ["source", { urls: ["ldap://a.example.com"] }],
  ["url", { urls: [], source: "directory" }],
  ["urls", { url: "ldap://a.example.com", urls: ["ldap://b.example.com"], source: "directory" }],
  ["url", {}],
  ["url", { urls: ["ldap://a.example.com", "http://b.example.com"], source: "directory" }],
])(
  "servers that cannot be are refused at once, by the name of the option: %s",
  ([option, given]) => {
    const options = { base: "dc=example,dc=com", bind, allowCleartext: true, ...given };
    expect(() => watchDirectory(options)).toThrow(InvalidValueError);
    expect(() => watchDirectory(options)).toThrow(new RegExp(`\\b${option}\\b`));
  },
);
