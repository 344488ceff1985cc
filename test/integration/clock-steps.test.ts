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
import { clockIsMissing } from "./server-clock.js";
import { type Slapd, startSlapd } from "./slapd.js";

const names = ["u1", "u2", "u3", "u4"];
const second = 1_000;
const hour = 3_600 * second;

/** A directory with four people in a group, whose clock can be set. */
async function directory(): Promise<Slapd> {
  const slapd = await startSlapd({ clock: true });
  const client = await slapd.client();
  await addPeople(client, names);
  const member = names.map((name) => person(name));
  await addGroup(client, "team", member);
  return slapd;
}

const atFirst: Content = { u1: "", u2: "", u3: "", u4: "", team: names };

/** Somebody is disabled, somebody leaves the group, somebody leaves altogether, and somebody is changed. */
async function takeAway(slapd: Slapd): Promise<Content> {
  const client = await slapd.client();
  await change(client, person("u1"), "replace", "employeeType", "left");
  await change(client, `cn=team,${groups}`, "delete", "member", person("u2"));
  await client.del(person("u3"));
  await change(client, person("u4"), "replace", "title", "Boss");
  return { u1: "disabled", u2: "", u3: "disabled", u4: "Boss", team: ["u1", "u4"] };
}

async function giveBack(slapd: Slapd): Promise<Content> {
  const client = await slapd.client();
  await change(client, person("u1"), "replace", "employeeType");
  await change(client, `cn=team,${groups}`, "add", "member", person("u2"));
  await change(client, person("u4"), "replace", "title");
  return { u1: "", u2: "", u3: "disabled", u4: "", team: ["u1", "u2", "u4"] };
}

const steps = [
  ["3 s back", -3 * second],
  ["3 h back", -3 * hour],
  ["3 h forward", 3 * hour],
] as const;

onEveryStore(
  "a server whose clock is set",
  (open) => {
    test.each(steps)("%s while it is followed", async (_, step) => {
      await using store = await open();
      await using slapd = await directory();
      await using app = new Following(slapd, store.target);
      app.start();
      await app.becomes(atFirst);
      await slapd.clock?.setAhead(step);
      await app.becomes(await takeAway(slapd));
      await slapd.clock?.setAhead(0);
      await app.becomes(await giveBack(slapd));
      expect(app.restarts).toBe(0);
    });

    test.each(steps)("%s while nobody listens, by the next look at all names", async (_, step) => {
      await using store = await open();
      await using slapd = await directory();
      await using app = new Following(slapd, store.target);
      app.start();
      await app.becomes(atFirst);
      await app.stop();
      await slapd.clock?.setAhead(step);
      const changed = await takeAway(slapd);
      app.start({ reconcileEvery: 500 });
      await app.becomes(changed);
      await app.stop();
      await slapd.clock?.setAhead(0);
      const again = await giveBack(slapd);
      app.start({ reconcileEvery: 500 });
      await app.becomes(again);
    });

    test.each(steps)(
      "%s while nobody listens, at once where it is started anew",
      async (_, step) => {
        await using store = await open();
        await using slapd = await directory();
        await using app = new Following(slapd, store.target);
        app.start();
        await app.becomes(atFirst);
        await app.stop();
        await slapd.clock?.setAhead(step);
        await slapd.stop();
        await slapd.start();
        const changed = await takeAway(slapd);
        app.start();
        await app.becomes(changed);
        await app.stop();
        await slapd.clock?.setAhead(0);
        await slapd.stop();
        await slapd.start();
        const again = await giveBack(slapd);
        app.start();
        await app.becomes(again);
      },
    );

    test("back from hours ahead of ours while nobody listens, at once", async () => {
      await using store = await open();
      await using slapd = await directory();
      await using app = new Following(slapd, store.target);
      app.start();
      await app.becomes(atFirst);
      await slapd.clock?.setAhead(3 * hour);
      await app.becomes(await takeAway(slapd));
      await app.stop();
      await slapd.clock?.setAhead(0);
      const again = await giveBack(slapd);
      app.start();
      await app.becomes(again);
    });
  },
  clockIsMissing,
);
