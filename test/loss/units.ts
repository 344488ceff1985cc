import type { Client } from "ldapts";
import { company, outside, personDn, stayingName, suffix } from "./names.js";

/** One of the units below which people are. The first two stay where they are, the others are moved about. */
export type Unit = 0 | 1 | 2 | 3;

export const allUnits: readonly Unit[] = [0, 1, 2, 3];
export const mobileUnits: readonly Unit[] = [2, 3];

/** The names that each unit may have. */
const names = [["people"], ["staff"], ["sales", "sellers"], ["agents", "partners"]] as const;

/** Where a unit is at first: all but the last are in the company, which is what is followed. */
export function firstDnOf(unit: Unit): string {
  return `ou=${names[unit][0]},${unit === 3 ? outside : company}`;
}

/** Where the people are whom nobody changes. */
export function stayingDn(index: number): string {
  return personDn(stayingName(index), firstDnOf(0));
}

/** What tells a unit that is moved from the others, wherever it is. */
export function descriptionOf(unit: Unit): string {
  return `unit-${unit}`;
}

/** Every name that a unit may ever have. */
export function everyDnOf(unit: Unit): readonly string[] {
  if (!mobileUnits.includes(unit)) return [firstDnOf(unit)];
  return names[unit].flatMap((name) => [`ou=${name},${company}`, `ou=${name},${outside}`]);
}

/** Where the units are at present, for all who write. */
export class Units {
  readonly #dns = allUnits.map(firstDnOf);

  dnOf(unit: Unit): string {
    return this.#dns[unit] ?? "";
  }

  /** Which unit a person is below. */
  unitOf(personDn: string): Unit {
    const parent = personDn.slice(personDn.indexOf(",") + 1);
    const unit = allUnits.find((each) => everyDnOf(each).includes(parent));
    if (unit === undefined) throw new Error(`${personDn} is below no unit.`);
    return unit;
  }

  async move(client: Client, unit: Unit, to: string): Promise<void> {
    await client.modifyDN(this.dnOf(unit), to);
    this.#dns[unit] = to;
  }

  /** Finds out where they are, after the directory has gone back to what it was. */
  async orient(client: Client): Promise<void> {
    for (const unit of mobileUnits) {
      const filter = `(description=${descriptionOf(unit)})`;
      const { searchEntries } = await client.search(suffix, { filter, attributes: ["1.1"] });
      this.#dns[unit] = searchEntries[0]?.dn ?? "";
    }
  }
}
