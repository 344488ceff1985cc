import { setTimeout as sleep } from "node:timers/promises";
import { Client, type Entry, ResultCodeError } from "ldapts";
import { suffix } from "./names.js";

/** Where and as whom to write. */
export interface Access {
  readonly url: string;
  readonly adminDn: string;
  readonly password: string;
}

/** One thing that a writer asked of the directory, as it stands in reports. */
export interface WriteNote {
  readonly at: number;
  readonly writer: number;
  readonly text: string;
  /** `confirmed`, `refused` with the result code, or `unknown`: the connection was lost before the answer. */
  readonly result: string;
}

/** What all writers have done. It explains differences; whether there are any is up to the directory. */
export class WriteLog {
  readonly notes: WriteNote[] = [];
  /** For each mark, all names that the entry of this mark may ever have had: the DN and the uid. */
  readonly namesByMark: Map<string, Set<string>> = new Map();

  named(mark: string, ...names: readonly string[]): void {
    const known = this.namesByMark.get(mark) ?? new Set();
    for (const name of names) known.add(name);
    this.namesByMark.set(mark, known);
  }

  get confirmed(): number {
    return this.notes.filter(({ result }) => result === "confirmed").length;
  }
}

/** The server's answers that are a matter of chance here: a value or an entry is there already, or is not. */
const refusals: ReadonlySet<number> = new Set([16, 20, 32, 68]);

/**
 * The server's answers while it comes and goes: busy, unavailable, and that nobody is signed in, since the client connects
 * again by itself but does not bind again.
 */
const usualInterruptions: readonly number[] = [8, 51, 52];

/** Ends what a writer is about because it does not know any more what is in the directory. */
export class Uncertain extends Error {}

/** A writer's connection to the server, on which every write is noted with its result. */
export class LoggedClient {
  readonly #writer: number;
  readonly #access: Access;
  readonly #log: WriteLog;
  readonly #interruptions: ReadonlySet<number>;
  #client: Client | undefined;

  /** @param interruptions further answers of a server while it comes and goes. */
  constructor(
    writer: number,
    access: Access,
    log: WriteLog,
    interruptions: readonly number[] = [],
  ) {
    this.#interruptions = new Set([...usualInterruptions, ...interruptions]);
    this.#writer = writer;
    this.#access = access;
    this.#log = log;
  }

  /**
   * @returns whether the server confirmed it.
   * @throws {Uncertain} it cannot be known whether it was done.
   */
  async write(text: string, work: (client: Client) => Promise<unknown>): Promise<boolean> {
    const note = (result: string) =>
      this.#log.notes.push({ at: Date.now(), writer: this.#writer, text, result });
    try {
      this.#client ??= await bound(this.#access);
      await work(this.#client);
      note("confirmed");
      return true;
    } catch (error) {
      if (error instanceof ResultCodeError) {
        note(`refused with ${error.code}`);
        if (refusals.has(error.code)) return false;
        if (!this.#interruptions.has(error.code)) throw error;
      } else note("unknown");
      throw new Uncertain();
    }
  }

  /** Searches on a new connection, once the server answers again. */
  async searchAfresh(filter: string, base: string = suffix): Promise<readonly Entry[]> {
    for (;;) {
      await this.close();
      try {
        this.#client = await bound(this.#access);
        return (await this.#client.search(base, { filter })).searchEntries;
      } catch (error) {
        if (error instanceof ResultCodeError && !this.#interruptions.has(error.code)) throw error;
        await sleep(50);
      }
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    // A connection that is lost cannot be closed in good order.
    await client?.unbind().catch(() => undefined);
  }
}

/** A client of the administrator's. */
export async function bound({ url, adminDn, password }: Access): Promise<Client> {
  const client = new Client({ url, timeout: 10_000, connectTimeout: 2_000 });
  await client.bind(adminDn, password);
  return client;
}
