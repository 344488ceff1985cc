import type { Client } from "ldapts";
import { company, suffix } from "./names.js";

/** An entry as the directory has it, by the words of the comparison. */
export interface DirectoryEntry {
  /** The `entryUUID`. */
  readonly id: string;
  readonly type: "User" | "Group";
  readonly dn: string;
  /** What tells it from others that had its name before. */
  readonly mark: string;
  /** The `uid` of a person that is in the DN, the `cn` of a group. */
  readonly name: string;
  /** Further values of `uid` of a person. */
  readonly aliases: readonly string[];
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
  const { searchEntries } = await client.search(company, { filter, attributes });
  return searchEntries.map((entry): DirectoryEntry => {
    const text = (attribute: string) => String([entry[attribute] ?? ""].flat()[0]);
    const texts = (attribute: string) => [entry[attribute] ?? []].flat().map(String);
    const isUser = texts("objectClass").includes("inetOrgPerson");
    const dnMembers = texts("member").map((name) => ({ kind: "dn" as const, name }));
    const uidMembers = texts("memberUid").map((name) => ({ kind: "uid" as const, name }));
    const uid = entry.dn.slice("uid=".length, entry.dn.indexOf(","));
    return {
      id: text("entryUUID"),
      type: isUser ? "User" : "Group",
      dn: entry.dn,
      mark: text(isUser ? "employeeNumber" : "description"),
      name: isUser ? uid : text("cn"),
      aliases: isUser ? texts("uid").filter((value) => value !== uid) : [],
      attributes: isUser
        ? {
            userName: uid,
            displayName: text("cn"),
            title: text("title"),
            active: text("employeeType") !== "left",
          }
        : { displayName: text("cn") },
      members: [...dnMembers, ...uidMembers],
    };
  });
}

/** The change sequence numbers of the newest changes that a server holds, one for each server that takes writes. */
export async function readContextCsns(client: Client): Promise<readonly string[]> {
  const { searchEntries } = await client.search(suffix, {
    scope: "base",
    attributes: ["contextCSN"],
  });
  return [searchEntries[0]?.["contextCSN"] ?? []].flat().map(String);
}
