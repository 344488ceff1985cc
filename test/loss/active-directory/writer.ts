import { setTimeout as sleep } from "node:timers/promises";
import { Attribute, Change, type Client, ResultCodeError } from "ldapts";
import type { Random } from "../random.js";

/** Units of which the first two are followed, and whose children may be renamed and moved. */
export interface Tree {
  readonly company: string;
  readonly more: string;
  readonly outside: string;
}

interface Owned {
  readonly kind: "user" | "group";
  name: string;
  dn: string;
}

/** How often each thing was done. */
export type Deeds = Map<string, number>;

/** One client that changes the domain: what is its own, and the members of groups that all change. */
export class DomainWriter {
  readonly #index: number;
  readonly #connect: () => Promise<Client>;
  readonly #tree: Tree;
  readonly #shared: readonly string[];
  readonly #random: Random;
  readonly #deeds: Deeds;
  #client: Client | undefined;
  #owned: Owned[] = [];
  #unit: string | undefined;
  #serial = 0;

  constructor(
    index: number,
    connect: () => Promise<Client>,
    tree: Tree,
    shared: readonly string[],
    random: Random,
    deeds: Deeds,
  ) {
    this.#index = index;
    this.#connect = connect;
    this.#tree = tree;
    this.#shared = shared;
    this.#random = random;
    this.#deeds = deeds;
  }

  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        this.#client ??= await this.#connect();
        for (let left = this.#random.between(1, 6); left > 0 && !stop.aborted; left--) {
          await this.#step(this.#client);
        }
        await sleep(this.#random.between(100, 1_200));
      } catch {
        // The server was killed: what was under way is done or not, and the next steps find out by being refused.
        await this.#client?.unbind().catch(() => undefined);
        this.#client = undefined;
        await sleep(100);
      }
    }
    await this.#client?.unbind().catch(() => undefined);
    this.#client = undefined;
  }

  async #step(client: Client): Promise<void> {
    const step = this.#random.between(0, 99);
    if (step < 18) await this.#add(client);
    else if (step < 26) await this.#delete(client);
    else if (step < 34) await this.#set(client, "title", `t${this.#random.between(0, 9_999)}`);
    else if (step < 41) await this.#set(client, "sAMAccountName", this.#newName());
    else if (step < 48) await this.#rename(client);
    else if (step < 58) await this.#move(client);
    else if (step < 64) await this.#lock(client);
    else if (step < 84) await this.#changeMembers(client);
    else if (step < 92) await this.#setPrimaryGroup(client);
    else await this.#moveUnit(client);
  }

  async #add(client: Client): Promise<void> {
    const name = this.#newName();
    const dn = `CN=${name},${this.#anyParent()}`;
    const isGroup = this.#random.chance(0.2);
    const done = await this.#do(`add ${isGroup ? "group" : "user"}`, () =>
      client.add(
        dn,
        isGroup
          ? { objectClass: "group", sAMAccountName: name }
          : { objectClass: "user", sAMAccountName: name, userAccountControl: "544" },
      ),
    );
    if (done) this.#owned.push({ kind: isGroup ? "group" : "user", name, dn });
  }

  async #delete(client: Client): Promise<void> {
    const one = this.#random.pick(this.#owned);
    if (one === undefined) return;
    if (await this.#do("delete", () => client.del(one.dn))) this.#forget(one);
  }

  async #set(client: Client, type: string, value: string): Promise<void> {
    const one = this.#random.pick(this.#owned.filter(({ kind }) => kind === "user"));
    if (one !== undefined)
      await this.#modify(client, `set ${type}`, one.dn, "replace", type, value);
  }

  async #lock(client: Client): Promise<void> {
    await this.#set(client, "userAccountControl", this.#random.pick(["544", "546"]) ?? "544");
  }

  async #rename(client: Client): Promise<void> {
    const one = this.#random.pick(this.#owned);
    if (one === undefined) return;
    const to = `CN=${this.#newName()},${one.dn.slice(one.dn.indexOf(",") + 1)}`;
    if (await this.#do("rename", () => client.modifyDN(one.dn, to))) one.dn = to;
  }

  /** Within what is followed, out of it, and into it. */
  async #move(client: Client): Promise<void> {
    const one = this.#random.pick(this.#owned);
    if (one === undefined) return;
    const to = `${one.dn.slice(0, one.dn.indexOf(","))},${this.#anyParent()}`;
    if (to === one.dn) return;
    if (await this.#do("move", () => client.modifyDN(one.dn, to))) one.dn = to;
  }

  /** Renames a unit of its own, or moves it with all that is in it. */
  async #moveUnit(client: Client): Promise<void> {
    const { company, more, outside } = this.#tree;
    const from = this.#unit;
    if (from === undefined) {
      const dn = `OU=unit${this.#index},${company}`;
      const done = await this.#do("add unit", () =>
        client.add(dn, { objectClass: "organizationalUnit" }),
      );
      if (done) this.#unit = dn;
      return;
    }
    const parent = this.#random.pick([company, more, outside]) ?? company;
    const to = `OU=unit${this.#index}.${this.#random.between(0, 99)},${parent}`;
    if (!(await this.#do("move unit", () => client.modifyDN(from, to)))) return;
    this.#unit = to;
    for (const one of this.#owned) {
      if (one.dn.endsWith(`,${from}`)) one.dn = `${one.dn.slice(0, -from.length)}${to}`;
    }
  }

  async #changeMembers(client: Client): Promise<void> {
    const own = this.#owned.filter(({ kind }) => kind === "group").map(({ dn }) => dn);
    const group = this.#random.pick([...this.#shared, ...own]);
    const members = this.#random
      .shuffled(this.#owned)
      .slice(0, this.#random.between(1, 4))
      .map(({ dn }) => dn)
      .filter((dn) => dn !== group);
    if (group === undefined || members.length === 0) return;
    const operation = this.#random.chance(0.6) ? "add" : "delete";
    for (const member of members) {
      await this.#modify(client, `${operation} member`, group, operation, "member", member);
    }
  }

  /** A user has to be a member of a group that becomes the primary one, and is taken out of its members then. */
  async #setPrimaryGroup(client: Client): Promise<void> {
    const user = this.#random.pick(this.#owned.filter(({ kind }) => kind === "user"));
    const group = this.#random.pick(this.#shared);
    if (user === undefined || group === undefined) return;
    const isBack = this.#random.chance(0.3);
    let rid = 513;
    if (!isBack) {
      await this.#modify(client, "add member", group, "add", "member", user.dn);
      const { searchEntries } = await client.search(group, {
        scope: "base",
        attributes: ["objectSid"],
        explicitBufferAttributes: ["objectSid"],
      });
      rid = Buffer.from(searchEntries[0]?.["objectSid"] as Buffer).readUInt32LE(24);
    }
    await this.#modify(client, "set primary group", user.dn, "replace", "primaryGroupID", `${rid}`);
  }

  async #modify(
    client: Client,
    deed: string,
    dn: string,
    operation: "add" | "delete" | "replace",
    type: string,
    value: string,
  ): Promise<void> {
    const modification = new Attribute({ type, values: [value] });
    await this.#do(deed, () => client.modify(dn, new Change({ operation, modification })));
  }

  /** @returns whether the server did it: what depends on what others do may be refused. */
  async #do(deed: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      this.#deeds.set(deed, (this.#deeds.get(deed) ?? 0) + 1);
      return true;
    } catch (error) {
      if (error instanceof ResultCodeError && !lost.has(error.code)) return false;
      throw error;
    }
  }

  #forget(one: Owned): void {
    this.#owned = this.#owned.filter((other) => other !== one);
  }

  #newName(): string {
    this.#serial += 1;
    return `w${this.#index}.${this.#serial}`;
  }

  #anyParent(): string {
    const { company, more, outside } = this.#tree;
    const unit = this.#unit === undefined ? [] : [this.#unit, this.#unit];
    return this.#random.pick([company, company, more, outside, ...unit]) ?? company;
  }
}

/** The client is no longer bound, or the server is going. */
const lost: ReadonlySet<number> = new Set([8, 51, 52]);
