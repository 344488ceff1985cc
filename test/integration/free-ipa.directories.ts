import { setTimeout as sleep } from "node:timers/promises";
import { freeIpa, generalizedTime, type WatchEvent, type WatchOptions } from "concordat/ldap";
import { inMemoryTarget } from "concordat/repositories";
import type { SynchronizeOptions } from "concordat/sync";
import type { Client } from "ldapts";
import { expect, test } from "vitest";
import type { Target } from "../sync/stores.js";
import { change, Following, suffix } from "./following.js";
import { aciToReadAllBut, describeWithNsSlapd, type NsSlapd, startNsSlapd } from "./ns-slapd.js";

const accounts = `cn=accounts,${suffix}`;
const users = `cn=users,${accounts}`;
const groups = `cn=groups,${accounts}`;
const staged = `cn=staged users,cn=accounts,cn=provisioning,${suffix}`;
const preserved = `cn=deleted users,cn=accounts,cn=provisioning,${suffix}`;

const user = (uid: string, below: string = users) => `uid=${uid},${below}`;
const group = (cn: string) => `cn=${cn},${groups}`;

async function addUser(client: Client, uid: string, below: string = users): Promise<void> {
  await client.add(user(uid, below), {
    objectClass: ["inetOrgPerson", "inetUser", "posixAccount", "krbPrincipalAux", "ipaObject"],
    uid,
    cn: uid,
    sn: uid,
    uidNumber: "1000",
    gidNumber: "1000",
    homeDirectory: `/home/${uid}`,
    ipaUniqueID: `user-${uid}`,
  });
}

async function addGroup(client: Client, cn: string, members: readonly string[]): Promise<void> {
  await client.add(group(cn), {
    objectClass: ["ipaUserGroup", "ipaObject"],
    cn,
    ipaUniqueID: `group-${cn}`,
    ...(members.length > 0 ? { member: [...members] } : {}),
  });
}

function follow(
  { url, readerDn, readerPassword }: NsSlapd,
  options: Partial<WatchOptions> = {},
): Following {
  const target = inMemoryTarget({ transactions: true }) as Target;
  const account = { url, adminDn: readerDn, password: readerPassword };
  return new Following(account, target, { base: accounts, profile: freeIpa, ...options });
}

function eventsOf<K extends WatchEvent["event"]>(
  following: Following,
  kind: K,
): Extract<WatchEvent, { event: K }>[] {
  return following.events.filter(
    (event): event is Extract<WatchEvent, { event: K }> => event.event === kind,
  );
}

