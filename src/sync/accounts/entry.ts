import type { Upsert } from "../../changes/index.js";
import type { Link } from "../../repositories/index.js";
import type { ReferenceChange } from "../memberships/references.js";
import { type AccountWrite, type Attributes, nameOf } from "../step/accounts.js";
import { without } from "../step/links.js";
import { valuedOf } from "./valued.js";

/** An entry on its way into the application. */
export interface Entry {
  readonly change: Upsert;
  /** The link as it was stored; absent for an entry that was not known. */
  readonly previous?: Link;
  /** Becomes the link's digest when all is done. */
  readonly digest?: string;
  /** The account has all that the change says of it: only names or members are others. */
  readonly isProvisioned: boolean;
  /** How the group's references differ, where that is known already. */
  readonly references?: ReferenceChange;
  /** The link as it is to be stored. */
  link: Link;
}

/**
 * The entry is to be inactive and has an account. Whether that is active has to be read even where we disabled it
 * before: a crash may have come between the intention and the deed.
 */
export function isToBeDisabled({ change, link }: Entry): boolean {
  return isInactive(change) && link.resourceId !== undefined;
}

export function isInactive(change: Upsert): boolean {
  return change.type === "User" && change.resource.active === false;
}

/**
 * The account is inactive because of us, and the entry says that it is not to be; a part that is silent of it does not.
 */
export function isToBeEnabled({ change, link }: Entry): boolean {
  if (change.type !== "User" || link.resourceId === undefined || !link.disabledByUs) return false;
  const { active } = change.resource;
  return change.complete ? active !== false : active !== undefined && active !== false;
}

/** What the entry asks of the application. Whether it is active is written only where it is ours to say. */
export function writeFor(entry: Entry): AccountWrite {
  const { change, link } = entry;
  const attributes: Attributes = change.resource;
  if (change.type !== "User") {
    return link.resourceId === undefined
      ? { kind: "create", attributes }
      : { kind: "modify", id: link.resourceId, attributes };
  }
  const { active, ...rest } = change.resource;
  if (link.resourceId === undefined) {
    return { kind: "create", attributes: { ...rest, active: active !== false } };
  }
  return {
    kind: "modify",
    id: link.resourceId,
    attributes: isToBeEnabled(entry) ? { ...rest, active: true } : rest,
  };
}

/** All of the entry is applied, up to its memberships. */
export function finish(entry: Entry): void {
  const { change, digest, link } = entry;
  const valued = valuedOf(change);
  const name = nameOf(change) ?? link.name;
  entry.link = {
    ...without(link, "failure", "intent", "goneStamp", "digest", "valued"),
    state: "live",
    ...(name === undefined ? {} : { name }),
    ...(change.stamp === undefined ? {} : { stamp: change.stamp }),
    ...(digest === undefined ? {} : { digest }),
    ...(valued === undefined ? {} : { valued }),
  };
}
