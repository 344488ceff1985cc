import { createHash } from "node:crypto";
import type { Upsert } from "../../changes/index.js";
import type { Link } from "../../repositories/index.js";
import type { Cleared } from "../outcome.js";
import { subjectOf } from "../step/links.js";
import type { Step } from "../step/step.js";

/** How many characters stand for an attribute: 18 bits of a digest of its path. */
const codeLength = 3;

/** The most entries that are named. */
const NAMED = 1_000;

/** The most accounts that are looked at to learn what the entries of a batch have lost. */
const LOOKED_AT = 10;

const codes = new Map<string, string>();
/** Paths come from the profile and, as types of values, from the directory: there is an end to what is remembered. */
const maxCodes = 10_000;

/** By the paths of an entry, one after the other, what stands for them: most entries of a directory have the same. */
const codesOfPaths = new Map<string, string>();
/** Between paths, and so in none of them. */
const separator = "\0";

/**
 * The attributes for which an entry has a value, in short. Where an attribute has parts, or values of several types, it
 * is those: each comes from an attribute of the directory that may be hidden by itself.
 */
export function valuedOf(change: Upsert): string | undefined {
  if (!change.complete) return undefined;
  const paths = pathsOf(change);
  const all = paths.join(separator);
  const known = codesOfPaths.get(all);
  if (known !== undefined) return known;
  const valued = paths.map(codeOf).sort().join("");
  if (codesOfPaths.size < maxCodes) codesOfPaths.set(all, valued);
  return valued;
}

function pathsOf({ type, resource, names, members }: Upsert): string[] {
  const paths = pathsWithin(resource);
  if (type === "User" && names.some((name) => name.kind === "uid")) paths.push("names.uid");
  if (members?.kind === "all" && members.members.length > 0) paths.push("members");
  return paths;
}

function pathsWithin(resource: object): string[] {
  const paths: string[] = [];
  addPathsWithin(resource, "", paths);
  return paths;
}

function addPathsWithin(holder: object, prefix: string, paths: string[]): void {
  for (const [name, value] of Object.entries(holder) as [string, unknown][]) {
    if (value === null || value === undefined) continue;
    const path = prefix + name;
    if (typeof value !== "object") paths.push(path);
    else if (Array.isArray(value)) addPathsOfTypes(value, path, paths);
    else addPathsWithin(value, `${path}.`, paths);
  }
}

function addPathsOfTypes(items: readonly unknown[], path: string, paths: string[]): void {
  const types = new Set(items.map(typeOf));
  for (const type of types) paths.push(type === undefined ? path : `${path}.${type}`);
}

function typeOf(item: unknown): string | undefined {
  const isTyped = typeof item === "object" && item !== null && "type" in item;
  if (!isTyped || typeof item.type !== "string") return undefined;
  return item.type.replaceAll(separator, "");
}

function codeOf(path: string): string {
  const known = codes.get(path);
  if (known !== undefined) return known;
  const code = createHash("sha256").update(path).digest("base64url").slice(0, codeLength);
  if (codes.size < maxCodes) codes.set(path, code);
  return code;
}

/** The codes of one entry that are not among those of another. */
function codesWithout(valued: string, others: string): string[] {
  const present = new Set<string>();
  for (let at = 0; at < others.length; at += codeLength) {
    present.add(others.slice(at, at + codeLength));
  }
  const missing: string[] = [];
  for (let at = 0; at < valued.length; at += codeLength) {
    const code = valued.slice(at, at + codeLength);
    if (!present.has(code)) missing.push(code);
  }
  return missing;
}

/**
 * Counts the entries that lose the value of an attribute by these changes.
 *
 * @param links the links of the entries, in the order of the changes.
 * @param isSame whether an entry is stated as it was applied, so that it loses nothing.
 * @throws {LimitReached} where they are too many.
 */
export async function countCleared(
  step: Step,
  changes: readonly Upsert[],
  links: readonly (Link | undefined)[],
  isSame: (step: Step, change: Upsert, link: Link) => boolean,
): Promise<void> {
  if (!step.limits.countsCleared) return;
  const cleared: Cleared[] = [];
  let count = 0;
  let lookedAt = 0;
  for (const [index, change] of changes.entries()) {
    const link = links[index];
    if (link?.state !== "live" || link.valued === undefined || !change.complete) continue;
    if (isSame(step, change, link)) continue;
    const valued = valuedOf(change) ?? "";
    if (valued === link.valued) continue;
    const missing = codesWithout(link.valued, valued);
    if (missing.length === 0) continue;
    count += 1;
    if (missing.some((code) => pathOf(code) === undefined) && lookedAt < LOOKED_AT) {
      lookedAt += 1;
      await learnPaths(step, link);
    }
    if (cleared.length < NAMED) {
      cleared.push({
        ...subjectOf(link),
        attributes: missing.map((code) => pathOf(code) ?? "?").sort(),
      });
    }
  }
  if (count > 0) await step.limits.take(step, { cleared: count }, { cleared });
}

/** The path of a code, where it was met in this process. */
function pathOf(code: string): string | undefined {
  for (const [path, known] of codes) if (known === code) return path;
  return undefined;
}

/** Where this process has met no entry yet that has the attribute, the account still does. */
async function learnPaths(step: Step, { type, resourceId }: Link): Promise<void> {
  if (resourceId === undefined) return;
  const accounts = type === "User" ? step.target.users : step.target.groups;
  const account = await accounts?.get(resourceId);
  for (const path of [...pathsWithin(account ?? {}), "names.uid", "members"]) codeOf(path);
}
