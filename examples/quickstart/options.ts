import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "./failures.ts";

/** What the command line asks for. */
export interface Options {
  /** Whose directory to follow; without it, one is made up. */
  readonly directory: DirectoryOptions | undefined;
  /** The file of the SQLite database; without it, one is made. */
  readonly database: string | undefined;
  /** Whether to use colours; undefined: as the environment says. */
  readonly color: boolean | undefined;
  readonly help: boolean;
}

/** Where a directory is, and what to read of it. */
export interface DirectoryOptions {
  readonly url: string;
  readonly base: string;
  readonly bindDn: string | undefined;
  readonly profile: ProfileName;
  readonly startTls: boolean;
  /** The file with the authorities to trust. */
  readonly ca: string | undefined;
  readonly filter: string | undefined;
}

const profileNames = ["inetOrgPerson", "rfc2307", "rfc2307bis"] as const;

/** A profile that the package brings. */
export type ProfileName = (typeof profileNames)[number];

/** What `--help` prints. */
export const help: string = `Usage: npm run quickstart [-- OPTIONS]

Keeps the users and groups of an LDAP directory in a SQLite database, live.
Without options, the directory is made up and runs in this process; you see its
people arrive in the database, then change.

Your own directory, which is only read, never written to:
  --url URL          ldaps://host, ldap://host, or ldapi:// and the path of the
                     socket with each / written as %2F
  --base DN          the entry below which the people and groups are
  --bind-dn DN       who to sign in as; without it, as nobody (anonymously), or
                     on ldapi:// as the user who runs this (SASL EXTERNAL)
  --profile NAME     ${profileNames.join(", ")}
                     (default: inetOrgPerson)
  --start-tls        secure an ldap:// connection before signing in
  --ca FILE          the certificates of the authorities to trust, in PEM
  --filter FILTER    only the entries that match as well, such as "(o=Acme)"
The password is asked for, or taken from the variable CONCORDAT_PASSWORD.

Everything else:
  --database FILE    where to keep the database (default: a new temporary file);
                     named again, a directory is resumed where it was left
  --color, --no-color
                     colours or none, whatever NO_COLOR and FORCE_COLOR say
  --help             this text

Example:
  npm run quickstart -- --url ldaps://ldap.example.com \\
    --base dc=example,dc=com --bind-dn cn=reader,dc=example,dc=com`;

/**
 * Reads the command line.
 *
 * @throws {UsageError} it cannot be understood.
 */
export function readOptions(args: readonly string[]): Options {
  // Said without repeating it: what follows may be a real password.
  if (args.some((arg) => /^-+[\w-]*passw/i.test(arg))) {
    throw new UsageError(
      "Every user of this machine can read a password on the command line: leave it out to be asked, or set " +
        "CONCORDAT_PASSWORD.",
    );
  }
  const { color, help, ...given } = parse(args);
  const { database, ...values } = { ...fromEnvironment(given), ...given };
  return {
    directory: directoryOptions(values),
    database: database === undefined ? undefined : resolve(database),
    color,
    help: help === true,
  };
}

type Values = ReturnType<typeof parse>;

/** What the environment says where the command line does not. A directory is named as a whole by one of the two. */
function fromEnvironment({ url }: Pick<Values, "url">): Partial<Values> {
  const { DATABASE, LDAP_URL, LDAP_BASE, LDAP_BIND_DN, LDAP_CA_FILE } = process.env;
  return {
    ...(DATABASE && { database: DATABASE }),
    ...(url === undefined &&
      LDAP_URL && {
        url: LDAP_URL,
        ...(LDAP_BASE && { base: LDAP_BASE }),
        ...(LDAP_BIND_DN && { "bind-dn": LDAP_BIND_DN }),
        ...(LDAP_CA_FILE && { ca: LDAP_CA_FILE }),
      }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        url: { type: "string" },
        base: { type: "string" },
        "bind-dn": { type: "string" },
        profile: { type: "string" },
        "start-tls": { type: "boolean" },
        ca: { type: "string" },
        filter: { type: "string" },
        database: { type: "string" },
        color: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Its first sentence says what is wrong; the others are about programmes that take more than options.
    const [first = ""] = error.message.split(/\. |\n/);
    throw new UsageError(`${first.replace(/\.$/, "")}.`);
  }
}

/** The command that follows a directory, with a database that was begun. */
export function commandLine(directory: DirectoryOptions, database: string): string {
  const { url, base, bindDn, profile, startTls, ca, filter } = directory;
  const options = { url, base, "bind-dn": bindDn, profile, ca, filter, database };
  const words = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, quoted(value)],
  );
  return ["npm run quickstart --", ...words, ...(startTls ? ["--start-tls"] : [])].join(" ");
}

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w.,:=/@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function directoryOptions(
  values: Omit<Values, "color" | "database" | "help">,
): DirectoryOptions | undefined {
  const { url, base, profile = "inetOrgPerson" } = values;
  if (url === undefined) {
    const [stray] = Object.keys(values);
    if (stray === undefined) return undefined;
    throw new UsageError(`--${stray} is about a directory of your own: name it with --url.`);
  }
  if (base === undefined || base === "") {
    throw new UsageError(
      "Say with --base below which entry the people and groups are, such as dc=example,dc=com.",
    );
  }
  const profileName = profileNames.find((name) => name.toLowerCase() === profile.toLowerCase());
  if (profileName === undefined) {
    throw new UsageError(
      `There is no profile of that name: --profile takes ${profileNames.join(", ")}.`,
    );
  }
  return {
    url,
    base,
    bindDn: values["bind-dn"],
    profile: profileName,
    startTls: values["start-tls"] === true,
    ca: values.ca === undefined ? undefined : resolve(values.ca),
    filter: values.filter,
  };
}
