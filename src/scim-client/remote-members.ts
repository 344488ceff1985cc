import type { MemberReads } from "./member-reads.js";
import type { MemberWriter } from "./member-writer.js";

/** What a store of groups has beside its attributes. */
export interface RemoteMembers {
  readonly reads: MemberReads;
  readonly writer: MemberWriter;
}
