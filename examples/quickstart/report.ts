import type { Outcome, Subject } from "concordat/sync";
import type { Application, Counts, Row } from "./application.ts";
import { quoted } from "./options.ts";
import { type Meaning, printable, type Terminal } from "./terminal.ts";

/** What a change does. */
export type ChangeKind = "added" | "changed" | "removed";

const changeMeanings: Readonly<Record<ChangeKind, Meaning>> = {
  added: "good",
  changed: "changed",
  removed: "bad",
};

/** A change by its mark and its name, in the colour of its kind; all of them are equally wide. */
export function heading(terminal: Terminal, kind: ChangeKind, name: string): string {
  return terminal.style(changeMeanings[kind], `${terminal.symbols[kind]} ${name.padEnd(14)}`);
}

/** A row of the application's tables in one line. */
export function rowText(terminal: Terminal, row: Row | "no row"): string {
  if (row === "no row") return terminal.style("aside", "no row any more");
  const dot = ` ${terminal.style("aside", terminal.symbols.dot)} `;
  if (row.type === "Group") {
    const name = terminal.style("name", printable(row.displayName));
    return [name, counted(row.members, "member")].join(dot);
  }
  const name = terminal.style("name", printable(row.userName));
  const status = row.active ? "active" : terminal.style("bad", "disabled");
  return [name, printable(row.displayName ?? ""), status, groupsText(row.groups)]
    .filter((part) => part !== "")
    .join(dot);
}

function groupsText(groups: readonly string[]): string {
  if (groups.length === 0) return "in no group";
  const few = groups.length <= 3;
  return few ? `in ${groups.map(printable).join(", ")}` : `in ${groups.length} groups`;
}

/** What the tables hold. */
export function countsText({ users, groups, memberships }: Counts): string {
  return `${counted(users, "user")}, ${counted(groups, "group")}, ${counted(memberships, "membership")}`;
}

/** A number and what it counts, such as `1,204 memberships`. */
export function counted(count: number, noun: string, nouns: string = `${noun}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? noun : nouns}`;
}

/** A span of time, given in milliseconds. */
export function secondsText(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** A command that shows some of what is in the database. */
export function queryText(database: string): string {
  return `sqlite3 ${quoted(database)} "select user_name, display_name, active from concordat_user limit 10"`;
}

/** How the outcomes that are about one entry are shown. */
const outcomeHeadings = {
  created: ["added", "create"],
  adopted: ["changed", "adopt"],
  updated: ["changed", "update"],
  renamed: ["changed", "rename"],
  reactivated: ["added", "enable"],
  released: ["changed", "release"],
  deactivated: ["removed", "disable"],
  deleted: ["removed", "delete"],
} as const satisfies Partial<Record<Outcome["kind"], readonly [ChangeKind, string]>>;

/** A line for an outcome, with what the tables hold now; undefined for one that is not about an entry. */
export async function outcomeText(
  terminal: Terminal,
  application: Application,
  outcome: Outcome,
): Promise<string | undefined> {
  switch (outcome.kind) {
    case "refreshed":
    case "checkpoint":
    case "limited":
      return undefined;
    case "restarted":
      return terminal.style("aside", `Everything is read anew: ${outcome.reason}`);
    case "waiting":
      return terminal.style(
        "bad",
        `The database cannot answer. Trying again in ${outcome.delay} ms.`,
      );
    case "deferred": {
      const name = printable(outcome.name ?? outcome.sourceId);
      return `${heading(terminal, "removed", "put off")}  ${name}: ${printable(outcome.message)}`;
    }
    case "memberAdded":
    case "memberRemoved": {
      const joins = outcome.kind === "memberAdded";
      const title = heading(terminal, joins ? "added" : "removed", joins ? "join" : "leave");
      const group = printable(outcome.group.name ?? outcome.group.sourceId);
      return `${title}  ${group}: ${rowText(terminal, await rowOf(application, outcome.member))}`;
    }
    default: {
      const [kind, name] = outcomeHeadings[outcome.kind];
      const row = await rowOf(application, outcome);
      const was =
        outcome.kind === "renamed" ? outcome.from : row === "no row" ? outcome.name : undefined;
      const before = was === undefined ? "" : `${printable(was)} ${terminal.symbols.arrow} `;
      return `${heading(terminal, kind, name)}  ${before}${rowText(terminal, row)}`;
    }
  }
}

async function rowOf(
  application: Application,
  { type, resourceId: id }: Subject,
): Promise<Row | "no row"> {
  if (id === undefined) return "no row";
  const row = type === "User" ? await application.user({ id }) : await application.group({ id });
  return row ?? "no row";
}
