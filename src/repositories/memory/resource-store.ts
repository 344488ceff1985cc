import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import {
  caseless,
  InvalidValueError,
  NotFoundError,
  UniquenessError,
  VersionConflictError,
} from "../../core/index.js";
import {
  type BoundFilter,
  compileFilter,
  type Meta,
  type Resource,
  type ResourceType,
} from "../../scim/index.js";
import { compareOperators } from "../../scim/internal.js";
import { assertDeclared, type Capabilities } from "../capabilities.js";
import { inOrder, type Ordered, pageOf } from "../pages.js";
import type { Page, Query } from "../query.js";
import { candidates } from "./filter-candidates.js";
import { frozenCopy } from "./frozen.js";
import { Table } from "./table.js";
import type { Journal } from "./transaction-scope.js";

/** Options of the in-memory stores of resources. */
export interface InMemoryResourceOptions {
  /** The type of the resources, for extensions of the host's own. Default: that of RFC 7643. */
  readonly type?: ResourceType | undefined;
  /** What the time is, for `meta.created` and `meta.lastModified`. Default: the system's clock. */
  readonly now?: (() => Date) | undefined;
  /** Makes the id of a new resource. Default: a random UUID. */
  readonly newId?: (() => string) | undefined;
  /** The most resources, or members, in one page. Default 1000. */
  readonly maxPageSize?: number | undefined;
}

/** The resource type that a store holds. */
export interface StoredType {
  readonly type: ResourceType;
  /** The attribute that names a resource, and whether only one resource may have a name. */
  readonly naming: { readonly attribute: "userName" | "displayName"; readonly unique: boolean };
  /** Attributes that are not stored with the resource: read-only ones, secrets, and what is kept beside it. */
  readonly ignored: readonly string[];
  /** Paths of attributes of which nothing can be asked, since the store does not know them, or may not return them. */
  readonly unknown: readonly string[];
  /** Attributes by which there is no order, since they are kept beside the resource. */
  readonly unordered: readonly string[];
}

/** Resources of one type, with versions and indexes. Every method is one step; it changes nothing when it throws. */
export class ResourceStore<T extends Resource> {
  readonly maxPageSize: number;
  /** What the store supports, and what it can do with resources of any type. */
  readonly capabilities: Capabilities;
  readonly #type: StoredType;
  readonly #now: () => Date;
  readonly #newId: () => string;
  readonly #table: Table<T, "all" | "name" | "externalId">;
  readonly #deletions: ((journal: Journal, id: string) => void)[] = [];
  /** Counts the writes, also those that were undone, so that no version is ever given twice. */
  #writes = 0;

  constructor(type: StoredType, options: InMemoryResourceOptions) {
    this.#type = type;
    this.#now = options.now ?? (() => new Date());
    this.#newId = options.newId ?? randomUUID;
    this.maxPageSize = options.maxPageSize ?? 1000;
    this.capabilities = {
      ...everyQuestion(type),
      maxPageSize: this.maxPageSize,
      versions: "atomic",
      delete: "hard",
      rename: true,
      sessions: false,
    };
    this.#table = new Table((resource) => resource.id, {
      all: () => [""],
      name: (resource) => [caseless(this.#nameOf(resource))],
      externalId: (resource) => (resource.externalId === undefined ? [] : [resource.externalId]),
    });
  }

  get(id: string): T | undefined {
    return this.#table.get(id);
  }

  /** The resource with this id, in this version if one is named. */
  existing(id: string, ifVersion?: string): T {
    const resource = this.#table.get(id);
    if (resource === undefined) throw new NotFoundError(id);
    if (ifVersion !== undefined && resource.meta?.version !== ifVersion) {
      throw new VersionConflictError(`The resource "${id}" is not in the version ${ifVersion}.`);
    }
    return resource;
  }

