import { setTimeout as sleep } from "node:timers/promises";
import { createTables, kyselyTarget, nodeSqliteDialect } from "concordat/kysely";
import { inetOrgPerson, profile, watchDirectory } from "concordat/ldap";
import { remoteRepositories, ScimClient } from "concordat/scim-client";
import { synchronize } from "concordat/sync";
import { Kysely } from "kysely";

/** What the process that follows the directory is told, as JSON in its only argument. */
export interface ConsumerOptions {
  readonly directory: string;
  readonly base: string;
  readonly bindDn: string;
  readonly password: string;
  /** The base URL of the service provider. */
  readonly provider: string;
  readonly token: string;
  /** Where the links, the memberships and the checkpoints are. */
  readonly database: string;
  readonly onDelete: "deactivate" | "delete";
}

const options: ConsumerOptions = JSON.parse(process.argv[2] ?? "");

// The input ends when whoever started this process is gone, however that went: nobody would kill it any more.
process.stdin.resume().once("end", () => process.exit());

const db = new Kysely<unknown>({
  dialect: nodeSqliteDialect({ path: options.database, durable: false }),
});
await createTables(db);
const client = new ScimClient({
  baseUrl: options.provider,
  authorization: `Bearer ${options.token}`,
  allowCleartext: true,
  limits: { connect: 1_000, silence: 5_000, total: 5_000 },
  retry: { attempts: 3, minDelay: 10, maxDelay: 1_000 },
});

/** The repositories, as soon as the service provider has said what it can do. */
async function remote() {
  for (;;) {
    try {
      return await remoteRepositories(client);
    } catch {
      await sleep(50);
    }
  }
}

const { users, groups } = await remote();
if (groups === undefined) throw new Error("The service provider has no groups.");
const { links, memberships, checkpoints } = kyselyTarget({ db });
const directory = watchDirectory({
  url: options.directory,
  source: "directory",
  base: options.base,
  filter: "(!(ou=archive))",
  profile: profile({
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
  bind: { method: "simple", dn: options.bindDn, password: options.password },
  allowCleartext: true,
  reconnect: { initialDelay: 10, maxDelay: 100 },
});
const outcomes = synchronize(
  directory,
  { users, groups, links, memberships, checkpoints },
  {
    onDelete: options.onDelete,
    dangling: "drop",
    maxDeletes: Number.POSITIVE_INFINITY,
    outages: { attempts: 1_000, delay: 20, maxDelay: 200 },
    refusals: { delay: 200, maxDelay: 1_000 },
  },
);
for await (const outcome of outcomes) {
  // Whoever waits for this process to be at work sees that it is.
  if (outcome.kind !== "waiting") process.stdout.write(`${outcome.kind}\n`);
}
