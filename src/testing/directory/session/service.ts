import type { SecureContext } from "node:tls";
import type { Domain } from "../dirsync/domain.js";
import type { Tree } from "../entries/tree.js";
import type { PlannedFaults } from "../planned-faults.js";
import type { DirectoryKind, SyncProvider } from "../sync/provider.js";

/** What every connection serves. */
export interface Service {
  readonly tree: Tree;
  readonly sync: SyncProvider;
  readonly kind: DirectoryKind;
  /** What the root DSE says of the numbers of changes and entries, where there are such. */
  readonly numbers: () => Readonly<Record<string, number>>;
  /** Present where a domain controller is played. */
  readonly domain: Domain | undefined;
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
