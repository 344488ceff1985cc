/** A list, for callers that do not want to keep it. */
export type ListId = object;

/** How a list was made of an earlier one: some of its items, and the others where these were. */
export interface ListEdit {
  readonly before: ListId;
  /** Where the lists begin to differ. */
  readonly start: number;
  /** How many items of the earlier list are not in this one. */
  readonly removed: number;
  /** How many items of this one are in their place. */
  readonly added: number;
}

const ids = new WeakMap<readonly unknown[], ListId>();
const edits = new WeakMap<readonly unknown[], ListEdit>();

/** The id of a list, which is no other's. */
export function listId(list: readonly unknown[]): ListId {
  const known = ids.get(list);
  if (known !== undefined) return known;
  const id = {};
  ids.set(list, id);
  return id;
}

/**
 * Says how a list was made of an earlier one, of which it has the very same items elsewhere. A caller that has looked
 * at that one, of 50,000 members perhaps, need not look at all of them again. It is said beside the list, which is
 * plain data; a copy does not have it.
 */
export function noteEdit(
  list: readonly unknown[],
  before: readonly unknown[],
  edit: Omit<ListEdit, "before">,
): void {
  edits.set(list, { ...edit, before: listId(before) });
}

/** How a list was made of an earlier one, where that was said. */
export function editOf(list: readonly unknown[]): ListEdit | undefined {
  return edits.get(list);
}
