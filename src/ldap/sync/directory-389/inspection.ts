import { firstTextOf } from "../../wire/attributes.js";
import {
  type DialectInspection,
  type DirectoryFinding,
  fine,
  type Inspecting,
} from "../finding.js";
import { lookAtLock } from "./account-lock.js";
import { requireIds } from "./readable.js";

/** What an account may not see of a 389 Directory Server, and what that costs. */
export const directory389Inspection: DialectInspection = {
  kind: "389 Directory Server",
  reason:
    "Its root DSE says so in vendorName or vendorVersion, and offers content synchronization (RFC 4533).",
  inspect: (inspecting) => [
    { topic: "changelog", look: () => lookAtChangelog(inspecting) },
    { topic: "permanentIds", look: () => lookAtNsUniqueIds(inspecting) },
    { topic: "accountLock", look: () => lookAtLock(inspecting) },
    { topic: "content", look: inspecting.count },
  ],
};

async function lookAtChangelog({ rootDse }: Inspecting): Promise<DirectoryFinding> {
  if (firstTextOf(rootDse.attributes, "lastChangeNumber") !== undefined) {
    return fine("changelog", "The retro changelog is on, and resumes are made by it.");
  }
  return {
    topic: "changelog",
    effect: "cost",
    message:
      "The root DSE has no lastChangeNumber: the Retro Changelog plugin is off, or the account may not see that it is " +
      "on. Without it each connection reads everything. Turn the plugin on, with " +
      "nsslapd-attribute: nsuniqueid:targetUniqueId.",
  };
}

/** Refused in words where they may not be read. */
export async function lookAtNsUniqueIds(inspecting: Inspecting): Promise<DirectoryFinding> {
  await requireIds(inspecting);
  return fine(
    "permanentIds",
    "The account may read and search nsUniqueId, where there is an entry.",
  );
}
