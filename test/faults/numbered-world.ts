import type { Directory, StoredEntry } from "concordat/testing/directory";
import type { Random } from "../loss/random.js";

const suffix = "dc=example,dc=com";
/** Below this is what the application is to know. */
export const company: string = `ou=company,${suffix}`;
export const people: string = `ou=staff,${company}`;
export const groups: string = `ou=teams,${company}`;
const outside = `ou=outside,${suffix}`;

/** A directory of people and groups, and what changes it. */
export class NumberedWorld {
  readonly #directory: Directory;
  readonly #random: Random;
  #serial = 0;

  constructor(directory: Directory, random: Random) {
    this.#directory = directory;
    this.#random = random;
    for (const dn of [company, people, groups, outside]) {
      directory.add(dn, { objectClass: "organizationalUnit" });
    }
    for (let index = 0; index < 4; index++) this.#addPerson(people);
    for (let index = 0; index < 2; index++) this.#addGroup(groups);
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

  /** What the application is to have, a line each. */
  content(bases: readonly string[]): readonly string[] {
    const filter =
      "(&(|(objectClass=inetOrgPerson)(objectClass=groupOfNames))(!(employeeType=left)))";
    const entries = bases.flatMap((base) => this.#directory.entries({ base, filter }));
    const ids = new Map(entries.map(({ dn, entryUUID }) => [dn.toLowerCase(), entryUUID]));
    return entries.map(({ entryUUID, attributes }) => {
      if (!attributes["objectClass"]?.includes("groupOfNames")) {
        const isActive = attributes["nsAccountLock"]?.[0] !== "true";
        return `${entryUUID} ${attributes["uid"]?.[0]} ${attributes["title"]?.[0]} ${isActive}`;
      }
      const stated = (attributes["member"] ?? []).flatMap((dn) => ids.get(dn.toLowerCase()) ?? []);
      return `${entryUUID} ${attributes["cn"]?.[0]} ${stated.sort().join(" ")}`;
    });
  }

  #step(): void {
    const directory = this.#directory;
    const random = this.#random;
    const persons = this.#dns("(objectClass=inetOrgPerson)");
    const teams = this.#dns("(objectClass=groupOfNames)");
    const person = random.pick(persons) ?? "";
    const team = random.pick(teams) ?? "";
    const any = random.pick([...persons, ...teams]) ?? "";
    const step = random.between(0, 13);
    if (step < 2) this.#addPerson(this.#parent());
    else if (step === 2) this.#addGroup(this.#parent());
    else if (step < 5) directory.delete(any);
    else if (step === 5) directory.modify(person, { replace: { title: this.#name("t") } });
    else if (step === 6) {
      const nsAccountLock = random.chance(0.5) ? ["true"] : [];
      directory.modify(person, { replace: { nsAccountLock } });
    } else if (step === 7) {
      const employeeType = random.chance(0.5) ? ["left"] : [];
      directory.modify(any, { replace: { employeeType } });
    } else if (step < 11) {
      const [type = "", value = ""] = any.slice(0, any.indexOf(",")).split("=");
      const name = random.chance(0.5) ? value : this.#name(type === "uid" ? "u" : "g");
      directory.rename(any, `${type}=${name},${this.#parent()}`);
    } else {
      const operation = random.chance(0.6) ? "add" : "delete";
      if (any !== team) directory.modify(team, { [operation]: { member: any } });
    }
  }

  #addPerson(parent: string): void {
    const uid = this.#name("u");
    this.#directory.add(`uid=${uid},${parent}`, {
      objectClass: "inetOrgPerson",
      uid,
      cn: uid,
      sn: uid,
    });
  }

  #addGroup(parent: string): void {
    const cn = this.#name("g");
    this.#directory.add(`cn=${cn},${parent}`, { objectClass: "groupOfNames", cn, member: [""] });
  }

  #dns(filter: string): readonly string[] {
    return this.#directory.entries({ filter }).map(({ dn }: StoredEntry) => dn);
  }

  /** Mostly one of a few, so that somebody gets the name that somebody else had; no two have the same at a time. */
  #name(kind: "u" | "g" | "t"): string {
    this.#serial += 1;
    const name = `${kind}${this.#random.between(1, 9)}`;
    const isTaken = this.#dns(`(|(uid=${name})(cn=${name}))`).some((dn) =>
      dn.includes(`=${name},`),
    );
    return isTaken || this.#random.chance(0.3) ? `${kind}-${this.#serial}` : name;
  }

  #parent(): string {
    return this.#random.pick([people, people, groups, outside]) ?? people;
  }
}
