import { InvalidValueError, UnavailableError, UnsupportedError } from "concordat";

/** How Tryton is reached, and as whom. */
export interface TrytonOptions {
  /** Where `trytond` is, such as `https://tryton.example.com/`. */
  readonly url: string;
  readonly database: string;
  /** The login of the service account, which has to be in the group "Administration". */
  readonly login: string;
  readonly password: string;
  /** How long a response may take, in milliseconds. Default 30,000. */
  readonly timeout?: number;
  /** How many requests are made at once. Default 4. */
  readonly concurrency?: number;
  /** The language of `trytond.conf`: in it the names of groups are kept. Default: `en`. */
  readonly language?: string;
}

/** A record as Tryton returns it. */
export type TrytonRecord = Readonly<Record<string, unknown>>;

/** A condition of a search. */
export type Domain = readonly unknown[];

/** What was refused by Tryton's own rules: its message, and which kind of exception it was. */
export class TrytonRefusal extends Error {
  /** `UserError`, `UserWarning`, …; absent where Tryton has failed at it. */
  readonly kind: string | undefined;

  constructor(kind: string | undefined, message: string) {
    super(message);
    this.name = "TrytonRefusal";
    this.kind = kind;
  }
}

/** The longest response that is read, in bytes. */
const longest = 16 * 1024 * 1024;

/**
 * How long a password that was refused is not tried again, in milliseconds, the first time and later: after more than five
 * wrong ones within five minutes, Tryton takes the right one no more, either.
 */
const loginPauses = [10_000, 90_000] as const;

