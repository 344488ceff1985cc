import type { Client, Entry } from "ldapts";
import type { ApplicationContent } from "../application.js";

/** The parts of the tree that are followed. */
export const parts = ["OU=company", "OU=more"] as const;

/** What the application is to hold of an entry. */
export interface Expected {
  readonly type: "User" | "Group";
  readonly attributes: Readonly<Record<string, string | boolean>>;
  /** The ids of a group's members. */
  readonly members: ReadonlySet<string>;
}

/** What the directory holds, read plainly by its administrator: by permanent id. */
export async function readDirectory(
  client: Client,
  suffix: string,
): Promise<ReadonlyMap<string, Expected>> {
  const content = new Map<string, Expected>();
  const ids = new Map<string, string>();
  const entries: Entry[] = [];
  for (const part of parts) {
    const { searchEntries } = await client.search(`${part},${suffix}`, {
      filter: "(|(objectClass=user)(objectClass=group))",
      attributes: [
        ...["objectGUID", "objectClass", "objectSid", "cn", "sAMAccountName", "title"],
        ...["userAccountControl", "primaryGroupID", "member"],
      ],
      explicitBufferAttributes: ["objectGUID", "objectSid"],
    });
    entries.push(...searchEntries);
  }
  for (const entry of entries) ids.set(entry.dn, guidOf(entry));
  for (const entry of entries) {
    const name = String(entry["sAMAccountName"]);
    if (!textsOf(entry, "objectClass").includes("group")) {
      const attributes = {
        userName: name,
        displayName: String(entry["cn"]),
        title: textsOf(entry, "title")[0] ?? "",
        active: (Number(entry["userAccountControl"]) & 2) === 0,
      };
      content.set(guidOf(entry), { type: "User", attributes, members: new Set() });
      continue;
    }
    const members = new Set<string>();
    for (const member of textsOf(entry, "member")) {
      const id = ids.get(member);
      if (id !== undefined) members.add(id);
    }
    const rid = Buffer.from(entry["objectSid"] as Buffer).readUInt32LE(24);
    for (const other of entries) {
      if (Number(other["primaryGroupID"]) === rid) members.add(guidOf(other));
    }
    content.set(guidOf(entry), { type: "Group", attributes: { displayName: name }, members });
  }
  return content;
}

/** What the application has otherwise than the directory, in both directions. */
export function differencesOf(
  directory: ReadonlyMap<string, Expected>,
  application: ApplicationContent,
  onDelete: "deactivate" | "delete",
): readonly string[] {
  const differences: string[] = [];
  const sources = new Map(application.resources.map(({ id, externalId }) => [id, externalId]));
  const found = new Set<string>();
  for (const { id, externalId, type, attributes } of application.resources) {
    if (externalId === null) continue;
    found.add(externalId);
    const has = [...(application.members.get(id) ?? [])].map((member) => sources.get(member) ?? "");
    const expected = directory.get(externalId);
    if (expected === undefined) {
      const isLeft = onDelete === "deactivate" && attributes["active"] !== true && has.length === 0;
      if (!isLeft) differences.push(`${externalId} (${nameOf(attributes)}) is gone and still here`);
      continue;
    }
    for (const [name, value] of Object.entries(expected.attributes)) {
      if (attributes[name] === value) continue;
      differences.push(`${externalId}: ${name} is ${attributes[name]} instead of ${value}`);
    }
    if (type !== expected.type) differences.push(`${externalId} is a ${type}`);
    for (const member of has) {
      if (!expected.members.has(member)) differences.push(`${externalId} has the member ${member}`);
    }
    for (const member of expected.members) {
      if (!has.includes(member)) differences.push(`${externalId} has not the member ${member}`);
    }
  }
  for (const [id, { attributes }] of directory) {
    if (!found.has(id)) differences.push(`${id} (${nameOf(attributes)}) is missing`);
  }
  return differences;
}

function nameOf(attributes: Expected["attributes"]): string {
  return String(attributes["userName"] ?? attributes["displayName"]);
}

function textsOf(entry: Entry, type: string): readonly string[] {
  const value = entry[type];
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

function guidOf(entry: Entry): string {
  const guid = Buffer.from(entry["objectGUID"] as Buffer);
  for (const [from, to] of [
    [0, 4],
    [4, 6],
    [6, 8],
  ] as const) {
    guid.subarray(from, to).reverse();
  }
  return guid.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
