import { InvalidValueError, UnsupportedError } from "../../core/index.js";
import { findInMemory, type Page, type Query } from "../../repositories/index.js";
import { supportsFilter } from "../../repositories/internal.js";
import {
  type BoundFilter,
  type BoundSort,
  bindFilter,
  bindSort,
  type Filter,
  InvalidFilterError,
  parseFilter,
  printFilter,
  type Resource,
  splitFilter,
} from "../../scim/index.js";
import { type ListResponse, listResponseId } from "../../scim/internal.js";
import type { Endpoint, RequestContext } from "../context.js";
import { withGroups } from "../references/user-groups.js";
import { readOptions, wantedOf } from "../representation.js";
import { ScimRequestError } from "../request/error.js";
import type { EndpointResponse } from "../response.js";
import type { QueryParameters } from "./parameters.js";
import { filterForType } from "./type-filter.js";

/**
 * Carries out a query of the resources of one type. RFC 7644 §3.4.2, RFC 9865.
 *
 * @throws {InvalidFilterError} the filter is none, or not one that the store supports.
 * @throws {TooManyError} the store cannot choose, and there is too much to choose from.
 */
export async function queryType(
  context: RequestContext,
  endpoint: Endpoint,
  parameters: QueryParameters,
): Promise<EndpointResponse> {
  const page = await findPage(context, endpoint, parameters);
  const resources = await withGroups(context, endpoint, page.resources, wantedOf(parameters));
  const representation = context.settings.representations.of(endpoint.type, wantedOf(parameters));
  const body: ListResponse = {
    schemas: [listResponseId],
    ...(page.totalResults !== undefined && { totalResults: page.totalResults }),
    itemsPerPage: page.resources.length,
    ...(page.startIndex !== undefined && { startIndex: page.startIndex }),
    ...(page.nextCursor !== undefined && { nextCursor: page.nextCursor }),
    ...(page.previousCursor !== undefined && { previousCursor: page.previousCursor }),
    Resources: resources.map((resource) => representation.of(resource)),
  };
  return { status: 200, body };
}

/** The filter in the parameters, read as the profile has it. */
export function filterIn(
  { profile, settings, record }: RequestContext,
  { filter }: QueryParameters,
): Filter | undefined {
  if (filter === undefined) return undefined;
  return parseFilter(filter, {
    limits: { length: settings.limits.filterLength },
    profile: profile.rewrites.has("entraFilter") ? "entra" : "rfc7644",
    onRewrite: ({ path }) => record.rewrites.push({ rewrite: "entraFilter", path }),
  });
}

/** A filter for the resources of one type: bound; or true or false, where it is that for all of them. */
export function boundFilter(
  { profile, record }: RequestContext,
  { type }: Endpoint,
  filter: Filter | undefined,
  others: "known" | "unassigned",
): BoundFilter | boolean {
  const forType = filter === undefined ? true : filterForType(filter, type, others);
  if (typeof forType === "boolean") return forType;
  return bindFilter(forType, type, {
    profile: profile.rewrites.has("entraFilter") ? "entra" : "rfc7644",
    onRewrite: ({ path }) => record.rewrites.push({ rewrite: "entraFilter", path }),
  });
}

