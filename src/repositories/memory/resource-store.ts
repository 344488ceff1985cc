import { randomUUID } from "node:crypto";
import {
  caseless,
  InvalidValueError,
  NotFoundError,
  UniquenessError,
  UnsupportedError,
  VersionConflictError,
} from "../../core/index.js";
import type { Meta, Resource } from "../../scim/index.js";
import type { Capabilities } from "../capabilities.js";
import type { Filter, Page, Query } from "../query.js";
import { frozenCopy } from "./frozen.js";
import type { Journal } from "./session.js";
import { Table } from "./table.js";

/** Options of the in-memory stores of resources. */
export interface InMemoryResourceOptions {
  /** What the time is, for `meta.created` and `meta.lastModified`. Default: the system's clock. */
  readonly now?: () => Date;
  /** Makes the id of a new resource. Default: a random UUID. */
  readonly newId?: () => string;
  /** The most resources, or members, in one page. Default 1000. */
  readonly maxPageSize?: number;
}

/** The resource type that a store holds. */
export interface StoredType {
  readonly name: "User" | "Group";
  /** The attribute that names a resource, and whether only one resource may have a name. */
  readonly naming: { readonly attribute: "userName" | "displayName"; readonly unique: boolean };
  /** Attributes that are not stored with the resource: read-only ones, secrets, and what is kept beside it. */
  readonly passedOver: readonly string[];
}

/** Resources of one type, with versions and indexes. Every method is one step; it changes nothing when it throws. */
export class ResourceStore<T extends Resource> {
  readonly maxPageSize: number;
  /** The filters that the indexes answer. */
  readonly filter: Capabilities["filter"];
  readonly #type: StoredType;
  readonly #now: () => Date;
  readonly #newId: () => string;
  readonly #table: Table<T, "all" | "name" | "externalId">;
  /** Counts the writes, also those that were undone, so that no version is ever given twice. */
  #writes = 0;

  constructor(type: StoredType, options: InMemoryResourceOptions) {
    this.#type = type;
    this.#now = options.now ?? (() => new Date());
    this.#newId = options.newId ?? randomUUID;
    this.maxPageSize = options.maxPageSize ?? 1000;
    this.filter = { id: ["eq"], [type.naming.attribute]: ["eq"], externalId: ["eq"] };
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
  demand(id: string, ifVersion?: string): T {
    const resource = this.#table.get(id);
    if (resource === undefined) throw new NotFoundError(id);
    if (ifVersion !== undefined && resource.meta?.version !== ifVersion) {
      throw new VersionConflictError(`The resource "${id}" is not in the version ${ifVersion}.`);
    }
    return resource;
  }

  find(query: Query): Page<T> {
    const first = Math.max(Math.trunc(query.startIndex ?? 1), 1);
    const asked = Math.max(Math.trunc(query.count ?? this.maxPageSize), 0);
    const count = Math.min(asked, this.maxPageSize);
    const { totalResults, resources } = this.#matching(query.filter, first - 1, count);
    return { totalResults, startIndex: first, resources };
  }

  create(journal: Journal, attributes: object): T {
    const id = this.#newId();
    if (this.#table.get(id) !== undefined) throw new UniquenessError("id", id);
    return this.#put(journal, id, attributes, this.#now().toISOString());
  }

  /** Gives a resource, as it is now, these attributes and no others. */
  replace(journal: Journal, current: T, attributes: object): T {
    return this.#put(journal, current.id, attributes, current.meta?.created);
  }

  /** Gives a resource a new version, since something that is kept beside it changed. */
  touch(journal: Journal, current: T): void {
    this.replace(journal, current, current);
  }

  delete(journal: Journal, id: string): void {
    this.#table.delete(journal, id);
  }

  #put(journal: Journal, id: string, attributes: object, created: string | undefined): T {
    const now = this.#now().toISOString();
    this.#writes++;
    const meta: Meta = {
      resourceType: this.#type.name,
      created: created ?? now,
      lastModified: now,
      version: `W/"${this.#writes}"`,
    };
    const resource = frozenCopy({ ...this.#stored(attributes), id, meta }) as T;
    this.#demandName(resource);
    this.#table.put(journal, resource);
    return resource;
  }

  /** The attributes that are stored: those that are assigned (RFC 7643 §2.5), without those that are passed over. */
  #stored(attributes: object): object {
    return Object.fromEntries(
      Object.entries(attributes).filter(
        ([name, value]: [string, unknown]) =>
          !this.#type.passedOver.includes(name) &&
          value !== undefined &&
          value !== null &&
          !(Array.isArray(value) && value.length === 0),
      ),
    );
  }

  #demandName(resource: T): void {
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

  #matching(
    filter: Filter | undefined,
    start: number,
    count: number,
  ): Pick<Page<T>, "totalResults" | "resources"> {
    if (filter === undefined) return this.#bucket("all", "", start, count);
    const { path, operator, value } = filter;
    if (!Object.hasOwn(this.filter, path) || !this.filter[path]?.includes(operator)) {
      throw new UnsupportedError(`This store does not answer filters of "${path} ${operator}".`);
    }
    if (typeof value !== "string") {
      throw new InvalidValueError(path, "It is a string, and is compared with strings only.");
    }
    if (path === "externalId") return this.#bucket("externalId", value, start, count);
    if (path !== "id") return this.#bucket("name", caseless(value), start, count);
    const found = this.#table.get(value);
    return {
      totalResults: found === undefined ? 0 : 1,
      resources: found === undefined ? [] : [found].slice(start, start + count),
    };
  }

  #bucket(
    index: "all" | "name" | "externalId",
    bucket: string,
    start: number,
    count: number,
  ): Pick<Page<T>, "totalResults" | "resources"> {
    return {
      totalResults: this.#table.count(index, bucket),
      resources: this.#table.slice(index, bucket, start, count),
    };
  }
}
