import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { ChangeStream } from "../changes/index.js";
import type { ConsumerRepository, SyncTarget } from "../repositories/index.js";
import type { SynchronizeOptions } from "../sync/index.js";
import { ConfigError, messageOf } from "./errors.js";

/** One synchronisation: what is followed, into what, and how. */
export interface SyncConfig {
  /** What is followed, such as `watchDirectory(…)`. */
  readonly stream: ChangeStream;
  /** What it is applied to, such as `kyselyTarget(…)`. */
  readonly target: SyncTarget;
  /**
   * How it is applied. What the command decides by itself is not among them. `standby` is for `concordat sync` alone, and
   * says how long its lease is; where it is left out, `--standby` decides.
   */
  readonly options?: Omit<SynchronizeOptions, "accept" | "dryRun" | "follow" | "signal">;
  /**
   * Looks at the source for `concordat check`, such as `() => inspectDirectory(options)`. Without it, the source is
   * read until its first entry.
   */
  readonly checkSource?: () => Promise<SourceInspection>;
  /**
   * Makes the application ready before each command, such as by creating tables that are missing; it has to do nothing
   * where that is done. `concordat sync` and `replay` wait while it rejects, as `options.outages` says, so that an
   * application which is down when they start does not end them.
   */
  readonly prepare?: () => Promise<unknown>;
  /** Looks whether the target can be used, for `concordat check`; it rejects with what is wrong. */
  readonly checkTarget?: () => Promise<void>;
}

/** What was found out about a source; `inspectDirectory` of `concordat/ldap` answers it. */
export interface SourceInspection {
  /** The server that was looked at. */
  readonly server: {
    /** What it is, such as `OpenLDAP`, for people. */
    readonly kind: string;
  };
  /** How the source would be read. Absent where it cannot be: a finding is to say why. */
  readonly reader?: {
    /** The name of the reader, such as `openldap`. */
    readonly dialect: string;
    /** Why this one, for people. */
    readonly reason: string;
  };
  /** What was looked at. `check` prints each on a line of its own, in this order. */
  readonly findings: readonly {
    /** `refusal` and `loss` are what `check` fails for. */
    readonly effect: "none" | "cost" | "loss" | "refusal" | "unclear";
    /** What was found and what can be done, for people. */
    readonly message: string;
  }[];
}

/** What `concordat.config.ts` exports by default. */
export interface ConcordatConfig {
  /** One synchronisation. */
  readonly sync?: SyncConfig;
  /** Several, by name; a command is given the name where there is more than one. */
  readonly syncs?: { readonly [name: string]: SyncConfig };
  /** The consumers of a sign-on server, for `concordat consumer`. */
  readonly consumers?: ConsumerRepository;
  /** Closes what was opened, such as the database, when the command is done. */
  readonly close?: () => Promise<void>;
}

/** The configuration as it is given, with its type: for `export default` in `concordat.config.ts`. */
export function defineConfig(config: ConcordatConfig): ConcordatConfig {
  return config;
}

const fileNames = [
  "concordat.config.ts",
  "concordat.config.mts",
  "concordat.config.js",
  "concordat.config.mjs",
];

/**
 * Loads the configuration.
 *
 * @param path the file; without it, the first of the usual names is taken that is in this directory or in one above it.
 * @throws {ConfigError} there is none, it cannot be loaded, or its default export is no configuration.
 */
export async function loadConfig(
  path: string | undefined,
  directory: string,
): Promise<ConcordatConfig> {
  const file = path === undefined ? find(directory) : resolve(directory, path);
  if (file === undefined) {
    throw new ConfigError(
      `There is no ${fileNames[0]} in ${directory} or above it. Make one with "concordat init", ` +
        "or name it with --config.",
    );
  }
  if (!existsSync(file)) throw new ConfigError(`The configuration ${file} is not there.`);
  let loaded: { readonly default?: unknown };
  try {
    loaded = await import(pathToFileURL(file).href);
  } catch (cause) {
    // The configuration may have it from another copy of the package.
    if (cause instanceof Error && "code" in cause && cause.code === "config") {
      throw new ConfigError(cause.message, { cause });
    }
    throw new ConfigError(`The configuration ${file} cannot be loaded: ${messageOf(cause)}`, {
      cause,
    });
  }
  return asConfig(loaded.default, file);
}

/** The one that is asked for, or the only one. */
export function syncNamed(config: ConcordatConfig, name: string | undefined): SyncConfig {
  const syncs = new Map(Object.entries(config.syncs ?? {}));
  if (config.sync !== undefined) syncs.set("sync", config.sync);
  const names = [...syncs.keys()].join(", ");
  if (syncs.size === 0) throw new ConfigError('The configuration has neither "sync" nor "syncs".');
  if (name === undefined) {
    const [only] = syncs.values();
    if (syncs.size === 1 && only !== undefined) return only;
    throw new ConfigError(`There are several synchronisations; say which: ${names}.`);
  }
  const named = syncs.get(name);
  if (named === undefined)
    throw new ConfigError(`There is no synchronisation "${name}", but ${names}.`);
  return named;
}

function find(directory: string): string | undefined {
  for (let current = resolve(directory); ; ) {
    for (const name of fileNames) {
      const file = join(current, name);
      if (existsSync(file)) return file;
    }
    const parent = dirname(current);
    if (parent === current) return undefined;
    current = parent;
  }
}

function asConfig(exported: unknown, file: string): ConcordatConfig {
  if (typeof exported !== "object" || exported === null) {
    throw new ConfigError(`${file} has no configuration as its default export.`);
  }
  const config = exported as ConcordatConfig;
  const syncs = [config.sync, ...Object.values(config.syncs ?? {})];
  for (const sync of syncs) {
    if (sync === undefined) continue;
    if (typeof sync?.stream?.read !== "function" || typeof sync.target?.links !== "object") {
      throw new ConfigError(`${file}: a synchronisation has a "stream" and a "target".`);
    }
  }
  return config;
}
