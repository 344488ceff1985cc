import {
  defineResourceType,
  defineSchema,
  type Infer,
  type ResourceType,
  type Schema,
  type ScimProfile,
} from "../../scim/index.js";
import type { BulkLimits } from "../bulk/chunks.js";
import { readBody } from "../reading/read-resource.js";
import { isObject } from "../requests/read-response.js";
import { ScimResponseError } from "../requests/response-error.js";

/** What a service provider says that it can do. RFC 7643 §5, RFC 9865 §4. */
export const serviceProviderConfigDefinition = {
  id: "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
  name: "ServiceProviderConfig",
  attributes: {
    /** A page for people about the service provider. */
    documentationUri: { type: "reference", referenceTypes: ["external"] },
    /** Whether there is PATCH. RFC 7644 §3.5.2. */
    patch: { type: "complex", subAttributes: { supported: { type: "boolean" } } },
    /** Whether there are bulk requests, and how large they may be. RFC 7644 §3.7. */
    bulk: {
      type: "complex",
      subAttributes: {
        supported: { type: "boolean" },
        /** The most operations of one request. */
        maxOperations: { type: "integer" },
        /** The longest request, in bytes. */
        maxPayloadSize: { type: "integer" },
      },
    },
    /** Whether resources can be looked for. RFC 7644 §3.4.2.2. */
    filter: {
      type: "complex",
      subAttributes: {
        supported: { type: "boolean" },
        /** The most resources of one response. */
        maxResults: { type: "integer" },
      },
    },
    /** Whether passwords can be changed. */
    changePassword: { type: "complex", subAttributes: { supported: { type: "boolean" } } },
    /** Whether results can be sorted. RFC 7644 §3.4.2.3. */
    sort: { type: "complex", subAttributes: { supported: { type: "boolean" } } },
    /** Whether resources have versions. RFC 7644 §3.14. */
    etag: { type: "complex", subAttributes: { supported: { type: "boolean" } } },
    /** How clients prove who they are. */
    authenticationSchemes: {
      type: "complex",
      multiValued: true,
      subAttributes: {
        type: {},
        name: {},
        description: {},
        specUri: { type: "reference", referenceTypes: ["external"] },
        documentationUri: { type: "reference", referenceTypes: ["external"] },
        primary: { type: "boolean" },
      },
    },
    /** Which kinds of pages there are. RFC 9865 §4. */
    pagination: {
      type: "complex",
      subAttributes: {
        cursor: { type: "boolean" },
        index: { type: "boolean" },
        defaultPaginationMethod: {},
        defaultPageSize: { type: "integer" },
        maxPageSize: { type: "integer" },
        /** How long a cursor is good, in seconds. */
        cursorTimeout: { type: "integer" },
      },
    },
  },
} as const;

const serviceProviderConfigSchema: Schema<typeof serviceProviderConfigDefinition> =
  /* @__PURE__ */ defineSchema(serviceProviderConfigDefinition);

/** What a service provider says that it can do. What it does not say, it cannot. RFC 7643 §5, RFC 9865 §4. */
export interface ServiceProviderConfig extends Infer<typeof serviceProviderConfigSchema> {}

const serviceProviderConfigType: ResourceType<typeof serviceProviderConfigSchema> =
  /* @__PURE__ */ defineResourceType({
    name: "ServiceProviderConfig",
    endpoint: "/ServiceProviderConfig",
    schema: serviceProviderConfigSchema,
  });

/**
 * Reads a ServiceProviderConfig.
 *
 * @throws {ScimResponseError} it cannot be read.
 */
export function readConfiguration(body: unknown, profile: ScimProfile): ServiceProviderConfig {
  if (!isObject(body)) throw unreadable();
  try {
    // It is the one resource without an id.
    const named = { ...body, id: serviceProviderConfigType.name };
    const {
      id: _,
      schemas: __,
      meta: ___,
      ...configuration
    } = readBody(serviceProviderConfigType, named, true, profile);
    // The schema has read it.
    return configuration as ServiceProviderConfig;
  } catch (cause) {
    throw unreadable(cause);
  }
}

function unreadable(cause?: unknown): ScimResponseError {
  return new ScimResponseError(
    "The document /ServiceProviderConfig cannot be read. The option `configuration` of ScimClient takes its place.",
    200,
    { cause },
  );
}

/** How large bulk requests may be; `undefined` where there are none. A limit that is not stated is none. */
export function bulkLimits({ bulk }: ServiceProviderConfig): BulkLimits | undefined {
  if (bulk?.supported !== true) return undefined;
  const { maxOperations = 0, maxPayloadSize = 0 } = bulk;
  return {
    maxOperations: maxOperations > 0 ? maxOperations : Number.POSITIVE_INFINITY,
    maxPayloadSize: maxPayloadSize > 0 ? maxPayloadSize : Number.POSITIVE_INFINITY,
  };
}
