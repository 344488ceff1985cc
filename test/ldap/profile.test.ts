import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { InvalidValueError } from "concordat";
import type { Change, ChangeBatch } from "concordat/changes";
import {
  type DirectoryEntry,
  type DirectoryProfile,
  inetOrgPerson,
  LdapMappingError,
  profile,
  rfc2307,
  rfc2307bis,
  type WatchEvent,
  watchChannelName,
  watchDirectory,
} from "concordat/ldap";
import { type AttributesInput, type Directory, startDirectory } from "concordat/testing/directory";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { changesOf } from "./watching.js";

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const people = "ou=people,dc=example,dc=com";
const groups = "ou=groups,dc=example,dc=com";

let directory: Directory;
beforeAll(async () => {
  directory = await startDirectory();
});
afterAll(async () => {
  await directory[Symbol.asyncDispose]();
});

/** What a refresh tells of the whole directory. */
async function read(mapping: DirectoryProfile): Promise<Change[]> {
  const { url, suffix, adminDn, password } = directory;
  const stream = watchDirectory({
    url,
    base: suffix,
    bind: { method: "simple", dn: adminDn, password },
    allowCleartext: true,
    profile: mapping,
    mode: "refreshOnly",
  });
  const batches: ChangeBatch[] = [];
  for await (const batch of stream.read()) batches.push(batch);
  return changesOf(batches);
}

/** What becomes of one entry. */
async function map(
  mapping: DirectoryProfile,
  dn: string,
  attributes: AttributesInput,
): Promise<unknown> {
  const { entryUUID } = directory.add(dn, attributes);
  try {
    const changes = await read(mapping);
    return changes.find((change) => change.kind === "upsert" && change.sourceId === entryUUID);
  } finally {
    directory.delete(dn);
  }
}

/** The events that are published while something is done. */
async function eventsOf(work: () => Promise<unknown>): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  const listen = (event: unknown) => events.push(event as WatchEvent);
  subscribe(watchChannelName, listen);
  await work();
  unsubscribe(watchChannelName, listen);
  return events;
}

