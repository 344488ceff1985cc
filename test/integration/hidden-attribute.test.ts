import { TooManyError } from "concordat";
import { readAnew } from "concordat/sync";
import { expect, test } from "vitest";
import {
  addGroup,
  addPeople,
  type Content,
  change,
  Following,
  groups,
  onEveryStore,
  person,
  suffix,
} from "./following.js";
import { type Slapd, startSlapd } from "./slapd.js";

const names = Array.from({ length: 20 }, (_, index) => `u${index + 10}`);
const reader = { method: "simple", dn: `cn=reader,${suffix}`, password: "read" } as const;

const everything = ["access to attrs=userPassword by anonymous auth", "access to * by * read"];
const hidden = (attribute: string) => [`access to attrs=${attribute} by * none`, ...everything];

/** Twenty people with titles in a group, and an account that is subject to rules of access. */
async function directory(): Promise<Slapd> {
  const slapd = await startSlapd({ access: everything });
  const client = await slapd.client();
  await client.add(reader.dn, {
    objectClass: ["organizationalRole", "simpleSecurityObject"],
    cn: "reader",
    userPassword: reader.password,
  });
  await addPeople(client, names);
  for (const name of names) await change(client, person(name), "replace", "title", `The ${name}`);
  const members = names.map((name) => person(name));
  await addGroup(client, "team", members);
  return slapd;
}

const atFirst: Content = {
  ...Object.fromEntries(names.map((name) => [name, `The ${name}`])),
  team: names,
};

async function setAccess(slapd: Slapd, rules: readonly string[]): Promise<void> {
  await slapd.stop();
  await slapd.setAccess(rules);
  await slapd.start();
}

onEveryStore("an attribute that an access rule hides", (open) => {
  test("clears it nowhere before somebody has decided, and is there again when it is given back", async () => {
    await using store = await open();
    await using slapd = await directory();
    await using app = new Following(slapd, store.target, { bind: reader });
    app.start();
    await app.becomes(atFirst);
    await app.stop();

    await setAccess(slapd, hidden("title"));
    // Another filter has everything read anew.
    app.start({ filter: "(objectClass=*)" });
    const failure = await app.failure();
    expect(failure).toBeInstanceOf(TooManyError);
    expect(failure).toHaveProperty("message", expect.stringContaining("maxCleared"));
    expect(await app.content()).toEqual(atFirst);

    await setAccess(slapd, everything);
    app.start({ filter: "(objectClass=*)" });
    await change(await slapd.client(), person("u10"), "replace", "title", "Boss");
    await app.becomes({ ...atFirst, u10: "Boss" });
  });

  test("empties no group before somebody has decided", async () => {
    await using store = await open();
    await using slapd = await directory();
    await using app = new Following(slapd, store.target, { bind: reader });
    app.start();
    await app.becomes(atFirst);
    await setAccess(slapd, hidden("member"));
    await change(await slapd.client(), `cn=team,${groups}`, "replace", "description", "all");
    expect(await app.failure()).toBeInstanceOf(TooManyError);
    expect(await app.content()).toEqual(atFirst);

    await setAccess(slapd, everything);
    app.start();
    await change(await slapd.client(), `cn=team,${groups}`, "delete", "member", person("u11"));
    const left = names.filter((name) => name !== "u11");
    await app.becomes({ ...atFirst, team: left });
  });

  test("that was cleared, since no limit was set, comes back by one call once it is given back", async () => {
    await using store = await open();
    await using slapd = await directory();
    await using app = new Following(slapd, store.target, { bind: reader });
    const unlimited = {
      maxCleared: Number.POSITIVE_INFINITY,
      maxDeletes: Number.POSITIVE_INFINITY,
    };
    app.start({}, unlimited);
    await app.becomes(atFirst);
    await app.stop();
    await setAccess(slapd, hidden("title,member"));
    await readAnew(store.target.checkpoints, app.source);
    app.start({}, unlimited);
    const without = Object.fromEntries(names.map((name) => [name, ""]));
    await app.becomes({ ...without, team: [] });
    await app.stop();

    await setAccess(slapd, everything);
    await readAnew(store.target.checkpoints, app.source);
    app.start();
    await app.becomes(atFirst);
  });
});