  find(query: Query): Page<T> {
    assertDeclared(query, this.capabilities);
    const { filter, sort } = query;
    if (filter === undefined && sort === undefined) {
      return pageOf(this.#all(), query, this.maxPageSize);
    }
    return pageOf(inOrder(this.#matching(filter), sort), query, this.maxPageSize);
  }

  create(journal: Journal, attributes: object): T {
    const id = this.#newId();
    if (this.#table.get(id) !== undefined) throw new UniquenessError("id", id);
    return this.#put(journal, id, attributes, undefined);
  }

  /** Gives a resource, as it is now, these attributes and no others. */
  replace(journal: Journal, current: T, attributes: object): T {
    return this.#put(journal, current.id, attributes, current.meta?.created);
  }

  /** The same, but where this changes nothing, the resource keeps its version and its time. RFC 7644 §3.5.2.1. */
  change(journal: Journal, current: T, attributes: object): T {
    const isChange = !isDeepStrictEqual(this.#stored(attributes), this.#stored(current));
    return isChange ? this.replace(journal, current, attributes) : current;
  }

  /** Gives a resource a new version, since something that is kept beside it changed. */
  touch(journal: Journal, current: T): void {
    this.replace(journal, current, current);
  }

  delete(journal: Journal, id: string): void {
    this.#table.delete(journal, id);
    for (const listener of this.#deletions) listener(journal, id);
  }

  /** Whenever a resource is deleted, this is done in the same step. */
  onDelete(listener: (journal: Journal, id: string) => void): void {
    this.#deletions.push(listener);
  }

  /** The ids of the resources that have a value, compared as the attribute is; `undefined` where no index says. */
  protected lookUp(path: string, value: string): Iterable<string> | undefined {
    if (path === "id") return [value];
    if (path === this.#type.naming.attribute) return this.#table.keys("name", value);
    return path === "externalId" ? this.#table.keys("externalId", value) : undefined;
  }

  /** The resource as filters and orders see it, with what is kept beside it where this attribute is asked for. */
  protected seen(resource: T, _attributes: ReadonlySet<string>): T {
    return resource;
  }

  #put(journal: Journal, id: string, attributes: object, created: string | undefined): T {
    const now = this.#now().toISOString();
    this.#writes++;
    const meta: Meta = {
      resourceType: this.#type.type.name,
      created: created ?? now,
      lastModified: now,
      version: `W/"${this.#writes}"`,
    };
    const resource = frozenCopy({ ...this.#stored(attributes), id, meta }) as T;
    this.#assertName(resource);
    this.#table.put(journal, resource);
    return resource;
  }

  /** The attributes that are stored: those that are assigned (RFC 7643 §2.5), without those that are ignored. */
  #stored(attributes: object): object {
    return Object.fromEntries(
      Object.entries(attributes).filter(
        ([name, value]: [string, unknown]) =>
          !this.#type.ignored.includes(name) &&
          value !== undefined &&
          value !== null &&
          !(Array.isArray(value) && value.length === 0),
      ),
    );
  }

  #assertName(resource: T): void {
    const { attribute, unique } = this.#type.naming;
    const name = this.#nameOf(resource);
    if (name === "") throw new InvalidValueError(attribute, "It is required.");
    if (!unique) return;
    for (const other of this.#table.rows("name", caseless(name))) {
      if (other.id !== resource.id) throw new UniquenessError(attribute, other.id);
    }
  }

  #nameOf(resource: T): string {
    const name: unknown = Reflect.get(resource, this.#type.naming.attribute);
    return typeof name === "string" ? name : "";
  }

  #all(): Ordered<T> {
    return {
      size: this.#table.count("all", ""),
      slice: (start, count) => this.#table.slice("all", "", start, count),
      locate: ({ id }) => ({
        before: this.#table.countBefore("all", "", id),
        found: this.#table.get(id) !== undefined,
      }),
    };
  }

  /** The resources that match, in the order of their ids. */
  #matching(filter: BoundFilter | undefined): T[] {
    if (filter === undefined) return this.#table.slice("all", "", 0, Number.POSITIVE_INFINITY);
    const matches = compileFilter(filter);
    const attributes = new Set(attributesOf(filter));
    const isMatch = (resource: T): boolean => matches(this.seen(resource, attributes));
    const known = candidates(filter, (path, value) => this.lookUp(path, value));
    if (known === undefined) {
      return this.#table.slice("all", "", 0, Number.POSITIVE_INFINITY).filter(isMatch);
    }
    const resources = [...known].sort().flatMap((id) => this.#table.get(id) ?? []);
    return resources.filter(isMatch);
  }
}

/** The names of the attributes that a filter asks for. */
function attributesOf(filter: BoundFilter): readonly string[] {
  switch (filter.operator) {
    case "and":
    case "or":
      return filter.filters.flatMap(attributesOf);
    case "not":
      return attributesOf(filter.filter);
    default:
      return [filter.target.attribute.name];
  }
}

/** Every filter and every order of the attributes that are known, in pages of both kinds. */
function everyQuestion({
  type,
  unknown,
  unordered,
}: StoredType): Required<Pick<Capabilities, "filter" | "logic" | "sort" | "pages">> {
  const known = [...type.attributes.values()].filter(
    ({ path, extension, attribute }) =>
      !unknown.includes(path) && (extension || !unknown.includes(attribute.name)),
  );
  const simple = known.filter(
    ({ attribute, subAttribute }) =>
      (subAttribute ?? attribute).type !== "complex" && !unordered.includes(attribute.name),
  );
  const operators = [...compareOperators, "pr", "valuePath"] as const;
  return {
    filter: Object.fromEntries(known.map(({ path }) => [path, operators])),
    logic: ["and", "or", "not"],
    sort: simple.map(({ path }) => path),
    pages: ["index", "cursor"],
  };
}
