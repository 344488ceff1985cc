import { entryUuid } from "../../profile/identification.js";
import { firstTextOf, valuesOf } from "../../wire/attributes.js";
import {
  type DialectInspection,
  type DirectoryFinding,
  fine,
  type Inspecting,
} from "../finding.js";
import { readSample } from "../sample.js";
import { readServerState } from "./server-state.js";
import { readServerStart } from "./session-log.js";

/** What an account may not see of an OpenLDAP, and what that costs. */
export const openLdapInspection: DialectInspection = {
  kind: "OpenLDAP",
  reason:
    "Its root DSE has the object class OpenLDAProotDSE, and offers content synchronization (RFC 4533).",
  inspect: (inspecting) => [
    { topic: "changelog", look: () => lookAtState(inspecting) },
    { topic: "permanentIds", look: () => lookAtIds(inspecting) },
    { topic: "versions", look: () => lookAtVersions(inspecting) },
    { topic: "serverStart", look: () => lookAtStart(inspecting) },
    { topic: "content", look: inspecting.count },
  ],
};

/** Refused in words where the overlay is missing. */
async function lookAtState({ connection, content, signal }: Inspecting): Promise<DirectoryFinding> {
  const state = await readServerState(connection, content, signal);
  if (state !== undefined) {
    return fine("changelog", "The overlay syncprov is on the database, and says what it holds.");
  }
  return {
    topic: "changelog",
    effect: "cost",
    message:
      "The overlay syncprov is on the database, but does not say what it holds (contextCSN), as while nothing has been " +
      "written: that a server lags behind another or was set back is not noticed, and a resume is compared more often.",
  };
}

async function lookAtIds(inspecting: Inspecting): Promise<DirectoryFinding | undefined> {
  const { connection, content, signal } = inspecting;
  const { id, read, filter } = entryUuid;
  const sample = await readSample(inspecting, [id]);
  if (sample === undefined) return undefined;
  const [value] = valuesOf(sample.attributes, id);
  if (value === undefined) {
    return {
      topic: "permanentIds",
      effect: "loss",
      message:
        "The account may not read entryUUID: no list of names can be compared, so that what was deleted unnoticed, and " +
        "what is below a parent that was renamed, is never found. Grant it to read and to search entryUUID.",
    };
  }
  const found = await connection.searchAll(
    { base: content.base, scope: content.scope, filter: filter(read(value)), attributes: ["1.1"] },
    { signal },
  );
  if (found.length > 0) return fine("permanentIds", "The account may read and search entryUUID.");
  return {
    topic: "permanentIds",
    effect: "loss",
    message:
      "The account may read entryUUID but not search it: entries cannot be read again, so that a member whom OpenLDAP " +
      "has rewritten unnoticed, and an entry that was put off, stay as they are. Grant it to search entryUUID.",
  };
}

async function lookAtVersions(inspecting: Inspecting): Promise<DirectoryFinding | undefined> {
  const sample = await readSample(inspecting, ["entryCSN"]);
  if (sample === undefined) return undefined;
  if (firstTextOf(sample.attributes, "entryCSN") !== undefined) {
    return fine("versions", "The account may read entryCSN.");
  }
  return {
    topic: "versions",
    effect: "loss",
    message:
      "The account may not read entryCSN: which of two states of an entry is newer is not known, so that with several " +
      "servers, or after a restore, an older one may be taken for the newer. Grant it to read entryCSN.",
  };
}

async function lookAtStart({ connection, signal }: Inspecting): Promise<DirectoryFinding> {
  if ((await readServerStart(connection, signal)) !== undefined) {
    return fine("serverStart", "The account may read when the server was started.");
  }
  return {
    topic: "serverStart",
    effect: "loss",
    message:
      "The account may not read the createTimestamp of cn=Subschema: that the server was killed is not noticed, after " +
      "which it may leave out deletions until the next `reconcileEvery`. Grant it to read cn=Subschema.",
  };
}
