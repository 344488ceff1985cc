import { InvalidValueError, isIndistinct } from "../../core/index.js";
import { type Failure, isRefusal } from "../../repositories/index.js";
import { withoutMembers } from "../memberships/references.js";
import type { Subject } from "../outcome.js";
import { accountsOf, nameOf } from "../step/accounts.js";
import { subjectOf, without } from "../step/links.js";
import { type Step, savepoint } from "../step/step.js";
import { type Entry, isToBeDisabled } from "./entry.js";
import { valuedOf } from "./valued.js";

/** Why a change cannot be applied. */
export interface Objection {
  readonly code: string;
  readonly message: string;
  /** The entry whose account is in the way. */
  readonly blocker?: string;
}

/** Defers a change that cannot be applied. An account that is to be disabled is, whatever else is refused. */
export async function refuse(step: Step, entry: Entry, objection: Objection): Promise<void> {
  if (isToBeDisabled(entry) && objection.code !== "protected") {
    const before = entry.link;
    try {
      await savepoint(step, (inner) => disableOnly(inner, entry));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      entry.link = before;
    }
  }
  defer(step, entry, objection);
}

async function disableOnly(step: Step, entry: Entry): Promise<void> {
  const { resourceId, type } = entry.link;
  const accounts = accountsOf(step.target, type);
  if (resourceId === undefined || (await accounts?.look(resourceId))?.active !== true) return;
  entry.link = { ...entry.link, disabledByUs: true };
  if (!step.isTransactional) await step.links.save([entry.link]);
  const attributes = { active: false };
  const [result] = (await accounts?.write([{ kind: "modify", id: resourceId, attributes }])) ?? [];
  if (result?.written === false) throw result.error;
  step.outcomes.push({ kind: "deactivated", ...subjectOf(entry.link) });
}

/** Keeps a change that cannot be applied, to be tried again. */
export function defer(step: Step, entry: Entry, objection: Objection): void {
  const { previous, change, link } = entry;
  const valued = valuedOf(change);
  const name = nameOf(change) ?? link.name;
  const subject = { ...subjectOf(link), ...(name === undefined ? {} : { name }) };
  const attempts = previous?.failure?.attempts ?? 0;
  entry.link = {
    ...without(link, "intent"),
    ...(valued === undefined ? {} : { valued }),
    failure: failed(step, subject, { ...objection, change: withoutMembers(change), attempts }),
  };
}

/** Reports that a change is deferred, once more than before. @returns what is kept of it. */
export function failed(
  step: Step,
  subject: Subject,
  refused: Omit<Failure, "nextAttempt">,
): Failure {
  const { code, message } = refused;
  // What is put off only to be a step of its own is done in the next one.
  const isPutOff = code === "adopted";
  const attempts = isPutOff ? 0 : refused.attempts + 1;
  const { delay, maxDelay } = step.settings.refusals;
  const wait = isPutOff ? 0 : Math.min(maxDelay, delay * 2 ** (attempts - 1));
  const nextAttempt = step.settings.now() + wait;
  step.outcomes.push({ kind: "deferred", ...subject, code, message, attempts, nextAttempt });
  return { ...refused, attempts, nextAttempt };
}

/** Why the entry may not be applied, whatever the store says. */
export async function objectionTo(
  step: Step,
  { change, link }: Entry,
): Promise<Objection | undefined> {
  const name = nameOf(change);
  const { type, resourceId } = link;
  const resource = resourceId === undefined ? { type } : { type, id: resourceId };
  if (await step.protection.covers(step.target, resource, [name, link.name])) {
    return { code: "protected", message: "The resource is protected from this source." };
  }
  const naming = link.type === "User" ? "userName" : "displayName";
  if (change.complete && (name === undefined || name === "")) {
    return invalid(naming, "the entry has no value for it.");
  }
  // What is named so already may stay.
  const isNew = name !== undefined && name !== link.name;
  if (isNew && step.settings.names === "distinct" && isIndistinct(name)) {
    return invalid(
      naming,
      "it begins or ends with a space, has two in a row, or has characters that are invisible (RFC 8265 §3).",
    );
  }
  return undefined;
}

function invalid(path: string, reason: string): Objection {
  const { code, message } = new InvalidValueError(path, reason);
  return { code, message };
}
