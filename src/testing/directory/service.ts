import type { SecureContext } from "node:tls";
import type { ContentSync } from "./content-sync.js";
import type { PlannedFaults } from "./planned-faults.js";
import type { Tree } from "./tree.js";

/** What every connection serves. */
export interface Service {
  readonly tree: Tree;
  readonly sync: ContentSync;
  readonly faults: PlannedFaults;
  readonly suffix: string;
  readonly adminDn: string;
  readonly password: string;
  /** The number of this server in CSNs and cookies. */
  readonly serverId: number;
  readonly anonymousRead: boolean;
  /** Present where StartTLS is offered. */
  readonly secureContext: SecureContext | undefined;
}
