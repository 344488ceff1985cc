import type { WatchOptions } from "concordat/ldap";
import { inMemoryTarget } from "concordat/repositories";
import type { Client } from "ldapts";
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
  suffix,
} from "./following.js";
import { aciToReadAllBut, describeWithNsSlapd, type NsSlapd, startNsSlapd } from "./ns-slapd.js";

const elsewhere = `ou=elsewhere,${suffix}`;

function accountOf({ url, readerDn, readerPassword }: NsSlapd) {
  return { url, adminDn: readerDn, password: readerPassword };
}

function follow(server: NsSlapd, options: Partial<WatchOptions>): Following {
  return new Following(accountOf(server), inMemoryTarget({ transactions: true }) as Target, {
    // A list reads who has just come whole; here there is no such entry.
    now: () => Date.now() + 3_600_000,
    ...options,
  });
}

/** Adds the entry of a suffix, which everybody who is known may read. */
async function addSuffix(client: Client, dn: string): Promise<void> {
  const aci = aciToReadAllBut();
  const [, type = "", name = ""] = /^(\w+)=([^,]+)/.exec(dn) ?? [];
  const objectClass = type === "dc" ? "domain" : "organizationalUnit";
  await client.add(dn, { objectClass, [type]: name, aci });
}

describeWithNsSlapd("of a 389 Directory Server", () => {
  test.each(["389ds", "freeipa"] as const)(
    "several bases are one content, into which and out of which people move, read as %s",
    async (dialect) => {
      const changelog = dialect === "freeipa" ? { changelogOf: [`cn=dns,${suffix}`] } : {};
      await using server = await startNsSlapd({ usn: true, refint: true, ...changelog });
      const client = await server.client();
      await addUnit(client, elsewhere);
      await addPeople(client, ["ann", "bob"]);
      await addPeople(client, ["out"], elsewhere);
      await addGroup(client, "crew", [person("ann"), person("out", elsewhere)]);
      await using following = follow(server, { base: [people, groups], dialect });
      following.start();
      await following.becomes({ ann: "", bob: "", crew: ["ann"] });

      // While it is followed.
      await client.modifyDN(person("bob"), person("bob", groups));
      await change(client, person("bob", groups), "replace", "title", "moved");
      await following.becomes({ ann: "", bob: "moved", crew: ["ann"] });
      await client.modifyDN(person("bob", groups), person("bob", elsewhere));
      await following.becomes({ ann: "", bob: "disabled", crew: ["ann"] });
      await client.modifyDN(person("out", elsewhere), person("out"));
      await following.becomes({ ann: "", bob: "disabled", out: "", crew: ["ann", "out"] });
      await change(client, person("bob", elsewhere), "replace", "title", "outside");
      await following.stop();

      // While it is not.
      await client.modifyDN(person("ann"), person("ann", elsewhere));
      await client.modifyDN(person("bob", elsewhere), person("bob"));
      following.start();
      await following.becomes({
        ann: "disabled",
        bob: "outside",
        out: "",
        crew: ["out"],
      });
      await following.stop();
      expect(following.events.filter(({ event }) => event === "reset")).toEqual([]);
      expect(following.restarts).toBe(0);
    },
  );

  test("a database below the suffix is part of the content", async () => {
    const second = `ou=second,${suffix}`;
    await using server = await startNsSlapd({ secondSuffix: second });
    const client = await server.client();
    await addSuffix(client, second);
    await addPeople(client, ["ann"]);
    await addPeople(client, ["bob"], second);
    await addGroup(client, "crew", [person("ann"), person("bob", second)]);
    await using following = follow(server, {});
    following.start();
    const crew = ["ann", "bob"];
    await following.becomes({ ann: "", bob: "", crew });
    await change(client, person("bob", second), "replace", "title", "live");
    await following.becomes({ ann: "", bob: "live", crew });
    await following.stop();
    await change(client, person("bob", second), "replace", "title", "away");
    await change(client, person("ann"), "replace", "title", "away");
    following.start();
    await following.becomes({ ann: "away", bob: "away", crew });
    await following.stop();
    expect(following.restarts).toBe(0);
  });

  test("each of two suffixes is a stream of its own, and both go into one application", async () => {
    const second = "dc=other,dc=org";
    await using server = await startNsSlapd({ secondSuffix: second });
    const client = await server.client();
    await addSuffix(client, second);
    await addPeople(client, ["ann"]);
    await addPeople(client, ["bob"], second);
    expect(() => follow(server, { base: [suffix, second] }).start()).toThrow(
      "watch each by itself",
    );

    const target = inMemoryTarget({ transactions: true }) as Target;
    const account = accountOf(server);
    await using one = new Following(account, target, {});
    await using other = new Following(account, target, { base: second });
    one.start();
    other.start();
    await one.becomes({ ann: "", bob: "" });
    await change(client, person("bob", second), "replace", "title", "other");
    await client.del(person("ann"));
    await one.becomes({ ann: "disabled", bob: "other" });
    await Promise.all([one.stop(), other.stop()]);
    await client.del(person("bob", second));
    await addPeople(client, ["cid"]);
    one.start();
    other.start();
    await one.becomes({ ann: "disabled", bob: "disabled", cid: "" });
  });
});
