import { expect, test } from "vitest";
import {
  addGroup,
  addPeople,
  addUnit,
  change,
  Following,
  groups,
  onEveryStore,
  person,
  suffix,
} from "./following.js";
import { type Slapd, type SlapdOptions, startSlapd } from "./slapd.js";

const company = `ou=people,${suffix}`;
const outside = `ou=outside,${suffix}`;
const newcomers = ["n1", "n2"];
const leavers = ["l1", "l2"];

/**
 * `ou=sales` in the company, with people below, and `ou=agents` outside of it. Only what is in the company is followed.
 */
async function directory(options: SlapdOptions = {}): Promise<Slapd> {
  const slapd = await startSlapd(options);
  const client = await slapd.client();
  await addUnit(client, outside);
  await addUnit(client, `ou=sales,${company}`);
  await addUnit(client, `ou=agents,${outside}`);
  await addPeople(client, ["stays"], company);
  await addPeople(client, leavers, `ou=sales,${company}`);
  await addPeople(client, newcomers, `ou=agents,${outside}`);
  return slapd;
}

const atFirst = { stays: "", l1: "", l2: "" };
const inTheEnd = { stays: "", l1: "disabled", l2: "disabled", n1: "", n2: "" };

async function exchange(slapd: Slapd): Promise<void> {
  const client = await slapd.client();
  await client.modifyDN(`ou=sales,${company}`, `ou=sales,${outside}`);
  await client.modifyDN(`ou=agents,${outside}`, `ou=agents,${company}`);
}

onEveryStore("an ou with people below that moves across the base", (open) => {
  test("while it is followed takes and brings its people", async () => {
    await using store = await open();
    await using slapd = await directory();
    await using app = new Following(slapd, store.target, { base: company });
    app.start();
    await app.becomes(atFirst);
    await exchange(slapd);
    await app.becomes(inTheEnd);

    // And back again.
    const client = await slapd.client();
    await client.modifyDN(`ou=agents,${company}`, `ou=agents,${outside}`);
    await client.modifyDN(`ou=sales,${outside}`, `ou=sellers,${company}`);
    await app.becomes({ stays: "", l1: "", l2: "", n1: "disabled", n2: "disabled" });
  });

  test.each([1000, 0])(
    "while nobody listens takes and brings its people (session log %d)",
    async (sessionLog) => {
      await using store = await open();
      await using slapd = await directory({ sessionLog });
      await using app = new Following(slapd, store.target, { base: company });
      app.start();
      await app.becomes(atFirst);
      await app.stop();
      await exchange(slapd);
      app.start();
      await app.becomes(inTheEnd);
    },
  );

  test("and the server is started anew takes and brings its people", async () => {
    await using store = await open();
    await using slapd = await directory();
    await using app = new Following(slapd, store.target, { base: company });
    app.start();
    await app.becomes(atFirst);
    await app.stop();
    await exchange(slapd);
    await slapd.stop("SIGKILL");
    await slapd.start();
    app.start();
    await app.becomes(inTheEnd);
  });

  test("takes and brings its people to whom parents are hidden", async () => {
    await using store = await open();
    await using slapd = await directory({
      access: [
        'access to dn.regex="^ou=(sales|sellers|agents)," attrs=entry by * disclose',
        "access to * by * read",
      ],
    });
    await using app = new Following(slapd, store.target, { base: company, bind: reader });
    await readerFor(slapd);
    app.start();
    await app.becomes(atFirst);
    await exchange(slapd);
    await app.becomes(inTheEnd);
  });
});

onEveryStore("something below which people are and that is not followed", (open) => {
  const above = [
    ["an entry of another class", "cn=printer", { objectClass: "device", cn: "printer" }],
    ["a person", "uid=boss", { objectClass: "inetOrgPerson", uid: "boss", cn: "boss", sn: "boss" }],
  ] as const;
  test.each(above)("%s takes and brings its people", async (_, rdn, attributes) => {
    await using store = await open();
    await using slapd = await directory();
    const client = await slapd.client();
    await client.add(`${rdn},${company}`, attributes);
    await addPeople(client, ["below"], `${rdn},${company}`);
    await using app = new Following(slapd, store.target, { base: company });
    const others = rdn === "uid=boss" ? { ...atFirst, boss: "" } : atFirst;
    app.start();
    await app.becomes({ ...others, below: "" });
    await client.modifyDN(`${rdn},${company}`, `${rdn},${outside}`);
    const left = rdn === "uid=boss" ? { ...atFirst, boss: "disabled" } : atFirst;
    await app.becomes({ ...left, below: "disabled" });
    await client.modifyDN(`${rdn},${outside}`, `${rdn},${company}`);
    await app.becomes({ ...others, below: "" });
  });
});

const reader = { method: "simple", dn: `cn=reader,${suffix}`, password: "read" } as const;

async function readerFor(slapd: Slapd): Promise<void> {
  const client = await slapd.client();
  await client.add(reader.dn, {
    objectClass: ["organizationalRole", "simpleSecurityObject"],
    cn: "reader",
    userPassword: reader.password,
  });
}

onEveryStore("an ou that is renamed within the base", (open) => {
  test("is followed by the names of its people in groups", async () => {
    await using store = await open();
    await using slapd = await directory();
    await using app = new Following(slapd, store.target);
    const client = await slapd.client();
    await addGroup(client, "sellers", [person("l1", `ou=sellers,${company}`)]);
    app.start();
    await app.becomes({ ...atFirst, n1: "", n2: "", sellers: [] });
    await client.modifyDN(`ou=sales,${company}`, `ou=sellers,${company}`);
    await app.becomes({ ...atFirst, n1: "", n2: "", sellers: ["l1"] });
    // Whoever is below is known by the new name only.
    const old = person("l2", `ou=sales,${company}`);
    await change(client, `cn=sellers,${groups}`, "add", "member", old);
    await addPeople(client, ["later"]);
    await app.becomes({ ...atFirst, n1: "", n2: "", later: "", sellers: ["l1"] });
    expect(app.restarts).toBe(0);
  });
});