describe("inetOrgPerson", () => {
  test("maps a person with everything", async () => {
    const dn = `uid=ann,${people}`;
    const change = await map(inetOrgPerson, dn, {
      objectClass: ["top", "person", "organizationalPerson", "inetOrgPerson"],
      uid: "Ann",
      cn: ["Ann Lee", "Annie"],
      sn: "Lee",
      givenName: "Ann",
      displayName: "Ann L.",
      title: "Engineer",
      employeeType: "Contractor",
      preferredLanguage: "de",
      mail: ["ann@example.com", "lee@example.com"],
      telephoneNumber: "+43 1 234",
      mobile: "+43 699 1",
      employeeNumber: "42",
      departmentNumber: "R&D",
      o: "Example",
      userPassword: "hidden",
    });
    expect(change).toEqual({
      kind: "upsert",
      type: "User",
      sourceId: expect.stringMatching(/^[\da-f-]{36}$/),
      names: [
        { kind: "dn", key: "uid=ann,ou=people,dc=example,dc=com" },
        { kind: "uid", key: "ann" },
      ],
      stamp: expect.stringMatching(/^\d{14}\.\d{6}Z#/),
      complete: true,
      resource: {
        userName: "Ann",
        externalId: (change as { sourceId: string }).sourceId,
        name: { formatted: "Ann Lee", familyName: "Lee", givenName: "Ann" },
        displayName: "Ann L.",
        title: "Engineer",
        userType: "Contractor",
        preferredLanguage: "de",
        emails: [
          { value: "ann@example.com", type: "work", primary: true },
          { value: "lee@example.com", type: "work" },
        ],
        phoneNumbers: [
          { value: "+43 1 234", type: "work" },
          { value: "+43 699 1", type: "mobile" },
        ],
        [enterprise]: { employeeNumber: "42", organization: "Example", department: "R&D" },
      },
    });
  });

  test("says null of what a person does not have, and nothing of what is not mapped", async () => {
    const change = await map(inetOrgPerson, `cn=Bo,${people}`, {
      objectClass: "inetOrgPerson",
      cn: "Bo",
      sn: "Bo",
    });
    expect(change).toMatchObject({
      names: [{ kind: "dn", key: "cn=bo,ou=people,dc=example,dc=com" }],
    });
    const { resource } = change as { resource: Record<string, unknown> };
    expect(resource).toEqual({
      userName: null,
      externalId: expect.any(String),
      name: { formatted: "Bo", familyName: "Bo" },
      displayName: null,
      title: null,
      userType: null,
      preferredLanguage: null,
      emails: null,
      phoneNumbers: null,
      [enterprise]: null,
    });
    expect(resource).not.toHaveProperty("active");
  });

  test("maps groups of names and of unique names", async () => {
    const named = await map(inetOrgPerson, `cn=staff,${groups}`, {
      objectClass: "groupOfNames",
      cn: "Staff",
      member: ["UID=Ann, OU=People, DC=example, DC=com", "", "cn=Bo\\, jr.,dc=example,dc=com"],
    });
    expect(named).toMatchObject({
      type: "Group",
      names: [{ kind: "dn", key: "cn=staff,ou=groups,dc=example,dc=com" }],
      resource: { displayName: "Staff" },
      members: {
        kind: "all",
        members: [
          { kind: "dn", key: "uid=ann,ou=people,dc=example,dc=com" },
          { kind: "dn", key: "cn=bo\\, jr.,dc=example,dc=com" },
        ],
      },
    });
    const unique = await map(inetOrgPerson, `cn=unique,${groups}`, {
      objectClass: "groupOfUniqueNames",
      cn: "unique",
      uniqueMember: [`uid=ann,${people}#'0101'B`, `uid=Ann,${people}`],
    });
    expect(unique).toMatchObject({
      members: { members: [{ kind: "dn", key: "uid=ann,ou=people,dc=example,dc=com" }] },
    });
  });

  test("takes values without options only", async () => {
    const change = await map(inetOrgPerson, `uid=tag,${people}`, {
      objectClass: "inetOrgPerson",
      uid: "tag",
      "cn;lang-de": "Anna",
      cn: "Ann",
      sn: "Lee",
      "displayName;lang-de": "Anna",
    });
    expect(change).toMatchObject({
      resource: { name: { formatted: "Ann" }, displayName: null },
    });
  });

  test("reports a value that is not UTF-8, and takes the next", async () => {
    let change: unknown;
    const events = await eventsOf(async () => {
      change = await map(inetOrgPerson, `uid=bytes,${people}`, {
        objectClass: "inetOrgPerson",
        uid: "bytes",
        cn: "Ann \ufffd",
        sn: Buffer.from([0x4c, 0xe9, 0xe9]),
        mail: [Buffer.from([0xff]), "ann@example.com"],
      });
    });
    expect(change).toMatchObject({
      resource: {
        name: { formatted: "Ann \ufffd" },
        emails: [{ value: "ann@example.com", type: "work", primary: true }],
      },
    });
    expect(change).not.toHaveProperty("resource.name.familyName");
    expect(events.filter((event) => event.event === "problem")).toMatchObject([
      { problem: "undecodableValue", count: 1 },
      { problem: "undecodableValue", count: 2 },
    ]);
  });

  test("leaves other entries alone", async () => {
    const changes = await read(inetOrgPerson);
    expect(changes).toEqual([{ kind: "sweep", stamp: expect.any(String) }]);
  });
});

describe("rfc2307 and rfc2307bis", () => {
  const account = { objectClass: "posixAccount", uid: "Root", cn: "root", gecos: "Charlie Root" };

  test("maps accounts that are nothing else", async () => {
    expect(await map(rfc2307, `uid=root,${people}`, account)).toMatchObject({
      type: "User",
      names: [{ kind: "dn" }, { kind: "uid", key: "root" }],
      resource: { userName: "Root", displayName: "Charlie Root", name: { formatted: "root" } },
    });
  });

  test("maps groups whose members are stated by uid", async () => {
    const group = { objectClass: "posixGroup", cn: "wheel", memberUid: ["Root", " ann "] };
    expect(await map(rfc2307, `cn=wheel,${groups}`, group)).toMatchObject({
      type: "Group",
      members: {
        kind: "all",
        members: [
          { kind: "uid", key: "root" },
          { kind: "uid", key: "ann" },
        ],
      },
    });
  });

  test("rfc2307bis reads members in every style", async () => {
    const group = {
      objectClass: ["posixGroup", "groupOfNames"],
      cn: "wheel",
      member: `uid=root,${people}`,
      memberUid: "ann",
    };
    expect(await map(rfc2307bis, `cn=wheel,${groups}`, group)).toMatchObject({
      members: {
        members: [
          { kind: "dn", key: "uid=root,ou=people,dc=example,dc=com" },
          { kind: "uid", key: "ann" },
        ],
      },
    });
  });
});

describe("profile", () => {
  const person = {
    objectClass: "inetOrgPerson",
    uid: "ann",
    cn: "Ann",
    "cn;lang-de": "Anna",
    sn: "Lee",
    employeeType: "left",
    mail: "ann@example.com",
  };

  test("changes a profile attribute by attribute", async () => {
    const changed = profile({
      extends: inetOrgPerson,
      user: {
        displayName: "CommonName;lang-DE",
        nickName: "2.5.4.3",
        title: undefined,
        active: {
          reads: ["employeeType"],
          value: (entry) => entry.text("employeetype") !== "left",
        },
        userType: (entry) => entry.text("employeeType"),
        emails: {
          reads: ["mail"],
          value: (entry) => entry.texts("mail").map((value) => ({ value, type: "other" })),
        },
        externalId: (entry) => `${entry.id.length} ${entry.dn} ${entry.bytes("sn")[0]?.length}`,
      },
    });
    const change = await map(changed, `uid=ann,${people}`, person);
    expect(change).toMatchObject({
      resource: {
        userName: "ann",
        displayName: "Anna",
        nickName: "Ann",
        active: false,
        userType: "left",
        emails: [{ value: "ann@example.com", type: "other" }],
        externalId: `36 uid=ann,${people} 3`,
      },
    });
    expect(change).not.toHaveProperty("resource.title");
    expect(inetOrgPerson.user.displayName).toBe("displayName");
  });

  test("lets a mapping keep what it was given, and no entry", async () => {
    let kept: { entry: DirectoryEntry; sn: Uint8Array | undefined } | undefined;
    const keeping = profile({
      extends: inetOrgPerson,
      user: {
        nickName: (entry) => {
          kept = { entry, sn: entry.bytes("sn")[0] };
          return entry.text("sn");
        },
      },
    });
    // Others come after it, in the same memory if it is large.
    const large = { ...person, cn: ["Ann", "A".repeat(100_000)] };
    expect(await map(keeping, `uid=ann,${people}`, large)).toMatchObject({
      resource: { nickName: "Lee" },
    });
    expect(Buffer.from(kept?.sn ?? []).toString()).toBe("Lee");
    expect(kept?.entry.text("sn")).toBeUndefined();
    expect(kept?.entry.bytes("sn")).toEqual([]);
  });

  test("tells a mapping that looks at what was not asked for", async () => {
    const blind = profile({
      extends: inetOrgPerson,
      user: { active: (entry) => entry.text("pwdAccountLockedTime") === undefined },
    });
    await expect(map(blind, `uid=ann,${people}`, person)).rejects.toMatchObject({
      cause: expect.any(InvalidValueError),
    });
    const seeing = profile({ extends: blind, attributes: ["pwdAccountLockedTime"] });
    expect(await map(seeing, `uid=ann,${people}`, person)).toMatchObject({
      resource: { active: true },
    });
  });

  test.each([
    ...["userPassword", "USERPASSWORD;x-a", "2.5.4.35", "authPassword", "pwdHistory", "olcRootPW"],
    ...["unicodePwd", "1.2.840.113556.1.4.90", "supplementalCredentials", "ms-Mcs-AdmPwd"],
    ...["sambaNTPassword", "sambaLMPassword", "sambaPasswordHistory", "1.3.6.1.4.1.7165.2.1.25"],
    ...["krbPrincipalKey", "2.16.840.1.113719.1.301.4.39.1", "ipaNTHash"],
  ])("never asks for %s", (attribute) => {
    expect(() => profile({ extends: inetOrgPerson, user: { nickName: attribute } })).toThrow(
      InvalidValueError,
    );
    expect(() =>
      watchDirectory({
        url: "ldap://localhost",
        base: "dc=x",
        profile: { ...inetOrgPerson, attributes: [attribute] },
      }),
    ).toThrow(InvalidValueError);
  });

  test("that fails for an entry ends the stream, which names the entry and the attribute", async () => {
    const cause = new Error("ann@example.com is not expected");
    const failing = profile({
      extends: inetOrgPerson,
      user: {
        title: (entry) => {
          if (entry.text("uid") === "ann") throw cause;
          return "Boss";
        },
      },
    });
    const error = await map(failing, `uid=ann,${people}`, person).catch((thrown) => thrown);
    if (!(error instanceof LdapMappingError)) throw error;
    expect(error).toMatchObject({ code: "ldap_mapping", attribute: "title", cause });
    expect(error.sourceId).toMatch(/^[\da-f-]{36}$/);
    expect(error.message).toContain(error.sourceId);
    expect(error.message).not.toContain("ann");
  });

  test("keeps the parts of the other profile that are said to be undefined, its filter above all", () => {
    const base = profile({
      extends: inetOrgPerson,
      filter: "(ou=staff)",
      user: { title: "title" },
    });
    const { user: _user, group: _group, ...parts } = base;
    const undefinedParts = Object.fromEntries(Object.keys(parts).map((name) => [name, undefined]));
    const changed = profile({ ...undefinedParts, extends: base, user: undefined });
    expect(changed).toEqual(base);
    expect(profile({ extends: base, user: { title: undefined } }).user.title).toBeUndefined();
  });

  test("takes names with an underscore, as several servers have them", () => {
    const changes = { userClasses: ["acme_person"], uid: "login_name;x-a_b" };
    expect(profile({ extends: inetOrgPerson, ...changes })).toMatchObject(changes);
  });

  test.each([
    ["a class that would change the filter", { userClasses: ["person)(uid=*"] }],
    ["an attribute with a space", { attributes: ["given name"] }],
    ["no class at all", { userClasses: [], groupClasses: [] }],
  ])("refuses %s", (_, changes) => {
    expect(() => profile({ extends: inetOrgPerson, ...changes })).toThrow(InvalidValueError);
  });
});
