import type { Change } from "../../../changes/index.js";
import { firstTextOf, textsOf } from "../../wire/attributes.js";
import type { EncodedMessage } from "../../wire/message.js";
import type { RootDse } from "../../wire/root-dse.js";
import { syncRequestOid } from "../../wire/sync-messages.js";
import type { Check, DueCheck } from "../checks.js";
import { ContentSync } from "../content-sync.js";
import type { Dialect } from "../dialect.js";
import type { Pass, PassOptions } from "../pass.js";
import type { ReaderTools, RefreshUnderWay, StoredPosition } from "../protocol.js";
import { Reader } from "../reader.js";
import { Alarms, readAlarm, rereading } from "./alarms.js";
import { type NumberedCookie, numberedPositions, printCookie } from "./cookie.js";
import { nsUniqueId } from "./identification.js";
import { Increment } from "./increment.js";
import { directory389Inspection } from "./inspection.js";
import { listNames } from "./name-list.js";
import { type NumberedPosition, parsePosition, printPosition } from "./position.js";
import { requireIds } from "./readable.js";

/** RFC 4533 as 389 Directory Server speaks it, whose retro changelog has the changes of the content. */
export const directory389: Dialect = {
  name: "389ds",
  identification: nsUniqueId,
  inspection: directory389Inspection,
  comparesBases: "mapper",
  isSpokenBy: is389,
  async lagBehind({ connection, signal }, position) {
    const read = parsePosition(position);
    const { attributes } = await connection.readRootDse({ signal });
    const last = Number(firstTextOf(attributes, "lastChangeNumber") ?? Number.NaN);
    if (read === undefined || !read.isLogged || Number.isNaN(last)) {
      return { known: false, reason: "The changes of the content are in no changelog." };
    }
    const changes = Math.max(last - read.cookie.number, 0);
    return { known: true, isAhead: changes > 0, changes };
  },
  read(reading, position) {
    const former = parsePosition(position);
    if (position !== undefined && former === undefined) reading.reset("damaged");
    return new Reader(reading, (tools) => new Directory389(tools, former)).read();
  },
};

/** Whether a server is a 389 Directory Server, or Red Hat's of the same making, with content synchronization. */
export function is389({ attributes, supportedControls }: RootDse): boolean {
  const isOffered = supportedControls.includes(syncRequestOid);
  const names = ["vendorName", "vendorVersion"].flatMap((name) => textsOf(attributes, name));
  return isOffered && names.some((name) => /^389[ -]|^Red Hat-Directory/i.test(name));
}

/**
 * How far back a resume begins, in changes: the number that comes with a change is that of its entry, so one with a
 * lower number may still be on its way. Servers take some tens of changes at a time (nsslapd-threadnumber).
 */
const margin = 50;

/**
 * After so many live changes with no number that is new, or after three without any, the changelog does not have those
 * changes.
 */
const mostUnnumbered = 50;

class Directory389 extends ContentSync<NumberedCookie> {
  readonly positions = numberedPositions;
  readonly #formerPosition: NumberedPosition | undefined;
  /** The lowest number in the changelog. */
  #first = 0;
  /** Up to where what was reported was compared with the changelog. */
  #compared: number | undefined;
  readonly #alarms: Alarms<NumberedCookie>;
  #isComparing = false;
  /**
   * Whether the checks that follow the refresh have been made, so that a list of names is one of those from time to
   * time.
   */
  #isSettled = false;
  #newest = 0;
  #unnumbered = 0;

  constructor(tools: ReaderTools, former: NumberedPosition | undefined) {
    super(tools, former);
    this.#formerPosition = former;
    this.#alarms = new Alarms(tools.due, this.positions.merge);
    // A changelog that did not have the changes is not believed before it has one.
    if (former?.isLogged === false) this.#unnumbered = mostUnnumbered;
  }

  /** It has crashed with several of the searches that go on, over one connection. */
  override get followsParents(): boolean {
    return false;
  }

