import { setImmediate } from "node:timers/promises";
import {
  type AttributesInput,
  type DelayedWrite,
  type Directory,
  type DirectoryBackup,
  type StoredEntry,
  startDirectory,
} from "concordat/testing/directory";
import { normalizeDn } from "../../src/ldap/wire/dn.js";
import type { Operation, Run } from "./steps.js";

const suffix = "dc=example,dc=com";
/** Below this the consumer looks. */
export const base: string = `ou=staff,${suffix}`;
const outside = `ou=outside,${suffix}`;
const userNames = ["n0", "n1", "n2", "n3", "n4", "n5"];
const groupNames = ["g0", "g1", "g2", "g3", "g4", "g5"];

/** What the consumer's search lets through, besides users and groups. */
export const contentFilter = "(!(ou=archive))";

/** A write that has been begun, and what it will be about. */
interface BegunWrite {
  readonly write: DelayedWrite;
  readonly uuid: string | undefined;
  readonly name: string | undefined;
  stepsLeft: number;
}

/** A directory of users and groups, to which things happen, and what is to be known of its past. */
export class StaffDirectory implements AsyncDisposable {
  readonly directory: Directory;
  /** Who ever had a name: by the normalised DN, or `uid=` and the user name. */
  readonly formerHolders: Map<string, Set<string>> = new Map();
  /** Who was deleted, disabled, or outside of the content at some time. */
  readonly everLeft: Set<string> = new Set();
  /** Whether something has changed of which nobody was told: names, or what was written while the clock was back. */
  hasUntold = false;
  /** Whether a group may be as it was before it was rewritten in silence, with the version that it has had all the time. */
  hasUntoldGroups = false;
  /** Whether a backup was restored, which may have undone what another server wrote. */
  isRestored = false;
  /** Whether a parent was moved across the base. */
  hasMovedParents = false;
  /** How many operations there were. */
  operations = 0;
  readonly #run: Run;
  readonly #parents: readonly [string, string];
  readonly #marker: string;
  readonly #entered = new Set<string>();
  #backup: DirectoryBackup | undefined;
  #begun: BegunWrite[] = [];
  #touched = 0;

