import type { Domain } from "./domain.js";

/** The controls of MS-ADTS 3.1.1.3.4.1 that are understood. */
export const domainOids = {
  dirSync: "1.2.840.113556.1.4.841",
  notification: "1.2.840.113556.1.4.528",
  extendedDn: "1.2.840.113556.1.4.529",
  showDeleted: "1.2.840.113556.1.4.417",
  pagedResults: "1.2.840.113556.1.4.319",
} as const;

/** The entry that says which life of the database a controller is in. */
export function serviceName(suffix: string): string {
  return `CN=NTDS Settings,CN=DC1,CN=Servers,CN=Sites,CN=Configuration,${suffix}`;
}

/** What the root DSE of a controller says (MS-ADTS 3.1.1.3.2). */
export function domainRootDse(
  suffix: string,
  domain: Domain,
): Readonly<Record<string, readonly string[]>> {
  return {
    namingContexts: [suffix],
    defaultNamingContext: [suffix],
    supportedControl: Object.values(domainOids),
    supportedCapabilities: ["1.2.840.113556.1.4.800"],
    supportedLDAPVersion: ["3"],
    dsServiceName: [serviceName(suffix)],
    highestCommittedUSN: [String(domain.highestUsn)],
    currentTime: [domain.time],
  };
}