/** JSON-RPC of Tryton, at `/<database>/` until 7, at `/<database>/rpc/` since. */
export class Tryton {
  /** Where it is. */
  readonly base: URL;
  /** The login of the service account. */
  readonly account: string;
  readonly #options: TrytonOptions;
  readonly #timeout: number;
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #session: Promise<{ readonly url: URL; readonly header: string }> | undefined;
  #refused: { readonly until: number; readonly error: unknown } | undefined;
  #refusals = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: TrytonOptions) {
    this.base = new URL(options.url.endsWith("/") ? options.url : `${options.url}/`);
    this.account = options.login;
    this.#options = options;
    this.#timeout = options.timeout ?? 30_000;
    this.#free = Math.max(options.concurrency ?? 4, 1);
  }

  /** Does something while nothing else is done so: what was looked for before a write is true until it is made. */
  async exclusively<R>(work: () => Promise<R>): Promise<R> {
    const run = this.#last.then(work, work);
    this.#last = run.catch(() => {});
    return await run;
  }

  /**
   * Calls a method of a model.
   *
   * @throws {UnavailableError} Tryton cannot be reached, is slow, in trouble, or refuses the service account.
   * @throws {TrytonRefusal} it refuses the call, in its own words.
   */
  async call(
    model: string,
    method: string,
    params: readonly unknown[],
    signal?: AbortSignal,
  ): Promise<unknown> {
    const { language = "en" } = this.#options;
    const context = { language, active_test: false };
    const isRead = /^(?:search|read)/.test(method);
    for (let attempt = 1; ; attempt++) {
      const session = await this.#signedIn();
      const body = { id: 1, method: `model.${model}.${method}`, params: [...params, context] };
      const answer = await this.#post(session.url, body, { ...session, isRead, signal });
      // A session ends by itself after some minutes. A call without one is not carried out.
      if (answer.status === 401 && attempt === 1) {
        this.#session = undefined;
        continue;
      }
      return resultOf(answer, isRead);
    }
  }

  /** Records that match, in the order of their ids. */
  async records(
    model: string,
    domain: Domain,
    fields: readonly string[],
    { offset = 0, limit, signal }: Paging = {},
  ): Promise<readonly TrytonRecord[]> {
    const order = [["id", "ASC"]];
    const params = [domain, offset, limit ?? null, order, fields];
    const found = await this.call(model, "search_read", params, signal);
    if (!Array.isArray(found)) throw new UnavailableError("Tryton has answered no list.");
    return found.map((one: unknown) => recordOf(one));
  }

  /** The ids of the records that match, in their order. */
  async ids(model: string, domain: Domain, paging?: Paging): Promise<readonly number[]> {
    return (await this.records(model, domain, ["id"], paging)).map(idOf);
  }

  async count(model: string, domain: Domain, signal?: AbortSignal): Promise<number> {
    return Number(await this.call(model, "search_count", [domain], signal));
  }

  async #signedIn(): Promise<{ readonly url: URL; readonly header: string }> {
    if (this.#refused !== undefined && Date.now() < this.#refused.until) throw this.#refused.error;
    this.#session ??= this.#signIn();
    const session = this.#session;
    try {
      return await session;
    } catch (error) {
      if (this.#session === session) this.#session = undefined;
      throw error;
    }
  }

  async #signIn(): Promise<{ readonly url: URL; readonly header: string }> {
    const { database, login, password, language = "en" } = this.#options;
    const params = [login, { password }, language];
    const body = { id: 0, method: "common.db.login", params };
    for (const path of ["rpc/", ""]) {
      const url = new URL(`${encodeURIComponent(database)}/${path}`, this.base);
      const answer = await this.#post(url, body, { isRead: true });
      if (answer.status === 404 || answer.status === 405) continue;
      const result = answer.status === 401 ? undefined : resultOf(answer, true);
      if (!Array.isArray(result)) {
        const error = new UnavailableError(
          "Tryton refuses the service account: its password is wrong, or it is disabled.",
        );
        const pause = loginPauses[Math.min(this.#refusals++, 1)] ?? 0;
        this.#refused = { until: Date.now() + pause, error };
        throw error;
      }
      this.#refused = undefined;
      this.#refusals = 0;
      const [user, key] = result;
      const credentials = Buffer.from(`${login}:${user}:${key}`).toString("base64");
      return { url, header: `Session ${credentials}` };
    }
    throw new UnavailableError(`Tryton has no database "${database}".`);
  }

  async #post(
    url: URL,
    body: unknown,
    { header, isRead, signal }: PostOptions,
  ): Promise<TrytonAnswer> {
    await this.#turn();
    const limit = AbortSignal.timeout(this.#timeout);
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          // Without it, Tryton asks for the password again in a way that is meant for browsers.
          "x-requested-with": "XMLHttpRequest",
          ...(header === undefined ? {} : { authorization: header }),
        },
        body: JSON.stringify(body),
        signal: signal == null ? limit : AbortSignal.any([signal, limit]),
        redirect: "error",
      });
      return { status: response.status, text: await readText(response) };
    } catch (cause) {
      signal?.throwIfAborted();
      throw new UnavailableError(
        limit.aborted
          ? `Tryton has not answered within ${this.#timeout} ms.`
          : "Tryton cannot be reached.",
        { cause, mayBeDone: !isRead },
      );
    } finally {
      this.#free++;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    while (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#free--;
  }
}

/** Which part of a result. */
export interface Paging {
  readonly offset?: number;
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
}

interface PostOptions {
  readonly header?: string;
  readonly isRead: boolean;
  readonly signal?: AbortSignal | undefined;
}

interface TrytonAnswer {
  readonly status: number;
  readonly text: string;
}

/** Exceptions of a database that is busy or away: the same call will do later. */
const isPassing =
  /database is locked|could not (?:connect|serialize)|connection|deadlock|timed? ?out|server closed|recovery mode/i;

function resultOf({ status, text }: TrytonAnswer, isRead: boolean): unknown {
  const mayBeDone = !isRead;
  if (status === 401) throw new UnavailableError("Tryton has ended the session.");
  if (status === 403) {
    throw new UnsupportedError("Tryton does not let the service account do that.");
  }
  if (status === 413) throw new UnsupportedError("The request is larger than Tryton reads.");
  if (status !== 200) throw new UnavailableError(`Tryton has answered ${status}.`, { mayBeDone });
  let body: TrytonRecord;
  try {
    body = recordOf(JSON.parse(text));
  } catch (cause) {
    throw new UnavailableError("Tryton has answered what is no JSON.", { cause, mayBeDone });
  }
  const error = body["error"];
  if (error === undefined) return body["result"];
  throw refusalOf(Array.isArray(error) ? error : [String(error)], mayBeDone);
}

