import { UnavailableError, UnsupportedError } from "concordat";

/** How Request Tracker is reached. */
export interface RequestTrackerOptions {
  /** Where it is, such as `https://rt.example.com/`. */
  readonly url: string;
  /** A token of the service account (`Settings`, `Auth tokens`). */
  readonly token: string;
  /** How long an answer may take, in milliseconds. Default 30,000. */
  readonly timeout?: number;
  /** How many requests may be under way at once: the others wait here, and not at its few workers. Default 4. */
  readonly connections?: number;
}

/** What it has answered. */
export interface Answer {
  readonly status: number;
  /** What stands in the body, as far as it is JSON. */
  readonly body: unknown;
  /** The number in `Location`: what was created. */
  readonly created: string | undefined;
}

/** The longest answer that is read, in bytes. */
const longest = 16 * 1024 * 1024;

/** REST 2.0 of Request Tracker, with the errors that synchronisation acts by. */
export class RequestTracker {
  readonly #base: URL;
  readonly #token: string;
  readonly #timeout: number;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor({ url, token, timeout = 30_000, connections = 4 }: RequestTrackerOptions) {
    this.#base = new URL("REST/2.0/", url.endsWith("/") ? url : `${url}/`);
    this.#token = token;
    this.#timeout = timeout;
    this.#free = connections;
  }

  /**
   * Makes a request.
   *
   * @param path below `REST/2.0/`, made of ids only: what somebody has chosen goes into the query or the body.
   * @throws {UnavailableError} it cannot be reached, is slow, is in trouble (5xx) or refuses the token.
   * @throws {UnsupportedError} the service account may not do it.
   */
  async request(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    options: {
      readonly query?: Readonly<Record<string, string>>;
      readonly body?: unknown;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<Answer> {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      url.searchParams.set(name, value);
    }
    const { signal } = options;
    await this.#turn();
    try {
      signal?.throwIfAborted();
      return await this.#exchange(method, path, url, options);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  /** Waits for its turn, in the order of the calls. */
  async #turn(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async #exchange(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    url: URL,
    { body, signal }: { readonly body?: unknown; readonly signal?: AbortSignal | undefined },
  ): Promise<Answer> {
    const limit = AbortSignal.timeout(this.#timeout);
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, {
        method,
        headers: {
          authorization: `token ${this.#token}`,
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: signal == null ? limit : AbortSignal.any([signal, limit]),
        redirect: "error",
      });
      text = await readText(response);
    } catch (cause) {
      signal?.throwIfAborted();
      throw new UnavailableError(
        limit.aborted
          ? `Request Tracker has not answered within ${this.#timeout} ms.`
          : "Request Tracker cannot be reached.",
        { cause, mayBeDone: method !== "GET" },
      );
    }
    const { status } = response;
    if (status === 401) {
      throw new UnavailableError("Request Tracker refuses the token: it is wrong, or was revoked.");
    }
    if (status === 403) {
      throw new UnsupportedError(
        `The service account may not do that in Request Tracker (${method} ${path}).`,
      );
    }
    if (status >= 500 || status === 429) {
      throw new UnavailableError(`Request Tracker has answered ${status}.`, {
        mayBeDone: method !== "GET",
      });
    }
    const created = /\/(\d+)$/.exec(response.headers.get("location") ?? "")?.[1];
    return { status, body: parsed(text), created };
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > longest) throw new Error("The answer is too long.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The members of a JSON object; none of anything else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

/** The items of a list, whether it is the body or its `items`. */
export function itemsOf(body: unknown): readonly Readonly<Record<string, unknown>>[] {
  const items = Array.isArray(body) ? body : fieldsOf(body)["items"];
  return Array.isArray(items) ? items.map(fieldsOf) : [];
}

/** A field as text; "" where it has none. Request Tracker answers numbers and flags as either. */
export function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** What Request Tracker says of a change, of each field by itself where there are several. */
export function messagesOf(body: unknown): readonly string[] {
  const messages = Array.isArray(body) ? body : [fieldsOf(body)["message"]];
  return messages.filter((message) => typeof message === "string");
}

/** That the service account lacks a right, which Request Tracker also says in a message, and with another status than 403. */
export function missingRight(body: unknown): UnsupportedError | undefined {
  if (!messagesOf(body).some((message) => /\bpermission denied\b/i.test(message))) return undefined;
  return new UnsupportedError(
    `The service account may not do that in Request Tracker: ${messageOf(body)}`,
  );
}

/** What Request Tracker says of a change that it has not made, in one line. */
export function messageOf(body: unknown): string {
  const text = messagesOf(body).join("; ");
  return text === "" ? "it gives no reason" : text.slice(0, 500);
}
