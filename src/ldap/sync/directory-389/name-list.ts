import type { Change } from "../../../changes/index.js";
import type { EncodedMessage, SearchDone } from "../../wire/message.js";
import type { Check } from "../checks.js";
import { EntryList } from "../entry-list.js";
import { NameList } from "../name-list.js";
import { filterOfIds, idsPerSearch, type Pass, type PassOptions } from "../pass.js";
import type { ReaderTools } from "../protocol.js";
import { timeOfId } from "./identification.js";

/**
 * How old an entry is at least that the live changes have reported for certain, in milliseconds. Where the clocks
 * differ by more, an entry may be said to be known too early, and everything is read anew.
 */
const youth = 5_000;

/**
 * Lists the names of all entries. The server reports a new entry by a thread of its own, at its own time, and a list
 * may have the entry already, of which it would say that it is known. So entries that are young by their ids are read
 * whole at the end of the list.
 */
export function listNames(
  { reading, searches }: ReaderTools,
  options: PassOptions,
): Pick<Check<never>, "pass" | "messages"> {
  const list = new ListWithYoung(options, reading.now() - youth);
  const { content, connection, signal } = reading;
  const request = searches.request();
  async function* search(): AsyncGenerator<readonly EncodedMessage[], void> {
    const names = { ...request, attributes: content.nameAttributes };
    yield* withoutEnd(connection.searchEncoded(names, { signal }));
    const { young } = list;
    list.readWhole();
    for (let from = 0; from < young.length; from += idsPerSearch) {
      const ids = young.slice(from, from + idsPerSearch);
      const filter = filterOfIds(request.filter, ids, options.mapper.identification);
      yield* withoutEnd(connection.searchEncoded({ ...request, filter }, { signal }));
    }
    yield [end];
  }
  return { pass: list, messages: searches.read(search()) };
}

const end: SearchDone = { kind: "done", controls: [] };

async function* withoutEnd(
  search: AsyncIterable<readonly EncodedMessage[]>,
): AsyncGenerator<readonly EncodedMessage[], void> {
  for await (const messages of search) {
    const entries = messages.filter(({ kind }) => kind !== "done");
    if (entries.length > 0) yield entries;
  }
}

class ListWithYoung implements Pass<never> {
  readonly #names: NameList;
  readonly #whole: EntryList;
  readonly #options: PassOptions;
  readonly #since: number;
  readonly #young: string[] = [];
  #readsWhole = false;

  constructor(options: PassOptions, since: number) {
    this.#options = options;
    this.#since = since;
    this.#names = new NameList(options, () => false);
    this.#whole = new EntryList(options);
  }

  /** The entries that are to be read whole. */
  get young(): readonly string[] {
    return this.#young;
  }

  get ended(): boolean {
    return this.#names.ended;
  }

  get sweeps(): boolean {
    return this.#names.sweeps;
  }

  /** What is read from now on are whole entries. */
  readWhole(): void {
    this.#readsWhole = true;
  }

  read(message: EncodedMessage, changes: Change[]): void {
    if (message.kind === "entry" && this.#readsWhole) this.#whole.read(message, changes);
    else if (message.kind === "entry" && this.#isYoung(message)) return;
    else this.#names.read(message, changes);
  }

  #isYoung(message: Extract<EncodedMessage, { kind: "entry" }>): boolean {
    const entry = this.#options.mapper.identify(message);
    if (typeof entry === "string" || timeOfId(entry.sourceId) < this.#since) return false;
    this.#young.push(entry.sourceId);
    return true;
  }
}
