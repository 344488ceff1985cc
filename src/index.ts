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
} from "./core/index.js";
export type {
  EnterpriseUser,
  Group,
  NewEnterpriseUser,
  NewGroup,
  NewUser,
  User,
} from "./scim/index.js";
