export { caseless } from "../core/index.js";
export { bindFilter } from "./filter/bind.js";
export type {
  BoundAnd,
  BoundComparison,
  BoundFilter,
  BoundNot,
  BoundOr,
  BoundPresence,
  BoundValuePath,
} from "./filter/bound-filter.js";
export {
  type AttrPathLike,
  and,
  co,
  eq,
  ew,
  ge,
  gt,
  le,
  lt,
  ne,
  not,
  or,
  present,
  sw,
  valuePath,
} from "./filter/build.js";
export { compileFilter } from "./filter/compile.js";
export { InvalidFilterError, InvalidPathError } from "./filter/errors.js";
export type {
  And,
  AttrPath,
  CompareOperator,
  Comparison,
  CompValue,
  Filter,
  Not,
  Or,
  Presence,
  ValuePath,
} from "./filter/filter.js";
export type { FilterLimits } from "./filter/limits.js";
export { type ParseFilterOptions, parseFilter } from "./filter/parse.js";
export { printFilter } from "./filter/print.js";
export type {
  FilterProfile,
  FilterProfileOptions,
  FilterRewrite,
} from "./filter/profile.js";
export { type SplitFilter, splitFilter } from "./filter/split.js";
export type {
  SqlColumn,
  SqlColumns,
  SqlJson,
  SqlValueColumns,
  SqlValueTable,
} from "./filter/sql/columns.js";
export { comparedForm } from "./filter/sql/compared-form.js";
export type { SqlFilterDialect } from "./filter/sql/dialect.js";
export {
  filterToSql,
  isAnsweredInSql,
  type SqlFilter,
  type SqlFilterOptions,
} from "./filter/sql/filter-to-sql.js";
export { type FilterVisitor, visitFilter } from "./filter/visit.js";
export type { BulkOperation } from "./message/bulk.js";
export type { ScimType } from "./message/error.js";
export { type PatchOp, type PatchOperation, patchOpId } from "./message/patch-op.js";
export { type SearchRequest, searchRequestId } from "./message/search-request.js";
export { applyPatch } from "./patch/apply-patch.js";
export { diffResources } from "./patch/diff-resources.js";
export { InvalidSyntaxError, NoTargetError } from "./patch/errors.js";
export type { MemberChanges, MemberName } from "./patch/member-changes.js";
export {
  modificationOf,
  type PatchChanges,
  type PatchModification,
} from "./patch/modification.js";
export type {
  EditStep,
  Entries,
  PatchBudget,
  PatchPlan,
  PatchStep,
  PlanPatchOptions,
} from "./patch/plan.js";
export { planPatch } from "./patch/plan-patch.js";
export type { PatchLimits } from "./patch/read-operations.js";
export type { Selection, ValueKey } from "./patch/target.js";
export {
  entraProfile,
  lenientProfile,
  oktaProfile,
  type Rewrite,
  type RewriteName,
  rfc7644Profile,
  type ScimProfile,
} from "./profile.js";
export type {
  Attribute,
  AttributeDefinition,
  Attributes,
  AttributeType,
  Characteristics,
  ComplexAttributeDefinition,
  Mutability,
  NumberAttributeDefinition,
  PlainAttributeDefinition,
  ReferenceAttributeDefinition,
  Returned,
  SimpleAttributeDefinition,
  StringAttributeDefinition,
  Uniqueness,
} from "./schema/attribute.js";
export type { AttributeNode, Children, ExtensionNode } from "./schema/attribute-tree.js";
export type { Meta, Resource, ResourceRequest } from "./schema/common.js";
export {
  type EnterpriseUser,
  type EnterpriseUserSchema,
  enterpriseUserDefinition,
  enterpriseUserId,
  enterpriseUserSchema,
  type NewEnterpriseUser,
} from "./schema/enterprise-user.js";
export {
  type Group,
  type GroupMember,
  type GroupSchema,
  groupDefinition,
  groupSchema,
  type NewGroup,
} from "./schema/group.js";
export type { Infer, InferRequest } from "./schema/infer.js";
export { type Projection, type ProjectionOptions, project, projection } from "./schema/project.js";
export {
  type ReadResource,
  type ReadResourceOptions,
  readResource,
} from "./schema/read-resource.js";
export { readSchema } from "./schema/read-schema.js";
export {
  defineResourceType,
  type GroupResourceType,
  groupResourceType,
  type InferResource,
  type InferResourceRequest,
  type ResolvedAttribute,
  type ResourceType,
  type ResourceTypeDefinition,
  type SchemaExtension,
  type UserResourceType,
  userResourceType,
} from "./schema/resource-type.js";
export {
  type AttributePath,
  type Descriptions,
  defineSchema,
  type Schema,
  type SchemaDefinition,
} from "./schema/schema.js";
export type {
  StandardSchema,
  StandardSchemaIssue,
  StandardSchemaResult,
} from "./schema/standard-schema.js";
export { type NewUser, type User, type UserSchema, userSchema } from "./schema/user.js";
export { userDefinition } from "./schema/user-definition.js";
export type { Ignored, ReadLimits } from "./schema/validation-context.js";
export { type BoundSort, bindSort, type SortKey } from "./sort.js";
