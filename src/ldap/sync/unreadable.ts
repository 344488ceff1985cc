import type { Unreadable } from "../../changes/index.js";
import type { OversizedEntry } from "../wire/message.js";

/** The change that says that an entry exists and was too long to be read. */
export function unreadable(sourceId: string, { dn, size }: OversizedEntry): Unreadable {
  return {
    kind: "unreadable",
    sourceId,
    code: "too_large",
    message: `The entry "${dn}" is ${size} bytes long, which is more than maxMessageSize.`,
  };
}
