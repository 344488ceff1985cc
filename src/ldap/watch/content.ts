import { InvalidValueError, UnsupportedError } from "../../core/index.js";
import type { BindOptions } from "../connection/bind.js";
import type { LdapConnection } from "../connection/connection.js";
import { describeEndpoint, parseEndpoint } from "../connection/endpoint.js";
import { entryUuid } from "../profile/identification.js";
import {
  checkClasses,
  type DirectoryProfile,
  profileAttributes,
  profileFilter,
  profileGroupFilter,
  profileNameAttributes,
  profileText,
} from "../profile/profile.js";
import type { Dialect } from "../sync/dialect.js";
import type { Content } from "../sync/reading.js";
import { Scope } from "../sync/scope.js";
import { textsOf, valuesOf } from "../wire/attributes.js";
import { normalizeDn, parseDn } from "../wire/dn.js";
import { checkFilter, escapeFilterValue } from "../wire/filter.js";
import { digest } from "./checkpoint.js";

/** What is to be read, as the caller says it. */
export interface ContentOptions {
  readonly base: string | readonly string[];
  readonly scope?: "base" | "one" | "sub" | undefined;
  readonly filter?: string | undefined;
  readonly parentClasses?: readonly string[] | false | undefined;
}

/** The object classes of entries below which there usually are others. */
const usualParentClasses = [
  "organizationalUnit",
  "organization",
  "dcObject",
  "domain",
  "locality",
  "country",
  "container",
  "nsContainer",
];

/**
 * ManageDsaIT (RFC 3296 §3): an object that stands for a part held by another server is an entry like any other.
 * Without this it would be mentioned in every refresh, whatever the filter says.
 */
const manageDsaIt = { oid: "2.16.840.1.113730.3.4.2" };

/** Raised when the same entry comes to be mapped differently, so that it is read again. */
const mappingRevision = 3;

/**
 * The search for what is to be read.
 *
 * Several bases are one search from the entry above them all, whose filter lets through what is below any of them: the
 * rule dnSubtreeMatch is OpenLDAP's, and with other servers names are compared. One search for each would see an entry
 * that moves from one base to another as gone and as new, in no particular order.
 *
 * @throws {InvalidValueError} if a base is not a distinguished name, or if several have nothing in common.
 * @throws {LdapFilterError} if the caller's filter is not one, or too long.
 */
export function contentOf(
  options: ContentOptions,
  profile: DirectoryProfile,
  { identification, comparesBases }: Pick<Dialect, "identification" | "comparesBases"> = {
    identification: entryUuid,
  },
): Content {
  const bases = basesOf(options);
  const scope = options.scope ?? "sub";
  if (options.filter !== undefined) checkFilter(options.filter);
  const filters = [
    profileFilter(profile),
    ...(profile.filter === undefined ? [] : [profile.filter]),
    ...(options.filter === undefined ? [] : [options.filter]),
  ];
  const [first = "", ...others] = bases;
  const within =
    others.length > 0 && comparesBases === undefined
      ? [`(|${bases.map(withinFilter).join("")})`]
      : [];
  if (others.length > 0 && scope !== "sub") {
    throw new InvalidValueError("scope", 'must be "sub" with several bases.');
  }
  filters.unshift(...within);
  const filter = filters.length === 1 ? (filters[0] ?? "") : `(&${filters.join("")})`;
  const ofGroups = profileGroupFilter(profile);
  const groupFilter = ofGroups === undefined ? undefined : `(&${filter}${ofGroups})`;
  checkFilter(groupFilter ?? filter);
  const parentFilter = scope === "sub" ? parentFilterOf(options, within) : undefined;
  return {
    base: others.length === 0 ? first : commonParent(bases),
    bases,
    scope,
    filter,
    classFilter: profileFilter(profile),
    ...(groupFilter === undefined ? {} : { groupFilter }),
    ...(parentFilter === undefined ? {} : { parentFilter }),
    attributes: profileAttributes(profile, identification),
    nameAttributes: profileNameAttributes(profile, identification),
    controls: [manageDsaIt],
  };
}

/** @throws {InvalidValueError} if a class has a name that cannot be one. */
function parentFilterOf(
  { parentClasses = usualParentClasses }: ContentOptions,
  within: readonly string[],
): string | undefined {
  if (parentClasses === false || parentClasses.length === 0) return undefined;
  checkClasses("parentClasses", parentClasses);
  const classes = parentClasses.map((name) => `(objectClass=${name})`).join("");
  return within.length === 0 ? `(|${classes})` : `(&${within.join("")}(|${classes}))`;
}

/**
 * Matches what is at or below a base; to a server or an account that cannot evaluate it, it is neither true nor false.
 */
function withinFilter(base: string): string {
  return `(entryDN:dnSubtreeMatch:=${escapeFilterValue(base)})`;
}

