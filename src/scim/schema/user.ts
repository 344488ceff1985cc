import type { Resource, ResourceRequest } from "./common.js";
import type { EnterpriseUser, enterpriseUserId, NewEnterpriseUser } from "./enterprise-user.js";
import type { Infer, InferRequest } from "./infer.js";
import { defineSchema, type Schema } from "./schema.js";
import { userDefinition } from "./user-definition.js";
import { userDescriptions } from "./user-descriptions.js";

/** What {@link userSchema} is: a name for its type, which is long. */
export interface UserSchema extends Schema<typeof userDefinition> {}

/** The User schema. RFC 7643 §4.1. */
export const userSchema: UserSchema = /* @__PURE__ */ defineSchema(
  userDefinition,
  userDescriptions,
);

/** A user as it is read. RFC 7643 §4.1. It has no `password`. */
export interface User extends Resource, Infer<UserSchema> {
  /** The attributes of the enterprise User extension. RFC 7643 §4.3. */
  readonly [enterpriseUserId]?: EnterpriseUser;
}

/** A user as a client sends it, to create one or to replace one. RFC 7643 §4.1. */
export interface NewUser extends ResourceRequest, InferRequest<UserSchema> {
  /** The attributes of the enterprise User extension. RFC 7643 §4.3. */
  readonly [enterpriseUserId]?: NewEnterpriseUser;
}
