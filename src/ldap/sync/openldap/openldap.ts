import { entryUuid } from "../../profile/identification.js";
import { textsOf } from "../../wire/attributes.js";
import { LdapResultError } from "../../wire/errors.js";
import { syncRequestOid } from "../../wire/sync-messages.js";
import type { Check, DueCheck } from "../checks.js";
import { ContentSync } from "../content-sync.js";
import type { Dialect } from "../dialect.js";
import type { ResetReason } from "../events.js";
import type { Pass } from "../pass.js";
import type { ReaderTools, RefreshUnderWay, StoredPosition } from "../protocol.js";
import { Reader } from "../reader.js";
import type { Refresh } from "../refresh.js";
import { type CsnCookie, csnPositions, isBeyond, newestCsn, oldestCsn, timeOf } from "./cookie.js";
import { openLdapInspection } from "./inspection.js";
import { lagOfCookie } from "./lag.js";
import { parsePosition, printPosition, type SyncPosition } from "./position.js";
import { readServerState, type ServerState } from "./server-state.js";
import { hasMoved, mayPassOver, readServerStart, startedAfter } from "./session-log.js";

/**
 * RFC 4533 as OpenLDAP speaks it. The position is the cookie, merged and stripped as {@link CsnCookie} says.
 */
export const openLdap: Dialect = {
  name: "openldap",
  identification: entryUuid,
  inspection: openLdapInspection,
  isSpokenBy: ({ attributes, supportedControls }) =>
    supportedControls.includes(syncRequestOid) &&
    textsOf(attributes, "objectClass").some((name) => name.toLowerCase() === "openldaprootdse"),
  lagBehind: lagOfCookie,
  read(reading, position) {
    const former = parsePosition(position);
    // OpenLDAP responds to a cookie that it cannot read with everything, as if that were what changed.
    if (position !== undefined && former === undefined) reading.reset("damaged");
    return new Reader(reading, (tools) => new OpenLdap(tools, former)).read();
  },
};

class OpenLdap extends ContentSync<CsnCookie> {
  readonly positions = csnPositions;
  /** When the server had been started at the position that is resumed from. */
  readonly #formerStart: string | undefined;
  /** When the server was started, by its clock; undefined where this account may not read it. */
  #startedAt: string | undefined;
  /** What the server itself holds; undefined where it has not said so. */
  #server: ServerState | undefined;
  /** What was known from another server of the directory, while this one has yet to receive it. */
  #ahead: CsnCookie | undefined;
  /** The numbers at the end of the refresh that no second pass got beyond: what is covered beyond may be missed. */
  #unproven: readonly string[] = [];

  constructor(tools: ReaderTools, former: SyncPosition | undefined) {
    super(tools, former);
    this.#formerStart = former?.startedAt;
  }

