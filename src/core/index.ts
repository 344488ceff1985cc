export { caseless, caselessSpellings } from "./caseless.js";
export { compatibilityForm } from "./compatibility-form.js";
export { endingWithSignal, isReasonOf } from "./ending-with-signal.js";
export {
  ConcordatError,
  InvalidValueError,
  MutabilityError,
  NotFoundError,
  StreamTakenError,
  TooManyError,
  UnavailableError,
  UniquenessError,
  UnsupportedError,
  VersionConflictError,
} from "./errors.js";
export type { ConnectionInfo, Handler } from "./handler.js";
export { isIndistinct } from "./indistinct-name.js";
export { isNestedDeeper } from "./json-depth.js";
export { KeyedMutex } from "./keyed-mutex.js";
export { withoutWhitespace } from "./optional-whitespace.js";
export { pythonString } from "./python-string.js";
export { secretAttributes } from "./secret-attributes.js";
export { type Settled, withDefaults } from "./with-defaults.js";
