import type { ChangeStream, Name, Upsert } from "../changes/index.js";
import type { CallOptions, ChangeLog } from "../repositories/index.js";
import { entryKey, isDn, nameHash } from "./keys.js";
import type { KnownEntries } from "./known-entries.js";
import { Mentions } from "./mentions.js";
import type { PublishSettings } from "./options.js";
import { readEntry, sourceIdOf } from "./records.js";
import { allMembers } from "./stored-members.js";

/** The source could not be read beside its stream, so that what follows cannot be written. */
export class RereadFailed extends Error {
  constructor(cause: unknown) {
    super("The source cannot be read beside its stream.", { cause });
  }
}

/** How many groups are read from the log at once. */
const PAGE = 200;

/**
 * What a source may change without telling: the members of groups that state a name which an entry gave up. Readers of
 * the log cannot ask the source, so that the log has to hold what is so.
 *
 * Groups are read again before an entry takes a name that they state, and where no entry has a name that they state,
 * after a while: it was given up, or is one that an entry had between two of its states that were sent.
 */
export class SilentChanges {
  readonly #stream: ChangeStream;
  readonly #log: ChangeLog;
  readonly #known: KnownEntries;
  readonly #settings: PublishSettings;
  readonly #options: CallOptions;
  readonly #mentions = new Mentions();
  /** Whether the groups that were in the log at the start have been looked at. */
  #isLoaded: boolean;
  #loadAt: number;
  /** Groups that state a name which no entry has: how often they were read again, and when they are next. */
  readonly #due = new Map<string, { attempts: number; at: number }>();

  constructor(
    stream: ChangeStream,
    log: ChangeLog,
    known: KnownEntries,
    settings: PublishSettings,
    options: CallOptions,
  ) {
    this.#stream = stream;
    this.#log = log;
    this.#known = known;
    this.#settings = settings;
    this.#options = options;
    this.#isLoaded = !this.canReread || known.groups === 0;
    this.#loadAt = settings.now() + settings.recheck.delay;
  }

  get canReread(): boolean {
    return this.#stream.reread !== undefined;
  }

  /** How long it is until groups are to be read again, in milliseconds. */
  get delay(): number {
    let at = this.#isLoaded ? Number.POSITIVE_INFINITY : this.#loadAt;
    for (const due of this.#due.values()) at = Math.min(at, due.at);
    return Math.max(0, at - this.#settings.now());
  }

  /** A group states these members. */
  stated(group: string, members: readonly Name[]): void {
    if (!this.canReread) return;
    let dangles = false;
    for (const name of members) {
      if (name.kind !== "dn") continue;
      const hashed = nameHash(name);
      this.#mentions.add(hashed, group);
      dangles ||= !this.#known.isHeld(hashed);
    }
    if (dangles) this.#dangles(group);
  }

  /** Names are no longer had by the entries that had them. */
  givenUp(names: readonly number[]): void {
    for (const name of names) {
      if (this.#known.isHeld(name)) continue;
      for (const group of this.#mentions.groupsOf(name)) {
        this.#due.delete(group);
        this.#dangles(group);
      }
    }
  }

  #dangles(group: string): void {
    if (this.#due.has(group)) return;
    this.#due.set(group, { attempts: 0, at: this.#settings.now() + this.#settings.recheck.delay });
  }

  /** The groups that state one of these names. */
  async mentioning(names: readonly number[]): Promise<readonly string[]> {
    const sought = names.filter(isDn);
    if (sought.length === 0 || !this.canReread) return [];
    await this.#load();
    const groups = new Set<string>();
    for (const name of sought) {
      for (const group of this.#mentions.groupsOf(name)) {
        if (this.#known.present(group) !== undefined) groups.add(group);
      }
    }
    return [...groups];
  }

  /** Looks at the groups that were in the log at the start. */
  async #load(): Promise<void> {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    await this.#each([...this.#known.ids("Group")], (group, members) =>
      this.stated(group, members),
    );
  }

  async #each(
    groups: readonly string[],
    work: (group: string, members: readonly Name[]) => void,
  ): Promise<void> {
    for (let start = 0; start < groups.length; start += PAGE) {
      const keys = groups.slice(start, start + PAGE).map(entryKey);
      for (const record of await this.#log.get(keys, this.#options)) {
        const entry = readEntry(record);
        if (entry.kind === "gone") continue;
        const group = sourceIdOf(record);
        const reading = { log: this.#log, options: this.#options };
        work(group, await allMembers(reading, group, entry));
      }
    }
  }

  /**
   * The groups that are to be read again now, since no entry has a name that they state.
   *
   * @param all those, too, of which it is not time yet.
   */
  async due(all = false): Promise<readonly string[]> {
    const now = this.#settings.now();
    if (!this.#isLoaded && (all || this.#loadAt <= now)) await this.#load();
    const groups = [...this.#due].filter(([, { at }]) => all || at <= now).map(([group]) => group);
    const dangling: string[] = [];
    await this.#each(groups, (group, members) => {
      const dangles = members.some(
        (name) => name.kind === "dn" && !this.#known.isHeld(nameHash(name)),
      );
      if (dangles) dangling.push(group);
    });
    const { delay, maxDelay } = this.#settings.recheck;
    for (const group of groups) {
      const attempts = (this.#due.get(group)?.attempts ?? 0) + 1;
      if (!dangling.includes(group)) this.#due.delete(group);
      else {
        const at = now + Math.min(maxDelay, Math.max(1, delay) * 2 ** attempts);
        this.#due.set(group, { attempts, at });
      }
    }
    return dangling;
  }

  /**
   * Reads groups again.
   *
   * @throws {RereadFailed} the source cannot be read now.
   */
  async reread(groups: readonly string[]): Promise<readonly Upsert[]> {
    if (groups.length === 0 || this.#stream.reread === undefined) return [];
    try {
      return await this.#stream.reread(groups, this.#options);
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      throw new RereadFailed(error);
    }
  }
}