  print({ cookie, parents }: StoredPosition<CsnCookie>): string {
    return printPosition({ cookie, parents, startedAt: this.#startedAt });
  }

  override get state(): readonly string[] | undefined {
    return this.#server?.stamps;
  }

  /** What a server sends that lags behind may be older than what is known. */
  override get isOrderSure(): boolean {
    return this.#server !== undefined && this.#ahead === undefined;
  }

  override async open(): Promise<void> {
    const { connection, content, signal } = this.tools.reading;
    this.#server = await readServerState(connection, content, signal);
    this.#startedAt = await readServerStart(connection, signal);
  }

  override begin(since: CsnCookie | undefined): RefreshUnderWay<CsnCookie> {
    this.#unproven = [];
    this.#compare(since);
    return super.begin(since);
  }

  /** In doubt, a reader that goes on lists all names. One that does not would never learn what was deleted. */
  protected override judge(refresh: Refresh<CsnCookie>): readonly DueCheck[] | ResetReason {
    const { follow, now, baseStamp } = this.tools.reading;
    const { resumedFrom, sweeps, cookie } = refresh;
    if (resumedFrom === undefined) return [];
    const isIgnored = mayHaveIgnored(refresh, baseStamp);
    const isOfSeveral = !sweeps && mayPassOver(resumedFrom, cookie);
    const isRestarted = this.#wasStartedSince(resumedFrom);
    if (!follow && isIgnored) return "ignored";
    if (!follow && isOfSeveral) return "severalServers";
    if (!follow && isRestarted && !sweeps && hasMoved(resumedFrom, cookie))
      return "serverRestarted";
    // A clock that was set back: what was written since may have numbers that the cookie covers already.
    const isClockBack = timeOf(newestCsn(resumedFrom)) > now();
    const checks: DueCheck[] = [];
    if (follow) {
      // What is beyond the refresh is to be proved. A list of all that exists has missed nothing.
      this.#unproven = sweeps ? [] : (cookie ?? resumedFrom).csns;
      checks.push({ kind: "secondPass", gates: true });
    }
    const isDoubtful = follow && (isOfSeveral || isIgnored);
    if (isDoubtful || isClockBack || isRestarted) checks.push({ kind: "names", gates: true });
    return checks;
  }

  override advanced(covered: CsnCookie, held: CsnCookie | undefined): void {
    if (held !== undefined) this.#server?.advance(held);
    if (this.#ahead !== undefined && this.#server?.lagsBehind(this.#ahead) === false) {
      // What it did not hold could not be compared before.
      this.#ahead = undefined;
      this.tools.due.add({ kind: "names", gates: false });
    }
    this.#checkWhatIsUnproven(covered);
  }

  /** Asks a server once more that has not said what it holds: without that, it is not seen to go back. */
  override async beforeCheck(covered: CsnCookie | undefined): Promise<void> {
    if (this.#server !== undefined) return;
    const { connection, content, signal } = this.tools.reading;
    this.#server = await readServerState(connection, content, signal);
    this.#compare(covered);
  }

  /** Beyond the numbers that a second pass got beyond itself, nothing was missed. */
  override checked(
    kind: Check<CsnCookie>["kind"],
    { sweeps, cookie }: Pass<CsnCookie>,
    covered: CsnCookie | undefined,
  ): undefined {
    if (kind === "secondPass") {
      this.#unproven = sweeps ? [] : this.#unproven.filter((csn) => !isBeyond(cookie, csn));
    }
    this.#checkWhatIsUnproven(covered);
  }

  override resetReason(error: unknown): ResetReason | undefined {
    // "consumer state is newer than provider!", as OpenLDAP says. The words are not part of the protocol, and if they
    // were others, the next attempt, without a cookie, will show.
    const isRefused = error instanceof LdapResultError && error.resultCode === unwillingToPerform;
    return isRefused ? "refused" : super.resetReason(error);
  }

  /** Has a second pass made where the state has moved beyond a number that none has got beyond. */
  #checkWhatIsUnproven(covered: CsnCookie | undefined): void {
    const { due } = this.tools;
    if (due.includes("secondPass") || !this.#unproven.some((csn) => isBeyond(covered, csn))) return;
    due.add({ kind: "secondPass", gates: true });
  }

  #compare(covered: CsnCookie | undefined): void {
    this.#ahead = this.#server?.lagsBehind(covered) === true ? covered : undefined;
  }

  /** Whether the server may have been started since. Another start shows it, too: the clock may have been set back. */
  #wasStartedSince(resumedFrom: CsnCookie): boolean {
    const isOther = this.#formerStart !== undefined && this.#startedAt !== this.#formerStart;
    return isOther || startedAfter(resumedFrom, this.#startedAt);
  }
}

/**
 * Whether the server may have ignored the cookie and sent all that exists as if it were an increment, without the
 * deletions. OpenLDAP does so when it finds no entry as old as the cookie. It shows in an entry that the cookie covers,
 * or, where all entries are new, in the base being new. A mere suspicion is not enough to delete anything: it is a
 * reason to look at what exists.
 */
function mayHaveIgnored(
  { resumedFrom, sweeps, sentDeletions, sentOldEntry }: Refresh<CsnCookie>,
  baseStamp: string | undefined,
): boolean {
  if (resumedFrom === undefined || sweeps || sentDeletions) return false;
  return sentOldEntry || (baseStamp !== undefined && baseStamp > oldestCsn(resumedFrom));
}

const unwillingToPerform = 53;
