import type { Infer, InferRequest } from "./infer.js";
import { type AttributePath, defineSchema, type Schema } from "./schema.js";

/** The enterprise User extension as data. RFC 7643 §4.3. */
export const enterpriseUserDefinition = {
  id: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
  name: "EnterpriseUser",
  description: "What an enterprise knows of a user",
  attributes: {
    /** The identifier that the organization gave to the person. Often, but not always, a number. */
    employeeNumber: { type: "string" },
    /** The name of a cost center. */
    costCenter: { type: "string" },
    /** The name of an organization. */
    organization: { type: "string" },
    /** The name of a division. */
    division: { type: "string" },
    /** The name of a department. */
    department: { type: "string" },
    /** The user's manager, who is a user too. */
    manager: {
      type: "complex",
      subAttributes: {
        /** The id of the manager's User resource. */
        value: { type: "string", caseExact: true },
        /** The URI of the manager's User resource. */
        $ref: { type: "reference", referenceTypes: ["User"] },
        /** The manager's displayName. The service provider fills it in. */
        displayName: { type: "string", mutability: "readOnly" },
      },
    },
  },
} as const;

/** The URI of the enterprise User extension, under which a user holds its attributes. RFC 7643 §4.3. */
export const enterpriseUserId: (typeof enterpriseUserDefinition)["id"] =
  "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

const enterpriseUserDescriptions: Readonly<
  Record<AttributePath<typeof enterpriseUserDefinition>, string>
> = {
  employeeNumber: "The identifier that the organization gave to the person, often a number.",
  costCenter: "The name of a cost center.",
  organization: "The name of an organization.",
  division: "The name of a division.",
  department: "The name of a department.",
  manager: "The user's manager.",
  "manager.value": "The id of the user who is the manager.",
  "manager.$ref": "The URI of the user who is the manager.",
  "manager.displayName": "The displayName of the user who is the manager.",
};

/** What {@link enterpriseUserSchema} is: a name for its type, which is long. */
export interface EnterpriseUserSchema extends Schema<typeof enterpriseUserDefinition> {}

/** The enterprise User extension. RFC 7643 §4.3. */
export const enterpriseUserSchema: EnterpriseUserSchema = /* @__PURE__ */ defineSchema(
  enterpriseUserDefinition,
  enterpriseUserDescriptions,
);

/** The enterprise attributes of a user, as they are read. RFC 7643 §4.3. */
export interface EnterpriseUser extends Infer<EnterpriseUserSchema> {}

/** The enterprise attributes of a user, as a client sends them. RFC 7643 §4.3. */
export interface NewEnterpriseUser extends InferRequest<EnterpriseUserSchema> {}
