import { LdapMessageTooLargeError } from "concordat/ldap";
import { expect, test } from "vitest";
import { addPeople, change, Following, onEveryStore, person } from "./following.js";
import { startSlapd } from "./slapd.js";

const maxMessageSize = 20_000;
const tooLong = "x".repeat(30_000);

onEveryStore("an entry above maxMessageSize", (open) => {
  test("is named by the error that ends the stream", async () => {
    await using store = await open();
    await using slapd = await startSlapd();
    await addPeople(await slapd.client(), ["ann", "bob"]);
    await change(await slapd.client(), person("bob"), "replace", "title", tooLong);
    await using app = new Following(slapd, store.target, { maxMessageSize });
    app.start();
    const failure = await app.failure();
    expect(failure).toBeInstanceOf(LdapMessageTooLargeError);
    expect(failure).toHaveProperty("message", expect.stringContaining(person("bob")));
  });

  test("is ignored where that is wanted, told, and not taken for gone", async () => {
    await using store = await open();
    await using slapd = await startSlapd();
    const client = await slapd.client();
    await addPeople(client, ["ann", "bob", "cid"]);
    await change(client, person("ann"), "replace", "title", tooLong);
    await using app = new Following(slapd, store.target, { maxMessageSize, oversized: "ignore" });
    app.start();
    await app.becomes({ bob: "", cid: "" });
    const isTold = (dn: string) =>
      app.outcomes.some((outcome) => outcome.kind === "unreadable" && outcome.message.includes(dn));
    expect(isTold(person("ann"))).toBe(true);

    // Live, and in a refresh, what was known of it stays.
    await change(client, person("bob"), "replace", "title", tooLong);
    await change(client, person("cid"), "replace", "title", "Boss");
    await app.becomes({ bob: "", cid: "Boss" });
    await expect.poll(() => isTold(person("bob"))).toBe(true);
    await app.stop();
    app.start({ filter: "(objectClass=*)" });
    await change(client, person("cid"), "replace", "title", "Clerk");
    await app.becomes({ bob: "", cid: "Clerk" });
    await change(client, person("bob"), "replace", "title", "Boss");
    await change(client, person("ann"), "replace", "title");
    await app.becomes({ ann: "", bob: "Boss", cid: "Clerk" });
  });
});
