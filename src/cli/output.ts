import type { Outcome, Removal, Subject } from "../sync/index.js";
import { messageOf } from "./errors.js";

/** Where a command writes. */
export interface Output {
  /** One line of the result, to standard output. */
  line(text: string): void;
  /** The same as one line of JSON, where that is asked for instead. */
  json(value: unknown): void;
  /** Whether JSON is asked for. */
  readonly isJson: boolean;
  /** Something to know that is no result, to standard error. */
  note(text: string): void;
}

/** What was done, in one line. */
export function outcomeInWords(outcome: Outcome): string {
  switch (outcome.kind) {
    case "memberAdded":
      return `added    ${nameOf(outcome.member)} to ${nameOf(outcome.group)}`;
    case "memberRemoved":
      return `removed  ${nameOf(outcome.member)} from ${nameOf(outcome.group)}`;
    case "memberDeferred":
      return `deferred ${nameOf(outcome.member)} in ${nameOf(outcome.group)}: ${oneLine(outcome.message)}`;
    case "memberIgnored":
      return `ignored  ${oneLine(outcome.reference.key)} in ${nameOf(outcome.group)}: ${oneLine(outcome.message)}`;
    case "renamed":
      return `renamed  ${kindOf(outcome)} ${oneLine(outcome.from)} to ${nameOf(outcome)}`;
    case "deferred":
      return `deferred ${kindOf(outcome)} ${nameOf(outcome)}: ${oneLine(outcome.message)}`;
    case "ignored":
      return `ignored  ${outcome.attributes.join(", ")} of ${kindOf(outcome)} ${nameOf(outcome)}`;
    case "unreadable":
      return `unreadable ${oneLine(outcome.sourceId)}: ${oneLine(outcome.message)}`;
    case "standby":
      return "standing by: another process may be at work";
    case "began":
      return "this process is at work now";
    case "refreshed":
      return "everything is read";
    case "checkpoint":
      return "everything up to here is applied";
    case "restarted":
      return `everything is read anew: ${oneLine(outcome.reason)}`;
    case "waiting":
      return `waiting ${outcome.delay} ms for a store: ${oneLine(messageOf(outcome.error))}`;
    case "limited":
      return `${outcome.option} allows ${outcome.limit}, and ${outcome.before + outcome.count} would go`;
    case "deactivated":
      return `disabled ${kindOf(outcome)} ${nameOf(outcome)}${sessions(outcome.sessions)}`;
    case "deleted":
      return `deleted  ${kindOf(outcome)} ${nameOf(outcome)}${sessions(outcome.sessions)}`;
    default:
      return `${outcome.kind.padEnd(8)} ${kindOf(outcome)} ${nameOf(outcome)}`;
  }
}

/** What an outcome is as JSON: an error as its code and message, since it has no members of its own. */
export function outcomeAsJson(outcome: Outcome): unknown {
  if (outcome.kind !== "waiting") return outcome;
  const { error, ...rest } = outcome;
  const code = error instanceof Error && "code" in error ? { code: error.code } : {};
  return { ...rest, error: { ...code, message: messageOf(error) } };
}

/** What goes, in one line. */
export function removalInWords(removal: Removal): string {
  if (removal.kind === "leaves") {
    return `${oneLine(removal.member)} leaves group ${nameOf(removal.group)}`;
  }
  const goes = removal.kind === "gone" ? "is no longer in the source" : "is inactive in the source";
  return `${kindOf(removal)} ${nameOf(removal)} ${goes}`;
}

/** The name of an entry as it can be shown on a terminal. */
export function nameOf({ name, sourceId }: Subject): string {
  return oneLine(name ?? sourceId);
}

/** Text that the writers of the source have chosen: no line ends, no control characters that a terminal obeys. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => {
    const code = found.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

function kindOf({ type }: Subject): string {
  return type === "User" ? "user" : "group";
}

function sessions(ended: string | undefined): string {
  return ended === undefined || ended === "revoked" ? "" : ` (sessions: ${ended})`;
}
