import { expect, test } from "vitest";
import {
  addGroup,
  addPeople,
  type Content,
  Following,
  groups,
  onEveryStore,
  person,
} from "./following.js";
import { startSlapd } from "./slapd.js";

const names = Array.from({ length: 150 }, (_, index) => `u${index + 100}`);
const clients = 8;

onEveryStore("names that are given to others before refint has run", (open) => {
  test("mean nobody in a group once all groups were read after it", async () => {
    await using store = await open();
    await using slapd = await startSlapd({ refint: true });
    const client = await slapd.client();
    await addPeople(client, names);
    const members = names.map((name) => person(name));
    await addGroup(client, "team", members);
    await using app = new Following(slapd, store.target);
    app.start(
      { reconcileEvery: 500, reconcileGroups: true },
      { onDelete: "delete", maxDeletes: Number.POSITIVE_INFINITY },
    );
    const people: Content = Object.fromEntries(names.map((name) => [name, ""]));
    await app.becomes({ ...people, team: names });

    const left = [...names];
    const replacing = Array.from({ length: clients }, async () => {
      const own = await slapd.client();
      for (let name = left.pop(); name !== undefined; name = left.pop()) {
        await own.del(person(name));
        await addPeople(own, [name]);
      }
    });
    await Promise.all(replacing);
    const stated = async () => {
      const { searchEntries } = await client.search(`cn=team,${groups}`, { scope: "base" });
      return searchEntries[0]?.["member"];
    };
    await expect.poll(stated, { timeout: 60_000 }).toBe("cn=nobody");
    await app.becomes({ ...people, team: [] });
  }, 120_000);
});
