import { AttributeValues } from "../entries/entry.js";
import { syncOids } from "../sync/control.js";

/** The extended operations. RFC 3909, RFC 4511 §4.14, RFC 4532 */
export const extensions = {
  cancel: "1.3.6.1.1.8",
  startTls: "1.3.6.1.4.1.1466.20037",
  whoAmI: "1.3.6.1.4.1.4203.1.11.3",
} as const;

/** The controls that may be critical; ManageDsaIT changes nothing where there are no referrals (RFC 3296). */
export const supportedControls: readonly string[] = [syncOids.request, "2.16.840.1.113730.3.4.2"];

/**
 * The root DSE (RFC 4512 §5.1). It says that the server is an OpenLDAP, since that is the dialect that it speaks, and a
 * client chooses by it.
 */
export function rootDse(options: { suffix: string; offersTls: boolean }): AttributeValues[] {
  const { startTls, ...others } = extensions;
  const attributes: Readonly<Record<string, readonly string[]>> = {
    objectClass: ["top", "OpenLDAProotDSE"],
    structuralObjectClass: ["OpenLDAProotDSE"],
    namingContexts: [options.suffix],
    supportedControl: supportedControls,
    supportedExtension: [...Object.values(others), ...(options.offersTls ? [startTls] : [])],
    // "+" asks for all operational attributes (RFC 3673).
    supportedFeatures: ["1.3.6.1.4.1.4203.1.5.1"],
    supportedLDAPVersion: ["3"],
    entryDN: [""],
  };
  return Object.entries(attributes).map(
    ([name, values]) =>
      new AttributeValues(
        name,
        values.map((value) => Buffer.from(value)),
      ),
  );
}
