import type { Stage } from "../planned-faults.js";
import type { Service } from "./service.js";

/** For whom and how a search is answered. */
export interface SearchContext {
  readonly service: Service;
  readonly messageId: number;
  /** Whether `userPassword` is returned, and may be asked for in a filter. */
  readonly seesPasswords: boolean;
  /** The normalised DN of who is bound. */
  readonly boundDn: string;
  /** The change notifications of this connection. */
  readonly notifications: Set<object>;
  /** Aborted when the client wants no more. */
  readonly signal: AbortSignal;
  /** Sends a message. Resolves when the client can take more. */
  readonly send: (encoded: Buffer, stage?: Stage) => Promise<void> | undefined;
}
