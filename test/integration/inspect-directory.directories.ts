import {
  activeDirectory,
  type DirectoryInspection,
  freeIpa,
  inspectDirectory,
  type WatchOptions,
} from "concordat/ldap";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addPeople, suffix } from "./following.js";
import { describeWithNsSlapd, startNsSlapd } from "./ns-slapd.js";
import { describeWithSamba, type Samba, startSamba } from "./samba.js";
import { describeWithSlapd, type Slapd, startSlapd } from "./slapd.js";

/** The effect of each finding by its topic. */
function effectsOf({ findings }: DirectoryInspection): Readonly<Record<string, string>> {
  return Object.fromEntries(findings.map(({ topic, effect }) => [topic, effect]));
}

function messageOf({ findings }: DirectoryInspection, topic: string): string {
  return findings.find((finding) => finding.topic === topic)?.message ?? "";
}

const reader = { method: "simple", dn: `cn=reader,${suffix}`, password: "read" } as const;
const readable = ["access to attrs=userPassword by anonymous auth", "access to * by * read"];

/** People, and an account that is subject to rules of access and limits. */
async function directory(options: Parameters<typeof startSlapd>[0] = {}): Promise<Slapd> {
  const slapd = await startSlapd({ access: readable, ...options });
  const client = await slapd.client();
  await client.add(reader.dn, {
    objectClass: ["organizationalRole", "simpleSecurityObject"],
    cn: "reader",
    userPassword: reader.password,
  });
  await addPeople(
    client,
    Array.from({ length: 20 }, (_, index) => `u${index}`),
  );
  return slapd;
}

const inspect = ({ url }: Slapd, options: Partial<WatchOptions> = {}) =>
  inspectDirectory({ url, base: suffix, bind: reader, allowCleartext: true, ...options });

describeWithSlapd("looking at an OpenLDAP", () => {
  test("where the account may see everything", async () => {
    await using slapd = await directory();
    const inspection = await inspect(slapd);
    expect(inspection).toMatchObject({
      url: slapd.url,
      server: { kind: "OpenLDAP" },
      account: `dn:${reader.dn}`,
      reader: { dialect: "openldap", reason: expect.stringContaining("OpenLDAProotDSE") },
    });
    expect(effectsOf(inspection)).toEqual({
      attributes: "unclear",
      changelog: "none",
      permanentIds: "none",
      versions: "none",
      serverStart: "none",
      content: "none",
    });
    expect(messageOf(inspection, "content")).toContain("20 entries");
    expect(messageOf(inspection, "attributes")).toMatch(/none has a value for .*title/);
  });

  test.each([
    ["entryUUID", { permanentIds: "loss" }],
    ["entryCSN", { versions: "loss" }],
    ["createTimestamp", { serverStart: "loss" }],
  ])("that hides %s", async (attribute, effects) => {
    const hidden = `access to attrs=${attribute} by * none`;
    const access = [hidden, ...readable];
    await using slapd = await directory({ access, serverLines: [hidden, "access to * by * read"] });
    const inspection = await inspect(slapd);
    expect(effectsOf(inspection)).toMatchObject(effects);
    expect(inspection.findings[0]).toMatchObject({ message: expect.stringContaining(attribute) });
  });

  test("that lets entryUUID be read but not searched", async () => {
    const access = ["access to attrs=entryUUID by users =rcdx by * none", ...readable];
    await using slapd = await directory({ access });
    expect(messageOf(await inspect(slapd), "permanentIds")).toContain("not search it");
  });

  test("that limits how many entries a search finds", async () => {
    await using slapd = await directory({ databaseLines: ["limits users size=7"] });
    const inspection = await inspect(slapd);
    expect(inspection.findings[0]).toMatchObject({
      topic: "content",
      effect: "refusal",
      message: expect.stringContaining("size limit of the account ends a search after 7 entries"),
    });
  });

  test.each<[string, Parameters<typeof startSlapd>[0], Partial<WatchOptions>, object]>([
    ["without syncprov", { syncprov: false }, {}, { topic: "changelog", effect: "refusal" }],
    [
      "whose base is not there",
      {},
      { base: `ou=none,${suffix}` },
      { topic: "base", effect: "refusal" },
    ],
    ["with nobody in it", {}, { filter: "(uid=nobody)" }, { topic: "content", effect: "unclear" }],
  ])("%s", async (_, server, options, finding) => {
    await using slapd = await directory(server);
    expect((await inspect(slapd, options)).findings).toContainEqual(
      expect.objectContaining(finding),
    );
  });

  test("as nobody, and with a reader that the options name", async () => {
    await using slapd = await directory();
    const { url } = slapd;
    const inspection = await inspectDirectory({ url, base: suffix, dialect: "openldap" });
    expect(inspection).toMatchObject({ account: "", reader: { dialect: "openldap" } });
    expect(inspection.reader?.reason).toContain("option");
  });

  test("finds the first of several servers that answers, and throws if none does", async () => {
    await using slapd = await directory();
    const gone = "ldap://127.0.0.1:1";
    const source = "several";
    const options = { base: suffix, bind: reader, allowCleartext: true, source };
    const inspection = await inspectDirectory({ ...options, urls: [gone, slapd.url] });
    expect(inspection.url).toBe(slapd.url);
    await expect(inspectDirectory({ ...options, urls: [gone] })).rejects.toMatchObject({
      code: "ldap_connect",
    });
  });
});

