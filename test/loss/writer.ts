import { setTimeout as sleep } from "node:timers/promises";
import { Attribute, Change, type Client } from "ldapts";
import { type Access, LoggedClient, Uncertain, type WriteLog } from "./logged-client.js";
import {
  groupDn,
  groupNames,
  peopleNames,
  personDn,
  placeholder,
  sharedGroupName,
  sharedGroups,
  staying,
  stayingName,
  writers,
} from "./names.js";
import type { Random } from "./random.js";
import { allUnits, everyDnOf, stayingDn, type Unit, type Units } from "./units.js";

/** Whether each writer has bursts and pauses of its own, or all have them at the same time. */
export type Pace = "varied" | "together";

/** How often all write together, in milliseconds. */
const beat = 400;

interface Person {
  readonly mark: string;
  uid: string;
  unit: Unit;
}

interface OwnGroup {
  readonly mark: string;
  readonly style: "dn" | "uid";
  cn: string;
}

/**
 * One client that changes the directory in bursts: people of names that are its own, groups of its own, and the members of
 * groups that all writers change.
 */
export class Writer {
  readonly #index: number;
  readonly #random: Random;
  readonly #log: WriteLog;
  readonly #units: Units;
  #client: LoggedClient;
  #people: Person[] = [];
  #groups: OwnGroup[] = [];
  #serial = 0;

  constructor(index: number, access: Access, units: Units, random: Random, log: WriteLog) {
    this.#index = index;
    this.#client = new LoggedClient(index, access, log);
    this.#units = units;
    this.#random = random;
    this.#log = log;
  }

  /** Writes to a server until it is told to stop. A server that is away is waited for. */
  async run(access: Access, pace: Pace, stop: AbortSignal): Promise<void> {
    this.#client = new LoggedClient(this.#index, access, this.#log);
    // The directory may have gone back to an earlier state since.
    await this.#orient();
    while (!stop.aborted) {
      try {
        // Pauses let the consumer come up to the writers.
        const burst = this.#random.between(3, 25);
        for (let i = 0; i < burst && !stop.aborted; i++) await this.#step(pace);
        await sleep(
          pace === "together" ? beat - (Date.now() % beat) : this.#random.between(20, 500),
        );
      } catch (error) {
        if (!(error instanceof Uncertain)) throw error;
        await this.#orient();
      }
    }
    await this.#client.close();
  }

  async #step(pace: Pace): Promise<void> {
    // What a server loses while several write is deletions.
    if (pace === "together" && this.#random.chance(0.5)) return await this.#comeOrGo();
    const step = this.#random.between(0, 105);
    if (step < 20) await this.#addPerson();
    else if (step < 27) await this.#withPerson((person) => this.#setTitle(person));
    else if (step < 36) await this.#withPerson((person) => this.#rename(person));
    else if (step < 42) await this.#withPerson((person) => this.#move(person));
    else if (step < 46) await this.#withPerson((person) => this.#disable(person));
    else if (step < 49) await this.#withPerson((person) => this.#archive(person));
    else if (step < 51) await this.#withPerson((person) => this.#renameInTheArchive(person));
    else if (step < 61) await this.#withPerson((person) => this.#delete(person));
    else if (step < 68) await this.#withPerson((person) => this.#recreate(person));
    else if (step < 70) await this.#swap();
    else if (step < 84) await this.#changeMembers("dn");
    else if (step < 93) await this.#changeMembers("uid");
    else if (step < 100) await this.#changeOwnGroups();
    else await this.#withPerson((person) => this.#setAliases(person));
  }

  async #comeOrGo(): Promise<void> {
    if (this.#random.chance(0.5)) await this.#addPerson();
    else await this.#withPerson((person) => this.#delete(person));
  }