async function findPage(
  context: RequestContext,
  endpoint: Endpoint,
  parameters: QueryParameters,
): Promise<Page<Resource>> {
  const { count, sortBy, sortOrder } = parameters;
  const filter = boundFilter(context, endpoint, filterIn(context, parameters), "known");
  const sort = sortBy === undefined ? undefined : bindSort(sortBy, endpoint.type, sortOrder);
  const query: Query = {
    ...(typeof filter !== "boolean" && { filter }),
    ...(sort !== undefined && { sort }),
    count: pageSize(context, endpoint, count),
  };
  const { cursor = defaultCursor(endpoint, parameters) } = parameters;
  if (cursor === undefined) {
    const startIndex = Math.max(parameters.startIndex ?? 1, 1);
    if (filter === false) return { totalResults: 0, startIndex, resources: [] };
    return await findIn(context, endpoint, { ...query, startIndex }, parameters);
  }
  assertCursors(context, endpoint);
  const scope = {
    principal: context.principal,
    // As it is meant, and not as it is spelled: RFC 9865 §2 itself asks for the second page with another case.
    query: JSON.stringify([
      endpoint.type.name,
      typeof filter === "boolean" ? filter : printFilter(filter),
      sort === undefined ? [] : [sort.target.path, sort.order],
    ]),
  };
  const { cursors } = context.settings;
  const position = cursor === "" ? "" : cursors.decode(cursor, count, scope);
  if (filter === false) return { totalResults: 0, resources: [] };
  const page = await findIn(context, endpoint, { ...query, cursor: position }, parameters);
  const encoded = (store: string): string => cursors.encode({ store, count }, scope);
  const { nextCursor, previousCursor } = page;
  return {
    ...page,
    ...(nextCursor !== undefined && { nextCursor: encoded(nextCursor) }),
    ...(previousCursor !== undefined && { previousCursor: encoded(previousCursor) }),
  };
}

/** Pages are by index unless a client asks for cursors, or the store has no others (RFC 9865 §2.3 and §2.4). */
function defaultCursor(
  { repository }: Endpoint,
  { startIndex }: QueryParameters,
): string | undefined {
  const { pages = ["index"] } = repository.capabilities;
  return startIndex === undefined && !pages.includes("index") ? "" : undefined;
}

/** Without nextCursor a response is the last page, so a cursor must not be ignored where there are none. */
function assertCursors({ settings }: RequestContext, { repository }: Endpoint): void {
  const { pages = ["index"] } = repository.capabilities;
  if (!pages.includes("cursor") && settings.limits.rowsInMemory === 0) {
    throw new ScimRequestError(400, "There are no pages by cursor here.", {
      scimType: "invalidCursor",
    });
  }
}

/** How many resources a page has at most. */
export function pageSize(
  { settings: { limits } }: RequestContext,
  { repository }: Endpoint,
  count: number | undefined,
): number {
  const most = Math.min(limits.pageSize, repository.capabilities.maxPageSize);
  return Math.min(count ?? limits.defaultPageSize, most);
}

/** Has the store carry out a query; or does so in memory, where the store cannot and the limits allow. */
export async function findIn(
  { settings, signal }: RequestContext,
  endpoint: Endpoint,
  query: Query,
  parameters: QueryParameters,
): Promise<Page<Resource>> {
  const { repository } = endpoint;
  const { rowsInMemory: maxRows } = settings.limits;
  const options = readOptions(endpoint.type, wantedOf(parameters), signal);
  if (maxRows > 0) {
    try {
      return await findInMemory(repository, query, { ...options, maxRows });
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      throw new InvalidFilterError("The query asks for what cannot be looked up here.", {
        cause: error,
      });
    }
  }
  assertSupported(endpoint, query.filter, query.sort);
  return await repository.find(query, options);
}

function assertSupported(
  { repository: { capabilities } }: Endpoint,
  filter: BoundFilter | undefined,
  sort: BoundSort | undefined,
): void {
  if (filter !== undefined && !supportsFilter(capabilities, filter)) {
    const { rest } = splitFilter(filter, (part) => supportsFilter(capabilities, part));
    const [path = "it"] = rest === undefined ? [] : pathsIn(rest);
    throw new InvalidFilterError(
      `The filter asks for "${path}", which cannot be looked up here in this way.`,
    );
  }
  if (sort !== undefined && capabilities.sort?.includes(sort.target.path) !== true) {
    throw new InvalidValueError("sortBy", `there is no order by "${sort.target.path}" here.`);
  }
}

/** The attributes that a filter asks for. */
function pathsIn(filter: BoundFilter): readonly string[] {
  if ("filters" in filter) return filter.filters.flatMap(pathsIn);
  if (filter.operator === "not") return pathsIn(filter.filter);
  return "filter" in filter ? pathsIn(filter.filter) : [filter.target.path];
}
