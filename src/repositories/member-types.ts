import { InvalidValueError } from "../core/index.js";

/** A member of a group, by its id. */
export interface Member {
  /** The id of the member. */
  readonly value: string;
  /** What the member is. */
  readonly type: "User" | "Group";
}

/**
 * Members with what each of them is. One without a type is a user.
 *
 * @throws {InvalidValueError} a member is neither a user nor a group.
 */
export function typedMembers(
  members: readonly { readonly value: string; readonly type?: string }[],
): Member[] {
  return members.map(({ value, type }) => ({ value, type: memberType(type) }));
}

/** @throws {InvalidValueError} it is neither a user nor a group. */
export function memberType(type = "User"): Member["type"] {
  const known = (["User", "Group"] as const).find(
    (name) => name.toLowerCase() === type.toLowerCase(),
  );
  if (known === undefined) throw new InvalidValueError("members.type", "it is User or Group.");
  return known;
}