/** `["UserError", [message, description, …]]`, `["UserWarning", [name, message, …]]`, or `[message, traceback]`. */
function refusalOf([kind, details]: readonly unknown[], mayBeDone: boolean): Error {
  if (kind === "ConcurrencyException") {
    return new UnavailableError("In Tryton, another person changes the same record.");
  }
  if (typeof kind === "string" && Array.isArray(details)) {
    const words = kind === "UserWarning" ? details.slice(1) : details.slice(0, 2);
    const text = words.filter((word) => typeof word === "string" && word !== "").join(" ");
    return new TrytonRefusal(kind, text.slice(0, 500));
  }
  const text = String(kind).slice(0, 500);
  if (isPassing.test(text)) {
    return new UnavailableError("Tryton's database is busy, or away.", { mayBeDone });
  }
  return new TrytonRefusal(undefined, text);
}

/**
 * The package's error for what Tryton has refused.
 *
 * @param path the attribute that was to be written.
 */
export function refusedValue(error: TrytonRefusal, path: string): Error {
  const { kind, message } = error;
  const isOfRights = /not allowed|access|base configuration/i.test(message);
  if (kind === undefined || isOfRights) {
    return new UnsupportedError(`Tryton has refused it: ${message}`, { cause: error });
  }
  return new InvalidValueError(path, `Tryton does not take it: ${message}`, { cause: error });
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > longest) throw new Error("The response is too long.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function recordOf(value: unknown): TrytonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as TrytonRecord)
    : {};
}

/** The id of a record. */
export function idOf(record: TrytonRecord): number {
  return Number(record["id"]);
}

/** A text field; "" where it is empty. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The ids in a field that names several records. */
export function idsOf(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}

/** An id of a resource as Tryton has it; `undefined` where none of its can be meant. */
export function numberOf(id: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(id) ? Number(id) : undefined;
}

/** A time of Tryton, which is UTC. */
export function timeOf(value: unknown): string | undefined {
  const { year, month, day, hour, minute, second, microsecond } = recordOf(value);
  if (typeof year !== "number") return undefined;
  const at = Date.UTC(year, Number(month) - 1, Number(day), Number(hour), Number(minute));
  return new Date(
    at + Number(second) * 1_000 + Math.floor(Number(microsecond ?? 0) / 1_000),
  ).toISOString();
}

/**
 * Conditions by which whatever has a name in any case is found, and more: SQLite knows the case of ASCII only, and a
 * name may be composed or decomposed. What is found has to be compared.
 */
export function named(field: string, name: string): Domain {
  const forms = new Set([name.normalize("NFC"), name.normalize("NFD")]);
  // `_` is any character; what else has a meaning in a pattern becomes one, too.
  const patterns = [...forms].map((form) => form.replaceAll(/[^A-Za-z0-9 .@-]/gu, "_"));
  return ["OR", ...patterns.map((pattern) => [[field, "ilike", pattern]])];
}

/** Refuses text that Tryton, or one of its databases, would store as another one. */
export function assertText(path: string, text: string): void {
  if (/\p{Cc}|\p{Cs}/u.test(text)) {
    throw new InvalidValueError(path, "it has control characters, or half of a character.");
  }
  if (text.trim() !== text) {
    throw new InvalidValueError(path, "it begins or ends with a space, which Tryton removes.");
  }
  if (text.normalize("NFC") !== text) {
    throw new InvalidValueError(
      path,
      "it is not in composed form (NFC), in which Tryton keeps text.",
    );
  }
  if (text.length > 1_000) throw new InvalidValueError(path, "it has more than 1,000 characters.");
}
