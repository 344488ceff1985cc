import { InvalidValueError, UnsupportedError } from "../../core/index.js";
import type { LdapConnection } from "../connection/connection.js";
import type { RootDse } from "../wire/root-dse.js";
import { syncRequestOid } from "../wire/sync-messages.js";
import { activeDirectory } from "./active-directory/active-directory.js";
import type { Dialect } from "./dialect.js";
import { directory389 } from "./directory-389/directory-389.js";
import { freeIpa } from "./free-ipa/free-ipa.js";
import { openLdap } from "./openldap/openldap.js";

/** Every dialect that is spoken, a line each. Of those that a server says it speaks, the first is taken. */
const dialects: readonly Dialect[] = [
  openLdap, // by RFC 4533
  freeIpa, // a 389 Directory Server whose changelog is of no use
  directory389, // by RFC 4533, with a retro changelog
  activeDirectory, // by DirSync
];

/**
 * The dialect of a server: the one that the options name, or else by what the server says of itself.
 *
 * Another server that offers the content synchronization operation is refused: the specification leaves to servers what
 * decides about deletions, and some keep to it in words only.
 *
 * @throws {UnsupportedError} if there is no dialect for the server.
 */
export async function chooseDialect(
  connection: LdapConnection,
  options: { readonly signal?: AbortSignal; readonly dialect?: string | undefined },
): Promise<Dialect> {
  if (options.dialect !== undefined) return dialectNamed(options.dialect);
  const rootDse = await connection.readRootDse(options);
  for (const dialect of dialects) {
    if (await dialect.isSpokenBy(rootDse, connection)) return dialect;
  }
  if (rootDse.supportedControls.includes(syncRequestOid)) {
    throw new UnsupportedError(
      `The directory${maker(rootDse)} offers content synchronization (RFC 4533) but speaks no known dialect ` +
        `(${dialects.map(({ name }) => name).join(", ")}), or it does not let this account read its root DSE.`,
    );
  }
  throw new UnsupportedError(
    `The directory${maker(rootDse)} does not offer content synchronization (RFC 4533), or not to this account. ` +
      "On OpenLDAP, load the overlay syncprov.",
  );
}

/** @throws {InvalidValueError} if there is none of this name. */
export function dialectNamed(name: string): Dialect {
  const named = dialects.find((dialect) => dialect.name === name);
  if (named !== undefined) return named;
  const names = dialects.map((dialect) => `"${dialect.name}"`).join(", ");
  throw new InvalidValueError("dialect", `must be one of ${names}.`);
}

function maker({ vendorName }: RootDse): string {
  return vendorName === undefined ? "" : ` (${vendorName})`;
}
