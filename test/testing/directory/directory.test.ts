import { startDirectory } from "concordat/testing/directory";
import { Client } from "ldapts";
import { expect, test } from "vitest";

test("an LDAP client finds what the directory was given", async () => {
  await using directory = await startDirectory();
  directory.add("uid=alice,ou=people,dc=example,dc=com", {
    objectClass: "inetOrgPerson",
    uid: "alice",
    cn: "Alice",
    sn: "Liddell",
  });
  const client = new Client({ url: directory.url });
  await client.bind(directory.adminDn, directory.password);
  const { searchEntries } = await client.search(directory.suffix, {
    filter: "(&(objectClass=person)(uid=ALICE))",
    attributes: ["cn", "entryUUID"],
  });
  await client.unbind();
  expect(searchEntries).toEqual([
    {
      dn: "uid=alice,ou=people,dc=example,dc=com",
      cn: "Alice",
      entryUUID: directory.entry("uid=alice,ou=people,dc=example,dc=com")?.entryUUID,
    },
  ]);
});
