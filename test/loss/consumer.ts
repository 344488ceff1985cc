import { subscribe } from "node:diagnostics_channel";
import { openSync, writeSync } from "node:fs";
import type { ChangeStream } from "concordat/changes";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import {
  activeDirectory,
  type DirectoryProfile,
  freeIpa,
  inetOrgPerson,
  profile,
  watchChannelName,
  watchDirectory,
} from "concordat/ldap";
import { synchronize } from "concordat/sync";
import { Kysely } from "kysely";

/** What the process that is killed again and again is told, as JSON in its only argument. */
export interface ConsumerOptions {
  /** The servers, in the order in which they are tried. */
  readonly urls: readonly string[];
  readonly base: string;
  readonly bindDn: string;
  readonly password: string;
  readonly database: string;
  /** The file to which everything that happens is appended, line by line. */
  readonly journal: string;
  readonly transactions: boolean;
  readonly onDelete: "deactivate" | "delete";
  readonly dangling: "keep" | "drop";
  /** Of a server with a reader of its own: its profile here. Default: that of the staff of an OpenLDAP. */
  readonly profile?: string;
  /** For how long nothing is heard of the process at work before another takes its place, in milliseconds. */
  readonly lease?: number;
  /** How often to look at all names and groups, in milliseconds; 0 for never. */
  readonly reconcileEvery: number;
}

const options: ConsumerOptions = JSON.parse(process.argv[2] ?? "");
const journal = openSync(options.journal, "a");

/** Written at once: the system keeps it when the process is killed. */
function note(line: object): void {
  writeSync(journal, `${JSON.stringify({ at: Date.now(), pid: process.pid, ...line })}\n`);
}

/** The stream, with what it says and what is asked of it beside noted before it counts. */
function noted(stream: ChangeStream): ChangeStream {
  return {
    source: stream.source,
    async *read(request) {
      for await (const batch of stream.read(request)) {
        note({ batch });
        // Whoever waits for this process to be at work sees that it is.
        if (batch.refresh === "begins") process.stdout.write("reading\n");
        yield batch;
      }
    },
    ...(stream.reread === undefined
      ? {}
      : {
          async reread(ids, request) {
            const upserts = (await stream.reread?.(ids, request)) ?? [];
            note({ asked: ids, upserts });
            return upserts;
          },
        }),
  };
}

subscribe(watchChannelName, (event) => note({ event }));

// The input ends when whoever started this process is gone, however that went: nobody would kill it any more.
process.stdin.resume().once("end", () => process.exit());

const db = new Kysely<unknown>({
  // A process that is killed loses nothing that it wrote; only a crash of the machine would.
  dialect: nodeSqliteDialect({ path: options.database, durable: false }),
});
await createTables(db);
const profiles: Readonly<Record<string, DirectoryProfile>> = {
  staff: profile({
    extends: inetOrgPerson,
    groupClasses: ["groupOfNames", "posixGroup"],
    members: [
      { attribute: "member", kind: "dn" },
      { attribute: "memberUid", kind: "uid" },
    ],
    user: {
      displayName: "cn",
      active: { reads: ["employeeType"], value: (entry) => entry.text("employeeType") !== "left" },
    },
  }),
  "389ds": profile({
    extends: inetOrgPerson,
    user: {
      active: {
        reads: ["nsAccountLock"],
        value: (entry) => entry.text("nsAccountLock") !== "TRUE",
      },
    },
  }),
  freeipa: freeIpa,
  activedirectory: activeDirectory,
};
const directory = watchDirectory({
  urls: options.urls,
  source: "directory",
  base: options.base,
  ...(options.profile === undefined ? { filter: "(!(ou=archive))" } : {}),
  profile: profiles[options.profile ?? "staff"] ?? inetOrgPerson,
  bind: { method: "simple", dn: options.bindDn, password: options.password },
  allowCleartext: true,
  reconcileEvery: options.reconcileEvery === 0 ? false : options.reconcileEvery,
  reconcileGroups: true,
  reconnect: { initialDelay: 10, maxDelay: 100 },
});
const outcomes = synchronize(
  noted(directory),
  kyselyTarget({ db, transactions: options.transactions }),
  {
    onDelete: options.onDelete,
    dangling: options.dangling,
    maxDeletes: Number.POSITIVE_INFINITY,
    maxCleared: Number.POSITIVE_INFINITY,
    // What a killed process had asked of the file is done, or will never be. One that is frozen may go on with it later.
    takeoverDelay: options.lease === undefined ? 1_000 : 10_000,
    ...(options.lease === undefined ? {} : { standby: { lease: options.lease } }),
  },
);
for await (const outcome of outcomes) {
  note({ outcome });
  if (outcome.kind === "began") process.stdout.write("began\n");
}