  private constructor(run: Run, directory: Directory) {
    this.#run = run;
    this.directory = directory;
    const addContainer = (ou: string, below = base) =>
      directory.add(`ou=${ou},${below}`, { objectClass: "organizationalUnit", ou }).entryUUID;
    addContainer("staff", suffix);
    addContainer("outside", suffix);
    addContainer("people");
    this.#parents = [addContainer("p0"), addContainer("p1")];
    // Somebody who is there from the beginning to the end, and somebody by whose title it shows how far the consumer is.
    this.#addUser("elder", `ou=people,${base}`);
    this.#marker = this.#addUser("marker", `ou=people,${base}`).entryUUID;
    const [here, there] = [this.#parentDn(0), this.#parentDn(1)];
    for (const name of ["n0", "n1", "g0", "g1"]) this.#add(name, here, 1);
    this.#add("n2", there, 1);
    directory.modify(`cn=g0,${here}`, { add: { member: [`uid=n0,${here}`, `uid=n2,${there}`] } });
    directory.modify(`cn=g1,${here}`, { add: { memberUid: ["n1", "n2"] } });
    this.#observe();
  }

  static async start(run: Run, bareCookies: () => boolean): Promise<StaffDirectory> {
    let time = Date.UTC(2026, 0, 1);
    const { sessionLog, serverId, reloadHint, refint, seed } = run;
    const directory = await startDirectory({
      sessionLog,
      serverId,
      reloadHint,
      refint,
      bareCookies,
      random: randomNumbers(seed),
      now: () => {
        time += 7;
        return new Date(time);
      },
    });
    return new StaffDirectory(run, directory);
  }

  /** The users and groups that there are, but for those that nothing happens to. */
  entries(): readonly StoredEntry[] {
    return this.directory
      .entries({ filter: "(|(objectClass=inetOrgPerson)(cn=g*))" })
      .filter((entry) => !isFixed(entry));
  }

  /** All that the consumer's search finds. */
  content(): readonly StoredEntry[] {
    const classes =
      "(|(objectClass=inetOrgPerson)(objectClass=groupOfNames)(objectClass=posixGroup))";
    return this.directory.entries({ base, filter: `(&${classes}${contentFilter})` });
  }

  /** Changes the marker. @returns its id, and its version then. */
  mark(server: 1 | 2 = 1): { readonly id: string; readonly stamp: string } {
    const dn = `uid=marker,ou=people,${base}`;
    const title = String(this.#touched++);
    const { entryCSN } = this.directory.modify(dn, { replace: { title } }, from(server));
    return { id: this.#marker, stamp: entryCSN };
  }

  /** The version of the marker now. */
  get markerStamp(): string | undefined {
    return this.#find(this.#marker)?.entryCSN;
  }

  /** Does something in the directory, if it is possible now. */
  perform(operation: Operation, server: 1 | 2 = 1): void {
    this.#plan(operation, server)?.work();
  }

  /** Begins something that will take so many steps; what cannot be put off is done at once. */
  delay(operation: Operation, steps: number): void {
    const planned = this.#plan(operation, 1);
    if (planned === undefined) return;
    if (planned.canWait !== true) {
      planned.work();
      return;
    }
    const write = this.directory.faults.delayWrite(planned.work);
    this.#begun.push({ write, uuid: planned.uuid, name: planned.name, stepsLeft: steps });
  }

  /** Does something that is overtaken by other things. */
  overtake(operation: Operation, by: readonly Operation[]): void {
    this.delay(operation, Number.POSITIVE_INFINITY);
    for (const other of by) this.perform(other);
    this.completeWrites();
  }

  /** A step has gone by. */
  tick(): void {
    for (const begun of this.#begun) begun.stepsLeft -= 1;
    this.#complete((begun) => begun.stepsLeft <= 0);
  }

  /** Whether the clock of the directory is set, and backups are restored. */
  get goesBack(): boolean {
    // Who does not follow has no list of what has changed without being told.
    return this.#run.goesBack && this.#run.mode === "refreshAndPersist";
  }

  setClock(by: number): void {
    if (!this.goesBack) return;
    this.completeWrites();
    this.directory.setClock(by);
    this.hasUntold = true;
  }

  backUp(): void {
    this.completeWrites();
    this.#backup = this.directory.backUp();
  }

  async restore(): Promise<void> {
    if (!this.goesBack || this.#backup === undefined) return;
    this.completeWrites();
    this.isRestored = true;
    this.hasUntold = true;
    this.hasUntoldGroups = this.#run.refint === true;
    await this.directory.restore(this.#backup);
    this.#observe();
  }

  /** Lets everything that was begun happen. */
  completeWrites(): void {
    this.#complete(() => true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.directory.stop();
    // References are repaired in a turn of their own.
    await setImmediate();
  }

  #complete(isDue: (begun: BegunWrite) => boolean): void {
    const due = this.#begun.filter(isDue);
    this.#begun = this.#begun.filter((begun) => !due.includes(begun));
    for (const { write } of due) write.complete();
  }

  #plan(operation: Operation, server: 1 | 2): Planned | undefined {
    switch (operation.do) {
      case "addUser":
      case "addGroup": {
        const isUser = operation.do === "addUser";
        const name = (isUser ? userNames : groupNames)[operation.name] ?? "";
        if (this.#isTaken(name)) return undefined;
        const parent = operation.parent;
        const work = () => this.#written(() => this.#add(name, this.#parentDn(parent), server));
        return { work, name, canWait: true };
      }
      case "touch":
        return this.#with(operation.entry, ({ entryUUID }) => ({
          uuid: entryUUID,
          canWait: this.#run.refint !== "replicated",
          work: () =>
            this.#modify(entryUUID, { replace: { title: `t${this.#touched++}` } }, server),
        }));
      case "delete":
        return this.#with(operation.entry, ({ entryUUID }) => ({
          uuid: entryUUID,
          canWait: this.#run.refint !== "replicated",
          work: () => this.#delete(entryUUID, server),
        }));
      case "recreate":
        return this.#with(operation.entry, ({ entryUUID, dn, attributes }) => ({
          uuid: entryUUID,
          work: () => {
            this.#delete(entryUUID, server);
            this.#written(() => this.directory.add(dn, fresh(attributes), from(server)));
          },
        }));
      case "leaveOrReturn":
        return this.#with(operation.entry, ({ entryUUID, attributes }) => ({
          uuid: entryUUID,
          work: () =>
            this.#modify(entryUUID, { replace: { ou: attributes["ou"] ? [] : "archive" } }, server),
        }));
      case "disableOrEnable":
        return this.#with(operation.entry, ({ entryUUID, attributes }) => {
          const employeeType = attributes["employeeType"] ? [] : "left";
          return {
            uuid: entryUUID,
            work: () => this.#modify(entryUUID, { replace: { employeeType } }, server),
          };
        });
      case "rename":
        return this.#with(operation.entry, (entry) => {
          const name = (isUser(entry) ? userNames : groupNames)[operation.name] ?? "";
          if (this.#isTaken(name)) return undefined;
          const rename = () => this.#rename(entry.entryUUID, name, parentOf(entry.dn), server);
          return { uuid: entry.entryUUID, work: rename };
        });
      case "move":
        return this.#with(operation.entry, (entry) => {
          const { entryUUID, dn } = entry;
          const [here, there] = [this.#parentDn(0), this.#parentDn(1)];
          const to = parentOf(dn) === here ? there : here;
          return {
            uuid: entryUUID,
            work: () => this.#rename(entryUUID, nameOf(entry), to, server),
          };
        });
      case "swap":
        return this.#with(operation.entry, (one) => {
          this.#complete(() => true);
          const others = this.entries().filter(
            (other) => isUser(other) === isUser(one) && other.entryUUID !== one.entryUUID,
          );
          const other = others[operation.other % others.length];
          if (other === undefined) return undefined;
          return { uuid: one.entryUUID, work: () => this.#swap(one, other, server) };
        });
      case "joinOrLeave":
        return this.#joinOrLeave(operation, server);
      case "renameParent":
        // Nobody is told, and only who follows looks for it.
        if (!this.#run.renamesParents || this.#run.mode === "refreshOnly") return undefined;
        return {
          work: () => {
            this.#complete(() => true);
            this.hasUntold = true;
            const dn = this.#parentDn(operation.parent);
            const [rdn = "", ...above] = dn.split(",");
            const name = rdn.endsWith("x") ? rdn.slice(0, -1) : `${rdn}x`;
            const newDn = [name, ...above].join(",");
            this.#written(() => this.directory.rename(dn, newDn, from(server)));
          },
        };
      case "moveParent":
        // With all that is below: it leaves the base, or comes into it.
        return {
          work: () => {
            this.#complete(() => true);
            const dn = this.#parentDn(operation.parent);
            const [rdn] = dn.split(",");
            const to = dn.endsWith(outside) ? base : outside;
            this.hasMovedParents = true;
            this.#written(() => this.directory.rename(dn, `${rdn},${to}`, from(server)));
          },
        };
      case "toggleUid":
        return this.#with(operation.entry, (entry) => {
          if (!isUser(entry)) return undefined;
          const { uid = [] } = entry.attributes;
          const other = userNames[operation.name] ?? "";
          if (other === nameOf(entry)) return undefined;
          const others = uid.filter((value) => value !== other);
          // The values are in no order: the one in the RDN is not the first.
          const values = others.length < uid.length ? others : [other, ...uid];
          return {
            uuid: entry.entryUUID,
            work: () => this.#modify(entry.entryUUID, { replace: { uid: values } }, server),
          };
        });
      case "touchOutside": {
        const changes = { replace: { description: `d${this.#touched++}` } };
        return { work: () => this.directory.modify(`ou=groups,${suffix}`, changes, from(server)) };
      }
      case "touchEverything":
        if (!this.#run.reloads) return undefined;
        return {
          work: () => {
            this.#complete(() => true);
            for (const { entryUUID } of this.directory.entries()) {
              this.#modify(entryUUID, { replace: { description: `d${this.#touched++}` } }, server);
            }
          },
        };
    }
  }

  #joinOrLeave(
    { group, member }: Extract<Operation, { do: "joinOrLeave" }>,
    server: 1 | 2,
  ): Planned | undefined {
    const entries = this.entries();
    const groups = entries.filter((entry) => !isUser(entry));
    const [groupId, memberId] = [
      groups[group % groups.length],
      entries[member % entries.length],
    ].map((entry) => entry?.entryUUID);
    if (groupId === undefined || memberId === undefined || groupId === memberId) return undefined;
    // What is under way for either of them is completed first, and may make it another one.
    this.#completeFor(groupId);
    this.#completeFor(memberId);
    const [picked, chosen] = [this.#find(groupId), this.#find(memberId)];
    if (picked === undefined || chosen === undefined) return undefined;
    const byUid = picked.attributes["objectClass"]?.includes("posixGroup") === true;
    if (byUid && !isUser(chosen)) return undefined;
    const type = byUid ? "memberUid" : "member";
    const value = byUid ? (chosen.attributes["uid"]?.[0] ?? "") : chosen.dn;
    const isIn = (picked.attributes[type] ?? []).some((each) => isSame(each, value));
    const changes = isIn ? { delete: { [type]: value } } : { add: { [type]: value } };
    return {
      uuid: groupId,
      work: () => this.#modify(groupId, changes, server),
    };
  }

  /** Picks an entry. What is under way for it is completed first. */
  #with(pick: number, plan: (entry: StoredEntry) => Planned | undefined): Planned | undefined {
    const entries = this.entries();
    const picked = entries[pick % entries.length];
    if (picked === undefined) return undefined;
    this.#completeFor(picked.entryUUID);
    const entry = this.#find(picked.entryUUID);
    return entry && plan(entry);
  }

  #completeFor(uuid: string): void {
    this.#complete((begun) => begun.uuid === uuid);
  }

  #isTaken(name: string): boolean {
    return (
      this.#begun.some((begun) => begun.name === name) ||
      this.entries().some((entry) => nameOf(entry) === name)
    );
  }

  #find(uuid: string): StoredEntry | undefined {
    return this.directory.entries({ filter: `(entryUUID=${uuid})` })[0];
  }

  #parentDn(parent: 0 | 1): string {
    return this.#find(this.#parents[parent])?.dn ?? "";
  }

  #addUser(uid: string, parentDn: string, server: 1 | 2 = 1): StoredEntry {
    const attributes = { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid };
    return this.directory.add(`uid=${uid},${parentDn}`, attributes, from(server));
  }

  #add(name: string, parentDn: string, server: 1 | 2): void {
    if (name.startsWith("n")) {
      this.#addUser(name, parentDn, server);
      return;
    }
    // The even ones state members by DN, the others by user name.
    const objectClass = Number(name.slice(1)) % 2 === 0 ? "groupOfNames" : "posixGroup";
    this.directory.add(`cn=${name},${parentDn}`, { objectClass, cn: name }, from(server));
  }

  #modify(uuid: string, changes: Parameters<Directory["modify"]>[1], server: 1 | 2): void {
    const dn = this.#find(uuid)?.dn;
    if (dn !== undefined) this.#written(() => this.directory.modify(dn, changes, from(server)));
  }

  #delete(uuid: string, server: 1 | 2): void {
    const dn = this.#find(uuid)?.dn;
    if (dn !== undefined) this.#written(() => this.directory.delete(dn, from(server)));
  }

  #rename(uuid: string, name: string, parentDn: string, server: 1 | 2): void {
    const entry = this.#find(uuid);
    if (entry === undefined) return;
    const newDn = `${isUser(entry) ? "uid" : "cn"}=${name},${parentDn}`;
    this.#written(() => this.directory.rename(entry.dn, newDn, from(server)));
  }

  #swap(one: StoredEntry, other: StoredEntry, server: 1 | 2): void {
    const [first, second] = [nameOf(one), nameOf(other)];
    this.#rename(one.entryUUID, `${first}-for-now`, parentOf(one.dn), server);
    this.#rename(other.entryUUID, first, parentOf(other.dn), server);
    this.#rename(one.entryUUID, second, parentOf(one.dn), server);
  }

  #written(write: () => unknown): void {
    this.operations += 1;
    write();
    this.#observe();
  }

  #observe(): void {
    const inContent = new Set<string>();
    for (const { entryUUID, attributes } of this.content()) {
      inContent.add(entryUUID);
      this.#entered.add(entryUUID);
      if (attributes["employeeType"] !== undefined) this.everLeft.add(entryUUID);
    }
    for (const uuid of this.#entered) if (!inContent.has(uuid)) this.everLeft.add(uuid);
    for (const entry of this.entries()) {
      for (const key of namesOf(entry)) {
        const holders = this.formerHolders.get(key) ?? new Set();
        this.formerHolders.set(key, holders.add(entry.entryUUID));
      }
    }
  }
}

