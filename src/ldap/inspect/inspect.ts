import { UnsupportedError } from "../../core/index.js";
import { connectToFirst } from "../connection/connect-to-first.js";
import { inetOrgPerson } from "../profile/inet-org-person.js";
import type { Dialect } from "../sync/dialect.js";
import { chooseDialect } from "../sync/dialect-choice.js";
import type { DirectoryFinding, Inspecting, Probe } from "../sync/finding.js";
import { readAccount } from "../watch/account.js";
import { basesOf, contentOf, readBases } from "../watch/content.js";
import { checkOptions, type WatchOptions } from "../watch/watch.js";
import { LdapResultError } from "../wire/errors.js";
import type { RootDse } from "../wire/root-dse.js";
import { countContent, lookAtAttributes } from "./content.js";

/** What a server is, by which reader it would be followed, and what the account may not see. */
export interface DirectoryInspection {
  /** The server that was looked at. */
  readonly url: string;
  /** What the server is. */
  readonly server: {
    /** What it is, such as `OpenLDAP`, `389 Directory Server`, `FreeIPA` or `Active Directory`; `unknown` otherwise. */
    readonly kind: string;
    /** The maker, in the maker's words (RFC 3045). Undefined where the server does not say, as OpenLDAP does not. */
    readonly vendorName?: string;
    /** The version, in the maker's words (RFC 3045). Undefined where the server does not say. */
    readonly vendorVersion?: string;
  };
  /**
   * Whom the server takes the client for (RFC 4532), such as `dn:cn=reader,dc=example,dc=com`; empty for anybody.
   * Undefined where it does not say.
   */
  readonly account?: string;
  /** The reader that `watchDirectory` would use, and why. Undefined if there is none: then a finding says so. */
  readonly reader?: {
    /** The name of the reader, as the option `dialect` takes it. */
    readonly dialect: string;
    /** Why this one, for people. */
    readonly reason: string;
  };
  /** What was looked at, the worst first. */
  readonly findings: readonly DirectoryFinding[];
}

/**
 * Looks at a directory with the options of `watchDirectory`, and changes nothing: what kind of server it is, which
 * reader will be used and why, what the account may not see, and what that costs. All entries are counted, which takes
 * a server about a second for 100,000 of them.
 *
 * Of several `urls`, the first that can be connected to is looked at. What is wrong there is a finding; an error is
 * thrown for what is wrong before that.
 *
 * @throws {LdapError} if no server can be connected to, or the connection is lost; see {@link connect}.
 * @throws {InvalidValueError} if an option cannot be.
 */
export async function inspectDirectory(
  options: WatchOptions,
  { signal = new AbortController().signal }: { readonly signal?: AbortSignal } = {},
): Promise<DirectoryInspection> {
  const urls = checkOptions(options);
  const { url, connection } = await connectToFirst(options, urls, signal);
  await using _ = connection;
  const rootDse = await connection.readRootDse({ signal });
  const account = await readAccount(connection, signal);
  const findings: DirectoryFinding[] = [];
  const dialect = await attempt(findings, "dialect", () =>
    chooseDialect(connection, { signal, dialect: options.dialect }),
  );
  if (dialect !== undefined) {
    const { profile = inetOrgPerson, deletions = "probe" } = options;
    const content = contentOf(options, profile, dialect);
    const bases = await attempt(findings, "base", () =>
      readBases(connection, basesOf(options), dialect, signal),
    );
    // Without its bases, nothing else can be looked at.
    if (bases !== undefined) {
      const inspecting = inspectingOf({ connection, rootDse, content, deletions, account, signal });
      for (const { topic, look } of probesOf(dialect, inspecting)) {
        const finding = await attempt(findings, topic, look);
        if (finding !== undefined) findings.push(finding);
      }
    }
  }
  return {
    url,
    server: serverOf(rootDse, dialect),
    ...(account !== undefined && { account }),
    ...(dialect !== undefined && { reader: readerOf(dialect, options) }),
    findings: findings.sort((one, other) => ranks[one.effect] - ranks[other.effect]),
  };
}

const ranks = { refusal: 0, loss: 1, unclear: 2, cost: 3, none: 4 } as const;

function inspectingOf(known: Omit<Inspecting, "reads" | "count">): Inspecting {
  const { attributes } = known.content;
  const read = new Set(attributes.map((name) => name.toLowerCase()));
  const inspecting: Inspecting = {
    ...known,
    reads: (attribute) => read.has(attribute.toLowerCase()),
    count: () => countContent(inspecting),
  };
  return inspecting;
}

function probesOf({ inspection }: Dialect, inspecting: Inspecting): readonly Probe[] {
  const attributes: Probe = { topic: "attributes", look: () => lookAtAttributes(inspecting) };
  return [...(inspection?.inspect(inspecting) ?? []), attributes];
}

/** What comes of it; a finding where the server or the package refuses it. */
async function attempt<T>(
  findings: DirectoryFinding[],
  topic: DirectoryFinding["topic"],
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LdapResultError || error instanceof UnsupportedError)) throw error;
    findings.push({ topic, effect: "refusal", message: error.message });
    return undefined;
  }
}

function serverOf(
  { vendorName, vendorVersion }: RootDse,
  dialect: Dialect | undefined,
): DirectoryInspection["server"] {
  return {
    kind: dialect === undefined ? "unknown" : (dialect.inspection?.kind ?? dialect.name),
    ...(vendorName !== undefined && { vendorName }),
    ...(vendorVersion !== undefined && { vendorVersion }),
  };
}

function readerOf(
  { inspection, name }: Dialect,
  options: WatchOptions,
): NonNullable<DirectoryInspection["reader"]> {
  const named = "The option `dialect` names it, whatever the server says.";
  const reason = options.dialect === undefined ? (inspection?.reason ?? "It says so.") : named;
  return { dialect: name, reason };
}
