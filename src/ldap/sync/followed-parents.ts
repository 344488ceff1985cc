import type { Change } from "../../changes/index.js";
import { LdapResultError } from "../wire/errors.js";
import type { Check, DueChecks } from "./checks.js";
import type { Wakeup } from "./message-buffer.js";
import { type ParentMove, Parents } from "./parents.js";
import type { RefreshPass } from "./protocol.js";
import type { Reading } from "./reading.js";
import { Occasions } from "./schedule.js";
import type { Searches } from "./searches.js";

/** What a reader has to do with parents: no entry whose parent is moved may be missed. */
export class FollowedParents {
  readonly #reading: Reading;
  readonly #searches: Searches;
  readonly #due: DueChecks;
  readonly #wakeup: Wakeup;
  /** Tells of parents that are moved; undefined where nothing depends on them, or the server does not. */
  #parents: Parents | undefined;
  /** Lists all names from time to time where the server does not report parents. */
  #occasions: Occasions | undefined;

  /** @param due gets the checks that a move makes necessary. */
  constructor(reading: Reading, searches: Searches, due: DueChecks, wakeup: Wakeup) {
    this.#reading = reading;
    this.#searches = searches;
    this.#due = due;
    this.#wakeup = wakeup;
  }

  /** Which parents there are, to be compared later; undefined where that is not known. */
  get digest(): string | undefined {
    return this.#parents?.digest;
  }

  /**
   * Reads which parents there are, before anything below them is read.
   *
   * @param areReported whether the server can be asked to report their moves; without, all names are listed from time
   * to time.
   */
  async list(areReported: boolean): Promise<void> {
    const { connection, content, signal } = this.#reading;
    const request = this.#searches.requestForParents("refreshOnly");
    if (request === undefined || this.#parents !== undefined) return;
    if (!areReported) {
      this.#giveUp();
      return;
    }
    const parents = new Parents(content.base);
    if (
      await succeeds(parents.list(connection.searchEncoded(request, { signal, isAwaited: true })))
    ) {
      this.#parents = parents;
    } else this.#giveUp();
  }

  /** Asks for changes of parents from now on. */
  follow(): void {
    const request = this.#searches.requestForParents("refreshAndPersist");
    if (request !== undefined) this.#parents?.follow(this.#searches.send(request));
  }

  /** Whether a parent may have been moved since a position, of which these were the parents. */
  mayHaveMoved(formerDigest: string | undefined, refresh: RefreshPass<unknown>): boolean {
    if (this.#reading.content.parentFilter === undefined) return false;
    const parents = this.#parents;
    if (parents === undefined) return refresh.isBeyondEntries;
    return parents.arePartial || parents.digest !== formerDigest;
  }

  /** Looks at the names of entries that were read. */
  look(changes: readonly Change[]): void {
    this.#parents?.look(changes);
  }

  /** Where something above the entries that were read is not followed, all names are listed from time to time, too. */
  async ask(): Promise<void> {
    const { connection, signal } = this.#reading;
    const request = this.#searches.requestForParents("refreshOnly");
    if (this.#parents === undefined || request === undefined) return;
    await this.#parents.ask(async (base) => {
      const one = { ...request, base, scope: "base" } as const;
      const search = connection.searchEncoded(one, { signal, isAwaited: true });
      let isFound = false;
      const reading = async () => {
        for await (const messages of search)
          isFound ||= messages.some(({ kind }) => kind === "entry");
      };
      return (await succeeds(reading())) && isFound;
    });
    if (this.#parents.arePartial) this.#beginOccasions();
  }

  /** A change was received that may have come with the move of a parent. */
  mayBeMoving(): void {
    this.#occasions?.come(this.#reading.now());
  }

  /** Reads what has come of the parents that are followed. */
  readMoves(): void {
    for (const move of this.#takeMoves()) {
      if (move.kind === "below") this.#due.add({ kind: "below", base: move.dn, gates: true });
      else this.#due.add({ kind: "names", gates: true });
    }
  }

  /** Asks for more of what has come. */
  request(): void {
    this.#parents?.request();
  }

  /** A check has ended. */
  checked(check: Check<unknown>): void {
    this.#occasions?.listed(check, this.#reading.now());
  }

  /** The search for changes has ended. */
  async stop(): Promise<void> {
    this.#occasions?.stop();
    this.#occasions = undefined;
    await this.#parents?.close();
  }

  #takeMoves(): readonly ParentMove[] {
    try {
      return this.#parents?.take() ?? [];
    } catch (error) {
      if (!(error instanceof LdapResultError)) throw error;
      this.#giveUp();
      // What was moved before this was noticed is looked for at once.
      return [{ kind: "left" }];
    }
  }

  /** Where no changes of parents are received, all names are listed from time to time. */
  #giveUp(): void {
    this.#parents = undefined;
    this.#beginOccasions();
  }

  #beginOccasions(): void {
    this.#occasions ??= new Occasions(this.#reading.sleep, () => {
      this.#due.add({ kind: "names", gates: false });
      this.#wakeup.wake();
    });
  }
}

/** Whether the server does what it is asked for. */
async function succeeds(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof LdapResultError) return false;
    throw error;
  }
}
