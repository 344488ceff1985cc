import { textsOf } from "../../wire/attributes.js";
import { LdapResultError } from "../../wire/errors.js";
import { type DirectoryFinding, fine, type Inspecting } from "../finding.js";
import { readSample } from "../sample.js";

/** Get Effective Rights (draft-ietf-ldapext-acl-model): the server says what an account may do with an entry. */
const getEffectiveRights = "1.3.6.1.4.1.42.2.27.9.5.2";
const lock = "nsAccountLock";

/**
 * Whether the account may read of others that they are locked. That an entry has no value says nothing: it has none
 * either when no account is locked. So the server is asked about the right itself.
 */
export async function lookAtLock(inspecting: Inspecting): Promise<DirectoryFinding | undefined> {
  if (!inspecting.reads(lock)) {
    return {
      topic: "accountLock",
      effect: "loss",
      message:
        "The profile does not read nsAccountLock, so that an account that is locked stays active. Map `active` " +
        "from it, as the profile freeIpa does.",
    };
  }
  const rights = await effectiveRights(inspecting, lock);
  if (rights === undefined) return unclear;
  if (rights.includes("r")) return fine("accountLock", "The account may read nsAccountLock.");
  return {
    topic: "accountLock",
    effect: "loss",
    message:
      "The account may not read nsAccountLock, so that a locked account is taken for active. It is an operational " +
      "attribute, which an aci for all attributes (*) does not cover: name it in one.",
  };
}

const unclear: DirectoryFinding = {
  topic: "accountLock",
  effect: "unclear",
  message:
    "Whether the account may read nsAccountLock, the server does not say. Look at an account that is locked: without " +
    "the right, it is taken for active.",
};

/** What the account may do with an attribute of some entry: letters, of which `r` is to read. */
async function effectiveRights(
  inspecting: Inspecting,
  attribute: string,
): Promise<string | undefined> {
  const { connection, account, rootDse, signal } = inspecting;
  if (account === undefined || !rootDse.supportedControls.includes(getEffectiveRights)) {
    return undefined;
  }
  const sample = await readSample(inspecting, ["1.1"]);
  if (sample === undefined) return undefined;
  // "dn:" with nothing behind it is anybody.
  const value = Buffer.from(account === "" ? "dn:" : account);
  try {
    const [entry] = await connection.searchAll(
      {
        base: sample.dn,
        scope: "base",
        filter: "(objectClass=*)",
        attributes: [attribute],
        controls: [{ oid: getEffectiveRights, critical: true, value }],
      },
      { signal },
    );
    const [levels] = textsOf(entry?.attributes ?? [], "attributeLevelRights");
    const pattern = new RegExp(`(?:^|,)\\s*${attribute}:(\\w*)`, "i");
    return levels === undefined ? undefined : pattern.exec(levels)?.[1];
  } catch (error) {
    if (error instanceof LdapResultError) return undefined;
    throw error;
  }
}
