import { setTimeout as sleep } from "node:timers/promises";
import { profile, type WatchEvent, type WatchOptions } from "concordat/ldap";
import { inMemoryTarget } from "concordat/repositories";
import { expect, test } from "vitest";
import type { Target } from "../sync/stores.js";
import {
  addGroup,
  addPeople,
  addUnit,
  change,
  Following,
  groups,
  people,
  person,
  staff,
  suffix,
} from "./following.js";
import { aciToReadAllBut, describeWithNsSlapd, type NsSlapd, startNsSlapd } from "./ns-slapd.js";

/** As `staff`, and a locked account is disabled. */
const lockable = profile({
  extends: staff,
  user: {
    active: { reads: ["nsAccountLock"], value: (entry) => entry.text("nsAccountLock") !== "true" },
  },
});

/** Follows as an account that may read, as those who use this will do, and not as the directory manager. */
function follow(
  { url, readerDn, readerPassword }: NsSlapd,
  options: Partial<WatchOptions> = {},
): Following {
  const target = inMemoryTarget({ transactions: true }) as Target;
  const account = { url, adminDn: readerDn, password: readerPassword };
  return new Following(account, target, { profile: lockable, ...options });
}

function eventsOf<K extends WatchEvent["event"]>(
  following: Following,
  kind: K,
): Extract<WatchEvent, { event: K }>[] {
  return following.events.filter(
    (event): event is Extract<WatchEvent, { event: K }> => event.event === kind,
  );
}

