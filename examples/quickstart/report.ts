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

/** A change by its mark and its name, in the colour of its kind. */
export function heading(terminal: Terminal, kind: ChangeKind, name: string): string {
  return terminal.style(changeMeanings[kind], `${terminal.symbols[kind]} ${name}`);
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
  if (groups.length === 0) return "no group";
  return groups.length <= 3 ? groups.map(printable).join(", ") : `${groups.length} groups`;
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
const outcomeTitles = {
  created: ["added", "create"],
  adopted: ["changed", "adopt"],
  updated: ["changed", "update"],
  renamed: ["changed", "rename"],
  reactivated: ["changed", "enable"],
  released: ["changed", "release"],
  deactivated: ["changed", "disable"],
  deleted: ["removed", "delete"],
} as const satisfies Partial<Record<Outcome["kind"], readonly [ChangeKind, string]>>;

/** A line for an outcome, with what the tables hold now; undefined for one that is not about an entry. */
export async function outcomeText(
  terminal: Terminal,
  application: Application,
  outcome: Outcome,
): Promise<string | undefined> {
  switch (outcome.kind) {
    case "standby":
    case "began":
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
    case "unreadable":
      return terminal.style("bad", printable(outcome.message));
    case "deferred": {
      const name = printable(outcome.name ?? outcome.sourceId);
      return `${title(terminal, "removed", "put off")}  ${name}: ${printable(outcome.message)}`;
    }
    case "memberDeferred": {
      const member = printable(outcome.member.name ?? outcome.member.sourceId);
      const group = printable(outcome.group.name ?? outcome.group.sourceId);
      const reason = printable(outcome.message);
      return `${title(terminal, "removed", "put off")}  ${member} in ${group}: ${reason}`;
    }
    case "memberIgnored": {
      const group = printable(outcome.group.name ?? outcome.group.sourceId);
      const member = printable(outcome.reference.key);
      return `${title(terminal, "removed", "ignored")}  ${member} in ${group}: ${printable(outcome.message)}`;
    }
    case "ignored": {
      const name = printable(outcome.name ?? outcome.sourceId);
      const attributes = outcome.attributes.map(printable).join(", ");
      return `${title(terminal, "removed", "ignored")}  ${name}: ${attributes}`;
    }
    case "memberAdded":
    case "memberRemoved": {
      const group = printable(outcome.group.name ?? outcome.group.sourceId);
      const member = await subjectText(terminal, application, outcome.member);
      return outcome.kind === "memberAdded"
        ? `${title(terminal, "added", "join")}  ${group}: ${member}`
        : `${title(terminal, "removed", "leave")}  ${group}: ${member}`;
    }
    default: {
      const [kind, name] = outcomeTitles[outcome.kind];
      const from =
        outcome.kind === "renamed" ? `${printable(outcome.from)} ${terminal.symbols.arrow} ` : "";
      const subject = await subjectText(terminal, application, outcome);
      return `${title(terminal, kind, name)}  ${from}${subject}`;
    }
  }
}

function title(terminal: Terminal, kind: ChangeKind, name: string): string {
  return heading(terminal, kind, name.padEnd(7));
}

/** The row of a subject, or its name where it has none any more. */
async function subjectText(
  terminal: Terminal,
  application: Application,
  { type, resourceId: id, name, sourceId }: Subject,
): Promise<string> {
  const row =
    id === undefined
      ? undefined
      : await (type === "User" ? application.user({ id }) : application.group({ id }));
  if (row !== undefined) return rowText(terminal, row);
  return `${printable(name ?? sourceId)} ${terminal.symbols.arrow} ${rowText(terminal, "no row")}`;
}
