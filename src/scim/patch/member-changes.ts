import { InvalidValueError } from "../../core/index.js";
import type { AttributeNode, AttributeTree } from "../schema/attribute-tree.js";
import { isJsonObject } from "../schema/read-value.js";
import type { PatchStep } from "./plan.js";
import type { ValueKey } from "./target.js";
import { isReference } from "./value-identity.js";

/** A member by its id, and by what it is where that is known. */
export interface MemberName {
  /** The id of the user or group. */
  readonly value: string;
  /** What it is, where the client says so. */
  readonly type?: "User" | "Group";
}

/**
 * The changes of members: first all are removed with `clear`, then those to `remove`; then those to `add` are added.
 */
export interface MemberChanges {
  /** Whether all members are removed first. Default: false. */
  readonly clear?: boolean;
  /** Who becomes a member. */
  readonly add?: readonly MemberName[];
  /** Who ceases to be one. */
  readonly remove?: readonly MemberName[];
}

/**
 * The attribute whose values stores keep beside the resource: `members`, of a type that has them as RFC 7643 §4.2 does.
 */
export function membersNode(tree: AttributeTree): AttributeNode | undefined {
  const node = tree.children.byName.get("members");
  return node?.attribute.multiValued && isReference(node) ? node : undefined;
}

/** Members that come and go, one step after the other. */
export class MemberChangeSet {
  #clear = false;
  readonly #add: Map<string, MemberName> = new Map();
  readonly #remove: Map<string, MemberName> = new Map();

  /**
   * Takes in what a step does to the members.
   *
   * @returns whether that can be said without knowing who is a member.
   * @throws {InvalidValueError} a member is neither a user nor a group.
   */
  take(step: PatchStep): boolean {
    switch (step.kind) {
      case "assign":
        this.clear();
        for (const member of membersIn(step.value)) this.add(member);
        return true;
      case "append":
        for (const member of membersIn(step.values)) this.add(member);
        return true;
      case "removeValues": {
        const { keys } = step.selection;
        if (keys === undefined) return false;
        for (const key of keys) this.remove(memberName(key));
        return true;
      }
      default:
        return false;
    }
  }

  clear(): void {
    this.#clear = true;
    this.#add.clear();
    this.#remove.clear();
  }

  add(member: MemberName): void {
    this.#add.set(nameOf(member), member);
  }

  /** A member that was added before must not stay, since in the result removals come before additions. */
  remove(member: MemberName): void {
    const { value, type } = member;
    // A member without a type is a user.
    if (type !== "Group") this.#add.delete(nameOf({ value }));
    for (const one of ["User", "Group"] as const) {
      if (type === undefined || type === one) this.#add.delete(nameOf({ value, type: one }));
    }
    this.#remove.set(nameOf(member), member);
  }

  /** What it comes to, or `undefined` if that is nothing. */
  end(): MemberChanges | undefined {
    const add = [...this.#add.values()];
    const remove = this.#clear ? [] : [...this.#remove.values()];
    if (!this.#clear && add.length === 0 && remove.length === 0) return undefined;
    return {
      ...(this.#clear && { clear: true }),
      ...(add.length > 0 && { add }),
      ...(remove.length > 0 && { remove }),
    };
  }
}

/** The members in a list. */
export function membersIn(list: unknown): readonly MemberName[] {
  if (!Array.isArray(list)) return [];
  return list.map((element) => {
    const { value, type } = isJsonObject(element) ? element : {};
    return memberName({ value, ...(typeof type === "string" && { type }) });
  });
}

function memberName({ value, type }: ValueKey): MemberName {
  if (typeof value !== "string") throw new InvalidValueError("members.value", "it is a string.");
  switch (type?.toLowerCase()) {
    case undefined:
      return { value };
    case "user":
      return { value, type: "User" };
    case "group":
      return { value, type: "Group" };
    default:
      throw new InvalidValueError("members.type", 'a member is a "User" or a "Group".');
  }
}

function nameOf({ value, type }: MemberName): string {
  return `${type ?? ""} ${value}`;
}
