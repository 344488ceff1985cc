import { activeDirectory, profile, watchDirectory } from "concordat/ldap";
import { inMemoryTarget } from "concordat/repositories";
import { synchronize } from "concordat/sync";
import { type Directory, startDirectory } from "concordat/testing/directory";
import { expect, test } from "vitest";
import { Random } from "../loss/random.js";

const runs = Number(process.env["CONCORDAT_RUNS"] ?? 60);
const firstSeed = Number(process.env["CONCORDAT_SEED"] ?? 1);

const suffix = "dc=example,dc=com";
const company = `ou=company,${suffix}`;
const outside = `ou=outside,${suffix}`;
const byCn = profile({ extends: activeDirectory, user: { displayName: "cn" } });

test(`after ${runs} random runs with a played domain the application equals it`, async () => {
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const differences = await runOnce(seed);
    expect(differences, `CONCORDAT_SEED=${seed}`).toEqual([]);
  }
}, 7_200_000);

/** Changes a domain at random while a consumer follows it, is cut off, and returns. @returns what differs in the end. */
async function runOnce(seed: number): Promise<readonly string[]> {
  const random = new Random(seed);
  const seesDeleted = random.chance(0.7);
  await using directory = await startDirectory({
    activeDirectory: {
      seesDeleted: (dn) => seesDeleted || dn.includes("admin"),
      dirSyncPage: random.between(1, 5),
      maxPageSize: random.between(2, 6),
      maxValRange: random.between(1, 4),
      maxNotifications: random.chance(0.9) ? 5 : 0,
    },
    random: () => random.next(),
  });
  const world = new World(directory, random.fork());
  const batchSize = random.between(1, 4);
  const target = inMemoryTarget();
  const follow = (mode: "refreshOnly" | "refreshAndPersist", signal?: AbortSignal) =>
    synchronize(
      watchDirectory({
        url: directory.url,
        source: "domain",
        base: company,
        profile: byCn,
        mode,
        // Without the right, only a list of all names finds deletions.
        deletions: seesDeleted ? "probe" : "sweep",
        reconcileEvery: false,
        pollEvery: 10,
        // So that something is written between two pages of a refresh, too.
        batchSize,
        allowCleartext: true,
        reconnect: mode === "refreshOnly" ? { initialDelay: 1, maxDelay: 2 } : false,
        bind: { method: "simple", dn: `cn=reader,${suffix}`, password: "reader" },
      }),
      target,
      {
        onDelete: "delete",
        maxDeletes: Number.POSITIVE_INFINITY,
        maxCleared: Number.POSITIVE_INFINITY,
        ...(signal && { signal }),
      },
    );

  for (let round = random.between(2, 4); round > 0; round--) {
    world.change(random.between(1, 8));
    if (random.chance(0.3))
      directory.faults.dropConnection({ afterMessages: random.between(0, 25) });
    if (random.chance(0.1)) directory.faults.refuseResume(12);
    const stop = new AbortController();
    const isLive = random.chance(0.5);
    // Where nothing is left to be told, nothing else ends it.
    const timer = setTimeout(() => stop.abort(new Error("enough")), isLive ? 60 : 60_000);
    const outcomes = follow(isLive ? "refreshAndPersist" : "refreshOnly", stop.signal);
    try {
      for await (const { kind } of outcomes) {
        if (random.chance(0.25)) world.change(1);
        if (isLive && kind === "checkpoint" && random.chance(0.5)) stop.abort(new Error("enough"));
        if (isLive && kind === "checkpoint") world.change(1);
      }
    } catch {
      // The connection was dropped, or enough was seen.
    } finally {
      clearTimeout(timer);
    }
  }
  directory.faults.clear();
  for await (const _ of follow("refreshOnly")) {
    // The last one brings everything up to date, from where the others had stopped.
  }
  return await differencesOf(directory, world.rids, target);
}

/** What changes a domain. */
class World {
  readonly #directory: Directory;
  readonly #random: Random;
  /** The last parts of the security identifiers, which are given one after the other. */
  readonly rids: Map<string, string> = new Map();
  #serial = 0;

  constructor(directory: Directory, random: Random) {
    this.#directory = directory;
    this.#random = random;
    directory.add(`cn=reader,${suffix}`, {
      objectClass: "person",
      cn: "reader",
      userPassword: "reader",
    });
    for (const dn of [company, outside, `ou=unit,${company}`]) {
      directory.add(dn, { objectClass: "organizationalUnit" });
    }
    for (const name of ["first", "second"]) this.#addGroup(name, company);
    for (let index = 0; index < 4; index++) this.#addUser();
  }

  /** Does something so many times; what cannot be done is left. */
  change(times: number): void {
    for (let index = 0; index < times; index++) {
      try {
        this.#step();
      } catch (error) {
        if ((error as { code?: string }).code !== "directory") throw error;
      }
    }
  }