/** What the mapper has to compare, where neither the server's filter nor the reader says what is in the content. */
export function withinBases(
  content: Content,
  { comparesBases }: Pick<Dialect, "comparesBases">,
): ((dn: string) => boolean) | undefined {
  if (comparesBases !== "mapper" || content.bases.length === 1) return undefined;
  const scope = new Scope(content);
  return (dn) => scope.has(dn);
}

/** The bases, as the caller wrote them. */
export function basesOf({ base }: ContentOptions): readonly string[] {
  const bases = typeof base === "string" ? [base] : base;
  if (bases.length === 0) throw new InvalidValueError("base", "is missing.");
  for (const one of bases) {
    try {
      parseDn(one);
    } catch (cause) {
      throw new InvalidValueError("base", "is not a distinguished name.", { cause });
    }
  }
  return bases;
}

/** A digest of everything that decides which entries are read, as whom, and what becomes of them. */
export function contentDigest(
  content: Content,
  profile: DirectoryProfile,
  bind: BindOptions | undefined,
  account: string | undefined,
): string {
  const who =
    bind?.method === "simple"
      ? ["simple", accountOf(bind.dn)]
      : [bind?.method ?? "anonymous", bind?.authorizationId ?? "", account ?? ""];
  const { base, bases, scope, filter, attributes } = content;
  const roots = bases.length === 1 ? normalizeDn(base) : bases.map(normalizeDn).sort();
  const what = [roots, scope, filter, attributes, profileText(profile)];
  return digest([mappingRevision, who, what]);
}

/** Active Directory takes other names of an account, too: `ann@example.com`, or `EXAMPLE\\ann`. */
function accountOf(dn: string): string {
  try {
    return normalizeDn(dn);
  } catch {
    return dn.toLowerCase();
  }
}

/** Says how entries become resources, in short: it is another one when a mapping is. */
export function mappingOf(profile: DirectoryProfile): string {
  return digest([mappingRevision, profileText(profile)]);
}

/** The default name of the source: where the directory is, and what is read of it. */
export function sourceName(url: string, options: ContentOptions): string {
  const endpoint = parseEndpoint(url);
  const bases = basesOf(options).map(normalizeDn).sort().join("|");
  if (endpoint.kind === "socket") return `ldapi:${endpoint.path}/${bases}`;
  // Turning on TLS does not make another directory of it.
  const isUsual = endpoint.port === (endpoint.tls ? 636 : 389);
  const port = describeEndpoint(endpoint).replace(/^.*:/, "");
  return `ldap:${endpoint.host}${isUsual ? "" : `:${port}`}/${bases}`;
}

/** What is known of the entries below which everything is. */
export interface BaseEntries {
  /** Their permanent ids: another directory, or one that was made anew, has others. Undefined if not readable. */
  readonly ids: string | undefined;
  /** The oldest of their versions. */
  readonly stamp: string | undefined;
}

/**
 * Looks at the bases. Several are looked at by the filter that distinguishes them, since one that matches nothing would
 * make an empty directory of a full one.
 *
 * @throws {LdapResultError} if one of them does not exist.
 * @throws {UnsupportedError} if there are several, and one is not found by its `entryDN`.
 */
export async function readBases(
  connection: LdapConnection,
  bases: readonly string[],
  {
    identification: { id, stamp, read },
    comparesBases,
  }: Pick<Dialect, "identification" | "comparesBases">,
  signal: AbortSignal,
): Promise<BaseEntries> {
  const ids: string[] = [];
  const stamps: string[] = [];
  const areSeveral = bases.length > 1 && comparesBases === undefined;
  for (const base of bases) {
    const request = {
      base,
      scope: "base",
      filter: areSeveral ? withinFilter(base) : "(objectClass=*)",
      attributes: stamp === undefined ? [id] : [id, stamp],
    } as const;
    const entries = await connection.searchAll(request, { signal });
    for (const { attributes } of entries) {
      ids.push(...valuesOf(attributes, id).slice(0, 1).map(read));
      if (stamp !== undefined) stamps.push(...textsOf(attributes, stamp));
    }
    if (areSeveral && entries.length === 0) {
      throw new UnsupportedError(
        `"${base}" is not found by its entryDN, so several bases cannot be distinguished: the account needs ` +
          "the right to search entryDN and to read each base, and the server the rule dnSubtreeMatch.",
      );
    }
  }
  return {
    ids: ids.length === bases.length ? ids.join(" ") : undefined,
    stamp: stamps.sort()[0],
  };
}

/** The longest name that all the names end in. */
function commonParent(bases: readonly string[]): string {
  const split = bases.map((base) => normalizeDn(base)).map((base) => splitDn(base).reverse());
  const [first = [], ...others] = split;
  let length = 0;
  while (length < first.length && others.every((other) => other[length] === first[length])) {
    length += 1;
  }
  if (length === 0) {
    throw new InvalidValueError(
      "base",
      "the bases have no parent in common: watch each by itself.",
    );
  }
  return first.slice(0, length).reverse().join(",");
}

/** The parts of a normalised name. */
function splitDn(dn: string): string[] {
  return dn.match(/(?:\\.|[^,\\])+/gsu) ?? [];
}
