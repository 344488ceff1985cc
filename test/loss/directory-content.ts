import type { Client } from "ldapts";
import { suffix } from "./names.js";

/** An entry as the directory has it, by the words of the comparison. */
export interface DirectoryEntry {
  /** The `entryUUID`. */
  readonly id: string;
  readonly type: "User" | "Group";
  readonly dn: string;
  /** What tells it from others that had its name before. */
  readonly mark: string;
  /** The `uid` of a person, the `cn` of a group. */
  readonly name: string;
  /** The attributes that the application is to have. */
  readonly attributes: Readonly<Record<string, string | boolean>>;
  /** The members that a group states, each by a distinguished name or by a uid. */
  readonly members: readonly { readonly kind: "dn" | "uid"; readonly name: string }[];
}

/** All entries that the application is to know of, read by another client than the one that is tested. */
export async function readDirectory(client: Client): Promise<readonly DirectoryEntry[]> {
  const filter =
    "(&(!(ou=archive))(|(objectClass=inetOrgPerson)(objectClass=groupOfNames)(objectClass=posixGroup)))";
  const attributes = ["*", "entryUUID"];
  const { searchEntries } = await client.search(suffix, { filter, attributes });
  return searchEntries.map((entry): DirectoryEntry => {
    const text = (attribute: string) => String([entry[attribute] ?? ""].flat()[0]);
    const texts = (attribute: string) => [entry[attribute] ?? []].flat().map(String);
    const isUser = texts("objectClass").includes("inetOrgPerson");
    const dnMembers = texts("member").map((name) => ({ kind: "dn" as const, name }));
    const uidMembers = texts("memberUid").map((name) => ({ kind: "uid" as const, name }));
    return {
      id: text("entryUUID"),
      type: isUser ? "User" : "Group",
      dn: entry.dn,
      mark: text(isUser ? "employeeNumber" : "description"),
      name: text(isUser ? "uid" : "cn"),
      attributes: isUser
        ? {
            userName: text("uid"),
            displayName: text("cn"),
            title: text("title"),
            active: text("employeeType") !== "left",
          }
        : { displayName: text("cn") },
      members: [...dnMembers, ...uidMembers],
    };
  });
}

/** The change sequence number of the newest change that the directory holds. */
export async function readContextCsn(client: Client): Promise<string> {
  const { searchEntries } = await client.search(suffix, {
    scope: "base",
    attributes: ["contextCSN"],
  });
  return String(searchEntries[0]?.["contextCSN"]);
}
