import { readFileSync } from "node:fs";
import { inetOrgPerson, type Profile, profile, type WatchOptions } from "concordat/ldap";
import { adminDn, allAttributes, password } from "../people.ts";

/** Asks for everything that an entry has, and maps the same of it. */
const everything: Profile = profile({ extends: inetOrgPerson, attributes: allAttributes });

/** How each of the programs watches the directory. */
export function watchOptions(url: string, base: string, attributes = "profile"): WatchOptions {
  return {
    url,
    base,
    source: "bench",
    profile: attributes === "all" ? everything : inetOrgPerson,
    bind: { method: "simple", dn: adminDn, password },
    allowCleartext: true,
    reconnect: false,
  };
}

/** The most memory that this process has had at once, in MB. */
export function peakMemory(): number {
  const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kilobytes) / 1_000;
}

/** What the programs tell the one that started them. */
export function tell(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** Nanoseconds on the system's monotonic clock. */
export function now(): bigint {
  return process.hrtime.bigint();
}

/** Ends this process when whoever started it closes its input. */
export function endWithInput(): void {
  process.stdin.on("end", () => process.exit()).resume();
}
