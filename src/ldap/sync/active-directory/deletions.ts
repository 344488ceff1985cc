import { UnsupportedError } from "../../../core/index.js";
import type { LdapConnection } from "../../connection/connection.js";
import { showDeleted } from "../../wire/active-directory-controls.js";
import { LdapResultError } from "../../wire/errors.js";

/** The container of deleted objects, by its well-known GUID, whatever its name is (MS-ADTS 6.1.1.4). */
const deletedObjects = "18E2EA80684F11D2B9AA00C04F79F805";

/**
 * Whether an account sees deleted objects. One that may not learns of no deletion: DirSync leaves them out
 * without an error. The container itself is found even then, but as a name without attributes.
 */
export async function seesDeletedObjects(
  connection: LdapConnection,
  namingContext: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const found = await connection.searchAll(
      {
        base: `<WKGUID=${deletedObjects},${namingContext}>`,
        scope: "base",
        filter: "(objectClass=*)",
        attributes: ["objectGUID"],
        controls: [showDeleted],
      },
      { signal },
    );
    return found.some(({ attributes }) => attributes.some(({ values }) => values.length > 0));
  } catch (error) {
    // Some servers say that there is none, or that it may not be seen.
    if (error instanceof LdapResultError && hidden.includes(error.resultCode)) return false;
    throw error;
  }
}

const hidden = [32, 50];

export function deletionsAreMissed(namingContext: string): UnsupportedError {
  return new UnsupportedError(
    "This account may not see deleted objects, so that deletions would be missed without an error. Grant it to list " +
      `and to read "CN=Deleted Objects,${namingContext}" (dsacls with /takeownership, then /G ACCOUNT:LCRP), or set ` +
      '`deletions` to "sweep", which takes for deleted what is not found at each `reconcileEvery`.',
  );
}