describeWithNsSlapd("looking at a 389 Directory Server", () => {
  test.each([
    ["may read nsAccountLock", '(targetattr!="userPassword || aci")', "none"],
    ["may not read nsAccountLock", '(targetattr!="userPassword || aci || nsAccountLock")', "loss"],
  ])("as an account that %s", async (_, target, effect) => {
    const rule = `(version 3.0; acl "read"; allow (read,search,compare) userdn="ldap:///all";)`;
    const ldif = `dn: ${suffix}
objectClass: organization
objectClass: dcObject
o: Example
dc: example
aci: ${target}${rule}

dn: ou=people,${suffix}
objectClass: organizationalUnit
ou: people
`;
    await using server = await startNsSlapd({ ldif });
    await addPeople(await server.client(), ["ann", "bob"]);
    const inspection = await inspectDirectory({
      url: server.url,
      base: suffix,
      bind: { method: "simple", dn: server.readerDn, password: server.readerPassword },
      allowCleartext: true,
      profile: freeIpaLike,
    });
    expect(inspection).toMatchObject({
      server: { kind: "389 Directory Server", vendorName: expect.stringContaining("389") },
      account: `dn: ${server.readerDn}`,
      reader: { dialect: "389ds" },
    });
    expect(effectsOf(inspection)).toMatchObject({
      changelog: "none",
      permanentIds: "none",
      accountLock: effect,
      content: "none",
    });
  });

  test("of FreeIPA, by itself, at the right base and at the wrong one", async () => {
    await using server = await startNsSlapd({ layout: "freeIpa" });
    const options = {
      url: server.url,
      bind: { method: "simple", dn: server.readerDn, password: server.readerPassword },
      allowCleartext: true,
      profile: freeIpa,
    } as const;
    const client = await server.client();
    await client.add(`uid=ann,cn=users,cn=accounts,${suffix}`, {
      objectClass: ["inetOrgPerson", "posixAccount"],
      ...{ uid: "ann", cn: "Ann", sn: "Ann", homeDirectory: "/" },
      ...{ uidNumber: "1", gidNumber: "1" },
    });
    const right = await inspectDirectory({ ...options, base: `cn=accounts,${suffix}` });
    expect(right).toMatchObject({ server: { kind: "FreeIPA" }, reader: { dialect: "freeipa" } });
    expect(effectsOf(right)).toMatchObject({
      base: "none",
      changelog: "none",
      accountLock: "none",
      content: "none",
    });
    const wrong = await inspectDirectory({ ...options, base: suffix });
    expect(effectsOf(wrong)).toMatchObject({ base: "refusal" });
    expect(messageOf(wrong, "base")).toContain("cn=accounts");
  });
});

/** As `inetOrgPerson`, and whoever is locked is disabled. */
const freeIpaLike = { ...freeIpa, name: "lockable", userClasses: ["inetOrgPerson"] };

describeWithSamba("looking at an Active Directory", () => {
  let samba: Samba;
  beforeAll(async () => {
    samba = await startSamba();
  }, 240_000);
  afterAll(async () => {
    await samba[Symbol.asyncDispose]();
  });

  const look = (account: Samba["reader"], options: Partial<WatchOptions> = {}) =>
    inspectDirectory({
      url: samba.url,
      base: samba.suffix,
      bind: { method: "simple", ...account },
      allowCleartext: true,
      profile: activeDirectory,
      ...options,
    });

  test("as an account that sees what was deleted", async () => {
    const inspection = await look(samba.reader);
    expect(inspection).toMatchObject({
      server: { kind: "Active Directory" },
      reader: { dialect: "activedirectory" },
    });
    expect(effectsOf(inspection)).toMatchObject({
      changelog: "none",
      deletedObjects: "none",
      accountLock: "none",
      content: "none",
    });
    expect(messageOf(inspection, "content")).toMatch(/There are \d+ users and \d\d groups/);
  });

  test.each([
    ["probe", "refusal"],
    ["trust", "loss"],
    ["sweep", "cost"],
  ] as const)("as an account that does not, with deletions: %s", async (deletions, effect) => {
    const inspection = await look(samba.plainReader, { deletions });
    expect(effectsOf(inspection)).toMatchObject({ deletedObjects: effect });
  });
});
