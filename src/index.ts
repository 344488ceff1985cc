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
} from "./core/index.js";
export type {
  EnterpriseUser,
  Group,
  NewEnterpriseUser,
  NewGroup,
  NewUser,
  User,
} from "./scim/index.js";
