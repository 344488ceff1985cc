import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import {
  addPeople,
  addPosixGroup,
  change,
  Following,
  groups,
  onEveryStore,
  person,
} from "./following.js";
import { type Slapd, startSlapd } from "./slapd.js";

/** Renames an entry and keeps the value of its former RDN (`deleteoldrdn: 0`), which the client library cannot do. */
async function renameAndKeep(slapd: Slapd, dn: string, rdn: string): Promise<void> {
  const { url, adminDn, password } = slapd;
  await promisify(execFile)("ldapmodrdn", [
    "-x",
    "-H",
    url,
    "-D",
    adminDn,
    "-w",
    password,
    dn,
    rdn,
  ]);
}

onEveryStore("a person with several values of uid", (open) => {
  test("keeps the name, which is the one in the RDN, however they are stated", async () => {
    await using store = await open();
    await using slapd = await startSlapd();
    const client = await slapd.client();
    await addPeople(client, ["mary", "eve"]);
    await addPosixGroup(client, "team", ["mary"]);
    await using app = new Following(slapd, store.target);
    app.start();
    await app.becomes({ mary: "", eve: "", team: ["mary"] });
    await change(client, person("mary"), "replace", "uid", "mjones", "mary");
    await change(client, person("mary"), "replace", "title", "Boss");
    await app.becomes({ mary: "Boss", eve: "", team: ["mary"] });
    expect(app.outcomes.filter(({ kind }) => kind === "renamed")).toEqual([]);

    // A memberUid means her by an alias, as long as nobody has it for a name.
    await change(client, `cn=team,${groups}`, "replace", "memberUid", "mjones");
    await change(client, person("eve"), "replace", "title", "Clerk");
    await app.becomes({ mary: "Boss", eve: "Clerk", team: ["mary"] });
    await addPeople(client, ["mjones"]);
    await app.becomes({ mary: "Boss", eve: "Clerk", mjones: "", team: ["mjones"] });
    await client.del(person("mjones"));
    await app.becomes({ mary: "Boss", eve: "Clerk", mjones: "disabled", team: ["mary"] });
  });

  test("who keeps a former name when renamed does not hold it back from the next person", async () => {
    await using store = await open();
    await using slapd = await startSlapd();
    const client = await slapd.client();
    await addPeople(client, ["ann"]);
    await addPosixGroup(client, "team", ["ann"]);
    await using app = new Following(slapd, store.target);
    app.start();
    await app.becomes({ ann: "", team: ["ann"] });
    await renameAndKeep(slapd, person("ann"), "uid=anne");
    await app.becomes({ anne: "", team: ["anne"] });
    await addPeople(client, ["ann"]);
    await app.becomes({ anne: "", ann: "", team: ["ann"] });
    // And in a refresh of everything it is the same.
    await app.stop();
    await slapd.stop();
    await slapd.start();
    app.start({ filter: "(objectClass=*)" });
    await expect.poll(() => app.events.filter(({ event }) => event === "reset")).toHaveLength(1);
    await change(await slapd.client(), person("ann"), "replace", "title", "Clerk");
    await app.becomes({ anne: "", ann: "Clerk", team: ["ann"] });
    expect(app.outcomes.filter(({ kind }) => kind === "deferred")).toEqual([]);
  });

  test("and another RDN keeps the name that the account has, while it is among them", async () => {
    await using store = await open();
    await using slapd = await startSlapd();
    const client = await slapd.client();
    const dn = "cn=Mary Jones,ou=people,dc=example,dc=com";
    const mary = { objectClass: "inetOrgPerson", cn: "Mary Jones", sn: "Jones", uid: ["mary"] };
    await client.add(dn, mary);
    await using app = new Following(slapd, store.target);
    app.start();
    await app.becomes({ mary: "" });
    await change(client, dn, "replace", "uid", "amj", "mary", "zoe");
    await change(client, dn, "replace", "title", "Boss");
    await app.becomes({ mary: "Boss" });
    await change(client, dn, "replace", "uid", "zoe", "amj");
    await app.becomes({ amj: "Boss" });
  });
});
