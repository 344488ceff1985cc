import type { Change } from "../../changes/index.js";
import type { EntryMapper, IdentifiedEntry } from "../profile/mapper.js";
import type { EncodedMessage } from "../wire/message.js";
import { entriesPerChange, type Pass, type PassOptions } from "./pass.js";

/**
 * A plain search for the names of all entries. It finds what no event shows: a parent that was renamed changes the
 * names of everything below it; and whatever a server forgot.
 */
export class NameList implements Pass<never> {
  readonly #mapper: EntryMapper;
  readonly #touched: ReadonlySet<string> | undefined;
  readonly #isAhead: (stamp: string) => boolean;
  readonly #ahead: IdentifiedEntry[] = [];
  #ended = false;
  #isPartial = false;
  #entries: (IdentifiedEntry | Pick<IdentifiedEntry, "sourceId">)[] = [];
  #change: Change | undefined;

  /** @param isAhead - Whether the change with this number has not been seen among the live changes yet. */
  constructor({ mapper, touched }: PassOptions, isAhead: (stamp: string) => boolean) {
    this.#mapper = mapper;
    this.#touched = touched;
    this.#isAhead = isAhead;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Not if there was an entry whose id this account may not read: who knows which of the known ones it is. */
  get sweeps(): boolean {
    return !this.#isPartial;
  }

  read(message: EncodedMessage, changes: Change[]): void {
    if (message.kind === "done") {
      for (const entry of this.#ahead) this.#add(entry, changes);
      this.#ended = true;
    }
    if (message.kind !== "entry") return;
    const entry = this.#mapper.identify(message);
    if (entry === "hidden") this.#isPartial = true;
    if (entry === "hidden" || entry === "other") return;
    // An entry that was just created may be listed before the live changes contain it, and "present" would then speak
    // of an entry that is not known yet. Those are kept until the end.
    if (entry.stamp !== undefined && this.#isAhead(entry.stamp)) this.#ahead.push(entry);
    else this.#add(entry, changes);
  }

  #add(identified: IdentifiedEntry, changes: Change[]): void {
    const { sourceId, stamp } = identified;
    if (this.#touched?.has(sourceId)) return;
    // Of one that is ahead still, the live changes will carry more than its names.
    const isAhead = stamp !== undefined && this.#isAhead(stamp);
    const entry = isAhead ? { sourceId } : identified;
    // The change that is being filled can be filled on until it has been handed over.
    const isOpen = this.#change !== undefined && changes.at(-1) === this.#change;
    if (!isOpen || this.#entries.length >= entriesPerChange) {
      this.#entries = [];
      this.#change = { kind: "present", entries: this.#entries };
      changes.push(this.#change);
    }
    this.#entries.push(entry);
  }
}
