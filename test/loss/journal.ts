import { readFileSync } from "node:fs";
import type { ChangeBatch, Upsert } from "concordat/changes";
import type { WatchEvent } from "concordat/ldap";
import type { Outcome } from "concordat/sync";
import type { Difference } from "./differences.js";

/** A line that the consuming process has written: a batch before it was applied, an outcome, or what the reader did. */
interface Line {
  readonly at: number;
  readonly pid: number;
  readonly batch?: ChangeBatch;
  readonly outcome?: Outcome;
  readonly event?: WatchEvent;
  /** Groups that were read again beside the stream, and what was read. */
  readonly asked?: readonly string[];
  readonly upserts?: readonly Upsert[];
}

/** How often something happened in a run. */
export interface Figures {
  /** Connections that were made after one was lost. */
  readonly reconnects: number;
  /** Refreshes of everything. */
  readonly full: number;
  /** Refreshes from the session log. */
  readonly fromLog: number;
  /** Refreshes by a list of what is present. */
  readonly byPresence: number;
  readonly interrupted: number;
  readonly secondPasses: number;
  /** Why a refresh began anew, with how often. */
  readonly resets: Readonly<Record<string, number>>;
  /** Groups that were read again. */
  readonly reread: number;
  readonly changes: number;
}

/** What all the processes of a run have noted, in order. */
export class Journal {
  readonly #lines: readonly Line[];

  constructor(path: string) {
    this.#lines = readFileSync(path, "utf8").split("\n").flatMap(parseLine);
  }

  get figures(): Figures {
    const events = this.#lines.flatMap(({ event }) => event ?? []);
    const count = (isMeant: (event: WatchEvent) => boolean) => events.filter(isMeant).length;
    const ended = (resumed: boolean, swept?: boolean) =>
      count(
        (event) =>
          event.event === "refreshed" &&
          event.resumed === resumed &&
          (swept === undefined || event.swept === swept),
      );
    const resets: Record<string, number> = {};
    for (const event of events) {
      if (event.event === "reset") resets[event.reason] = (resets[event.reason] ?? 0) + 1;
    }
    const begun = count(({ event }) => event === "refreshing");
    return {
      reconnects: count(({ event }) => event === "reconnecting"),
      full: ended(false),
      fromLog: ended(true, false),
      byPresence: ended(true, true),
      interrupted: begun - count(({ event }) => event === "refreshed"),
      secondPasses: count((event) => event.event === "checked" && event.check === "secondPass"),
      resets,
      reread: this.#lines.reduce((sum, { asked }) => sum + (asked?.length ?? 0), 0),
      changes: this.#lines.reduce((sum, { batch }) => sum + (batch?.changes.length ?? 0), 0),
    };
  }

  /** How many connections were made. */
  get connections(): number {
    return this.#count("connected");
  }

  /** How many lists of names have ended. */
  get lists(): number {
    return this.#lines.filter(({ event }) => event?.event === "checked" && event.check === "names")
      .length;
  }

  #count(kind: WatchEvent["event"]): number {
    return this.#lines.filter(({ event }) => event?.event === kind).length;
  }

  /** What was taken away although its entry was there all the time: that it came back later does not make it right. */
  removalsOf(entries: ReadonlySet<string>): readonly Difference[] {
    return this.#lines.flatMap(({ outcome }): Difference[] => {
      if (outcome?.kind !== "deactivated" && outcome?.kind !== "deleted") return [];
      if (!entries.has(outcome.sourceId)) return [];
      return [{ text: `${outcome.name} was ${outcome.kind}`, entries: [outcome.sourceId] }];
    });
  }

  /** The last lines that speak of an entry, each as it is to be read by a person. */
  historyOf(entry: string, most: number): readonly { at: number; text: string }[] {
    return this.#lines
      .flatMap((line) => textsOf(line, entry).map((text) => ({ at: line.at, text })))
      .slice(-most);
  }
}

/** A line that was cut by the end of a process says nothing. */
function parseLine(text: string): Line[] {
  try {
    return [JSON.parse(text) as Line];
  } catch {
    return [];
  }
}

function textsOf({ pid, batch, outcome, event, asked, upserts }: Line, entry: string): string[] {
  const by = `[${pid}]`;
  const texts: string[] = [];
  for (const change of batch?.changes ?? []) {
    if (!JSON.stringify(change).includes(entry)) continue;
    const text = change.kind === "present" ? `present ${entry}` : JSON.stringify(change);
    texts.push(`${by} ${batch?.phase} ${batch?.refresh ?? ""} ${text}`);
  }
  if (batch?.changes.some(({ kind }) => kind === "sweep") === true) texts.push(`${by} sweep`);
  if (outcome !== undefined && JSON.stringify(outcome).includes(entry)) {
    texts.push(`${by} outcome ${JSON.stringify(outcome)}`);
  }
  if (event?.event === "refreshing" || event?.event === "refreshed" || event?.event === "checked") {
    texts.push(`${by} ${JSON.stringify(event)}`);
  }
  if (asked?.includes(entry) === true) {
    const found = upserts?.find(({ sourceId }) => sourceId === entry);
    texts.push(`${by} read again ${JSON.stringify(found ?? "gone")}`);
  }
  return texts;
}
