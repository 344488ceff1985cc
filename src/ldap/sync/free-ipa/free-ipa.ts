import type { Change } from "../../../changes/index.js";
import type { LdapConnection } from "../../connection/connection.js";
import { firstTextOf, textOf } from "../../wire/attributes.js";
import { decodeValuesOf } from "../../wire/entry-attributes.js";
import { LdapResultError } from "../../wire/errors.js";
import type { EncodedMessage } from "../../wire/message.js";
import type { RootDse } from "../../wire/root-dse.js";
import type { Check, DueCheck } from "../checks.js";
import { ContentSync } from "../content-sync.js";
import type { Dialect } from "../dialect.js";
import { Alarms, readAlarm, rereading } from "../directory-389/alarms.js";
import { searchOf } from "../directory-389/cookie.js";
import { is389 } from "../directory-389/directory-389.js";
import { nsUniqueId } from "../directory-389/identification.js";
import { Increment } from "../directory-389/increment.js";
import { listNames } from "../directory-389/name-list.js";
import { requireIds } from "../directory-389/readable.js";
import { EntryList } from "../entry-list.js";
import type { PassOptions } from "../pass.js";
import type { Positions, ReaderTools, RefreshUnderWay, StoredPosition } from "../protocol.js";
import { Reader } from "../reader.js";
import { readSample } from "../sample.js";
import { requireAccounts } from "./accounts.js";
import { freeIpaInspection } from "./inspection.js";
import {
  lastUsnOf,
  parsePosition,
  printPosition,
  type UsnCookie,
  type UsnPosition,
} from "./position.js";

const entryUsn = "entryUSN";

/**
 * FreeIPA: a 389 Directory Server whose retro changelog has the changes of `cn=dns` only, so that a resumed cookie
 * succeeds and reports nothing. What changes while the search goes on is reported as it should be. So a resume only
 * enters that search, and what changed before is found by the `entryUSN` of entries, and what is gone by a list of all.
 */
export const freeIpa: Dialect = {
  name: "freeipa",
  identification: { ...nsUniqueId, reads: [entryUsn] },
  inspection: freeIpaInspection,
  comparesBases: "mapper",
  isSpokenBy: (rootDse, connection) => (is389(rootDse) ? isFreeIpa(rootDse, connection) : false),
  async lagBehind({ connection, signal }, position) {
    const read = parsePosition(position)?.cookie.usn ?? 0;
    const { attributes } = await connection.readRootDse({ signal });
    const last = Number(lastUsnOf(attributes) ?? 0);
    if (read === 0 || last === 0) {
      return { known: false, reason: "The server does not number its changes (lastusn)." };
    }
    return { known: true, isAhead: last > read };
  },
  read(reading, position) {
    const former = parsePosition(position);
    if (position !== undefined && former === undefined) reading.reset("damaged");
    return new Reader(reading, (tools) => new FreeIpa(tools, former)).read();
  },
};

/** FreeIPA says so at the top of its tree, where everybody may read it. */
async function isFreeIpa(
  { namingContexts }: RootDse,
  connection: LdapConnection,
): Promise<boolean> {
  for (const base of namingContexts) {
    const request = { base, scope: "base", filter: "(info=IPA*)", attributes: ["1.1"] } as const;
    try {
      if ((await connection.searchAll(request)).length > 0) return true;
    } catch (error) {
      if (!(error instanceof LdapResultError)) throw error;
    }
  }
  return false;
}

/**
 * How far below a number a search for changes begins: one with a lower number may be written after one with a higher,
 * and the number of an entry is no version of it. It is more than a server writes at a time; what it does not catch,
 * the comparison does that comes with each `reconcileEvery`.
 */
const margin = 50;

