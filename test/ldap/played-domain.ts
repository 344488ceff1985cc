import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ChangeBatch } from "concordat/changes";
import {
  activeDirectory,
  type WatchOptions,
  watchChannelName,
  watchDirectory,
} from "concordat/ldap";
import { type Directory, type DirectoryOptions, startDirectory } from "concordat/testing/directory";
import { changesOf } from "./watching.js";

export const suffix = "dc=example,dc=com";
export const staff: string = `ou=staff,${suffix}`;
export const other: string = `ou=other,${suffix}`;

export async function domain(
  options: DirectoryOptions["activeDirectory"] = true,
): Promise<Directory> {
  const directory = await startDirectory({ activeDirectory: options });
  for (const dn of [staff, other]) directory.add(dn, { objectClass: "organizationalUnit" });
  return directory;
}

export function addUser(directory: Directory, name: string, parent: string = staff): string {
  const attributes = { objectClass: "user", sAMAccountName: name, userAccountControl: "544" };
  return directory.add(`CN=${name},${parent}`, attributes).entryUUID;
}

export function addGroup(
  directory: Directory,
  name: string,
  member: readonly string[] = [],
  parent: string = staff,
): string {
  const members = member.length === 0 ? {} : { member };
  const attributes = { objectClass: "group", sAMAccountName: name, ...members };
  return directory.add(`CN=${name},${parent}`, attributes).entryUUID;
}

export function optionsFor(
  { url, adminDn: dn, password }: Directory,
  options: Partial<WatchOptions> = {},
): WatchOptions {
  return {
    url,
    base: staff,
    allowCleartext: true,
    bind: { method: "simple", dn, password },
    profile: activeDirectory,
    reconnect: false,
    ...options,
  };
}

export function watch(
  directory: Directory,
  options: Partial<WatchOptions> = {},
): ReturnType<typeof watchDirectory> {
  return watchDirectory(optionsFor(directory, options));
}

/** What a consumer knows of a group's members. */
export function membersOf(batches: readonly ChangeBatch[], group: string): readonly string[] {
  const members = new Set<string>();
  for (const change of changesOf(batches)) {
    if (change.kind !== "upsert" || change.sourceId !== group) continue;
    const { members: stated } = change;
    if (stated?.kind === "all") members.clear();
    for (const { key } of stated?.kind === "all" ? stated.members : (stated?.add ?? [])) {
      members.add(key);
    }
    for (const { key } of stated?.kind === "delta" ? stated.remove : []) members.delete(key);
  }
  return [...members].sort();
}

export function isOf(id: string): (batch: ChangeBatch) => boolean {
  return ({ changes }) => changes.some((change) => "sourceId" in change && change.sourceId === id);
}

/** What the stream says of its work meanwhile. */
export async function eventsDuring(work: () => Promise<unknown>): Promise<readonly object[]> {
  const events: object[] = [];
  const note = (event: unknown) => events.push(event as object);
  subscribe(watchChannelName, note);
  try {
    await work();
  } finally {
    unsubscribe(watchChannelName, note);
  }
  return events;
}
