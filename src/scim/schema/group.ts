import type { Resource, ResourceRequest } from "./common.js";
import type { Infer, InferRequest } from "./infer.js";
import { type AttributePath, defineSchema, type Schema } from "./schema.js";

/** The Group schema as data. RFC 7643 §4.2. */
export const groupDefinition = {
  id: "urn:ietf:params:scim:schemas:core:2.0:Group",
  name: "Group",
  description: "A group of users and of other groups",
  attributes: {
    /** A human-readable name of the group. */
    displayName: { type: "string", required: true },
    /** The members. They come and go; a member itself does not change, so its sub-attributes are immutable. */
    members: {
      type: "complex",
      multiValued: true,
      subAttributes: {
        /** The id of the resource that is the member. */
        value: { type: "string", required: true, caseExact: true, mutability: "immutable" },
        /** The URI of the resource that is the member. */
        $ref: { type: "reference", referenceTypes: ["User", "Group"], mutability: "immutable" },
        /** The resource type of the member. */
        type: { type: "string", canonicalValues: ["User", "Group"], mutability: "immutable" },
        /** A human-readable name of the member. */
        display: { type: "string", mutability: "immutable" },
      },
    },
  },
} as const;

const groupDescriptions: Readonly<Record<AttributePath<typeof groupDefinition>, string>> = {
  displayName: "A human-readable name of the group.",
  members: "The members of the group.",
  "members.value": "The id of the user or group that is the member.",
  "members.$ref": "The URI of the user or group that is the member.",
  "members.type": "The resource type of the member: 'User' or 'Group'.",
  "members.display": "A human-readable name of the member.",
};

/** What {@link groupSchema} is: a name for its type, which is long. */
export interface GroupSchema extends Schema<typeof groupDefinition> {}

/** The Group schema. RFC 7643 §4.2. */
export const groupSchema: GroupSchema = /* @__PURE__ */ defineSchema(
  groupDefinition,
  groupDescriptions,
);

/** A group as it is read. RFC 7643 §4.2. */
export interface Group extends Resource, Infer<GroupSchema> {}

/** A group as a client sends it, to create one or to replace one. RFC 7643 §4.2. */
export interface NewGroup extends ResourceRequest, InferRequest<GroupSchema> {}

/** A member of a group. RFC 7643 §4.2. */
export type GroupMember = NonNullable<Group["members"]>[number];
