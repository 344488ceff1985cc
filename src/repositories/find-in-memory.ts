import { TooManyError, UnsupportedError } from "../core/index.js";
import {
  type BoundFilter,
  type BoundSort,
  compileFilter,
  type Resource,
  splitFilter,
} from "../scim/index.js";
import { type Capabilities, supportsFilter, supportsQuery } from "./capabilities.js";
import { inOrder, pageOf } from "./pages.js";
import type { Page, Query } from "./query.js";
import type { ReadOptions, ResourceRepository } from "./resource-repository.js";

/** Options of {@link findInMemory}. */
export interface FindInMemoryOptions extends ReadOptions {
  /** The most resources to read from the store for one page. */
  readonly maxRows: number;
}

/**
 * Evaluates a query that a store does not support by itself. Of the filter, the store is asked what it declares; what
 * is left of it is evaluated here, on resources that are read from the store, and so are the order and the kind of
 * page. The result is exactly what the query asks for. A query that the store supports is passed on as it is.
 *
 * A store that has no pages by cursor is read by index. What comes or goes meanwhile can then move another resource
 * from a page that is still to be read to one that was read.
 *
 * @throws {UnsupportedError} it asks for what is not stored, and the store does not declare it: see
 * `assertStored`.
 * @throws {TooManyError} more resources than `maxRows` would have to be read.
 */
export async function findInMemory<T extends Resource, N>(
  repository: ResourceRepository<T, N>,
  query: Query,
  { maxRows, ...options }: FindInMemoryOptions,
): Promise<Page<T>> {
  const { capabilities } = repository;
  if (supportsQuery(capabilities, query)) return await repository.find(query, options);
  const { pushed, rest } =
    query.filter === undefined
      ? {}
      : splitFilter(query.filter, (part) => supportsFilter(capabilities, part));
  assertStored(rest, query.sort);
  const needed = [rest, query.sort].flatMap((part) => (part === undefined ? [] : namesIn(part)));
  const resources = await readAll(repository, pushed, maxRows, {
    ...options,
    attributes: [...(options.attributes ?? []), ...needed],
    excludedAttributes: (options.excludedAttributes ?? []).filter((name) => !needed.includes(name)),
  });
  const matching = rest === undefined ? resources : resources.filter(compileFilter(rest));
  matching.sort((one, other) => (one.id < other.id ? -1 : 1));
  const page = pageOf(inOrder(matching, query.sort), query, capabilities.maxPageSize);
  const isAsked = options.attributes?.includes("members") === true;
  return isAsked ? page : { ...page, resources: page.resources.map(withoutMembers) };
}

/**
 * Refuses what the service provider adds to a resource in a response: `schemas`, `meta.location`, every `$ref`, the
 * `groups` of a user, and the names of members. A resource as it is stored has none of them, and would be taken for one
 * without.
 *
 * @throws {UnsupportedError} that is asked for.
 */
function assertStored(filter: BoundFilter | undefined, sort: BoundSort | undefined): void {
  const added = [filter, sort]
    .flatMap((part) => (part === undefined ? [] : pathsIn(part)))
    .find((path) =>
      /^(schemas|meta\.location|groups|members\.display)$|^groups\.|\.\$ref$/.test(path),
    );
  if (added !== undefined) {
    throw new UnsupportedError(`"${added}" is not stored, and cannot be asked for here.`);
  }
}

function pathsIn(part: BoundFilter | BoundSort): readonly string[] {
  const inner = "filters" in part ? part.filters : "filter" in part ? [part.filter] : [];
  return [...("target" in part ? [part.target.path] : []), ...inner.flatMap(pathsIn)];
}

/** Reads the resources that match what the store supports, each once. */
async function readAll<T extends Resource, N>(
  repository: ResourceRepository<T, N>,
  filter: BoundFilter | undefined,
  maxRows: number,
  options: ReadOptions,
): Promise<T[]> {
  const read = new Map<string, T>();
  const query: Query = filter === undefined ? {} : { filter };
  let next: Query | undefined = firstPage(query, repository.capabilities);
  for (let rows = 0; next !== undefined; ) {
    const page: Page<T> = await repository.find(next, options);
    rows += page.resources.length;
    if (Math.max(rows, page.totalResults ?? 0) > maxRows) {
      throw new TooManyError(
        `The result takes more than ${maxRows} resources that the store cannot choose from by itself.`,
        maxRows,
      );
    }
    for (const resource of page.resources) read.set(resource.id, resource);
    next = pageAfter(page, query, rows);
  }
  return [...read.values()];
}

function firstPage(query: Query, { pages, maxPageSize }: Capabilities): Query {
  const count = maxPageSize;
  return pages?.includes("cursor") ? { ...query, cursor: "", count } : { ...query, count };
}

function pageAfter<T>(page: Page<T>, query: Query, rows: number): Query | undefined {
  if (page.nextCursor !== undefined) return { ...query, cursor: page.nextCursor };
  const isLast = page.startIndex === undefined || page.resources.length === 0;
  return isLast || rows >= (page.totalResults ?? Number.POSITIVE_INFINITY)
    ? undefined
    : { ...query, startIndex: rows + 1 };
}

/** The names of the attributes that have to be there for a filter to be evaluated, or for an order to be found. */
export function namesIn(part: BoundFilter | BoundSort): readonly string[] {
  if ("target" in part) return [part.target.attribute.name];
  if ("filters" in part) return part.filters.flatMap(namesIn);
  return namesIn(part.filter);
}

/** Members come only when they are asked for, whether or not the filter had to look at them. */
function withoutMembers<T extends Resource>(resource: T): T {
  if (!("members" in resource)) return resource;
  const { members: _, ...others }: T & { readonly members?: unknown } = resource;
  return others as T;
}