  async #withPerson(act: (person: Person) => Promise<void>): Promise<void> {
    const person = this.#random.pick(this.#people);
    if (person !== undefined) await act(person);
  }

  async #addPerson(uid = this.#freeName(), unit = this.#anyUnit()) {
    if (uid === undefined) return;
    this.#serial += 1;
    const person: Person = { mark: `p${this.#index}.${this.#serial}`, uid, unit };
    const dn = this.#named(person, uid, unit);
    const added = await this.#write(`add ${dn} as ${person.mark}`, (client) =>
      client.add(dn, {
        objectClass: "inetOrgPerson",
        uid,
        cn: `${person.mark} ${this.#random.between(0, 999)}`,
        sn: uid,
        employeeNumber: person.mark,
      }),
    );
    if (added) this.#people.push(person);
  }

  async #setTitle(person: Person): Promise<void> {
    const title = `t${this.#random.between(0, 9_999)}`;
    await this.#modify(this.#dnOf(person), "replace", "title", title);
  }

  async #rename(person: Person, uid = this.#freeName()): Promise<void> {
    if (uid === undefined) return;
    const from = this.#dnOf(person);
    const to = this.#named(person, uid, person.unit);
    const text = `rename ${from} to ${to} (${person.mark})`;
    if (await this.#write(text, (client) => client.modifyDN(from, to))) person.uid = uid;
  }

  /** To another unit, sometimes under another name. */
  async #move(person: Person): Promise<void> {
    const from = this.#dnOf(person);
    const uid = this.#random.chance(0.3) ? (this.#freeName() ?? person.uid) : person.uid;
    const unit = this.#anyUnit();
    const to = this.#named(person, uid, unit);
    const moved = await this.#write(`move ${from} to ${to} (${person.mark})`, (client) =>
      client.modifyDN(from, to),
    );
    if (moved) Object.assign(person, { uid, unit });
  }

  /** Further names beside the one in the DN, in any order, which others may have already or take later. */
  async #setAliases(person: Person): Promise<void> {
    const aliases = [this.#random.pick(peopleNames(this.#index)), this.#freeName()];
    const some = aliases.filter((alias) => alias !== undefined && this.#random.chance(0.6));
    const uids = this.#random.shuffled([...new Set([person.uid, ...some.map(String)])]);
    this.#log.named(person.mark, ...uids);
    await this.#modify(this.#dnOf(person), "replace", "uid", ...uids);
  }

  async #disable(person: Person): Promise<void> {
    const dn = this.#dnOf(person);
    const left = this.#random.chance(0.6) ? ["left"] : [];
    await this.#modify(dn, "replace", "employeeType", ...left);
  }

  /** Whoever is archived does not match the filter any more. */
  async #archive(person: Person, isArchived = this.#random.chance(0.5)): Promise<void> {
    const dn = this.#dnOf(person);
    await this.#modify(dn, "replace", "ou", ...(isArchived ? ["archive"] : []));
  }

  /** Gets another name while nobody who follows the directory can see it. */
  async #renameInTheArchive(person: Person): Promise<void> {
    await this.#archive(person, true);
    await this.#rename(person);
    await this.#archive(person, false);
  }

  async #delete(person: Person): Promise<void> {
    const dn = this.#dnOf(person);
    const deleted = await this.#write(`delete ${dn} (${person.mark})`, (client) => client.del(dn));
    if (deleted) this.#people = this.#people.filter((other) => other !== person);
  }

  /** The same name at once, for another person. */
  async #recreate(person: Person): Promise<void> {
    await this.#delete(person);
    if (!this.#people.includes(person)) await this.#addPerson(person.uid, person.unit);
  }

  /** Two people change names, by way of a third name. */
  async #swap(): Promise<void> {
    const [one, other] = this.#random.shuffled(this.#people);
    if (one === undefined || other === undefined) return;
    const name = one.uid;
    await this.#rename(one);
    if (one.uid === name) return;
    const between = one.uid;
    const second = other.uid;
    await this.#rename(other, name);
    if (one.uid === between && other.uid === name) await this.#rename(one, second);
  }

  async #changeMembers(style: "dn" | "uid", cn?: string): Promise<void> {
    const group = cn ?? sharedGroupName(style, this.#random.between(0, sharedGroups - 1));
    const operation = this.#random.chance(0.6) ? "add" : "delete";
    const attribute = style === "dn" ? "member" : "memberUid";
    await this.#modify(groupDn(group), operation, attribute, this.#anyMember(style));
  }

  /** Anybody's name: whoever has it, or nobody. */
  #anyMember(style: "dn" | "uid"): string {
    const writer = this.#random.between(0, writers - 1);
    if (style === "dn" && this.#random.chance(0.1)) {
      return groupDn(this.#random.pick(groupNames(writer)) ?? "");
    }
    const uid = this.#random.chance(0.15)
      ? stayingName(this.#random.between(0, staying - 1))
      : (this.#random.pick(peopleNames(writer)) ?? "");
    if (style === "uid") return uid;
    if (uid.startsWith("stays")) return stayingDn(Number(uid.slice(6)));
    return personDn(uid, this.#random.pick(everyDnOf(this.#anyUnit())) ?? "");
  }

  async #changeOwnGroups(): Promise<void> {
    const group = this.#random.pick(this.#groups);
    const step = this.#random.between(0, 9);
    if (group === undefined || step < 3) await this.#addGroup();
    else if (step < 7) await this.#changeMembers(group.style, group.cn);
    else if (step < 8) await this.#deleteGroup(group);
    else await this.#renameGroup(group);
  }

  async #addGroup(): Promise<void> {
    const cn = this.#freeGroupName();
    if (cn === undefined) return;
    this.#serial += 1;
    const style = this.#random.chance(0.5) ? "dn" : "uid";
    const group: OwnGroup = { mark: `g${this.#index}.${this.#serial}`, style, cn };
    const dn = groupDn(cn);
    this.#log.named(group.mark, dn);
    const first = this.#anyMember(style);
    const added = await this.#write(`add ${dn} as ${group.mark} with ${first}`, (client) =>
      client.add(dn, {
        cn,
        description: group.mark,
        ...(style === "dn"
          ? { objectClass: "groupOfNames", member: [placeholder, first] }
          : { objectClass: "posixGroup", gidNumber: String(1000 + this.#index), memberUid: first }),
      }),
    );
    if (added) this.#groups.push(group);
  }

  async #deleteGroup(group: OwnGroup): Promise<void> {
    const dn = groupDn(group.cn);
    const deleted = await this.#write(`delete ${dn} (${group.mark})`, (client) => client.del(dn));
    if (deleted) this.#groups = this.#groups.filter((other) => other !== group);
  }

  async #renameGroup(group: OwnGroup): Promise<void> {
    const cn = this.#freeGroupName();
    if (cn === undefined) return;
    const [from, to] = [groupDn(group.cn), groupDn(cn)];
    this.#log.named(group.mark, to);
    const text = `rename ${from} to ${to} (${group.mark})`;
    if (await this.#write(text, (client) => client.modifyDN(from, to))) group.cn = cn;
  }

  #freeName(): string | undefined {
    const taken = new Set(this.#people.map((person) => person.uid));
    return this.#random.pick(peopleNames(this.#index).filter((name) => !taken.has(name)));
  }

  #freeGroupName(): string | undefined {
    const taken = new Set(this.#groups.map((group) => group.cn));
    return this.#random.pick(groupNames(this.#index).filter((name) => !taken.has(name)));
  }

  #anyUnit(): Unit {
    return this.#random.pick(allUnits) ?? 0;
  }

  #dnOf({ uid, unit }: Person): string {
    return personDn(uid, this.#units.dnOf(unit));
  }

  /** @returns the DN, which may become another one when the unit is moved. */
  #named({ mark }: Person, uid: string, unit: Unit): string {
    this.#log.named(mark, uid, ...everyDnOf(unit).map((dn) => personDn(uid, dn)));
    return personDn(uid, this.#units.dnOf(unit));
  }

  async #modify(
    dn: string,
    operation: "add" | "replace" | "delete",
    type: string,
    ...values: readonly string[]
  ): Promise<void> {
    const modification = new Attribute({ type, values: [...values] });
    const text = `${operation} ${type} of ${dn}: ${values.join(" ")}`;
    await this.#write(text, (client) => client.modify(dn, new Change({ operation, modification })));
  }

  /** @returns whether the server confirmed it. */
  #write(text: string, work: (client: Client) => Promise<unknown>): Promise<boolean> {
    return this.#client.write(text, work);
  }

  /** Finds out what there is of its own, once the server answers again. */
  async #orient(): Promise<void> {
    const filter = `(|(uid=w${this.#index}-*)(cn=g${this.#index}-*))`;
    this.#people = [];
    this.#groups = [];
    for (const entry of await this.#client.searchAfresh(filter)) {
      const { dn, cn, employeeNumber, description, gidNumber } = entry;
      if (employeeNumber !== undefined) {
        const uid = dn.slice("uid=".length, dn.indexOf(","));
        this.#people.push({ mark: String(employeeNumber), uid, unit: this.#units.unitOf(dn) });
      } else {
        const style = gidNumber === undefined ? "dn" : "uid";
        this.#groups.push({ mark: String(description), cn: String(cn), style });
      }
    }
  }
}
