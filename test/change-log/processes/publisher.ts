import { connect } from "@nats-io/transport-node";
import { publishChanges } from "concordat/change-log";
import { inetOrgPerson, profile, watchDirectory } from "concordat/ldap";
import { openedLog } from "./opened-log.ts";

/** What the process that is killed again and again is told, as JSON in its only argument. */
export interface PublisherOptions {
  readonly url: string;
  readonly base: string;
  readonly bindDn: string;
  readonly password: string;
  readonly servers: readonly string[];
  readonly stream: string;
  /** For how long nothing is heard of the one that works before another takes its place, in milliseconds. */
  readonly lease: number;
}

const options: PublisherOptions = JSON.parse(process.argv[2] ?? "");

// The input ends when whoever started this process is gone, however that went: nobody would kill it any more.
process.stdin.resume().once("end", () => process.exit());

const directory = watchDirectory({
  url: options.url,
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
  // With refint, the server tells nobody what it rewrites.
  reconcileEvery: 2_500,
  reconcileGroups: true,
  reconnect: { initialDelay: 10, maxDelay: 100 },
});
const servers = [...options.servers];
const connection = await connect({
  servers,
  maxReconnectAttempts: -1,
  waitOnFirstConnect: true,
  reconnectTimeWait: 50,
});
const outcomes = publishChanges(directory, await openedLog(connection, options.stream), {
  maxDeletes: Number.POSITIVE_INFINITY,
  standby: { lease: options.lease },
});
for await (const { kind } of outcomes) {
  if (kind === "standby" || kind === "began") process.stdout.write(`${kind}\n`);
}
