import { setTimeout as sleep } from "node:timers/promises";
import { Attribute, Change, type Client } from "ldapts";
import { LoggedClient, Uncertain, type WriteLog } from "../logged-client.js";
import type { Random } from "../random.js";
import type { LossDirectory } from "./loss-directory.js";

/** How many people of its own a writer may have, and how many groups all share. */
const names = 12;
export const sharedGroups = 5;
export const readerWriters = 6;

/** Operations that a plug-in of the server had to give up, since another wrote at the same time, and other failures. */
const interruptions = [1, 53, 80];

interface Person {
  uid: string;
  container: string;
}

/** One client that changes people of names of its own, groups of its own, and the members of groups that all change. */
export class ReaderWriter {
  readonly #index: number;
  readonly #directory: LossDirectory;
  readonly #random: Random;
  readonly #client: LoggedClient;
  #people: Person[] = [];

  constructor(index: number, directory: LossDirectory, random: Random, log: WriteLog) {
    this.#index = index;
    this.#directory = directory;
    this.#random = random;
    this.#client = new LoggedClient(index, directory.admin, log, interruptions);
  }

  /** Writes until it is stopped. A server that is away is waited for. */
  async run(stop: AbortSignal): Promise<void> {
    await this.#orient();
    while (!stop.aborted) {
      try {
        const burst = this.#random.between(3, 15);
        for (let i = 0; i < burst && !stop.aborted; i++) await this.#step();
        await sleep(this.#random.between(5, 150));
      } catch (error) {
        if (!(error instanceof Uncertain)) throw error;
        await this.#orient();
      }
    }
    await this.#client.close();
  }

  async #step(): Promise<void> {
    const step = this.#random.between(0, 99);
    const person = this.#random.pick(this.#people);
    if (step < 18 || person === undefined) await this.#add();
    else if (step < 34) await this.#setTitle(person);
    else if (step < 44) await this.#move(person, this.#freeName() ?? person.uid, person.container);
    else if (step < 54) await this.#move(person, person.uid, this.#anyContainer());
    else if (step < 64) await this.#lock(person);
    else if (step < 76) await this.#delete(person);
    else if (step < 94) await this.#changeMembers();
    else if (step < 97) await this.#nest();
    else await this.#ownGroup();
  }

  async #add(): Promise<void> {
    const uid = this.#freeName();
    if (uid === undefined) return;
    const container = this.#anyContainer();
    const added = await this.#write(`add ${uid} to ${container}`, (client) =>
      this.#directory.addPerson(client, uid, container),
    );
    if (added) this.#people.push({ uid, container });
  }

  async #setTitle(person: Person): Promise<void> {
    const title = `t${this.#random.between(0, 99_999)}`;
    await this.#modify(this.#dnOf(person), "replace", "title", title);
  }

  async #move(person: Person, uid: string, container: string): Promise<void> {
    const [from, to] = [this.#dnOf(person), this.#directory.personDn(uid, container)];
    if (from === to) return;
    const isMoved = await this.#write(`move ${from} to ${to}`, (client) =>
      client.modifyDN(from, to),
    );
    if (isMoved) Object.assign(person, { uid, container });
  }

  async #lock(person: Person): Promise<void> {
    const isLocked = this.#random.chance(0.5);
    const text = `${isLocked ? "lock" : "unlock"} ${person.uid}`;
    await this.#write(text, (client) => this.#directory.lock(client, this.#dnOf(person), isLocked));
  }

  async #delete(person: Person): Promise<void> {
    const deleted = await this.#write(`delete ${person.uid}`, (client) =>
      client.del(this.#dnOf(person)),
    );
    if (deleted) this.#people = this.#people.filter((other) => other !== person);
  }

  async #changeMembers(): Promise<void> {
    const group = this.#groupDn(`shared-${this.#random.between(0, sharedGroups - 1)}`);
    const person = this.#random.pick(this.#people);
    if (person === undefined) return;
    const operation = this.#random.chance(0.65) ? "add" : "delete";
    await this.#modify(group, operation, "member", this.#dnOf(person));
  }

  /** Has one of the shared groups be in the one after it, or not: they are in no circle. */
  async #nest(): Promise<void> {
    const inner = this.#random.between(0, sharedGroups - 2);
    const operation = this.#random.chance(0.5) ? "add" : "delete";
    const [one, other] = [`shared-${inner}`, `shared-${inner + 1}`].map((cn) => this.#groupDn(cn));
    await this.#modify(other ?? "", operation, "member", one ?? "");
  }

  async #ownGroup(): Promise<void> {
    const cn = `own-${this.#index}-${this.#random.between(0, 1)}`;
    if (this.#random.chance(0.5)) {
      const members = this.#people.slice(0, 3).map((person) => this.#dnOf(person));
      await this.#write(`add group ${cn}`, (client) =>
        this.#directory.addGroup(client, cn, members),
      );
    } else await this.#write(`delete group ${cn}`, (client) => client.del(this.#groupDn(cn)));
  }

  #dnOf({ uid, container }: Person): string {
    return this.#directory.personDn(uid, container);
  }

  #groupDn(cn: string): string {
    return `cn=${cn},${this.#directory.groupsBelow}`;
  }

  #freeName(): string | undefined {
    const taken = new Set(this.#people.map(({ uid }) => uid));
    const all = Array.from({ length: names }, (_, index) => `w${this.#index}-${index}`);
    return this.#random.pick(all.filter((name) => !taken.has(name)));
  }

  #anyContainer(): string {
    const { inside, outside } = this.#directory.containers;
    return this.#random.pick(this.#random.chance(0.7) ? inside : outside) ?? "";
  }

  async #modify(
    dn: string,
    operation: "add" | "replace" | "delete",
    type: string,
    value: string,
  ): Promise<void> {
    const change = new Change({
      operation,
      modification: new Attribute({ type, values: [value] }),
    });
    await this.#write(`${operation} ${type} of ${dn}: ${value}`, (client) =>
      client.modify(dn, change),
    );
  }

  #write(text: string, work: (client: Client) => Promise<unknown>): Promise<boolean> {
    return this.#client.write(text, work);
  }

  /** Finds out who there is of its own, once the server answers again. */
  async #orient(): Promise<void> {
    const { inside, outside } = this.#directory.containers;
    const all = Array.from({ length: names }, (_, index) => `w${this.#index}-${index}`);
    const found = await this.#client.searchAfresh(`(cn=w${this.#index}-*)`, this.#directory.top);
    const dns = new Set(found.map(({ dn }) => dn.toLowerCase()));
    this.#people = all.flatMap((uid) =>
      [...inside, ...outside]
        .filter((container) => dns.has(this.#directory.personDn(uid, container).toLowerCase()))
        .map((container) => ({ uid, container })),
    );
  }
}
