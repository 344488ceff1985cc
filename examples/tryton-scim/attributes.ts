import { InvalidValueError } from "concordat";
import type { ChangeSet } from "concordat/repositories";
import { caseless, type NewUser, type User } from "concordat/scim";
import { assertText } from "./client.ts";

/** Attributes that are kept, by the name that leads to them, and those that are none of a client's. */
const kept = new Set([
  ...["schemas", "id", "meta", "groups", "userName", "active", "displayName", "name", "emails"],
  ...["preferredLanguage", "photos", "password"],
]);

/** What marks the login of an account that is deleted, before its id. No other account may have it. */
export const retired = "~retired~";

/** A changed user with the name that counts as `displayName`: the one that the change sets, that one before the other. */
export function withName(next: User, { set = {} }: ChangeSet<NewUser>): User {
  const { displayName, name: { formatted, ...parts } = {}, ...others } = next;
  const isOther = ["name", "name.formatted"].some((path) => Object.hasOwn(set, path));
  const counts = isOther && !Object.hasOwn(set, "displayName") ? formatted : undefined;
  const shown = counts ?? displayName;
  return { ...others, name: parts, ...(shown !== undefined && { displayName: shown }) };
}

/** Refuses a login that Tryton would store as another one, or that marks who is deleted. */
export function assertLogin(login: string): void {
  if (login === "") throw new InvalidValueError("userName", "it is empty.");
  assertText("userName", login);
  if (caseless(login).includes(retired)) {
    throw new InvalidValueError("userName", `"${retired}" marks accounts that are deleted.`);
  }
}

/** What Tryton has no field for. Of the parts of a name, the whole has one, where there is no `displayName`. */
export function ignoredOf(user: NewUser | User, takesPassword: boolean): string[] {
  const ignored = Object.entries(user).flatMap(([path, value]) =>
    value === undefined || kept.has(path) ? [] : [path],
  );
  const { displayName, name = {} } = user;
  for (const [part, value] of Object.entries(name)) {
    const isKept = part === "formatted" && (displayName === undefined || value === displayName);
    if (!isKept) ignored.push(`name.${part}`);
  }
  if ((user.emails?.length ?? 0) > 1) ignored.push("emails");
  if ((user.photos?.length ?? 0) > 1) ignored.push("photos");
  if (!takesPassword && "password" in user && user.password !== undefined) ignored.push("password");
  return ignored;
}