describeWithNsSlapd("389 Directory Server", () => {
  test("is followed as it changes", async () => {
    await using server = await startNsSlapd({ refint: true });
    const client = await server.client();
    await addPeople(client, ["ann", "bob", "cid"]);
    await addGroup(client, "crew", [person("ann"), person("bob")]);
    await using following = follow(server);
    following.start();
    await following.becomes({ ann: "", bob: "", cid: "", crew: ["ann", "bob"] });
    expect(eventsOf(following, "connected")).toMatchObject([{ dialect: "389ds" }]);

    await change(client, person("ann"), "replace", "title", "chief");
    await following.becomes({ ann: "chief", bob: "", cid: "", crew: ["ann", "bob"] });
    await change(client, person("bob"), "replace", "nsAccountLock", "true");
    await following.becomes({ ann: "chief", bob: "disabled", cid: "", crew: ["ann", "bob"] });
    await change(client, person("bob"), "delete", "nsAccountLock");
    await client.modifyDN(person("ann"), person("eve"));
    await following.becomes({ eve: "chief", bob: "", cid: "", crew: ["bob", "eve"] });
    await client.del(person("cid"));
    await following.becomes({ eve: "chief", bob: "", cid: "disabled", crew: ["bob", "eve"] });
    await addPeople(client, ["dan"]);
    await addUnit(client, `ou=more,${suffix}`);
    await client.modifyDN(person("bob"), person("bob", `ou=more,${suffix}`));
    await change(client, `cn=crew,${groups}`, "add", "member", person("dan"));
    const crew = ["bob", "dan", "eve"];
    await following.becomes({ eve: "chief", bob: "", cid: "disabled", dan: "", crew });
  });

  test("has reported all that happened while it was not followed, without everything being read anew", async () => {
    await using server = await startNsSlapd({ refint: true });
    const client = await server.client();
    await addPeople(client, ["ann", "bob", "cid", "dan", "eve", "fay"]);
    await addGroup(client, "crew", [person("ann"), person("bob")]);
    // A list reads who has just come whole; here there is no such entry.
    const now = () => Date.now() + 3_600_000;
    await using following = follow(server, { filter: "(!(ou=archive))", now });
    following.start();
    const all = { ann: "", bob: "", cid: "", dan: "", eve: "", fay: "" };
    await following.becomes({ ...all, crew: ["ann", "bob"] });
    await following.stop();

    // What an increment leaves out: an operational attribute, and who left the filter.
    await change(client, person("ann"), "replace", "nsAccountLock", "true");
    await change(client, person("bob"), "replace", "ou", "archive");
    await client.del(person("cid"));
    await client.modifyDN(person("dan"), person("don"));
    await client.del(person("eve"));
    await addPeople(client, ["gil"]);
    // More changes than a second look would go back over.
    for (let count = 1; count <= 60; count++) {
      await change(client, person("fay"), "replace", "title", `t${count}`);
    }
    await change(client, `cn=crew,${groups}`, "add", "member", person("gil"));
    following.start();
    await following.becomes({
      ann: "disabled",
      bob: "disabled",
      cid: "disabled",
      don: "",
      eve: "disabled",
      fay: "t60",
      gil: "",
      crew: ["ann", "gil"],
    });
    await following.stop();
    expect(eventsOf(following, "reset")).toEqual([]);
    expect(following.restarts).toBe(0);
    const resumed = eventsOf(following, "refreshed").at(-1);
    expect(resumed).toMatchObject({ resumed: true, swept: false });
  });

  test("sweeps no entry that was not mentioned, where nothing is followed", async () => {
    await using server = await startNsSlapd();
    const client = await server.client();
    await addPeople(client, ["ann", "bob"]);
    await using following = follow(server, { mode: "refreshOnly" });
    const refresh = async (): Promise<void> => {
      following.start();
      expect(await following.failure()).toBe(undefined);
    };
    await refresh();
    await refresh();
    expect(await following.content()).toEqual({ ann: "", bob: "" });
    await client.del(person("bob"));
    await addPeople(client, ["cid"]);
    await refresh();
    expect(await following.content()).toEqual({ ann: "", bob: "disabled", cid: "" });
    expect(following.restarts).toBe(0);
    const left = following.outcomes.filter(({ kind }) => kind === "deactivated");
    expect(left).toMatchObject([{ name: "bob" }]);
    expect(eventsOf(following, "reset")).toEqual([]);
  });

  test("is read anew where it has no use for a cookie", async () => {
    await using server = await startNsSlapd();
    const client = await server.client();
    await addPeople(client, ["ann", "bob"]);
    await using following = follow(server);
    following.start();
    await following.becomes({ ann: "", bob: "" });
    await following.stop();
    await server.stop();
    // Cookies name the server.
    await server.configure((dse) =>
      dse.replace("nsslapd-localhost: localhost", "nsslapd-localhost: elsewhere"),
    );
    await server.start();
    await (await server.client()).del(person("bob"));
    following.start();
    await following.becomes({ ann: "", bob: "disabled" });
    await following.stop();
    // And whom they are for.
    await change(await server.client(), person("ann"), "replace", "title", "here");
    const { adminDn: dn, password } = server;
    following.start({ bind: { method: "simple", dn, password } });
    await following.becomes({ ann: "here", bob: "disabled" });
    await following.stop();
    const reasons = eventsOf(following, "reset").map(({ reason }) => reason);
    expect(reasons).toEqual(["refreshRequired", "content"]);
  });

  test("is read anew where its changelog is another one", async () => {
    await using server = await startNsSlapd();
    const client = await server.client();
    await addPeople(client, ["ann"]);
    await server.stop();
    const backup = await server.backUp();
    await server.start();
    await addPeople(await server.client(), ["bob"]);
    await using following = follow(server);
    following.start();
    await following.becomes({ ann: "", bob: "" });
    await following.stop();
    await server.stop();
    await server.restore(backup);
    await server.start();
    following.start();
    await following.becomes({ ann: "", bob: "disabled" });
    await following.stop();
    expect(eventsOf(following, "reset")).toMatchObject([{ reason: "setBack" }]);
  });

  test("is read anew where its changelog has lost what is next", async () => {
    await using server = await startNsSlapd({ changelogAge: "1s" });
    const client = await server.client();
    await addPeople(client, ["ann", "bob"]);
    const now = () => Date.now() + 3_600_000;
    await using following = follow(server, { now });
    following.start();
    await following.becomes({ ann: "", bob: "" });
    await following.stop();
    await change(client, person("ann"), "replace", "title", "lost");
    for (let count = 1; count <= 60; count++) {
      await change(client, person("bob"), "replace", "title", `t${count}`);
    }
    const first = async (): Promise<number> => {
      // What is trimmed is looked for when something is written.
      await change(client, `ou=groups,${suffix}`, "replace", "description", String(Math.random()));
      const attributes = ["firstchangenumber"];
      const { searchEntries } = await client.search("", { scope: "base", attributes });
      return Number(searchEntries[0]?.["firstchangenumber"]);
    };
    await expect.poll(first, { interval: 300 }).toBeGreaterThan(60);
    following.start();
    await following.becomes({ ann: "lost", bob: "t60" });
    await following.stop();
    expect(eventsOf(following, "reset")).toMatchObject([{ reason: "refreshRequired" }]);
  });

  test("is not believed where its changelog does not have the changes of the content", async () => {
    await using server = await startNsSlapd({ changelogOf: [`ou=groups,${suffix}`] });
    const client = await server.client();
    await addPeople(client, ["ann", "bob"]);
    await using following = follow(server);
    following.start();
    await following.becomes({ ann: "", bob: "" });
    for (let count = 1; count <= 60; count++) {
      await change(client, person("ann"), "replace", "title", `t${count}`);
    }
    await change(client, `ou=groups,${suffix}`, "replace", "description", "logged");
    await following.becomes({ ann: "t60", bob: "" });
    await addGroup(client, "crew", [person("ann")]);
    await following.becomes({ ann: "t60", bob: "", crew: ["ann"] });
    await following.stop();
    await change(client, person("bob"), "replace", "title", "untold");
    following.start();
    await following.becomes({ ann: "t60", bob: "untold", crew: ["ann"] });
  });

  test("is refused where the account may not read by what entries are known", async () => {
    await using server = await startNsSlapd();
    const client = await server.client();
    await addPeople(client, ["ann"]);
    await change(client, suffix, "replace", "aci", aciToReadAllBut("nsUniqueId"));
    await using following = follow(server);
    following.start();
    expect(await following.failure()).toMatchObject({
      message: expect.stringMatching("nsUniqueId"),
    });
  });

  test("is resumed after it was killed", async () => {
    await using server = await startNsSlapd();
    const client = await server.client();
    await addPeople(client, ["ann", "bob"]);
    await using following = follow(server);
    following.start();
    await following.becomes({ ann: "", bob: "" });
    await server.stop("SIGKILL");
    await sleep(100);
    await server.start();
    const again = await server.client();
    await again.del(person("bob"));
    await change(again, person("ann", people), "replace", "title", "here");
    await following.becomes({ ann: "here", bob: "disabled" });
  });
});
