import {
  ber,
  entry,
  idOf,
  message,
  operationOf,
  requestTag,
  searchDone,
  startScriptedServer,
} from "./scripted-server.js";

/** A search that the client of a {@link startSyncScript} sent. */
export interface SyncSearch {
  /** Whether it is a sync search, and of which mode; `plain` without the control. */
  readonly mode: "refreshOnly" | "refreshAndPersist" | "plain";
  /** The request, its octets as Latin-1: the values in its filter can be read in it. */
  readonly text: string;
  /** The cookie that was sent. */
  readonly cookie: string | undefined;
  /** Sends an entry, with a Sync State Control unless the state is undefined. */
  entry(state: number | undefined, id: string, uid: string, options?: EntryOptions): void;
  /** Sends a Sync Info Message with this value. */
  info(value: Uint8Array, oid?: string): void;
  /** Ends the search, with a Sync Done Control if it is a sync search. */
  done(options?: { refreshDeletes?: boolean; cookie?: string }): void;
  /** Ends the search with a result code. */
  fail(code: number): void;
}

export interface EntryOptions {
  readonly csn?: string;
  readonly cookie?: string;
  readonly attributes?: Readonly<Record<string, readonly string[]>>;
}

const base = "dc=example,dc=com";
const baseId = "00000000-0000-4000-8000-000000000000";

/** An OpenLDAP server whose answers to searches a test decides. */
export interface SyncScript extends AsyncDisposable {
  readonly url: string;
  readonly base: string;
  /** The next search. Those for the root DSE, the base entry and the state are answered already. */
  next(): Promise<SyncSearch>;
  /** How many searches the client has given up. */
  readonly abandoned: number;
}

/** How the server presents itself. */
export interface SyncScriptOptions {
  /** The entryCSN of the base. */
  readonly baseCsn?: string;
  /** The cookie that says what the server holds when a connection is made. Default: it does not say. */
  readonly state?: string;
  /** The attributes of the root DSE. Default: those of an OpenLDAP. */
  readonly rootDse?: Readonly<Record<string, readonly string[]>>;
}

