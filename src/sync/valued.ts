import { createHash } from "node:crypto";
import type { Upsert } from "../changes/index.js";
import type { Link } from "../repositories/index.js";
import type { Cleared } from "./outcome.js";
import { type Step, subjectOf } from "./step.js";

/** How many characters stand for an attribute: 18 bits of a digest of its path. */
const codeLength = 3;

/** The most entries that are named. */
const NAMED = 1_000;

const codes = new Map<string, string>();
/** Paths come from the profile and, as types of values, from the directory: there is an end to what is remembered. */
const maxCodes = 10_000;

/**
 * The attributes for which an entry has a value, in short. Where an attribute has parts, or values of several types, it is those:
 * each comes from an attribute of the directory that may be hidden by itself.
 */
export function valuedOf(change: Upsert): string | undefined {
  if (!change.complete) return undefined;
  return [...pathsOf(change)].map(codeOf).sort().join("");
}

function* pathsOf({ type, resource, names, members }: Upsert): Generator<string> {
  for (const [attribute, value] of Object.entries(resource)) yield* pathsWithin(attribute, value);
  if (type === "User" && names.some((name) => name.kind === "uid")) yield "names.uid";
  if (members?.kind === "all" && members.members.length > 0) yield "members";
}

function* pathsWithin(path: string, value: unknown): Generator<string> {
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) {
    const types = new Set(value.map((item: unknown) => typeOf(item)));
    for (const type of types) yield type === undefined ? path : `${path}.${type}`;
  } else if (typeof value === "object") {
    for (const [part, inner] of Object.entries(value)) yield* pathsWithin(`${path}.${part}`, inner);
  } else yield path;
}

function typeOf(item: unknown): string | undefined {
  const isTyped = typeof item === "object" && item !== null && "type" in item;
  return isTyped && typeof item.type === "string" ? item.type : undefined;
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
 * @throws {LimitReached} where they are too many.
 */
export async function countCleared(
  step: Step,
  changes: readonly Upsert[],
  links: readonly (Link | undefined)[],
): Promise<void> {
  if (!step.countsCleared) return;
  const cleared: Cleared[] = [];
  let count = 0;
  for (const [index, change] of changes.entries()) {
    const link = links[index];
    if (link?.state !== "live" || link.valued === undefined || !change.complete) continue;
    const valued = valuedOf(change) ?? "";
    if (valued === link.valued) continue;
    const missing = codesWithout(link.valued, valued);
    if (missing.length === 0) continue;
    count += 1;
    if (cleared.length < NAMED) {
      cleared.push({ ...subjectOf(link), attributes: missing.map(pathOf) });
    }
  }
  if (count > 0) await step.take(step, { cleared: count }, { cleared });
}

/** The path of a code, where it was met in this process; what an entry has lost, others mostly have. */
function pathOf(code: string): string {
  for (const [path, known] of codes) if (known === code) return path;
  return "?";
}
