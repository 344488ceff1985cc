import type { MemberReads } from "./reads.js";
import type { MemberWriter } from "./writer.js";

/** What a store of groups has beside its attributes. */
export interface RemoteMembers {
  readonly reads: MemberReads;
  readonly writer: MemberWriter;
}
