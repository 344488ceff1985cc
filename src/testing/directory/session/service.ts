import type { SecureContext } from "node:tls";
import type { Tree } from "../entries/tree.js";
import type { PlannedFaults } from "../planned-faults.js";
import type { ContentSync } from "../sync/content-sync.js";

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