  #step(): void {
    const directory = this.#directory;
    const random = this.#random;
    const users = this.#dns("(objectClass=user)");
    const groups = this.#dns("(objectClass=group)");
    const user = random.pick(users) ?? "";
    const group = random.pick(groups) ?? "";
    const any = random.pick([...users, ...groups]) ?? "";
    const step = random.between(0, 11);
    if (step < 2) this.#addUser();
    else if (step === 2) this.#addGroup(this.#name(), this.#parent());
    else if (step === 3) directory.delete(any);
    else if (step === 4) directory.modify(user, { replace: { title: this.#name() } });
    else if (step === 5) directory.modify(user, { replace: { sAMAccountName: this.#name() } });
    else if (step === 6) {
      const userAccountControl = random.chance(0.5) ? "544" : "546";
      directory.modify(user, { replace: { userAccountControl } });
    } else if (step === 7) {
      const rdn = random.chance(0.5) ? any.slice(0, any.indexOf(",")) : `CN=${this.#name()}`;
      directory.rename(any, `${rdn},${this.#parent()}`);
    } else if (step === 8) {
      const unit = random.pick(this.#dns("(ou=unit*)")) ?? "";
      const rdn = random.chance(0.5) ? "ou=unit" : `ou=unit${random.between(0, 9)}`;
      directory.rename(unit, `${rdn},${random.chance(0.6) ? company : outside}`);
    } else if (step < 11) {
      const change = random.chance(0.6) ? "add" : "delete";
      if (any !== group) directory.modify(group, { [change]: { member: any } });
    } else {
      // That of a group, of a user, or one that is not there.
      const rid = String(1_100 + random.between(1, 6));
      directory.modify(user, { replace: { primaryGroupID: random.chance(0.7) ? rid : "513" } });
    }
  }

  #addUser(): void {
    const name = this.#name();
    const account = { objectClass: "user", userAccountControl: "544" };
    this.#add(`CN=${name},${this.#parent()}`, name, account);
  }

  #addGroup(name: string, parent: string): void {
    this.#add(`CN=${name},${parent}`, name, { objectClass: "group" });
  }

  #add(dn: string, sAMAccountName: string, attributes: Readonly<Record<string, string>>): void {
    const { entryUUID } = this.#directory.add(dn, { ...attributes, sAMAccountName });
    this.rids.set(entryUUID, String(1_101 + this.rids.size));
  }

  #dns(filter: string): readonly string[] {
    return this.#directory.entries({ filter }).map(({ dn }) => dn);
  }

  #name(): string {
    this.#serial += 1;
    return `n${this.#serial}`;
  }

  #parent(): string {
    const [unit = company] = this.#dns("(ou=unit*)");
    return this.#random.pick([company, outside, unit]) ?? company;
  }
}

type Target = ReturnType<typeof inMemoryTarget>;

async function differencesOf(
  directory: Directory,
  rids: ReadonlyMap<string, string>,
  target: Target,
): Promise<readonly string[]> {
  const entries = directory.entries({
    base: company,
    filter: "(|(objectClass=user)(objectClass=group))",
  });
  const ids = new Map(entries.map(({ dn, entryUUID }) => [dn.toLowerCase(), entryUUID]));
  const expected = entries.map(({ entryUUID, attributes }) => {
    const [name] = attributes["sAMAccountName"] ?? [];
    if (!attributes["objectClass"]?.includes("group")) {
      const isActive = (Number(attributes["userAccountControl"]?.[0]) & 2) === 0;
      return `${entryUUID} ${name} ${attributes["cn"]?.at(-1)} ${attributes["title"]?.[0]} ${isActive}`;
    }
    const stated = (attributes["member"] ?? []).map((dn) => ids.get(dn.toLowerCase()));
    const rid = rids.get(entryUUID);
    const primary = entries.filter((one) => one.attributes["primaryGroupID"]?.[0] === rid);
    const members = [...stated, ...primary.map((one) => one.entryUUID)].filter(
      (id) => id !== undefined,
    );
    return `${entryUUID} ${name} ${[...new Set(members)].sort().join(" ")}`;
  });
  const found: string[] = [];
  const sources = new Map<string, string>();
  const users = await target.users.find({});
  const groups = (await target.groups.find({})).resources;
  for (const { id = "", externalId = "" } of [...users.resources, ...groups]) {
    sources.set(id, externalId);
  }
  for (const { externalId, userName, displayName, title, active } of users.resources) {
    found.push(`${externalId} ${userName} ${displayName} ${title} ${active}`);
  }
  for (const { id = "", externalId, displayName } of groups) {
    const page = await target.groups.members(id, { count: 1_000 });
    const members = page.members.map(({ value = "" }) => sources.get(value) ?? value);
    found.push(`${externalId} ${displayName} ${members.sort().join(" ")}`);
  }
  const [wanted, has] = [new Set(expected), new Set(found)];
  return [
    ...expected.filter((line) => !has.has(line)).map((line) => `- ${line}`),
    ...found.filter((line) => !wanted.has(line)).map((line) => `+ ${line}`),
  ];
}
