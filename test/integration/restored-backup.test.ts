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
} from "./following.js";
import { type Slapd, startSlapd } from "./slapd.js";
import { TcpRelay } from "./tcp-relay.js";

const names = ["u1", "u2", "u3", "u4", "u5", "u6"];
const members = (uids: readonly string[]) => uids.map((uid) => person(uid));

const atFirst: Content = { u1: "", u2: "", u3: "", u4: "", u5: "", u6: "", team: names };

/** A directory with six people in a group. */
async function directory(): Promise<Slapd> {
  const slapd = await startSlapd();
  const client = await slapd.client();
  await addPeople(client, names);
  await addGroup(client, "team", members(names));
  return slapd;
}

/** What happens after the backup, and is taken back by it. */
async function changeEverybody(slapd: Slapd): Promise<Content> {
  const client = await slapd.client();
  await change(client, person("u1"), "replace", "title", "Boss");
  await client.del(person("u2"));
  await client.modifyDN(person("u5"), "uid=u7");
  await change(client, person("u6"), "replace", "employeeType", "left");
  await change(client, `cn=team,${groups}`, "delete", "member", person("u4"));
  await addPeople(client, ["u8"]);
  return {
    u1: "Boss",
    u2: "disabled",
    u3: "",
    u4: "",
    u7: "",
    u6: "disabled",
    u8: "",
    team: ["u1", "u3", "u6", "u7"],
  };
}

async function writeOnce(slapd: Slapd): Promise<void> {
  const client = await slapd.client();
  await change(client, person("u3"), "replace", "title", "Clerk");
}

const restoredAndWritten: Content = { ...atFirst, u3: "Clerk", u8: "disabled" };

onEveryStore("a directory that is restored from a backup", (open) => {
  test("and written once while nobody listens is found", async () => {
    await using store = await open();
    await using slapd = await directory();
    await using app = new Following(slapd, store.target);
    app.start();
    await app.becomes(atFirst);
    const backup = await slapd.backUp();
    const changed = await changeEverybody(slapd);
    await app.becomes(changed);
    await app.stop();

    await slapd.stop();
    await slapd.restore(backup);
    await slapd.start();
    await writeOnce(slapd);
    app.start();
    await app.becomes(restoredAndWritten);
  });

  test("and written once while the connection is lost is found", async () => {
    await using store = await open();
    await using slapd = await directory();
    await using relay = await TcpRelay.start(slapd.url);
    await using app = new Following(slapd, store.target, { url: relay.url });
    app.start();
    await app.becomes(atFirst);
    const backup = await slapd.backUp();
    await app.becomes(await changeEverybody(slapd));

    relay.refuse();
    await slapd.stop();
    await slapd.restore(backup);
    await slapd.start();
    await writeOnce(slapd);
    relay.accept();
    await app.becomes(restoredAndWritten);
  });

  test("and not written is found", async () => {
    await using store = await open();
    await using slapd = await directory();
    await using app = new Following(slapd, store.target);
    app.start();
    await app.becomes(atFirst);
    const backup = await slapd.backUp();
    await app.becomes(await changeEverybody(slapd));

    await slapd.stop("SIGKILL");
    await slapd.restore(backup);
    await slapd.start();
    await app.becomes({ ...atFirst, u8: "disabled" });
    expect(app.restarts).toBe(0);
  });
});
