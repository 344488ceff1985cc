import { parseArgs } from "node:util";
import { UsageError } from "./errors.js";

/** What a command was called with. */
export interface Arguments {
  readonly command: string | undefined;
  /** What comes after the command and is no option. */
  readonly operands: readonly string[];
  readonly config: string | undefined;
  readonly json: boolean;
  readonly help: boolean;
  readonly version: boolean;
  readonly once: boolean;
  readonly standby: boolean;
  /** The name of the synchronisation. */
  readonly sync: string | undefined;
  /** The file that is written. */
  readonly out: string | undefined;
  readonly format: string | undefined;
  readonly redirect: readonly string[];
  readonly signOut: string | undefined;
  readonly endpoint: string | undefined;
  readonly at: string | undefined;
  readonly leaked: boolean;
}

export const help = `Usage: concordat COMMAND [OPTIONS]

  init TEMPLATE FOLDER   copy a template; without operands, list them
  check                  connect to both ends, and say what is missing
  plan                   say what a run would do now, and write nothing
  sync                   follow the source and apply its changes; --once ends when all is applied; with --standby, any
                         number of processes are started and one works
  status                 how far the source was followed, what was refused, and what waits
  retry                  try what was refused again now
  accept DIGEST          do what a plan has shown, beyond maxDeletes, if the plan is still the same
  refresh                have everything read anew by the next run
  trace -o FILE          follow the source, and record what it says instead of applying it
  replay FILE            apply a recording
  token                  make a bearer token for a SCIM client, and the digest to keep of it
  consumer create KEY_NAME --redirect URL | rotate KEY --at TIME | rotate KEY --leaked | revoke KEY | list
                         the consumers of a sign-on server

Options:
  --config FILE   the configuration (default: concordat.config.ts here or in a folder above)
  --sync NAME     which synchronisation, where the configuration has several
  --json          JSON, one line for each thing
  --once          of sync and trace: end when everything is read that there is now
  --standby       of sync: wait while another process is at work, and take its place when it is not any more
  -o, --out FILE  of trace: where the recording goes; of plan: where the plan goes as JSON
  --format NAME   of consumer create: simple-sso (default), simple-sso-draft or http-signature
  --redirect URL  of consumer create: where visitors may be sent back to; several times for several
  --sign-out URL  of consumer create: where the consumer is notified of sign-outs
  --endpoint URL  of consumer create and rotate: where the sign-on server is, for the settings that are shown
  -h, --help      this text
  --version       the version

It ends with 0 when it is done, 1 when something went wrong, 2 when it was called wrongly or its configuration cannot be
used, 3 when more would be taken away than a limit allows, and 4 when another process has taken the stream.`;

/** @throws {UsageError} there is an option that it does not know, or one without its value. */
export function readArguments(args: readonly string[]): Arguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: "string" },
        sync: { type: "string" },
        json: { type: "boolean", default: false },
        once: { type: "boolean", default: false },
        standby: { type: "boolean", default: false },
        out: { type: "string", short: "o" },
        format: { type: "string" },
        redirect: { type: "string", multiple: true, default: [] },
        "sign-out": { type: "string" },
        endpoint: { type: "string" },
        at: { type: "string" },
        leaked: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        version: { type: "boolean", default: false },
      },
    });
    const [command, ...operands] = positionals;
    const { "sign-out": signOut, config, sync, out, format, endpoint, at, ...rest } = values;
    return { command, operands, config, sync, out, format, endpoint, at, signOut, ...rest };
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/**
 * The operands of a command, each by its name in the help. @throws {UsageError} one is missing, or there is one more.
 */
export function operandsOf(given: Arguments, ...names: readonly string[]): readonly string[] {
  const { command, operands } = given;
  const missing = names[operands.length];
  if (missing !== undefined) throw new UsageError(`"${command}" needs ${missing}.`);
  if (operands.length > names.length) {
    throw new UsageError(`"${command}" does not know what to do with "${operands[names.length]}".`);
  }
  return operands;
}