export async function startSyncScript(options: SyncScriptOptions = {}): Promise<SyncScript> {
  const searches: SyncSearch[] = [];
  let wake = () => {};
  let abandoned = 0;
  const server = await startScriptedServer(async (peer) => {
    const send = (...messages: Uint8Array[]) => peer.send(...messages);
    for (let request = await peer.request(); request; request = await peer.request()) {
      if (operationOf(request) === requestTag.abandon) abandoned += 1;
      if (operationOf(request) !== requestTag.search) continue;
      const id = idOf(request);
      const isSync = request.includes("1.3.6.1.4.1.4203.1.9.1.1");
      const isOfBase = request.includes("\x0a\x01\x00\x0a\x01");
      if (isSync && isOfBase) {
        // The state of the server is asked for by a synchronization of nothing.
        searchOf(id, request, isSync, send).done({
          refreshDeletes: true,
          ...(options.state === undefined ? {} : { cookie: options.state }),
        });
      } else if (isSync || !isOfBase) {
        searches.push(searchOf(id, request, isSync, send));
        wake();
      } else if (request.includes(base)) {
        const ids = { entryUUID: [baseId], nsUniqueId: [baseId] };
        const attributes = { ...ids, entryCSN: [options.baseCsn ?? csn(0)] };
        send(entry(id, base, attributes), searchDone(id));
      } else {
        send(entry(id, "", options.rootDse ?? openLdapRootDse), searchDone(id));
      }
    }
  });
  return {
    url: server.url,
    base,
    get abandoned() {
      return abandoned;
    },
    async next() {
      for (;;) {
        const search = searches.shift();
        if (search !== undefined) return search;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** The root DSE by which an OpenLDAP is known. */
export const openLdapRootDse: Readonly<Record<string, readonly string[]>> = {
  objectClass: ["top", "OpenLDAProotDSE"],
  supportedControl: ["1.3.6.1.4.1.4203.1.9.1.1"],
};

/** The number of a change. */
export function csn(second: number, sid = 0): string {
  return `202601020304${String(second).padStart(2, "0")}.000000Z#000000#00${sid}#000000`;
}

/** The id of the entry with this number. */
export function uuid(number: number): string {
  return `00000000-0000-4000-9000-${String(number).padStart(12, "0")}`;
}

/** `refreshDelete` (1) or `refreshPresent` (2), see RFC 4533 §2.5. */
export function refreshEnd(kind: 1 | 2, cookie?: string, refreshDone = true): Buffer {
  return ber(0xa0 + kind, ...optional(cookie), ber(0x01, Buffer.of(refreshDone ? 0xff : 0)));
}

/** A `syncIdSet`. */
export function idSet(refreshDeletes: boolean, ids: readonly string[], cookie?: string): Buffer {
  const set = ber(0x31, ...ids.map((id) => ber(0x04, octets(id))));
  return ber(0xa3, ...optional(cookie), ber(0x01, Buffer.of(refreshDeletes ? 0xff : 0)), set);
}

/** A `newcookie`. */
export function newCookie(cookie: string): Buffer {
  return ber(0x80, cookie);
}

/** A cookie of OpenLDAP, of a dialect that a test makes up, or of a 389 Directory Server on `host`: with one digit. */
const sentCookie =
  /rid=\d{3}(?:,csn=(?:[\d.]{21}Z(?:#[\da-f]+){2}#\d{6};?)+)?|numbered#\d+;|host:389#[^#]+#\d/;

function searchOf(
  id: number,
  request: Buffer,
  isSync: boolean,
  send: (...messages: Uint8Array[]) => void,
): SyncSearch {
  const text = request.toString("latin1");
  const sent = sentCookie.exec(text)?.[0];
  const persists = request.includes("\x0a\x01\x03", request.indexOf("1.3.6.1.4.1.4203.1.9.1.1"));
  return {
    mode: !isSync ? "plain" : persists ? "refreshAndPersist" : "refreshOnly",
    text,
    cookie: sent,
    entry(state, entryId, uid, { csn: stamp, cookie, attributes } = {}) {
      const person = {
        objectClass: ["inetOrgPerson"],
        uid: [uid],
        cn: [uid],
        sn: [uid],
        entryUUID: [entryId],
        ...(stamp === undefined ? {} : { entryCSN: [stamp] }),
        ...attributes,
      };
      const dn = `uid=${uid},${base}`;
      const isEmpty = state === 0 || state === 3;
      const sentEntry = entry(id, dn, isEmpty ? {} : person);
      if (state === undefined) return send(sentEntry);
      const value = ber(
        0x30,
        ber(0x0a, Buffer.of(state)),
        ber(0x04, octets(entryId)),
        ...optional(cookie),
      );
      send(withControl(sentEntry, "1.3.6.1.4.1.4203.1.9.1.2", value));
    },
    info(value, oid = "1.3.6.1.4.1.4203.1.9.1.4") {
      send(message(id, ber(0x79, ber(0x80, oid), ber(0x81, value))));
    },
    done({ refreshDeletes = false, cookie } = {}) {
      if (!isSync) return send(searchDone(id));
      const deletes = ber(0x01, Buffer.of(refreshDeletes ? 0xff : 0));
      const value = ber(0x30, ...optional(cookie), deletes);
      send(withControl(searchDone(id), "1.3.6.1.4.1.4203.1.9.1.3", value));
    },
    fail: (code) => send(searchDone(id, code)),
  };
}

/** The same message with one more part: a control. */
function withControl(whole: Buffer, oid: string, value: Uint8Array): Buffer {
  const first = whole[1] ?? 0;
  const start = first < 0x80 ? 2 : 2 + (first - 0x80);
  const control = ber(0xa0, ber(0x30, ber(0x04, oid), ber(0x04, value)));
  return ber(0x30, whole.subarray(start), control);
}

function optional(cookie: string | undefined): Buffer[] {
  return cookie === undefined ? [] : [ber(0x04, cookie)];
}

function octets(id: string): Buffer {
  return Buffer.from(id.replaceAll("-", ""), "hex");
}
