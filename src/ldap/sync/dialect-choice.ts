import { UnsupportedError } from "../../core/index.js";
import type { LdapConnection } from "../connection/connection.js";
import type { RootDse } from "../wire/root-dse.js";
import { syncRequestOid } from "../wire/sync-messages.js";
import type { Dialect } from "./dialect.js";
import { openLdap } from "./openldap/openldap.js";

/** Every dialect that is spoken. Of those that a server says it speaks, the first is taken. */
const dialects: readonly Dialect[] = [openLdap];

/**
 * The dialect of a server, from what it says of itself.
 *
 * Another server that offers the content synchronization operation is refused: the specification leaves to servers what
 * decides about deletions. 389 Directory Server, for one, ends a resumed refresh as if it had listed all entries that
 * still exist, having listed none, which reads as "everything was deleted".
 *
 * @throws {UnsupportedError} if there is no dialect for the server.
 */
export async function chooseDialect(
  connection: LdapConnection,
  options: { readonly signal?: AbortSignal },
): Promise<Dialect> {
  const rootDse = await connection.readRootDse(options);
  for (const dialect of dialects) {
    if (await dialect.isSpokenBy(rootDse, connection)) return dialect;
  }
  if (rootDse.supportedControls.includes(syncRequestOid)) {
    throw new UnsupportedError(
      `The directory${maker(rootDse)} offers content synchronization (RFC 4533) but speaks no dialect that is known here ` +
        `(${dialects.map(({ name }) => name).join(", ")}), or it does not let this account read its root DSE.`,
    );
  }
  throw new UnsupportedError(
    `The directory${maker(rootDse)} does not offer content synchronization (RFC 4533), or not to this account. ` +
      "On OpenLDAP, load the overlay syncprov.",
  );
}

function maker({ vendorName }: RootDse): string {
  return vendorName === undefined ? "" : ` (${vendorName})`;
}
