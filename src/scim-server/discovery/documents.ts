import { NotFoundError } from "../../core/index.js";
import {
  type ListResponse,
  listResponseId,
  type ResourceTypeDocument,
  resourceTypeDocument,
  type SchemaDocument,
} from "../../scim/internal.js";
import { type Endpoint, endpointsOf, type RequestContext } from "../context.js";
import type { AuthenticationScheme } from "../options.js";
import type { EndpointResponse } from "../response.js";
import { servedSchema } from "./served-schema.js";

/** The URI that ServiceProviderConfig has in `schemas`. RFC 7643 §5. */
const configurationId = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

/** What ServiceProviderConfig says that does not follow from the stores and the limits. */
export interface ConfigurationOptions {
  readonly authenticationSchemes: readonly AuthenticationScheme[];
  readonly documentationUri?: string;
  readonly tellPagination: boolean;
}

/** What the service provider can do, as the stores of the principal can. RFC 7643 §5, RFC 9865 §4. */
export function configuration(
  context: RequestContext,
  options: ConfigurationOptions,
): EndpointResponse {
  const { limits, baseUrl, cursors } = context.settings;
  const endpoints = endpointsOf(context);
  const stores = endpoints.map(({ repository }) => repository.capabilities);
  const all = (can: (store: (typeof stores)[number]) => boolean): boolean =>
    stores.length > 0 && stores.every(can);
  const inMemory = limits.rowsInMemory > 0;
  const pages = (kind: "index" | "cursor"): boolean =>
    all((store) => inMemory || (store.pages ?? ["index"]).includes(kind));
  const pageSize = Math.min(limits.pageSize, ...stores.map(({ maxPageSize }) => maxPageSize));
  const { users } = context.repositories;
  const location = `${baseUrl}/ServiceProviderConfig`;
  const body = {
    schemas: [configurationId],
    ...(options.documentationUri !== undefined && { documentationUri: options.documentationUri }),
    patch: { supported: true },
    bulk: {
      supported: true,
      maxOperations: limits.bulkOperations,
      maxPayloadSize: limits.maxBodyBytes,
    },
    filter: {
      supported: inMemory || all(({ filter }) => Object.keys(filter).length > 0),
      maxResults: pageSize,
    },
    changePassword: {
      supported: users?.capabilities.password === "set" && context.mayWrite("password", users.type),
    },
    sort: { supported: inMemory || (endpoints.length > 0 && endpoints.every(sortsByAll)) },
    etag: { supported: all(({ versions }) => versions === "atomic") },
    authenticationSchemes: options.authenticationSchemes,
    ...(options.tellPagination && {
      pagination: {
        cursor: pages("cursor"),
        index: pages("index"),
        defaultPaginationMethod: pages("index") ? "index" : "cursor",
        defaultPageSize: Math.min(limits.defaultPageSize, pageSize),
        maxPageSize: pageSize,
        cursorTimeout: cursors.timeout,
      },
    }),
    meta: { resourceType: "ServiceProviderConfig", location },
  };
  return { status: 200, body, location };
}

/** Whether a store sorts by each attribute that has one simple value, of those that it keeps. */
function sortsByAll({ type, repository: { capabilities } }: Endpoint): boolean {
  const { sort = [], attributes: kept } = capabilities;
  return [...type.attributes.values()].every(
    ({ path, attribute, subAttribute, extension, schema }) => {
      const leaf = subAttribute ?? attribute;
      const isOne = !attribute.multiValued && !leaf.multiValued && leaf.type !== "complex";
      const isSecret = attribute.returned === "never" || leaf.returned === "never";
      const isOwn = schema === undefined;
      if (!isOne || isSecret || isOwn) return true;
      const whole = extension ? `${schema.id}:${attribute.name}` : attribute.name;
      const parts = [path, whole, ...(extension ? [schema.id] : [])];
      const isKept = kept === undefined || parts.some((part) => kept.includes(part));
      return !isKept || sort.includes(path);
    },
  );
}

/** The resource types that the principal has stores for, or one of them. RFC 7644 §4. */
export function resourceTypes(context: RequestContext, id: string | undefined): EndpointResponse {
  const documents = endpointsOf(context).map(({ type }) => resourceTypeDocument(type));
  return documentResponse(context, "ResourceTypes", documents, id);
}

/** The schemas of these types, or one of them. RFC 7644 §4. */
export function schemas(context: RequestContext, id: string | undefined): EndpointResponse {
  const found = new Map<string, SchemaDocument>();
  for (const endpoint of endpointsOf(context)) {
    const { schema, schemaExtensions } = endpoint.type;
    for (const one of [schema, ...schemaExtensions.map((extension) => extension.schema)]) {
      if (!found.has(one.id)) found.set(one.id, servedSchema(context, endpoint, one));
    }
  }
  return documentResponse(context, "Schemas", [...found.values()], id);
}

function documentResponse(
  { settings: { baseUrl } }: RequestContext,
  endpoint: "ResourceTypes" | "Schemas",
  documents: readonly (SchemaDocument | ResourceTypeDocument)[],
  id: string | undefined,
): EndpointResponse {
  const located = documents.map((document) => ({
    ...document,
    meta: {
      ...document.meta,
      location: `${baseUrl}/${endpoint}/${encodeURIComponent(document.id).replaceAll("%3A", ":")}`,
    },
  }));
  if (id === undefined) {
    const body: ListResponse = {
      schemas: [listResponseId],
      totalResults: located.length,
      itemsPerPage: located.length,
      startIndex: 1,
      Resources: located,
    };
    return { status: 200, body };
  }
  const document = located.find((one) => one.id.toLowerCase() === id.toLowerCase());
  if (document === undefined) throw new NotFoundError(id);
  return { status: 200, body: document, location: document.meta.location };
}
