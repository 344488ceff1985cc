import {
  type Directory,
  DirectoryError,
  ResultCode,
  startDirectory,
} from "concordat/testing/directory";
import { Client, type ResultCodeError } from "ldapts";
import { describe, expect, test } from "vitest";

const suffix = "dc=example,dc=com";
const alice = `uid=alice,ou=people,${suffix}`;
const staff = `cn=staff,ou=groups,${suffix}`;

function addAlice(directory: Directory): void {
  directory.add(alice, { objectClass: "inetOrgPerson", uid: "alice", cn: "Alice", sn: "Liddell" });
}

function addStaff(directory: Directory, ...member: string[]): void {
  directory.add(staff, { objectClass: "groupOfNames", cn: "staff", member });
}

/** The result code with which a method of the directory fails. */
function codeOf(work: () => unknown): number {
  try {
    work();
  } catch (error) {
    if (error instanceof DirectoryError) return error.resultCode;
    throw error;
  }
  return ResultCode.success;
}

describe("the methods of a directory", () => {
  test("add, read, change, rename and delete an entry", async () => {
    await using directory = await startDirectory();
    addAlice(directory);
    const added = directory.entry("UID=Alice, OU=people, dc=example,dc=com");
    expect(added).toMatchObject({ dn: alice, attributes: { cn: ["Alice"], uid: ["alice"] } });

    const modified = directory.modify(alice, {
      delete: { sn: "liddell" },
      add: { sn: ["Hargreaves"], mail: ["a@example.com", "alice@example.com"] },
      replace: { cn: [], displayName: "Alice H." },
    });
    expect(modified.attributes).toEqual({
      objectClass: ["inetOrgPerson"],
      uid: ["alice"],
      sn: ["Hargreaves"],
      mail: ["a@example.com", "alice@example.com"],
      displayName: ["Alice H."],
    });
    expect(modified.entryUUID).toBe(added?.entryUUID);
    expect(modified.entryCSN > (added?.entryCSN ?? "")).toBe(true);

    const moved = directory.rename(alice, `uid=alicia,ou=groups,${suffix}`);
    expect(moved).toMatchObject({
      dn: `uid=alicia,ou=groups,${suffix}`,
      attributes: { uid: ["alicia"] },
    });
    expect(directory.entry(alice)).toBeUndefined();

    directory.delete(moved.dn);
    expect(directory.entries().map(({ dn }) => dn)).toEqual([
      suffix,
      `ou=people,${suffix}`,
      `ou=groups,${suffix}`,
    ]);
  });

  test("find entries by base, scope and filter", async () => {
    await using directory = await startDirectory();
    addAlice(directory);
    addStaff(directory, alice);
    const dns = (query: Parameters<Directory["entries"]>[0]) =>
      directory.entries(query).map(({ dn }) => dn);
    expect(dns({ filter: `(member=UID=ALICE,ou=people,${suffix})` })).toEqual([staff]);
    expect(dns({ base: `ou=people,${suffix}` })).toEqual([`ou=people,${suffix}`, alice]);
    expect(dns({ base: `ou=people,${suffix}`, scope: "one" })).toEqual([alice]);
    expect(dns({ base: alice, scope: "base", filter: "(uid=bob)" })).toEqual([]);
    expect(codeOf(() => directory.entries({ filter: "(uid=" }))).toBe(ResultCode.protocolError);
  });

  test("fail with the result code that a client would get, and change nothing", async () => {
    await using directory = await startDirectory();
    addAlice(directory);
    const before = directory.entries();
    const person = { objectClass: "person", cn: "x", sn: "x" };
    for (const [resultCode, work] of [
      [ResultCode.entryAlreadyExists, () => addAlice(directory)],
      [ResultCode.noSuchObject, () => directory.add(`cn=x,ou=nowhere,${suffix}`, person)],
      [ResultCode.unwillingToPerform, () => directory.add("cn=x,dc=elsewhere", person)],
      [ResultCode.invalidDNSyntax, () => directory.add("x", person)],
      [ResultCode.objectClassViolation, () => directory.add(`cn=x,${suffix}`, { cn: "x" })],
      [ResultCode.noSuchObject, () => directory.delete(`uid=bob,ou=people,${suffix}`)],
      [ResultCode.notAllowedOnNonLeaf, () => directory.delete(`ou=people,${suffix}`)],
      [ResultCode.noSuchAttribute, () => directory.modify(alice, { delete: { mail: [] } })],
      [ResultCode.attributeOrValueExists, () => directory.modify(alice, { add: { cn: "ALICE" } })],
      [ResultCode.invalidAttributeSyntax, () => directory.modify(alice, { add: { manager: "x" } })],
      [
        ResultCode.undefinedAttributeType,
        () => directory.modify(alice, { add: { "no such": "x" } }),
      ],
      [
        ResultCode.constraintViolation,
        () => directory.modify(alice, { add: { displayName: ["a", "b"] } }),
      ],
      [ResultCode.namingViolation, () => directory.modify(alice, { replace: { uid: "bob" } })],
      [ResultCode.entryAlreadyExists, () => directory.rename(alice, `ou=people,${suffix}`)],
      [ResultCode.invalidDNSyntax, () => directory.rename(alice, "nonsense")],
      [
        ResultCode.constraintViolation,
        () => directory.modify(alice, { replace: { mail: "a@example.com", entryUUID: "x" } }),
      ],
    ] as const) {
      expect(codeOf(work)).toBe(resultCode);
    }
    expect(directory.entries()).toEqual(before);
  });

  test("a missing entry is answered with the nearest one above", async () => {
    await using directory = await startDirectory();
    expect(() => directory.delete(`cn=x,cn=y,ou=people,${suffix}`)).toThrow(
      expect.objectContaining({ resultCode: 32, matchedDn: `ou=people,${suffix}` }),
    );
  });
});

