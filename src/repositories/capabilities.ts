import { InvalidValueError, UnsupportedError } from "../core/index.js";
import { type BoundFilter, type CompareOperator, printFilter } from "../scim/index.js";
import type { Query } from "./query.js";

/**
 * What a filter may ask of an attribute. `valuePath`: `emails[…]`; what is in the brackets is looked up as
 * `emails.type`.
 */
export type FilterOperator = CompareOperator | "pr" | "valuePath";

/** What a store can do. What is not declared here is refused with `UnsupportedError`, never approximated. */
export interface Capabilities {
  /**
   * The paths of the attributes that the store keeps, as the schemas spell them: `["userName", "active",
   * "name.givenName", "emails.value"]`. The path of a complex attribute, or the URN of an extension, means all of its
   * parts. A part of a multi-valued attribute, `emails.value`, is kept of one value at least; the attribute itself,
   * `emails`, of every value. Whatever is not named is refused with `InvalidValueError`, or ignored, and then
   * `create` and `replace` do not return it either. Default: every attribute of the type that a client can write.
   */
  readonly attributes?: readonly string[];
  /**
   * The filter operators that the store supports, by the path of the attribute as the schemas spell it:
   * `{ userName: ["eq", "sw"], "emails.value": ["eq"] }`.
   */
  readonly filter: Readonly<Record<string, readonly FilterOperator[]>>;
  /** How the store can combine them. Default: not at all, so that a filter is one comparison. */
  readonly logic?: readonly ("and" | "or" | "not")[];
  /** The paths of the attributes that it can sort by, in either direction. Default: none. */
  readonly sort?: readonly string[];
  /** The kinds of pages. Default: by index only. */
  readonly pages?: readonly ("index" | "cursor")[];
  /** The most resources in one page. */
  readonly maxPageSize: number;
  /**
   * Whether `ifVersion` is checked and the write done as one step; `none` means that resources have no `meta.version`.
   */
  readonly versions: "atomic" | "none";
  /**
   * Whether resources can be created. `none`: what there is is made elsewhere, as the groups of an application's
   * configuration are. `create` then refuses with `UniquenessError` that names the resource, where there is one of that
   * name, and else with `UnsupportedError` that says where it would have to be made. Default: `any`.
   */
  readonly create?: "any" | "none";
  /** What `delete` does: remove the resource, deactivate it, or refuse. */
  readonly delete: "hard" | "deactivate" | "none";
  /**
   * Whether the id of a resource that is deleted may be assigned to another one. `reused`: what refers to an id refers
   * to what {@link ResourceRepository.markOf} says beside it, and does not believe an id with another mark. Default:
   * `permanent`.
   */
  readonly ids?: "permanent" | "reused";
  /** Whether the naming attribute, `userName` or `displayName`, can be changed. */
  readonly rename: boolean;
  /**
   * What becomes of a user's password. `none`: it is ignored. `create`: `create` takes it, and it cannot be
   * changed. `set`: `create` takes it, and `setPassword` changes it. Default: `none`.
   */
  readonly password?: "none" | "create" | "set";
  /**
   * In a store of groups: whether `groupsOfEach` is one question however many members it asks about. A service provider
   * then states each user's groups without being asked. Default: false.
   */
  readonly groupsOfMany?: boolean;
  /** Whether the sessions of a user can be ended. */
  readonly sessions: boolean;
  /**
   * In a store of groups: what becomes of the memberships of a user, or of a group, that is deleted. `leave`: they end
   * with the member, and one who is added at that moment does not stay in the group either. `stay`: the store does not
   * learn of it, and the id is left in the groups until a client removes it. Default: `leave`.
   */
  readonly deletedMembers?: "leave" | "stay";
}

/** Whether a store declares every comparison of a filter, and every way in which they are combined. */
export function supportsFilter(capabilities: Capabilities, filter: BoundFilter): boolean {
  const supportsAll = (filters: readonly BoundFilter[]): boolean =>
    filters.every((part) => supportsFilter(capabilities, part));
  switch (filter.operator) {
    case "and":
    case "or":
      return combines(capabilities, filter.operator) && supportsAll(filter.filters);
    case "not":
      return combines(capabilities, "not") && supportsAll([filter.filter]);
    case "valuePath":
      return declares(capabilities, filter) && supportsAll([filter.filter]);
    default:
      return declares(capabilities, filter);
  }
}

/**
 * Refuses what a store does not declare: the first line of a `find`, after which only what is declared has to be
 * answered.
 *
 * @throws {UnsupportedError} the filter, the order or the kind of page is not one of the store's.
 * @throws {InvalidValueError} the query asks for a page by index and by cursor.
 */
export function assertDeclared(query: Query, capabilities: Capabilities): void {
  const { filter, sort, startIndex, cursor } = query;
  if (filter !== undefined && !supportsFilter(capabilities, filter)) {
    throw new UnsupportedError(`This store does not support the filter ${excerpt(filter)}.`);
  }
  if (sort !== undefined && capabilities.sort?.includes(sort.target.path) !== true) {
    throw new UnsupportedError(`This store does not sort by "${sort.target.path}".`);
  }
  const pages = capabilities.pages ?? ["index"];
  if (cursor !== undefined && startIndex !== undefined) {
    throw new InvalidValueError("cursor", "a page is asked for by index or by cursor.");
  }
  if (cursor !== undefined && !pages.includes("cursor")) {
    throw new UnsupportedError("This store has no pages by cursor.");
  }
  if (startIndex !== undefined && startIndex > 1 && !pages.includes("index")) {
    throw new UnsupportedError("This store has no pages by index.");
  }
}

/** Whether a store supports a query as it is. */
export function supportsQuery(capabilities: Capabilities, query: Query): boolean {
  try {
    assertDeclared(query, capabilities);
    return true;
  } catch (error) {
    if (error instanceof UnsupportedError) return false;
    throw error;
  }
}

function declares(
  { filter: declared }: Capabilities,
  { target: { path }, operator }: Extract<BoundFilter, { readonly target: unknown }>,
): boolean {
  return Object.hasOwn(declared, path) && declared[path]?.includes(operator) === true;
}

function combines({ logic = [] }: Capabilities, operator: "and" | "or" | "not"): boolean {
  return logic.includes(operator);
}

function excerpt(filter: BoundFilter): string {
  const text = printFilter(filter);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
