import { UnsupportedError } from "../../../core/index.js";
import type { LdapConnection } from "../../connection/connection.js";
import { readGuid } from "../../profile/identification.js";
import { showDeleted } from "../../wire/active-directory-controls.js";
import { firstTextOf, textsOf, valuesOf } from "../../wire/attributes.js";
import { normalizeDn } from "../../wire/dn.js";
import { rootDseRequest } from "../../wire/root-dse.js";
import { isBelow } from "../scope.js";
import type { Position } from "./position.js";

/** A domain controller, as it is at the begin of a connection. */
export interface Controller {
  readonly invocationId: string;
  /** The naming context that the bases are in: DirSync tells of nothing less. */
  readonly namingContext: string;
}

/** How far a controller has come: the highest number of a change, and its time. */
export type Progress = Pick<Position, "usn" | "time">;

/**
 * @throws {UnsupportedError} if the bases are not in one naming context, or if the controller does not say who it is.
 */
export async function readController(
  connection: LdapConnection,
  bases: readonly string[],
  signal: AbortSignal,
): Promise<Controller> {
  const rootDse = await connection.readRootDse({ signal });
  const namingContext = contextOf(rootDse.namingContexts, bases);
  const service = firstTextOf(rootDse.attributes, "dsServiceName");
  const [settings] =
    service === undefined
      ? []
      : await connection.searchAll(
          {
            base: service,
            scope: "base",
            filter: "(objectClass=*)",
            attributes: ["invocationId"],
          },
          { signal },
        );
  const [id] = valuesOf(settings?.attributes ?? [], "invocationId");
  if (id === undefined) {
    throw new UnsupportedError(
      "The domain controller does not let this account read its invocationId, without which one that was restored " +
        "from a backup is not noticed: grant it to read the entry that the root DSE names as dsServiceName.",
    );
  }
  return { invocationId: readGuid(id), namingContext };
}

/** Numbers are given in the order in which changes are stored, so that what has no higher one is older. */
export async function readProgress(
  connection: LdapConnection,
  signal: AbortSignal,
): Promise<Progress> {
  const attributes = ["highestCommittedUSN", "currentTime"];
  const [rootDse] = await connection.searchAll({ ...rootDseRequest, attributes }, { signal });
  const usn = firstTextOf(rootDse?.attributes ?? [], "highestCommittedUSN") ?? "0";
  const time = firstTextOf(rootDse?.attributes ?? [], "currentTime") ?? "";
  return { usn: /^\d{1,20}$/.test(usn) ? BigInt(usn) : 0n, time };
}

/**
 * Why a position means nothing to the controller, if so: it is of another one, or the controller was set back since. A
 * supported restore gives it another invocationId. Where its files or its virtual machine were set back, it gives the
 * same numbers to other changes: either it has not come as far yet, or there are changes below the number that were
 * made after the position.
 */
export async function strangenessOf(
  connection: LdapConnection,
  { invocationId, namingContext }: Controller,
  position: Position,
  signal: AbortSignal,
): Promise<"controller" | "setBack" | undefined> {
  if (position.invocationId !== invocationId) return "controller";
  const { usn } = await readProgress(connection, signal);
  if (usn < position.usn) return "setBack";
  const after = secondAfter(position.time);
  if (after === undefined) return "controller";
  const reused = connection.search(
    {
      base: namingContext,
      filter: `(&(uSNChanged<=${position.usn})(whenChanged>=${after}))`,
      attributes: ["1.1"],
      controls: [showDeleted],
    },
    { signal },
  );
  for await (const messages of reused) {
    if (messages.some(({ kind }) => kind === "entry")) return "setBack";
  }
  return undefined;
}

/** The naming context in which all bases are: the smallest, since one may be below another. */
function contextOf(contexts: readonly string[], bases: readonly string[]): string {
  const names = bases.map(normalizeDn);
  const [found] = contexts
    .filter((context) => names.every((name) => isBelow(name, normalizeDn(context))))
    .sort((one, other) => other.length - one.length);
  const first = names.map((name) =>
    contexts
      .filter((context) => isBelow(name, normalizeDn(context)))
      .reduce((longest, one) => (one.length > longest.length ? one : longest), ""),
  );
  if (found === undefined || first.some((context) => context !== found)) {
    throw new UnsupportedError(
      `This domain controller holds no naming context in which "${bases.join('" and "')}" are: of those that it ` +
        `holds (${contexts.join("; ")}), each is followed by a stream of its own.`,
    );
  }
  return found;
}

/** The second after a generalized time such as `20261130201857.0Z`, in the same form. */
function secondAfter(time: string): string | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(time)?.map(Number) ?? [];
  if (year === undefined || month === undefined) return undefined;
  const next = Date.UTC(year, month - 1, day, hour, minute, (second ?? 0) + 1);
  return `${new Date(next).toISOString().replace(/\.\d+Z$|[-:T]/g, "")}.0Z`;
}

/** Whether a root DSE is that of Active Directory Domain Services (MS-ADTS 3.1.1.3.2.2). */
export function isActiveDirectory(attributes: Parameters<typeof textsOf>[0]): boolean {
  return textsOf(attributes, "supportedCapabilities").includes("1.2.840.113556.1.4.800");
}
