import { TooManyError } from "../../core/index.js";
import {
  type BoundFilter,
  compileFilter,
  type Resource,
  type ResourceRequest,
} from "../../scim/index.js";
import { assertDeclared } from "../capabilities.js";
import { namesIn } from "../find-in-memory.js";
import { inOrder, pageOf } from "../pages.js";
import type { Page, Query } from "../query.js";
import type { ReadOptions } from "../resource-repository.js";
import type { MappedResources, Pair } from "./mapped-resources.js";

/** Answers a query over a store that has an identity map. */
export async function findMapped<T extends Resource, N extends ResourceRequest>(
  resources: MappedResources<T, N>,
  query: Query,
  external: (pair: Pair<T>) => Promise<T>,
  options?: ReadOptions,
): Promise<Page<T>> {
  options?.signal?.throwIfAborted();
  assertDeclared(query, resources.capabilities);
  const identities = await identified(resources, query.filter, options);
  if (identities !== undefined) {
    return await among(resources, identities, query, external, options);
  }
  const { type, map } = resources.identities;
  if (!(await map.hasRetained(type, options))) {
    return await passedOn(resources, query, external, options);
  }
  // A store that still has what was deleted counts it in its pages.
  const byIndex = resources.capabilities.pages?.includes("index") ?? true;
  if (query.cursor === undefined && byIndex) {
    return await withoutRetained(resources, query, external, options);
  }
  const { totalResults: _, ...others } = await passedOn(resources, query, external, options);
  return others;
}

/** The ids that a filter leaves, where it asks for what the map knows. */
async function identified<T extends Resource, N extends ResourceRequest>(
  { identities }: MappedResources<T, N>,
  filter: BoundFilter | undefined,
  options?: ReadOptions,
): Promise<readonly string[] | undefined> {
  for (const part of filter === undefined ? [] : conjuncts(filter)) {
    if (part.operator !== "eq" || typeof part.value !== "string") continue;
    if (part.target.path === "id") return [part.value];
    if (part.target.path === "externalId") {
      const found = await identities.map.byExternalId(identities.type, part.value, options);
      return found.map(({ id }) => id);
    }
  }
  return undefined;
}

/** The filters that all have to match. */
function conjuncts(filter: BoundFilter): readonly BoundFilter[] {
  return filter.operator === "and" ? filter.filters.flatMap(conjuncts) : [filter];
}

async function among<T extends Resource, N extends ResourceRequest>(
  resources: MappedResources<T, N>,
  ids: readonly string[],
  { filter, ...query }: Query,
  external: (pair: Pair<T>) => Promise<T>,
  options?: ReadOptions,
): Promise<Page<T>> {
  const matches = filter === undefined ? () => true : compileFilter(filter);
  const needed = [filter, query.sort].flatMap((part) => (part === undefined ? [] : namesIn(part)));
  const reading: ReadOptions = {
    ...options,
    attributes: [...(options?.attributes ?? []), ...needed],
    excludedAttributes: (options?.excludedAttributes ?? []).filter(
      (name) => !needed.includes(name),
    ),
  };
  const found: T[] = [];
  for (const id of [...ids].sort()) {
    const pair = await resources.get(id, reading);
    if (pair === undefined) continue;
    const resource = await external(pair);
    if (matches(resource)) found.push(resource);
  }
  return pageOf(inOrder(found, query.sort), query, resources.capabilities.maxPageSize);
}

async function passedOn<T extends Resource, N extends ResourceRequest>(
  resources: MappedResources<T, N>,
  query: Query,
  external: (pair: Pair<T>) => Promise<T>,
  options?: ReadOptions,
): Promise<Page<T>> {
  let page = await resources.store.find(query, resources.reading(options));
  let found = await known(resources, page.resources, options);
  // A page of deleted resources alone is not the last one, and has nothing to be shown.
  while (found.length === 0 && page.nextCursor !== undefined) {
    page = await resources.store.find(
      { ...query, cursor: page.nextCursor },
      resources.reading(options),
    );
    found = await known(resources, page.resources, options);
  }
  return { ...page, resources: await Promise.all(found.map(external)) };
}

/**
 * A page by index of what is not deleted, for which everything that matches has to be looked at.
 *
 * @throws {TooManyError} more matches than may be looked at.
 */
async function withoutRetained<T extends Resource, N extends ResourceRequest>(
  resources: MappedResources<T, N>,
  query: Query,
  external: (pair: Pair<T>) => Promise<T>,
  options?: ReadOptions,
): Promise<Page<T>> {
  const { maxPageSize } = resources.capabilities;
  const { maxRows } = resources.identities;
  const startIndex = Math.max(Math.trunc(query.startIndex ?? 1), 1);
  const count = Math.min(Math.max(Math.trunc(query.count ?? maxPageSize), 0), maxPageSize);
  const page: Pair<T>[] = [];
  let totalResults = 0;
  for (let read = 0; ; ) {
    const part = await resources.store.find(
      { ...query, startIndex: read + 1, count: maxPageSize },
      resources.reading(options),
    );
    if (Math.max(read + part.resources.length, part.totalResults ?? 0) > maxRows) {
      throw new TooManyError(
        `A page by index takes more than ${maxRows} resources, among which are deleted ones.`,
        maxRows,
      );
    }
    for (const pair of await known(resources, part.resources, options)) {
      totalResults++;
      if (totalResults >= startIndex && page.length < count) page.push(pair);
    }
    read += part.resources.length;
    if (part.resources.length === 0 || read >= (part.totalResults ?? 0)) break;
  }
  return { totalResults, startIndex, resources: await Promise.all(page.map(external)) };
}

/** What of this is not deleted, with its identities. */
async function known<T extends Resource, N extends ResourceRequest>(
  { identities }: MappedResources<T, N>,
  locals: readonly T[],
  options?: ReadOptions,
): Promise<readonly Pair<T>[]> {
  const found = await identities.ofLocal(
    locals.map(({ id }) => id),
    options,
    locals,
  );
  return locals.flatMap((local) => {
    const identity = found.get(local.id);
    return identity === undefined ? [] : [{ identity, local }];
  });
}
