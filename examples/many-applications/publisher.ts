import { publishChanges } from "concordat/change-log";
import { inetOrgPerson, watchDirectory } from "concordat/ldap";
import type { Directory } from "concordat/testing/directory";
import type { LogPlace } from "./log.ts";

/** The one process that reads the directory, and writes the log. */
export class Publisher implements AsyncDisposable {
  /** What it has written since it began. */
  written = 0;
  /** The sequence of what it wrote last. */
  sequence = 0;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  readonly #caughtUp = Promise.withResolvers<void>();

  constructor(directory: Directory, place: LogPlace) {
    this.#ended = this.#publish(directory, place);
    this.#ended.catch((error: unknown) => this.#caughtUp.reject(error));
  }

  /** Until everything that the directory has is in the log. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /** The few lines that the publisher needs. With `standby: true`, several machines may do the same, and one works. */
  async #publish(directory: Directory, place: LogPlace): Promise<void> {
    await using opened = await place.open();
    const changes = watchDirectory({
      url: directory.url,
      base: directory.suffix,
      bind: { method: "simple", dn: directory.adminDn, password: directory.password },
      // The password does not leave this machine.
      allowCleartext: true,
      profile: inetOrgPerson,
    });
    const { signal } = this.#stop;
    for await (const outcome of publishChanges(changes, opened.log, { signal })) {
      if (outcome.kind === "published") {
        this.written += outcome.written + outcome.removed;
        this.sequence = outcome.sequence;
      }
      if (outcome.kind === "refreshed") this.#caughtUp.resolve();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended.catch(() => {});
  }
}
