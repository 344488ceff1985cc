import type { Capabilities } from "../repositories/index.js";
import type { NewUser } from "../scim/index.js";

/** How a service provider wants to be driven, beside what it says of itself. */
export interface ProviderBehaviour {
  /**
   * How attributes are changed. `patch`: by a PATCH of what differs, and by a PUT where that is refused or not carried
   * out; `put`: by a PUT at once. Default: `patch`.
   */
  readonly updates?: "patch" | "put";
  /**
   * The most members that come and go with one request. Where a service provider refuses less, and names a limit or
   * responses 413, the requests become smaller by themselves. Default: 500.
   */
  readonly membersAtOnce?: number;
  /** How a group is emptied: by one removal of all, or by one of each. Default: `all`. */
  readonly emptying?: "all" | "each";
  /**
   * Whether a member that is added again is there twice, so that it has to be asked first who is there. Default: false.
   */
  readonly doublesMembers?: boolean;
  /** What users are created with that state nothing else. */
  readonly newUsers?: Partial<Pick<NewUser, "active">>;
}

/** What is known of a service provider that it does not say itself. Make your own for others. */
export interface ProviderPreset extends ProviderBehaviour {
  /** A name for logs. */
  readonly name: string;
  /** What it can do with users, in place of what is concluded from ServiceProviderConfig. */
  readonly users?: Partial<Capabilities>;
  /** What it can do with groups. */
  readonly groups?: Partial<Capabilities>;
}