class FreeIpa extends ContentSync<UsnCookie> {
  readonly positions: Positions<UsnCookie> = {
    parse: (cookie) => {
      const search = searchOf(cookie);
      return search === undefined ? undefined : { search, usn: this.#usn };
    },
    // Any number that the changelog has will do, since it has nothing of the content.
    print: ({ search }) => `${search}${this.#changeNumber}`,
    merge: (one, other) => ({ ...other, usn: Math.max(one?.usn ?? 0, other.usn) }),
    includes: (one, other) => one.search === other.search && other.usn <= one.usn,
  };
  readonly #formerPosition: UsnPosition | undefined;
  readonly #alarms: Alarms<UsnCookie>;
  /** The highest number of the server, read before whatever is searched for next; 0 where it cannot be read. */
  #usn = 0;
  #changeNumber = "0";
  /** From which number the second pass searches. */
  #from = 0;
  /** Up to which number what was reported was compared. */
  #compared: number | undefined;
  #isComparing = false;
  #isSettled = false;

  constructor(tools: ReaderTools, former: UsnPosition | undefined) {
    super(tools, former);
    this.#formerPosition = former;
    this.#alarms = new Alarms(tools.due, this.positions.merge);
  }

  override get followsParents(): boolean {
    return false;
  }

  print({ cookie }: StoredPosition<UsnCookie>): string {
    return printPosition({ cookie, compared: this.#compared ?? cookie.usn });
  }

  override async open(): Promise<void> {
    const { reading } = this.tools;
    requireAccounts(reading.content.bases, await this.#readNumbers());
    await requireIds(reading);
    if (this.#usn > 0) {
      const sample = await readSample(reading, [entryUsn]);
      if (sample && firstTextOf(sample.attributes, entryUsn) === undefined) this.#usn = 0;
    }
    const former = this.#formerPosition;
    if (former === undefined) return;
    if (this.#usn === 0) this.#reset("unlogged");
    else if (this.#usn < former.cookie.usn) this.#reset("setBack");
    else this.#compared = former.compared;
  }

  override begin(since: UsnCookie | undefined): RefreshUnderWay<UsnCookie> {
    this.#isSettled = false;
    this.#from = since?.usn ?? this.#usn;
    if (since === undefined) {
      this.#compared = this.#usn;
      return super.begin(since);
    }
    const { due, searches } = this.tools;
    const refresh = new Increment(this.positions, since);
    const live = searches.synchronize("refreshAndPersist", this.cookie(since));
    const judge = (): readonly DueCheck[] => {
      due.addEntries(refresh.ids, rereading);
      return this.judge();
    };
    return { refresh, messages: live, live, judge };
  }

  protected override judge(): readonly DueCheck[] {
    return [
      ...(this.#usn === 0 ? [] : [{ kind: "secondPass", gates: true } as const]),
      { kind: "names", gates: true },
    ];
  }

  override async beforeCheck(): Promise<void> {
    this.#alarms.beforeCheck();
    if (this.#isComparing && this.tools.due.first?.kind === "secondPass") await this.#readNumbers();
  }

  /** Once the search for changes has begun: what changed before. */
  override secondPass(
    _since: UsnCookie | undefined,
    options: PassOptions,
  ): Pick<Check<UsnCookie>, "pass" | "messages"> {
    const from = this.#isComparing ? (this.#compared ?? this.#from) : this.#from;
    const request = this.tools.searches.request();
    const filter = `(&${request.filter}(${entryUsn}>=${Math.max(0, from - margin)}))`;
    const messages = this.tools.searches.send({ ...request, filter });
    return { pass: new EntryList(options), messages };
  }

  override listNames(options: PassOptions): Pick<Check<UsnCookie>, "pass" | "messages"> {
    return listNames(this.tools, options);
  }

  /** With a list of names from time to time comes a look at what has changed since the last one. */
  override checked(kind: Check<UsnCookie>["kind"]): UsnCookie | undefined {
    if (kind === "entries") return this.#alarms.checked();
    if (kind === "names") {
      if (this.#isSettled && this.#usn > 0) {
        this.#isComparing = true;
        this.tools.due.add({ kind: "secondPass", gates: true });
      }
      this.#isSettled = true;
    } else if (kind === "secondPass" && this.#isComparing) {
      this.#compared = this.#usn;
      this.#isComparing = false;
    }
    return undefined;
  }

  /** What a change covers is in its entry, not in its cookie. */
  override readLive(message: EncodedMessage, changes: Change[]): undefined {
    const covered = this.positions.parse(readAlarm(message, changes, this.tools));
    if (message.kind !== "entry" || covered === undefined) return;
    const [value] = decodeValuesOf(message.attributes, entryUsn);
    if (value !== undefined) this.#alarms.note({ ...covered, usn: Number(textOf(value)) });
  }

  /** @returns the names of the trees. */
  async #readNumbers(): Promise<readonly string[]> {
    const { connection, signal } = this.tools.reading;
    const { attributes, namingContexts } = await connection.readRootDse({ signal });
    this.#changeNumber = firstTextOf(attributes, "lastChangeNumber") ?? "0";
    this.#usn = Math.max(0, Number(lastUsnOf(attributes) ?? 0));
    return namingContexts;
  }

  #reset(reason: "setBack" | "unlogged"): void {
    this.former = undefined;
    this.tools.reading.reset(reason);
  }
}
