import type { EncodedMessage, LdapSearchRequest } from "../wire/message.js";
import { type SyncMode, syncRequest } from "../wire/sync-messages.js";
import { MessageBuffer, type Wakeup } from "./message-buffer.js";
import type { Reading } from "./reading.js";

/** The searches of a reader, all over one connection, whose messages wake it up. */
export class Searches {
  readonly #reading: Reading;
  readonly #wakeup: Wakeup;

  constructor(reading: Reading, wakeup: Wakeup) {
    this.#reading = reading;
    this.#wakeup = wakeup;
  }

  /** A search for the content, with these controls besides its own. */
  request(controls: NonNullable<LdapSearchRequest["controls"]> = []): LdapSearchRequest {
    const { base, scope, filter, attributes, controls: always } = this.#reading.content;
    return { base, scope, filter, attributes, controls: [...controls, ...always] };
  }

  /** A search for the entries below which content may be; undefined where there are none to look for. */
  requestForParents(mode: SyncMode): LdapSearchRequest | undefined {
    const { parentFilter } = this.#reading.content;
    if (parentFilter === undefined) return undefined;
    return { ...this.request([syncRequest(mode)]), filter: parentFilter, attributes: ["1.1"] };
  }

  send(request: LdapSearchRequest): MessageBuffer {
    const { connection, signal } = this.#reading;
    return this.read(connection.searchEncoded(request, { signal }));
  }

  /** Messages of a search, or of several that follow each other. */
  read(search: AsyncIterable<readonly EncodedMessage[]>): MessageBuffer {
    return new MessageBuffer(search, this.#wakeup.wake);
  }

  /** Asks for the content, or for what has changed of it since a cookie (RFC 4533 §2.2). */
  synchronize(mode: SyncMode, cookie: string | undefined): MessageBuffer {
    const sent = cookie === undefined ? undefined : Buffer.from(cookie);
    return this.send(this.request([syncRequest(mode, sent)]));
  }
}
