import type { Handler } from "concordat/federation";

/** An answer, and where it comes from. */
export interface Entry {
  /** Counts from 1. */
  readonly number: number;
  readonly user: string;
  /** The status of HTTP. */
  readonly status: number;
  /** `ACCEPT` or `REJECT`; where nobody could say, what went wrong. */
  readonly answer: string;
  /** The URL of the request to the child that has answered; absent where none was asked. */
  readonly origin?: string;
  /** How long it took, in milliseconds. */
  readonly duration: number;
}

/** The part of an answer of the API that is looked at. */
interface Body {
  readonly detail: { readonly origin?: string } | null;
  readonly result: { readonly authentication?: string; readonly error?: { message: string } };
}

/** How many answers are kept. */
const length = 60;

/** Writes down which answers a handler gives. Never a password. */
export class Journal {
  readonly #entries: Entry[] = [];
  #count = 0;

  /** The latest answers, the newest first. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** The same handler, whose answers are written down. */
  around(handler: Handler): Handler {
    return async (request, connection) => {
      const begun = performance.now();
      const text = request.method === "POST" ? await request.clone().text() : "";
      const parameters = new URLSearchParams(text === "" ? new URL(request.url).search : text);
      const response = await handler(request, connection);
      const { detail, result } = (await response.clone().json()) as Body;
      this.#count += 1;
      this.#entries.unshift({
        number: this.#count,
        user: parameters.get("user") ?? "",
        status: response.status,
        answer: result.authentication ?? result.error?.message ?? "",
        ...(detail?.origin === undefined ? {} : { origin: detail.origin }),
        duration: performance.now() - begun,
      });
      this.#entries.splice(length);
      return response;
    };
  }
}
