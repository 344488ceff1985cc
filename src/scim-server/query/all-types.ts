import { type Filter, InvalidFilterError } from "../../scim/index.js";
import { type ListResponse, listResponseId } from "../../scim/internal.js";
import { type Endpoint, endpointsOf, type RequestContext } from "../context.js";
import { withGroups } from "../references/user-groups.js";
import { wantedOf } from "../representation.js";
import { ScimRequestError } from "../request/error.js";
import type { EndpointResponse } from "../response.js";
import { boundFilter, filterIn, findIn, pageSize } from "./one-type.js";
import type { QueryParameters } from "./parameters.js";
import { namesNothing } from "./type-filter.js";

/**
 * Carries out a query of the resources of all types. RFC 7644 §3.4.2.1. They come type by type; each page is asked of
 * the stores that have a part of it.
 *
 * @throws {InvalidFilterError} the filter is none, asks for an attribute that no type has, or is not one that a store
 * answers.
 * @throws {ScimRequestError} 400: an order, or a page by cursor, was asked for, which there are for one type at a time.
 */
export async function queryRoot(
  context: RequestContext,
  parameters: QueryParameters,
): Promise<EndpointResponse> {
  const { limits } = context.settings;
  const filter = filterIn(context, parameters);
  const endpoints = endpointsOf(context);
  assertKnown(endpoints, filter);
  if (parameters.sortBy !== undefined) {
    throw new ScimRequestError(400, "Resources of several types have no common order.", {
      scimType: "invalidValue",
    });
  }
  if (parameters.cursor !== undefined) {
    throw new ScimRequestError(400, "Resources of several types have no pages by cursor.", {
      scimType: "invalidCursor",
    });
  }
  const startIndex = Math.max(parameters.startIndex ?? 1, 1);
  const count = Math.min(parameters.count ?? limits.defaultPageSize, limits.pageSize);
  const resources: object[] = [];
  let totalResults = 0;
  for (const endpoint of endpoints) {
    const part = await partOf(context, endpoint, filter, parameters, {
      startIndex: Math.max(startIndex - totalResults, 1),
      count: count - resources.length,
    });
    resources.push(...part.resources);
    totalResults += part.totalResults;
  }
  const body: ListResponse = {
    schemas: [listResponseId],
    totalResults,
    itemsPerPage: resources.length,
    startIndex,
    Resources: resources,
  };
  return { status: 200, body };
}

/** The resources of one type on a page, and how many match in all. */
async function partOf(
  context: RequestContext,
  endpoint: Endpoint,
  filter: Filter | undefined,
  parameters: QueryParameters,
  page: { readonly startIndex: number; readonly count: number },
): Promise<{ readonly resources: readonly object[]; readonly totalResults: number }> {
  const bound = boundFilter(context, endpoint, filter, "unassigned");
  if (bound === false) return { resources: [], totalResults: 0 };
  const representation = context.settings.representations.of(endpoint.type, wantedOf(parameters));
  const resources: object[] = [];
  // A store may have smaller pages than the response.
  for (;;) {
    const found = await findIn(
      context,
      endpoint,
      {
        ...(bound !== true && { filter: bound }),
        startIndex: page.startIndex + resources.length,
        count: pageSize(context, endpoint, page.count - resources.length),
      },
      parameters,
    );
    const whole = await withGroups(context, endpoint, found.resources, wantedOf(parameters));
    resources.push(...whole.map((resource) => representation.of(resource)));
    const { totalResults = resources.length } = found;
    const isWhole =
      found.resources.length === 0 ||
      resources.length >= page.count ||
      page.startIndex - 1 + resources.length >= totalResults;
    if (isWhole) return { resources, totalResults };
  }
}

/** An attribute that no type has is a mistake; one that some have not is not. */
function assertKnown(endpoints: readonly Endpoint[], filter: Filter | undefined): void {
  if (filter === undefined) return;
  const types = endpoints.map(({ type }) => type);
  const unknown = namesNothing(filter, types);
  if (unknown !== undefined) {
    throw new InvalidFilterError(`No type has the attribute "${unknown.slice(0, 200)}".`);
  }
}