describe("the start of a directory", () => {
  test("takes LDIF, and keeps the operational attributes in it", async () => {
    await using directory = await startDirectory({
      suffix: "o=Queen of Hearts",
      entries: [
        "version: 1",
        "",
        "# the suffix",
        "dn: o=Queen of Hearts",
        "objectClass: organization",
        "o: Queen of Hearts",
        "entryUUID: 11111111-1111-4111-8111-111111111111",
        "entryCSN: 20200101000000.000000Z#000000#000#000000",
        "",
        "dn:: Y249Wm/DqyxvPVF1ZWVuIG9mIEhlYXJ0cw==",
        "objectClass: person",
        "cn:: Wm/Dqw==",
        "sn: of the c",
        " ards",
        "description:",
        "",
      ].join("\r\n"),
    });
    expect(directory.entries()).toEqual([
      expect.objectContaining({
        dn: "o=Queen of Hearts",
        entryUUID: "11111111-1111-4111-8111-111111111111",
        entryCSN: "20200101000000.000000Z#000000#000#000000",
      }),
      expect.objectContaining({
        dn: "cn=Zoë,o=Queen of Hearts",
        attributes: {
          objectClass: ["person"],
          cn: ["Zoë"],
          sn: ["of the cards"],
          description: [""],
        },
      }),
    ]);
  });

  test("refuses LDIF that it cannot read, and says where", async () => {
    for (const [ldif, message] of [
      ["dn: o=x\nobjectClass organization", "line 2"],
      ["objectClass: organization", "line 1"],
      ["dn: o=x\n\ndn: o=y\nchangetype: delete", "line 4"],
      ["dn: o=x\njpegPhoto:< file:///etc/passwd", "line 2"],
      ["dn: o=x\no:: ***", "line 2"],
      ["dn: dc=example,dc=com\nobjectClass: domain\nentryCSN: now", "entryCSN"],
      ["dn: dc=example,dc=com\nobjectClass: domain\nentryUUID: 1", "entryUUID"],
    ] as const) {
      await expect(startDirectory({ entries: ldif })).rejects.toThrow(message);
    }
  });

  test("with a clock and randomness of one's own gives the same directory every time", async () => {
    const record = async () => {
      let seed = 1;
      await using directory = await startDirectory({
        now: () => new Date("2026-01-02T03:04:05.678Z"),
        random: () => {
          seed = (seed * 16807) % 2147483647;
          return seed / 2147483647;
        },
      });
      addAlice(directory);
      return directory.entries();
    };
    const entries = await record();
    expect(await record()).toEqual(entries);
    // The clock stands still, and yet each change has a later CSN.
    expect(entries.map(({ entryCSN }) => entryCSN)).toEqual([
      "20260102030405.678000Z#000000#000#000000",
      "20260102030405.678000Z#000001#000#000000",
      "20260102030405.678000Z#000002#000#000000",
      "20260102030405.678000Z#000003#000#000000",
    ]);
  });
});

describe("the life of a directory", () => {
  test("it counts its connections, and keeps its entries and address over a restart", async () => {
    await using directory = await startDirectory();
    addAlice(directory);
    const { url } = directory;
    const client = new Client({ url });
    await client.bind(directory.adminDn, directory.password);
    expect(directory.connections).toBe(1);
    await directory.restart();
    expect(directory.connections).toBe(0);
    expect(directory.url).toBe(url);
    const again = new Client({ url });
    await again.bind(directory.adminDn, directory.password);
    const { searchEntries } = await again.search(alice, { attributes: ["cn"] });
    expect(searchEntries).toEqual([{ dn: alice, cn: "Alice" }]);
    await again.unbind();
    await directory.stop();
    await directory.stop();
    await expect(new Client({ url }).bind("", "")).rejects.toThrow("ECONNREFUSED");
  });
});

