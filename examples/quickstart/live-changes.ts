import type { Directory } from "concordat/testing/directory";
import type { Application, Row } from "./application.ts";
import { inventedPerson } from "./invented-directory.ts";
import { lockedForGood } from "./profiles.ts";

/** A change of the directory, and how the application sees that it has arrived. */
export interface LiveChange {
  readonly kind: "added" | "changed" | "removed";
  readonly name: string;
  /** What is done to whom. */
  readonly what: string;
  /** Makes the change; when it returns, the directory has answered. */
  make(directory: Directory): void;
  /** The row that changed, or none where it was deleted; undefined as long as the tables do not show the change. */
  look(application: Application): Promise<Row | "no row" | undefined>;
}

/** The changes of the demonstration, in order: each builds on the ones before it. */
export function liveChanges(suffix: string): readonly LiveChange[] {
  const nia = inventedPerson(suffix, "nia.calloway", "Nia", "Calloway");
  const another = inventedPerson(suffix, "nia.calloway", "Nia Marie", "Calloway");
  const renamed = `uid=nia.abara,ou=people,${suffix}`;
  const bruno = `uid=bruno.bergstrom,ou=people,${suffix}`;
  const chiara = `uid=chiara.costa,ou=people,${suffix}`;
  const research = `cn=Research,ou=groups,${suffix}`;
  const sailing = `cn=Sailing club,ou=groups,${suffix}`;
  let firstId: string | undefined;

  return [
    {
      kind: "added",
      name: "create",
      what: "a person, nia.calloway",
      make: (directory) => void directory.add(nia.dn, nia.attributes),
      async look(application) {
        const row = await application.user({ userName: "nia.calloway" });
        firstId = row?.id;
        return row;
      },
    },
    {
      kind: "added",
      name: "add to a group",
      what: "nia.calloway joins Research",
      make: (directory) => void directory.modify(research, { add: { member: nia.dn } }),
      async look(application) {
        const row = await application.user({ userName: "nia.calloway" });
        return row?.groups.includes("Research") ? row : undefined;
      },
    },
    {
      kind: "changed",
      name: "rename",
      what: "nia.calloway is nia.abara from now on",
      make: (directory) => void directory.rename(nia.dn, renamed),
      async look(application) {
        const row = await application.user({ userName: "nia.abara" });
        // It is still the same row.
        return row?.id === firstId ? row : undefined;
      },
    },
    {
      kind: "added",
      name: "reuse a name",
      what: "another nia.calloway, somebody else",
      make: (directory) => void directory.add(another.dn, another.attributes),
      async look(application) {
        const row = await application.user({ userName: "nia.calloway" });
        return row?.id === firstId ? undefined : row;
      },
    },
    {
      kind: "added",
      name: "create",
      what: "a group, Sailing club",
      make: (directory) =>
        void directory.add(sailing, {
          objectClass: "groupOfNames",
          cn: "Sailing club",
          member: [renamed, bruno, chiara],
        }),
      async look(application) {
        const row = await application.group({ displayName: "Sailing club" });
        return row?.members === 3 ? row : undefined;
      },
    },
    {
      kind: "changed",
      name: "disable",
      what: "bruno.bergstrom is locked out",
      make: (directory) =>
        void directory.modify(bruno, { replace: { pwdAccountLockedTime: lockedForGood } }),
      async look(application) {
        const row = await application.user({ userName: "bruno.bergstrom" });
        return row?.active === false ? row : undefined;
      },
    },
    {
      kind: "removed",
      name: "delete",
      what: "chiara.costa has left",
      make: (directory) => directory.delete(chiara),
      async look(application) {
        const row = await application.user({ userName: "chiara.costa" });
        return row === undefined ? "no row" : undefined;
      },
    },
  ];
}