describeWithNsSlapd("FreeIPA, as far as a 389 Directory Server with its layout is one", () => {
  test("is followed as it changes", async () => {
    await using server = await startNsSlapd({ layout: "freeIpa" });
    const client = await server.client();
    for (const uid of ["ann", "bob", "cid"]) await addUser(client, uid);
    await addUser(client, "stan", staged);
    await addGroup(client, "ipausers", [user("ann"), user("bob"), user("cid")]);
    await addGroup(client, "outer", [group("ipausers")]);
    await using following = follow(server);
    following.start({}, { nested: "flatten" } satisfies SynchronizeOptions);
    const everybody = ["ann", "bob", "cid"];
    // The private groups of users are none, and staged users are none, either.
    const all = { ann: "", bob: "", cid: "", ipausers: everybody, outer: everybody };
    await following.becomes(all);
    expect(eventsOf(following, "connected")).toMatchObject([{ dialect: "freeipa" }]);

    await change(client, user("ann"), "replace", "nsAccountLock", "TRUE");
    await following.becomes({ ...all, ann: "disabled" });
    await change(client, user("ann"), "replace", "nsAccountLock", "FALSE");
    await following.becomes(all);

    const before = following.outcomes.length;
    await client.modifyDN(user("bob"), user("bea"));
    const withBea = ["ann", "bea", "cid"];
    const renamed = { ann: "", bea: "", cid: "", ipausers: withBea, outer: withBea };
    await following.becomes(renamed);
    await change(client, user("ann"), "replace", "krbLastPwdChange", "20260101000000Z");
    await change(client, user("cid"), "replace", "title", "last");
    await following.becomes({ ...renamed, cid: "last" });
    const kinds = following.outcomes.slice(before).map((outcome) => outcome.kind);
    expect(kinds).toContain("renamed");
    expect(kinds).not.toContain("memberRemoved");
    expect(kinds).not.toContain("memberAdded");
    expect(kinds.filter((kind) => kind === "updated")).toHaveLength(1);

    await client.modifyDN(user("cid"), user("cid", preserved));
    const two = ["ann", "bea"];
    const without = { ann: "", bea: "", ipausers: two, outer: two };
    await following.becomes({ ...without, cid: "disabled" });
    await client.modifyDN(user("cid", preserved), user("cid"));
    await following.becomes({ ...without, cid: "last" });
    await client.del(user("stan", staged));
    await addUser(client, "stan");
    await following.becomes({ ...without, cid: "last", stan: "" });
    await client.modifyDN(group("ipausers"), group("everybody"));
    await following.becomes({
      ann: "",
      bea: "",
      cid: "last",
      stan: "",
      everybody: two,
      outer: two,
    });
  });

  test("has all found that happened while it was not followed, without everything being read anew", async () => {
    await using server = await startNsSlapd({ layout: "freeIpa" });
    const client = await server.client();
    for (const uid of ["ann", "bob", "cid", "dan", "eve"]) await addUser(client, uid);
    await addGroup(client, "ipausers", [user("ann"), user("bob")]);
    // A list reads who has just come whole; here there is no such entry.
    await using following = follow(server, { now: () => Date.now() + 3_600_000 });
    following.start();
    const all = { ann: "", bob: "", cid: "", dan: "", eve: "", ipausers: ["ann", "bob"] };
    await following.becomes(all);
    await following.stop();

    await change(client, user("ann"), "replace", "nsAccountLock", "TRUE");
    await client.modifyDN(user("bob"), user("bea"));
    await client.del(user("cid"));
    await client.modifyDN(user("dan"), user("dan", preserved));
    await addUser(client, "fay");
    await change(client, group("ipausers"), "add", "member", user("fay"));
    following.start();
    const now = {
      ann: "disabled",
      bea: "",
      cid: "disabled",
      dan: "disabled",
      eve: "",
      fay: "",
      ipausers: ["ann", "bea", "fay"],
    };
    await following.becomes(now);
    await following.stop();
    expect(eventsOf(following, "reset")).toEqual([]);
    expect(eventsOf(following, "refreshed").at(-1)).toMatchObject({ resumed: true });
    // A user who is renamed is in the group all the time.
    expect(following.outcomes.filter(({ kind }) => kind === "memberRemoved")).toEqual([]);

    // What is found at a resume, a live change need not repeat.
    following.start();
    await expect.poll(() => eventsOf(following, "checked").length).toBeGreaterThanOrEqual(6);
    await change(client, user("eve"), "replace", "title", "here");
    await following.becomes({ ...now, eve: "here" });
  });

  test("is resumed where its changelog has changes of others, and where those were trimmed", async () => {
    await using server = await startNsSlapd({ layout: "freeIpa", changelogAge: "1s" });
    const client = await server.client();
    await addUser(client, "ann");
    await using following = follow(server);
    following.start();
    await following.becomes({ ann: "" });
    await following.stop();
    const resume = async (title: string): Promise<void> => {
      await change(client, user("ann"), "replace", "title", title);
      following.start();
      await following.becomes({ ann: title });
      await following.stop();
      expect(eventsOf(following, "reset")).toEqual([]);
    };
    await resume("with an empty changelog");
    const dns = `cn=dns,${suffix}`;
    for (let count = 0; count < 5; count++) {
      await client.add(`cn=zone${count},${dns}`, {
        objectClass: "nsContainer",
        cn: `zone${count}`,
      });
    }
    await resume("with changes of others");
    await expect
      .poll(async () => {
        const { searchEntries } = await client.search("", {
          scope: "base",
          attributes: ["firstchangenumber"],
        });
        return Number(searchEntries[0]?.["firstchangenumber"]);
      })
      .toBeGreaterThan(1);
    await resume("with a trimmed changelog");
  });

  test("has an account end at its moment", async () => {
    await using server = await startNsSlapd({ layout: "freeIpa" });
    const client = await server.client();
    await addUser(client, "ann");
    await addUser(client, "bob");
    const soon = generalizedTime(Date.now() + 3_000);
    await change(client, user("ann"), "replace", "krbPrincipalExpiration", soon);
    await using following = follow(server);
    following.start();
    await following.becomes({ ann: "", bob: "" });
    await following.becomes({ ann: "disabled", bob: "" });
    await change(client, user("bob"), "replace", "krbPrincipalExpiration", soon);
    await following.becomes({ ann: "disabled", bob: "disabled" });
    await change(client, user("ann"), "delete", "krbPrincipalExpiration");
    await following.becomes({ ann: "", bob: "disabled" });
  });

  test("is read anew at each connection where the account may not read entryUSN", async () => {
    await using server = await startNsSlapd({ layout: "freeIpa" });
    const client = await server.client();
    await addUser(client, "ann");
    await change(client, suffix, "replace", "aci", aciToReadAllBut("entryusn"));
    await using following = follow(server);
    following.start();
    await following.becomes({ ann: "" });
    await following.stop();
    await change(client, user("ann"), "replace", "title", "here");
    following.start();
    await following.becomes({ ann: "here" });
    await following.stop();
    expect(eventsOf(following, "refreshed").map(({ resumed }) => resumed)).toEqual([false, false]);
  });

  test("is read anew at each connection where each database numbers its entries apart", async () => {
    const others = "o=ipaca";
    await using server = await startNsSlapd({
      layout: "freeIpa",
      globalUsn: false,
      secondSuffix: others,
    });
    const client = await server.client();
    await client.add(others, { objectClass: "organization", o: "ipaca" });
    // More than a resume goes back by itself.
    for (let count = 1; count <= 60; count++) {
      await change(client, others, "replace", "description", `change ${count}`);
    }
    await addUser(client, "ann");
    // A list reads who has just come whole; here there is no such entry.
    await using following = follow(server, { now: () => Date.now() + 3_600_000 });
    following.start();
    await following.becomes({ ann: "" });
    await following.stop();
    await change(client, user("ann"), "replace", "title", "here");
    following.start();
    await following.becomes({ ann: "here" });
    await following.stop();
    expect(eventsOf(following, "refreshed").map(({ resumed }) => resumed)).toEqual([false, false]);
  });

  test("is read anew where it was set back", async () => {
    await using server = await startNsSlapd({ layout: "freeIpa" });
    const client = await server.client();
    await addUser(client, "ann");
    await server.stop();
    const backup = await server.backUp();
    await server.start();
    await change(await server.client(), user("ann"), "replace", "title", "later");
    await using following = follow(server);
    following.start();
    await following.becomes({ ann: "later" });
    await following.stop();
    await server.stop();
    await server.restore(backup);
    await server.start();
    following.start();
    await following.becomes({ ann: "" });
    await following.stop();
    expect(eventsOf(following, "reset")).toMatchObject([{ reason: "setBack" }]);
  });

  test("is refused with a base that has users in it who are none", async () => {
    await using server = await startNsSlapd({ layout: "freeIpa" });
    await using following = follow(server, { base: suffix });
    following.start();
    const message = expect.stringContaining(`"cn=accounts,${suffix}"`);
    expect(await following.failure()).toMatchObject({ message });
  });

  test("is compared from time to time with what there is", async () => {
    await using server = await startNsSlapd({ layout: "freeIpa" });
    const client = await server.client();
    await addUser(client, "ann");
    await using following = follow(server, { reconcileEvery: 200 });
    following.start();
    await following.becomes({ ann: "" });
    const passes = () => eventsOf(following, "checked").map(({ check }) => check);
    await expect.poll(() => passes().filter((check) => check === "secondPass").length).toBe(4);
    await sleep(10);
    expect(passes().slice(0, 4)).toEqual(["secondPass", "names", "names", "secondPass"]);
  });
});