  print({ cookie }: StoredPosition<NumberedCookie>): string {
    const isLogged = this.#unnumbered < mostUnnumbered;
    const compared = Math.min(this.#compared ?? cookie.number, cookie.number);
    return printPosition({ cookie, first: this.#first, compared, isLogged });
  }

  override async open(): Promise<void> {
    const { reading } = this.tools;
    const last = await this.#readNumbers();
    await requireIds(reading);
    const former = this.#formerPosition;
    if (former === undefined) return;
    this.#compared = former.compared;
    // A changelog only loses its oldest changes and gets new ones, unless it was made anew, or restored.
    if (this.#first < former.first || last < former.cookie.number) {
      this.#reset("setBack");
    } else if (!former.isLogged) this.#reset("unlogged");
    // The server takes a cookie also where it does not have the changes after it any more.
    else if (former.cookie.number < this.#first - 1) this.#reset("refreshRequired");
  }

  override begin(since: NumberedCookie | undefined): RefreshUnderWay<NumberedCookie> {
    this.#isSettled = false;
    if (since === undefined) {
      this.#compared = undefined;
      return super.begin(since);
    }
    const refresh = new Increment(this.positions, since);
    const live = this.tools.searches.synchronize("refreshAndPersist", this.cookie(since));
    const judge = (): readonly DueCheck[] => {
      this.tools.due.addEntries(refresh.ids, rereading);
      return this.#checks;
    };
    return { refresh, messages: live, live, judge };
  }

  protected override judge(): readonly DueCheck[] {
    return this.#checks;
  }

  /**
   * What is written while the search for changes is registered, neither that nor the refresh reports; and nothing
   * reports what left the filter before.
   */
  get #checks(): readonly DueCheck[] {
    return [
      { kind: "secondPass", gates: true },
      { kind: "names", gates: true },
    ];
  }

  override secondPass(
    since: NumberedCookie | undefined,
    options: PassOptions,
  ): Pick<Check<NumberedCookie>, "pass" | "messages"> {
    if (since === undefined) return super.secondPass(since, options);
    const from =
      this.#isComparing && this.#compared !== undefined
        ? { ...since, number: Math.max(Math.min(this.#compared, since.number), this.#first) }
        : since;
    const messages = this.tools.searches.synchronize("refreshOnly", this.cookie(from));
    return { pass: new Increment(this.positions, from), messages };
  }

  override listNames(options: PassOptions): Pick<Check<NumberedCookie>, "pass" | "messages"> {
    return listNames(this.tools, options);
  }

  override async beforeCheck(): Promise<void> {
    this.#alarms.beforeCheck();
    // The changelog may have lost changes since.
    if (this.#isComparing) await this.#readNumbers();
  }

  /**
   * With a list of names from time to time comes a comparison with the changelog, of what was reported since the last.
   */
  override checked(
    kind: Check<NumberedCookie>["kind"],
    pass: Pass<NumberedCookie>,
  ): NumberedCookie | undefined {
    const { due } = this.tools;
    switch (kind) {
      case "entries":
        return this.#alarms.checked();
      case "names":
        if (this.#isSettled) {
          this.#isComparing = true;
          due.add({ kind: "secondPass", gates: true });
        }
        this.#isSettled = true;
        return undefined;
      case "secondPass":
        if (pass instanceof Increment) due.addEntries(pass.ids, rereading);
        if (this.#isComparing || this.#compared === undefined) this.#compared = pass.cookie?.number;
        this.#isComparing = false;
        return undefined;
      default:
        return undefined;
    }
  }

  override readLive(message: EncodedMessage, changes: Change[]): undefined {
    const covered = this.positions.parse(readAlarm(message, changes, this.tools));
    this.#alarms.note(covered);
    if (message.kind !== "entry" && message.kind !== "oversized") return;
    if (covered === undefined) this.#unnumbered += mostUnnumbered / 3;
    else if (covered.number <= this.#newest) this.#unnumbered += 1;
    else {
      this.#unnumbered = 0;
      this.#newest = covered.number;
    }
  }

  /** The cookie to resume from: some changes earlier, so far as the changelog has them. */
  protected override cookie(since: NumberedCookie | undefined): string | undefined {
    if (since === undefined) return undefined;
    const earlier = Math.max(since.number - margin, this.#first);
    return printCookie({ ...since, number: Math.min(earlier, since.number) });
  }

  /** @returns the highest number in the changelog. */
  async #readNumbers(): Promise<number> {
    const { connection, signal } = this.tools.reading;
    const { attributes } = await connection.readRootDse({ signal });
    this.#first = Number(firstTextOf(attributes, "firstChangeNumber") ?? 0);
    return Number(firstTextOf(attributes, "lastChangeNumber") ?? Number.POSITIVE_INFINITY);
  }

  #reset(reason: "setBack" | "unlogged" | "refreshRequired"): void {
    this.former = undefined;
    this.tools.reading.reset(reason);
  }
}
