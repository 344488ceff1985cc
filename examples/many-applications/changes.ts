import type { Directory } from "concordat/testing/directory";
import { inventedPerson } from "./invented-directory.ts";

/** Changes of the directory, one after the other: a person comes, joins a group, gets another name, and leaves. */
export class DirectoryChanges {
  readonly #directory: Directory;
  #count = 0;

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  /** How many were made. */
  get count(): number {
    return this.#count;
  }

  /** Makes the next one. @returns what it was. */
  next(): string {
    const round = Math.floor(this.#count / 4);
    const step = this.#count % 4;
    this.#count++;
    const { suffix } = this.#directory;
    const uid = `nia.${round}`;
    const person = inventedPerson(suffix, uid, "Nia", `Calloway ${round}`);
    const renamed = `uid=${uid}.abara,ou=people,${suffix}`;
    switch (step) {
      case 0:
        this.#directory.add(person.dn, person.attributes);
        return `${uid} begins`;
      case 1:
        this.#directory.modify(`cn=Research,ou=groups,${suffix}`, { add: { member: person.dn } });
        return `${uid} joins Research`;
      case 2:
        this.#directory.rename(person.dn, renamed);
        return `${uid} is ${uid}.abara from now on`;
      default:
        // Every other one stays.
        if (round % 2 === 0) {
          this.#directory.delete(renamed);
          return `${uid}.abara leaves`;
        }
        this.#directory.modify(renamed, { replace: { title: "Engineer" } });
        return `${uid}.abara is an engineer`;
    }
  }
}
