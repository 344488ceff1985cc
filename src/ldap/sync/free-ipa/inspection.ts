import { firstTextOf } from "../../wire/attributes.js";
import { lookAtLock } from "../directory-389/account-lock.js";
import { lookAtNsUniqueIds } from "../directory-389/inspection.js";
import {
  type DialectInspection,
  type DirectoryFinding,
  fine,
  type Inspecting,
} from "../finding.js";
import { readSample } from "../sample.js";
import { requireAccounts } from "./accounts.js";
import { lastUsnOf } from "./position.js";

/** What an account may not see of a FreeIPA, and what that costs. */
export const freeIpaInspection: DialectInspection = {
  kind: "FreeIPA",
  reason: "It is a 389 Directory Server, and the top of its tree has an info that begins with IPA.",
  inspect: (inspecting) => [
    { topic: "base", look: () => lookAtBase(inspecting) },
    { topic: "permanentIds", look: () => lookAtNsUniqueIds(inspecting) },
    { topic: "changelog", look: () => lookAtUsn(inspecting) },
    { topic: "accountLock", look: () => lookAtLock(inspecting) },
    { topic: "content", look: inspecting.count },
  ],
};

/** Refused in words where staged and preserved users would be in it. */
async function lookAtBase({ content, rootDse }: Inspecting): Promise<DirectoryFinding> {
  requireAccounts(content.bases, rootDse.namingContexts);
  return fine("base", "Staged and preserved users are not below the base.");
}

const unnumbered =
  "the root DSE has no lastusn for all databases (the USN plugin is off, or numbers each apart, where " +
  "nsslapd-entryusn-global is off)";

async function lookAtUsn(inspecting: Inspecting): Promise<DirectoryFinding> {
  const { attributes } = inspecting.rootDse;
  const isNumbered = lastUsnOf(attributes) !== undefined;
  const sample = await readSample(inspecting, ["entryUSN"]);
  const isReadable =
    sample === undefined || firstTextOf(sample.attributes, "entryUSN") !== undefined;
  if (isNumbered && isReadable) {
    return fine(
      "changelog",
      "FreeIPA's changelog leaves out users and groups; the account may read entryUSN, by which a resume finds what " +
        "has changed. What is gone is found by a list of all names at each connection.",
    );
  }
  return {
    topic: "changelog",
    effect: "cost",
    message:
      "FreeIPA's changelog leaves out users and groups, and the account may not read entryUSN" +
      `${isNumbered ? "" : `, or ${unnumbered}`}: each connection reads everything.`,
  };
}
