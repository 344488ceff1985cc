import { readFileSync } from "node:fs";
import { inetOrgPerson, profile } from "concordat/ldap";

// The programs are JavaScript, so that Node's stripping of types is not among what is measured.

/**
 * How each of the programs watches the directory, which its first argument describes in JSON: the `url`, the `base`,
 * whom to bind as, and the `attributes` to ask for beside those of the profile.
 */
export function watchOptions(described) {
  const { url, base, bind, attributes = [] } = JSON.parse(described);
  return {
    url,
    base,
    source: "bench",
    profile: profile({ extends: inetOrgPerson, attributes }),
    bind: { method: "simple", ...bind },
    allowCleartext: true,
    reconnect: false,
  };
}

/** The most memory that this process has had at once, in MB. */
export function peakMemory() {
  const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kilobytes) / 1_000;
}

/** What the programs tell the one that started them. */
export function tell(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** Nanoseconds on the system's monotonic clock. */
export function now() {
  return process.hrtime.bigint();
}

/** Ends this process when whoever started it closes its input. */
export function endWithInput() {
  process.stdin.on("end", () => process.exit()).resume();
}
