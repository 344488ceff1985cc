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
import { type Providers, startProviders } from "./providers.js";
import type { Slapd } from "./slapd.js";
import { TcpRelay } from "./tcp-relay.js";

const names = ["u1", "u2", "u3"];
const atFirst: Content = { u1: "", u2: "", u3: "", team: names };

/** Two servers that hold the same, and what stands before each of them. */
class Directory implements AsyncDisposable {
  readonly providers: Providers;
  readonly before: { readonly first: TcpRelay; readonly second: TcpRelay };

  private constructor(providers: Providers, first: TcpRelay, second: TcpRelay) {
    this.providers = providers;
    this.before = { first, second };
  }

  static async start(): Promise<Directory> {
    const providers = await startProviders();
    const { first, second } = providers;
    const client = await first.slapd.client();
    await addPeople(client, names);
    const members = names.map((name) => person(name));
    await addGroup(client, "team", members);
    await holds(second.slapd, `cn=team,${groups}`);
    return new Directory(
      providers,
      await TcpRelay.start(first.slapd.url),
      await TcpRelay.start(second.slapd.url),
    );
  }

  get urls(): readonly string[] {
    return [this.before.first.url, this.before.second.url];
  }

  /** From now on the second answers, and the first does not. */
  switchToSecond(): void {
    this.before.second.accept();
    this.before.first.refuse();
  }

  switchToFirst(): void {
    this.before.first.accept();
    this.before.second.refuse();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.before.first[Symbol.asyncDispose]();
    await this.before.second[Symbol.asyncDispose]();
    await this.providers[Symbol.asyncDispose]();
  }
}

/** Waits until a server has received an entry. */
async function holds(slapd: Slapd, dn: string): Promise<void> {
  const client = await slapd.client();
  const search = () =>
    client.search(dn, { scope: "base" }).then(
      () => true,
      () => false,
    );
  await expect.poll(search, { timeout: 20_000 }).toBe(true);
}

onEveryStore("one directory with two servers", (open) => {
  test("is followed from one to the other, and nothing is read anew for that", async () => {
    await using store = await open();
    await using directory = await Directory.start();
    const { first, second } = directory.providers;
    await using app = new Following(first.slapd, store.target, { urls: directory.urls });
    app.start();
    await app.becomes(atFirst);
    directory.switchToSecond();
    await change(await second.slapd.client(), person("u1"), "replace", "title", "Boss");
    await app.becomes({ ...atFirst, u1: "Boss" });
    await (await second.slapd.client()).del(person("u2"));
    await app.becomes({ ...atFirst, u1: "Boss", u2: "disabled", team: ["u1", "u3"] });
    directory.switchToFirst();
    await change(await first.slapd.client(), person("u3"), "replace", "title", "Clerk");
    await app.becomes({ u1: "Boss", u2: "disabled", u3: "Clerk", team: ["u1", "u3"] });
    expect(app.restarts).toBe(0);
    expect(app.events.filter(({ event }) => event === "reset")).toEqual([]);
  });

  test("takes nothing back that the second has yet to receive", async () => {
    await using store = await open();
    await using directory = await Directory.start();
    const { first, second } = directory.providers;
    await using app = new Following(first.slapd, store.target, { urls: directory.urls });
    app.start({ reconcileEvery: 200 });
    await app.becomes(atFirst);
    second.replication.pause();
    const client = await first.slapd.client();
    await change(client, person("u1"), "replace", "employeeType", "left");
    await change(client, `cn=team,${groups}`, "delete", "member", person("u1"));
    await client.del(person("u2"));
    await addPeople(client, ["u4"]);
    const changed = { u1: "disabled", u2: "disabled", u3: "", u4: "", team: ["u3"] };
    await app.becomes(changed);

    directory.switchToSecond();
    await change(await second.slapd.client(), person("u3"), "replace", "title", "Clerk");
    await app.becomes({ ...changed, u3: "Clerk" });
    const listed = () => app.events.filter((event) => event.event === "checked").length;
    const before = listed();
    await expect.poll(listed, { timeout: 20_000 }).toBeGreaterThan(before + 2);
    expect(await app.content()).toEqual({ ...changed, u3: "Clerk" });

    second.replication.resume();
    await holds(second.slapd, person("u4"));
    await addPeople(await second.slapd.client(), ["u5"]);
    await app.becomes({ ...changed, u3: "Clerk", u5: "" });
    expect(app.outcomes.filter(({ kind }) => kind === "reactivated")).toEqual([]);
    expect(app.restarts).toBe(0);
    expect(app.events.filter(({ event }) => event === "reset")).toEqual([]);
  });

  test("takes nothing back by the second connection to a server that lags and was read anew", async () => {
    await using store = await open();
    await using directory = await Directory.start();
    const { first, second } = directory.providers;
    await using app = new Following(first.slapd, store.target, { urls: directory.urls });
    app.start();
    await app.becomes(atFirst);
    second.replication.pause();
    const client = await first.slapd.client();
    await change(client, person("u1"), "replace", "title", "Boss");
    await change(client, person("u1"), "replace", "employeeType", "left");
    await addPeople(client, ["u4"]);
    const changed = { ...atFirst, u1: "disabled", u4: "" };
    await app.becomes(changed);
    await app.stop();

    directory.switchToSecond();
    // Another filter has it read anew, so that the position is that of a server that has not heard of u1 and u4.
    const filter = "(objectClass=*)";
    app.start({ filter });
    await app.stop();
    const connections = () => app.events.filter(({ event }) => event === "refreshed").length;
    const before = connections();
    app.start({ filter });
    await expect.poll(connections, { timeout: 20_000 }).toBeGreaterThan(before);
    second.replication.resume();
    await holds(second.slapd, person("u4"));
    await change(await second.slapd.client(), person("u3"), "replace", "title", "Clerk");
    await app.becomes({ ...changed, u3: "Clerk" });
    expect(app.outcomes.filter(({ kind }) => kind === "reactivated")).toEqual([]);
    expect(app.restarts).toBe(0);
  });
});
