import type { MemberReference } from "../../changes/index.js";
import { editOf, listId } from "../../changes/internal.js";
import { keyOf } from "./keys.js";

/** Shorter lists are compared with what is stored, which takes a few milliseconds. */
const shortest = 1_000;

/**
 * How many names are kept at most, over all groups. Each is a pointer to what the stream has made, mostly of 100 to 200
 * bytes.
 */
const maxKept = 200_000;

/** What came and went between two lists. */
export interface Difference {
  readonly add: readonly MemberReference[];
  readonly remove: readonly MemberReference[];
}

/**
 * Remembers the long lists of members that were stored last, so that a group of many thousands need not be read from
 * the store to find the one that came. They are forgotten when a step fails, since it is not known then what was
 * stored.
 */
export class StatedMembers {
  /** By group, the one that was stored least recently first. */
  readonly #lists = new Map<string, readonly MemberReference[]>();
  #kept = 0;

  /** How a group's members differ from those that are stored; undefined if these are not remembered. */
  compare(group: string, members: readonly MemberReference[]): Difference | undefined {
    const before = this.#lists.get(group);
    if (before === undefined) return undefined;
    const edit = editOf(members);
    return edit?.before === listId(before)
      ? differenceAt(before, members, edit.start, edit)
      : differenceOf(before, members);
  }

  /** These members, and no others, are stored of a group now. */
  remember(group: string, members: readonly MemberReference[]): void {
    this.forget(group);
    if (members.length < shortest) return;
    this.#lists.set(group, members);
    this.#kept += members.length;
    for (const oldest of this.#lists.keys()) {
      if (this.#kept <= maxKept) return;
      this.forget(oldest);
    }
  }

  /** It is not known what is stored of a group. */
  forget(group: string): void {
    this.#kept -= this.#lists.get(group)?.length ?? 0;
    this.#lists.delete(group);
  }

  /** It is not known what is stored of any group. */
  clear(): void {
    this.#lists.clear();
    this.#kept = 0;
  }
}

/** What both lists begin with and end with is ignored; mostly that is nearly all. */
function differenceOf(
  before: readonly MemberReference[],
  after: readonly MemberReference[],
): Difference {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && isSame(before[start], after[start])) start += 1;
  let end = 0;
  while (end < shorter - start && isSame(before.at(-1 - end), after.at(-1 - end))) end += 1;
  const added = after.length - end - start;
  return differenceAt(before, after, start, { removed: before.length - end - start, added });
}

/** What came and went where lists differ in so many items, from one on. */
function differenceAt(
  before: readonly MemberReference[],
  after: readonly MemberReference[],
  start: number,
  { removed, added }: { readonly removed: number; readonly added: number },
): Difference {
  const had = new Map(before.slice(start, start + removed).map((name) => [keyOf(name), name]));
  const add = after.slice(start, start + added).filter((name) => !had.delete(keyOf(name)));
  return { add, remove: [...had.values()] };
}

function isSame(one: MemberReference | undefined, other: MemberReference | undefined): boolean {
  return one === other || (one?.key === other?.key && one?.kind === other?.kind);
}
