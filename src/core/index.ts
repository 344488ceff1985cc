export {
  ConcordatError,
  InvalidValueError,
  MutabilityError,
  NotFoundError,
  TooManyError,
  UnavailableError,
  UniquenessError,
  UnsupportedError,
  VersionConflictError,
} from "./errors.js";
