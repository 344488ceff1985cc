/** What sibling rooms need of this one, and nobody else: it is no entry point of the package. */
export {
  compareOperators,
  operators as filterOperators,
  type PartPosition,
} from "./filter/operators.js";
export { comparedValue } from "./filter/sql/compared-form.js";
export { type ReplaceReference, replaceReferences } from "./message/bulk-references.js";
