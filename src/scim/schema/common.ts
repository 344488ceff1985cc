import { type Attributes, resolveAttributes } from "./attribute.js";

/** The common attributes of every resource, which belong to no schema. RFC 7643 §3.1; `schemas` is §3. */
export const commonAttributes: Attributes = /* @__PURE__ */ resolveAttributes({
  schemas: {
    type: "reference",
    referenceTypes: ["uri"],
    multiValued: true,
    required: true,
    returned: "always",
  },
  id: {
    required: true,
    caseExact: true,
    mutability: "readOnly",
    returned: "always",
    uniqueness: "server",
  },
  externalId: { caseExact: true },
  meta: {
    type: "complex",
    mutability: "readOnly",
    subAttributes: {
      resourceType: { caseExact: true, mutability: "readOnly" },
      created: { type: "dateTime", mutability: "readOnly" },
      lastModified: { type: "dateTime", mutability: "readOnly" },
      location: { type: "reference", referenceTypes: ["uri"], mutability: "readOnly" },
      version: { caseExact: true, mutability: "readOnly" },
    },
  },
});

/** What the service provider knows of a resource. RFC 7643 §3.1, "meta". */
export interface Meta {
  /** The name of the resource type, such as `User`. */
  readonly resourceType?: string;
  /** When the resource was added, as `xsd:dateTime`. */
  readonly created?: string;
  /** When the resource last changed, as `xsd:dateTime`. */
  readonly lastModified?: string;
  /** The URI of the resource. */
  readonly location?: string;
  /** The version, as an entity-tag. Opaque. */
  readonly version?: string;
}

/**
 * The common attributes of a resource as it is read. RFC 7643 §3.1.
 *
 * A representation on the wire has `schemas` and `meta` always. They are optional here, since both follow from the
 * resource type, the resource's own attributes and the address of the service provider: a store need not hold them.
 */
export interface Resource {
  /** The URIs of the schemas whose attributes the resource has. RFC 7643 §3. */
  readonly schemas?: readonly string[];
  /** The service provider's own identifier: stable, never given to another resource, case exact. */
  readonly id: string;
  /** The provisioning client's identifier for the resource. Case exact. */
  readonly externalId?: string;
  /** What the service provider knows of the resource. */
  readonly meta?: Meta;
}

/** The common attributes that a client can set. RFC 7643 §3.1. */
export interface ResourceRequest {
  /** The URIs of the schemas whose attributes the request has. RFC 7643 §3. */
  readonly schemas?: readonly string[];
  /** The provisioning client's identifier for the resource. Case exact. */
  readonly externalId?: string;
}
