import { pagedResults, readPagedResults } from "../../wire/active-directory-controls.js";
import { valuesOf } from "../../wire/attributes.js";
import {
  contentFinding,
  type DialectInspection,
  type DirectoryFinding,
  fine,
  type Inspecting,
} from "../finding.js";
import { Scope } from "../scope.js";
import { readController } from "./controller.js";
import { deletionsAreMissed, seesDeletedObjects } from "./deletions.js";
import { readDirSync } from "./dirsync.js";
import { pageSize } from "./entries.js";

/** What an account may not see of an Active Directory, and what that costs. */
export const activeDirectoryInspection: DialectInspection = {
  kind: "Active Directory",
  reason: "Its root DSE has the capability of a domain controller, and offers DirSync.",
  inspect: (inspecting) => [
    { topic: "content", look: () => lookAtContent(inspecting) },
    { topic: "changelog", look: () => lookAtDirSync(inspecting) },
    { topic: "deletedObjects", look: () => lookAtDeletions(inspecting) },
    { topic: "accountLock", look: () => lookAtAccounts(inspecting) },
  ],
};

/** Refused in words where the controller does not say who it is, or does not let this account use DirSync. */
async function lookAtDirSync({
  connection,
  content,
  signal,
}: Inspecting): Promise<DirectoryFinding> {
  const { namingContext } = await readController(connection, content.bases, signal);
  // It is asked about nothing: what counts is whether it answers.
  const request = { namingContext, filter: "(!(objectClass=*))", attributes: ["objectGUID"] };
  await readDirSync(connection, request, undefined, signal);
  return fine(
    "changelog",
    "The account may use DirSync. Its cookies are those of one controller: with another one, everything is read once.",
  );
}

async function lookAtDeletions(inspecting: Inspecting): Promise<DirectoryFinding> {
  const { connection, content, deletions, signal } = inspecting;
  const { namingContext } = await readController(connection, content.bases, signal);
  if (await seesDeletedObjects(connection, namingContext, signal)) {
    return fine("deletedObjects", "The account may see deleted objects.");
  }
  const { message } = deletionsAreMissed(namingContext);
  switch (deletions) {
    case "probe":
      return { topic: "deletedObjects", effect: "refusal", message };
    case "trust":
      return { topic: "deletedObjects", effect: "loss", message };
    case "sweep":
      return {
        topic: "deletedObjects",
        effect: "cost",
        message:
          "The account may not see deleted objects: as `deletions` says, a deletion is found by a list of all names, " +
          "at each connection and each `reconcileEvery`, and not when it happens.",
      };
  }
}

/** How many users and groups the account sees. By pages, as they are read: without, Windows stops at 1,000. */
async function lookAtContent(inspecting: Inspecting): Promise<DirectoryFinding> {
  const { groupFilter, filter } = inspecting.content;
  const groups = groupFilter === undefined ? 0 : await countOf(inspecting, groupFilter);
  const users = (await countOf(inspecting, filter)) - groups;
  return contentFinding(
    users + groups,
    `There are ${users} users and ${groups} groups that this account sees. Nothing says what it does not see.`,
  );
}

async function countOf(
  { connection, content: { base, bases, scope }, signal }: Inspecting,
  filter: string,
): Promise<number> {
  const within = new Scope({ bases, scope });
  let count = 0;
  let cookie: Buffer | undefined;
  do {
    const controls = [pagedResults(pageSize, cookie)];
    const request = { base, scope, filter, attributes: ["1.1"], controls };
    cookie = undefined;
    for await (const messages of connection.search(request, { signal })) {
      for (const message of messages) {
        if (message.kind === "done") cookie = readPagedResults(message.controls);
        else if ("dn" in message && within.has(message.dn)) count += 1;
      }
    }
  } while (cookie !== undefined);
  return count;
}

/** What every account of a person has (MS-ADTS 3.1.1.8), so that without it the right to read it is missing. */
const accountAttributes = [
  "userAccountControl",
  "accountExpires",
  "primaryGroupID",
  "objectSid",
] as const;

async function lookAtAccounts(inspecting: Inspecting): Promise<DirectoryFinding | undefined> {
  const { connection, content, signal } = inspecting;
  const topic = "accountLock";
  if (!inspecting.reads("userAccountControl")) {
    return {
      topic,
      effect: "loss",
      message:
        "The profile does not read userAccountControl, so that an account that is disabled stays active. Use the " +
        "profile activeDirectory.",
    };
  }
  const search = connection.search(
    {
      base: content.base,
      scope: content.scope,
      filter: `(&${content.filter}(sAMAccountType=805306368))`,
      attributes: accountAttributes,
      controls: [pagedResults(1)],
    },
    { signal },
  );
  for await (const messages of search) {
    for (const message of messages) {
      if (message.kind !== "entry") continue;
      const { attributes } = message;
      const hidden = accountAttributes.filter((name) => valuesOf(attributes, name).length === 0);
      return accountFinding(new Set(hidden), inspecting.reads("accountExpires"));
    }
  }
  return undefined;
}

function accountFinding(
  hidden: ReadonlySet<(typeof accountAttributes)[number]>,
  readsExpiry: boolean,
): DirectoryFinding {
  const topic = "accountLock";
  if (hidden.has("userAccountControl")) {
    return {
      topic,
      effect: "refusal",
      message:
        "The account may not read userAccountControl: who is disabled would be taken for active.",
    };
  }
  const losses = [
    ...(readsExpiry && hidden.has("accountExpires")
      ? ["accountExpires: an account that has expired stays active"]
      : []),
    ...(hidden.has("primaryGroupID") || hidden.has("objectSid")
      ? ["primaryGroupID or objectSid: no user is a member of a primary group"]
      : []),
  ];
  if (losses.length === 0) return fine(topic, "The account may read userAccountControl.");
  return { topic, effect: "loss", message: `The account may not read ${losses.join("; nor ")}.` };
}
