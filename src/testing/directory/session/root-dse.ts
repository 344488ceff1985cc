import type { Domain } from "../dirsync/domain.js";
import { domainOids, domainRootDse } from "../dirsync/root-dse.js";
import { AttributeValues } from "../entries/entry.js";
import { syncOids } from "../sync/control.js";
import type { DirectoryKind } from "../sync/provider.js";

/** The extended operations. RFC 3909, RFC 4511 §4.14, RFC 4532 */
export const extensions = {
  cancel: "1.3.6.1.1.8",
  startTls: "1.3.6.1.4.1.1466.20037",
  whoAmI: "1.3.6.1.4.1.4203.1.11.3",
} as const;

/** The controls that may be critical; ManageDsaIT changes nothing where there are no referrals (RFC 3296). */
export const supportedControls: readonly string[] = [syncOids.request, "2.16.840.1.113730.3.4.2"];

const makers: Readonly<Record<DirectoryKind, Readonly<Record<string, readonly string[]>>>> = {
  openldap: { objectClass: ["top", "OpenLDAProotDSE"], structuralObjectClass: ["OpenLDAProotDSE"] },
  "389ds": { objectClass: ["top"], vendorName: ["389 Project"] },
  freeipa: { objectClass: ["top"], vendorName: ["389 Project"] },
};

/** Those of a domain controller. */
export const domainControls: readonly string[] = Object.values(domainOids);

/**
 * The root DSE (RFC 4512 §5.1). It says whose server it is, by the dialect that it speaks, since a client chooses by
 * it.
 */
export function rootDse(options: {
  suffix: string;
  offersTls: boolean;
  kind: DirectoryKind;
  numbers: Readonly<Record<string, number>>;
  domain: Domain | undefined;
}): AttributeValues[] {
  const { startTls, ...others } = extensions;
  if (options.domain) return valuesOf(domainRootDse(options.suffix, options.domain));
  return valuesOf({
    ...makers[options.kind],
    ...Object.fromEntries(
      Object.entries(options.numbers).map(([name, number]) => [name, [String(number)]]),
    ),
    namingContexts: [options.suffix],
    supportedControl: supportedControls,
    supportedExtension: [...Object.values(others), ...(options.offersTls ? [startTls] : [])],
    // "+" asks for all operational attributes (RFC 3673).
    supportedFeatures: ["1.3.6.1.4.1.4203.1.5.1"],
    supportedLDAPVersion: ["3"],
    entryDN: [""],
  });
}

function valuesOf(attributes: Readonly<Record<string, readonly string[]>>): AttributeValues[] {
  return Object.entries(attributes).map(
    ([name, values]) =>
      new AttributeValues(
        name,
        values.map((value) => Buffer.from(value)),
      ),
  );
}
