import type { LdapConnection } from "../../connection/connection.js";
import { notification, showDeleted } from "../../wire/active-directory-controls.js";
import { LdapResultError } from "../../wire/errors.js";
import type { EncodedMessage } from "../../wire/message.js";
import type { Wakeup } from "../message-buffer.js";

/**
 * Wakes up whenever something in a naming context changes, by the change notification (MS-ADTS 3.1.1.3.4.1.9). What has
 * changed, DirSync is asked for: a notification has no cookie, and what comes between two of them would be lost.
 *
 * Notifications are taken as they come, also while the content is read or the consumer is slow: what waits to be taken
 * counts towards the `highWaterMark` of the connection, at which nothing more is read from it, the responses to other
 * requests included.
 *
 * A connection may have five of these; this is one.
 */
export class Alarm {
  readonly #search: AsyncIterator<readonly EncodedMessage[]>;
  readonly #wake: () => void;
  readonly #refused: (error: LdapResultError) => void;
  #hasRung = false;
  #failure: { readonly error: unknown } | undefined;

  /** @param refused is called once if the server does not send notifications, or stops. */
  constructor(
    connection: LdapConnection,
    namingContext: string,
    wakeup: Wakeup,
    signal: AbortSignal,
    refused: (error: LdapResultError) => void,
  ) {
    this.#wake = wakeup.wake;
    this.#refused = refused;
    const request = {
      base: namingContext,
      scope: "sub",
      // Windows takes no other.
      filter: "(objectClass=*)",
      attributes: ["objectGUID"],
      controls: [notification, showDeleted],
    } as const;
    this.#search = connection.searchEncoded(request, { signal })[Symbol.asyncIterator]();
    void this.#listen();
  }

  /** Whether something has changed since it was last asked. */
  take(): boolean {
    const hasRung = this.#hasRung;
    this.#hasRung = false;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) {
      if (!(failure.error instanceof LdapResultError)) throw failure.error;
      this.#refused(failure.error);
    }
    return hasRung;
  }

  async close(): Promise<void> {
    await this.#search.return?.();
  }

  async #listen(): Promise<void> {
    try {
      for (;;) {
        const { done } = await this.#search.next();
        if (done === true) return;
        this.#hasRung = true;
        this.#wake();
      }
    } catch (error) {
      this.#failure = { error };
      this.#wake();
    }
  }
}
