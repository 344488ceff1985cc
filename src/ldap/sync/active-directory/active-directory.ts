import { readGeneralizedTime } from "../../profile/expiry.js";
import { objectGuid } from "../../profile/identification.js";
import { dirSyncOid } from "../../wire/active-directory-controls.js";
import type { Dialect } from "../dialect.js";
import { isActiveDirectory, readController, readProgress } from "./controller.js";
import { Entries } from "./entries.js";
import { activeDirectoryInspection } from "./inspection.js";
import { parsePosition } from "./position.js";
import { readActiveDirectory } from "./reader.js";

/**
 * Active Directory Domain Services, and Samba as its domain controller: what has changed is learned by DirSync (MS-ADTS
 * 3.1.1.3.4.1.3). The position is its cookie, with what tells one controller, and one life of it, from another.
 */
export const activeDirectory: Dialect = {
  name: "activedirectory",
  identification: objectGuid,
  inspection: activeDirectoryInspection,
  comparesBases: "reader",
  isSpokenBy: ({ attributes, supportedControls }) =>
    isActiveDirectory(attributes) && supportedControls.includes(dirSyncOid),
  async reread(reading, ids) {
    const entries = new Entries(reading);
    const changes = [];
    for (const found of await entries.byIds(ids)) changes.push(await entries.map(found));
    return changes.filter((change) => change.kind === "upsert");
  },
  async lagBehind({ connection, content, signal }, position) {
    const read = parsePosition(position);
    const { invocationId } = await readController(connection, content.bases, signal);
    if (read?.invocationId !== invocationId) {
      return { known: false, reason: "Another domain controller answers, which counts by itself." };
    }
    const { usn } = await readProgress(connection, signal);
    const readUntil = readGeneralizedTime(read.time);
    return { known: true, isAhead: usn > read.usn, ...(readUntil !== undefined && { readUntil }) };
  },
  read(reading, position) {
    const former = parsePosition(position);
    if (position !== undefined && former === undefined) reading.reset("damaged");
    return readActiveDirectory(reading, former);
  },
};