/** Something that is possible in the directory now. */
interface Planned {
  readonly work: () => void;
  /** The entry, or the name of the entry, that it is about. */
  readonly uuid?: string;
  readonly name?: string;
  /** Whether it may be overtaken by other writes. */
  readonly canWait?: boolean;
}

/** The names by which groups may refer to an entry, as keys; those of them last that are not in its RDN. */
export function namesOf(entry: StoredEntry): readonly string[] {
  const own = isUser(entry) ? [`uid=${nameOf(entry)}`] : [];
  return [normalizeDn(entry.dn), ...own, ...aliasesOf(entry)];
}

/** The other user names of an entry, as keys. */
export function aliasesOf(entry: StoredEntry): readonly string[] {
  const { uid = [] } = entry.attributes;
  return uid.filter((value) => value !== nameOf(entry)).map((value) => `uid=${value}`);
}

/** The members that a group states, as keys. */
export function statedMembers({ attributes }: StoredEntry): readonly string[] {
  const { member = [], memberUid = [] } = attributes;
  return [...member.map((dn) => normalizeDn(dn)), ...memberUid.map((uid) => `uid=${uid}`)];
}

export function isUser({ attributes }: StoredEntry): boolean {
  return attributes["objectClass"]?.includes("inetOrgPerson") === true;
}

/** The name that is in the RDN. */
export function nameOf({ dn }: Pick<StoredEntry, "dn">): string {
  return dn.slice(dn.indexOf("=") + 1, dn.indexOf(","));
}

function isFixed(entry: StoredEntry): boolean {
  return ["elder", "marker"].includes(nameOf(entry));
}

function parentOf(dn: string): string {
  return dn.slice(dn.indexOf(",") + 1);
}

function isSame(one: string, other: string): boolean {
  return one === other || (one.includes("=") && normalizeDn(one) === normalizeDn(other));
}

function from(server: 1 | 2): { serverId?: number } {
  return server === 1 ? {} : { serverId: 2 };
}

/** Somebody else of the same name: with the same classes and nothing that was given since. */
function fresh({ objectClass = [], uid, cn, sn }: StoredEntry["attributes"]): AttributesInput {
  return {
    objectClass,
    ...(uid === undefined ? {} : { uid }),
    ...(cn === undefined ? {} : { cn }),
    ...(sn === undefined ? {} : { sn }),
  };
}

/** Numbers from 0 up to, not including, 1, the same ones for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
