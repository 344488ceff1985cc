import type { MembersChange } from "../../repositories/index.js";
import type { ResourceRequest, ResourceType } from "../../scim/index.js";
import type { ScimRepositories } from "../principal.js";

/** A change that a client asks for, before it is made. */
export type Operation =
  | { readonly kind: "create"; readonly type: ResourceType; readonly resource: ResourceRequest }
  | {
      readonly kind: "replace";
      readonly type: ResourceType;
      readonly id: string;
      readonly resource: ResourceRequest;
    }
  | {
      readonly kind: "modify";
      readonly type: ResourceType;
      readonly id: string;
      /** The paths of the attributes that the client names. */
      readonly paths: readonly string[];
      /** The values that attributes are given, by path; `undefined` for what is cleared. What stays as it is, is not here. */
      readonly values: Readonly<Record<string, unknown>>;
      /** Who comes into a group and who leaves it. */
      readonly members?: MembersChange;
    }
  | { readonly kind: "delete"; readonly type: ResourceType; readonly id: string };

/** What the host has to say about changes. */
export interface Policy<P> {
  /**
   * Is asked before each change, also those of a bulk request; and again about a PATCH that another writer came before, since it may
   * come to something else then. A user who is sent to be created, and is found to be known, is a `create` and then a `modify` of that
   * user. To refuse one, throw a `ScimRequestError`: that the last owner would go, that no seat is left, that the id is protected.
   *
   * It is asked before the change and not together with it, and is no lock: of two changes at once that are good one by one, such as
   * two owners who each deactivate the other, both are made. Where that must not be, the store has to refuse the second.
   */
  before?(
    operation: Operation,
    context: {
      readonly principal: P;
      readonly repositories: ScimRepositories;
      readonly signal: AbortSignal;
    },
  ): void | Promise<void>;
}
