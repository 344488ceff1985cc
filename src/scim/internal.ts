/** what sibling rooms need of this one: it is no entry point of the package. */

export { operatorsFor } from "./filter/bind.js";
export { compileValuePath } from "./filter/compile.js";
export type { PatchPath } from "./filter/filter.js";
export {
  compareOperators,
  operators as filterOperators,
  type PartPosition,
} from "./filter/operators.js";
export { parseAttrPath, parsePatchPath } from "./filter/parse.js";
export { printAttrPath, printPatchPath } from "./filter/print.js";
export { comparedValue } from "./filter/sql/compared-form.js";
export { type BindParameter, type FilterSql, filterSql } from "./filter/sql/dialect.js";
export {
  type BulkRequest,
  type BulkResponse,
  type BulkResult,
  bulkRequestId,
  bulkResponseId,
} from "./message/bulk.js";
export { type ErrorMessage, errorId, errorMessage } from "./message/error.js";
export { type ListResponse, listResponseId } from "./message/list-response.js";
export { type ReplaceReference, replaceReferences } from "./patch/bulk-references.js";
export { commonAttributes } from "./schema/common.js";
export {
  type AttributeDocument,
  type ResourceTypeDocument,
  resourceTypeDocument,
  type SchemaDocument,
  schemaDocument,
} from "./schema/document.js";
export { isJsonObject, type JsonObject } from "./schema/read-value.js";
export { findAttribute, uniqueAttributes } from "./schema/resource-type.js";
export { compileSort, type Sorter } from "./sort.js";