describe("who may do what", () => {
  async function attempt(dn: string, password: string, anonymousRead = false) {
    await using directory = await startDirectory({ anonymousRead });
    addAlice(directory);
    directory.modify(alice, { add: { userPassword: "wonderland" } });
    const client = new Client({ url: directory.url });
    const code = async (work: Promise<unknown>) => {
      try {
        await work;
        return 0;
      } catch (error) {
        return (error as { code: number }).code;
      }
    };
    const bind = dn === "" ? 0 : await code(client.bind(dn, password));
    const read = await code(client.search(alice, { attributes: ["userPassword"] }));
    const write = await code(client.del(alice));
    const rootDse = await client.search("", {
      scope: "base",
      attributes: ["supportedLDAPVersion"],
    });
    await client.unbind();
    return { bind, read, write, rootDse: rootDse.searchEntries };
  }
  const rootDse = [{ dn: "", supportedLDAPVersion: "3" }];

  test("nobody reads the root DSE only, unless anonymous reading is allowed", async () => {
    expect(await attempt("", "")).toEqual({ bind: 0, read: 8, write: 8, rootDse });
    expect(await attempt("", "", true)).toEqual({ bind: 0, read: 0, write: 8, rootDse });
  });

  test("an entry with a password binds and reads, but does not write", async () => {
    expect(await attempt(alice, "wonderland")).toEqual({ bind: 0, read: 0, write: 50, rootDse });
    expect(await attempt(alice, "Wonderland")).toEqual({ bind: 49, read: 8, write: 8, rootDse });
  });

  test("only the administrator sees passwords", async () => {
    await using directory = await startDirectory();
    addAlice(directory);
    directory.modify(alice, { add: { userPassword: "wonderland" } });
    const seen = async (dn: string, password: string) => {
      const client = new Client({ url: directory.url });
      await client.bind(dn, password);
      const { searchEntries } = await client.search(alice, { attributes: ["userPassword"] });
      await client.unbind();
      return searchEntries;
    };
    expect(await seen(alice, "wonderland")).toEqual([{ dn: alice, userPassword: [] }]);
    expect(await seen(directory.adminDn, directory.password)).toEqual([
      { dn: alice, userPassword: "wonderland" },
    ]);
  });

  test("only the administrator learns of passwords by asking, whatever the options", async () => {
    await using directory = await startDirectory();
    addAlice(directory);
    directory.modify(alice, {
      add: { userPassword: "wonderland", "userPassword;x-old": "looking-glass" },
    });
    const ask = async (dn: string, password: string) => {
      const client = new Client({ url: directory.url });
      await client.bind(dn, password);
      const found: (string | number)[] = [];
      for (const filter of [
        "(userPassword=wonderland)",
        "(!(userPassword=guess))",
        "(userPassword=*)",
        "(:caseExactMatch:=wonderland)",
      ]) {
        const { searchEntries } = await client.search(alice, { filter });
        found.push(searchEntries.length);
      }
      const { searchEntries } = await client.search(alice);
      found.push(...Object.keys(searchEntries[0] ?? {}).filter((key) => /password/i.test(key)));
      await client.compare(alice, "userPassword", "wonderland").then(
        (equal) => found.push(String(equal)),
        (error: ResultCodeError) => found.push(error.code),
      );
      await client.unbind();
      return found;
    };
    expect(await ask(alice, "wonderland")).toEqual([0, 0, 0, 0, 50]);
    expect(await ask(directory.adminDn, directory.password)).toEqual([
      ...[1, 1, 1, 1, "userPassword", "userPassword;x-old", "true"],
    ]);
  });
});

describe("references that follow their entries", () => {
  async function membersAfter(refint: boolean | "replicated") {
    await using directory = await startDirectory({ refint });
    addAlice(directory);
    directory.add(`cn=other,${suffix}`, { objectClass: "device", cn: "other" });
    addStaff(directory, alice, `cn=other,${suffix}`);
    const { entryCSN } = directory.entry(staff) ?? {};
    directory.rename(`ou=people,${suffix}`, `ou=persons,${suffix}`);
    directory.delete(`cn=other,${suffix}`);
    await new Promise((resolve) => setImmediate(resolve));
    const after = directory.entry(staff);
    const { member } = after?.attributes ?? {};
    return { members: member, isNewer: after?.entryCSN !== entryCSN };
  }
  const moved = [`uid=alice,ou=persons,${suffix}`];

  test.each([
    [false, { members: [alice, `cn=other,${suffix}`], isNewer: false }],
    [true, { members: moved, isNewer: false }],
    ["replicated", { members: moved, isNewer: true }],
  ] as const)("refint %s", async (refint, expected) => {
    expect(await membersAfter(refint)).toEqual(expected);
  });
});
