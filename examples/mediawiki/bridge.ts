import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { UnavailableError, UnsupportedError } from "concordat";
import type { CallOptions } from "concordat/repositories";

/** Options of {@link Bridge}. */
export interface BridgeOptions {
  /** The wiki's `LocalSettings.php`. Default: the one that MediaWiki finds by itself. */
  readonly settings?: string;
  /**
   * What starts the bridge. Default: `php` and the bridge of this folder. For a wiki on another machine:
   * `["ssh", "-T", "wiki.example.com", "sudo -u www-data php /opt/bridge.php"]`.
   */
  readonly command?: readonly [string, ...string[]];
  /** Variables for it, beside those of this process: `MW_INSTALL_PATH`, say. */
  readonly env?: Readonly<Record<string, string>>;
  /** The account that does all this, and is named in the wiki's logs; made at the first time. Default: `Concordat`. */
  readonly actor?: string;
  /** What the wiki's logs and blocks say as the reason. */
  readonly reason?: string;
  /** Accounts that are not seen: nobody reads, changes or takes them, whatever the directory says. */
  readonly hidden?: readonly string[];
  /** Whether addresses count as confirmed. Default: true, since the directory says them. */
  readonly confirmEmail?: boolean;
  /**
   * What becomes of the name of an account that was deleted, when it is to be another person's. `rename`: the deleted
   * account is called `Name~id` from then on. `refuse`: it keeps its name. Default: `rename`.
   */
  readonly namesOfDeleted?: "rename" | "refuse";
  /** How long an answer may take, in milliseconds, before the bridge counts as hung and is ended. Default: 60,000. */
  readonly answerWithin?: number;
  /** How often one request is made of a new bridge, after one ended over it, before it is refused. Default: 5. */
  readonly attempts?: number;
}

/** What the wiki said when it did not do something. */
export interface Refusal {
  readonly code: "invalid" | "taken" | "missing" | "unsupported" | "unavailable" | "failed";
  readonly message: string;
  readonly attribute?: string;
  /** Of what is taken: the account that has it. */
  readonly holder?: number;
}

/** A refusal that its caller has to make an error of the package of, since it knows what was asked for. */
export class WikiRefusal extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** What the bridge says of itself. */
export interface Greeting {
  readonly version: string;
  readonly blockDisablesLogin: boolean;
  readonly canRename: boolean;
}

/** A process that was started, and has said what it is. */
interface Running {
  readonly process: ChildProcess;
  readonly greeting: Greeting;
  ask(op: string, args: object): Promise<unknown>;
}

/** The process ended before it had answered. */
class BridgeEnded extends Error {}

/** The process did not answer in time, and was ended. */
class BridgeHung extends BridgeEnded {}

/** How much of what the bridge writes to its standard error is told when it ends. */
const toldOfErrors = 1_000;
/** The longest answer, in characters. A page of 100 people has some 30,000. */
const longestAnswer = 64 * 1024 * 1024;

/**
 * A long-lived process that does in the wiki what it is asked, one thing after the other.
 *
 * If it ends, it is started again. What was under way is asked again of the new one, which is safe: every request says
 * what is to be, and none a step towards it; a creation first looks for the account that it may have made already.
 */
export class Bridge implements AsyncDisposable {
  readonly #options: BridgeOptions;
  #running: Promise<Running> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: BridgeOptions = {}) {
    this.#options = options;
  }

  /** The process that is there now; starts one where there is none. */
  async greeting(): Promise<Greeting> {
    return (await this.#started()).greeting;
  }

  /** The id of the process, while there is one. */
  async processId(): Promise<number | undefined> {
    return (await this.#running?.catch(() => undefined))?.process.pid;
  }

  /**
   * Asks for something.
   *
   * @throws {WikiRefusal} the wiki does not do it.
   * @throws {UnsupportedError} the wiki fails over it, whenever it is asked.
   * @throws {UnavailableError} the wiki cannot be reached now.
   */
  async call(op: string, args: object, { signal }: CallOptions = {}): Promise<unknown> {
    signal?.throwIfAborted();
    const before = this.#last;
    const turn = before.then(() => {
      signal?.throwIfAborted();
      return this.#ask(op, args);
    });
    this.#last = turn.catch(() => undefined);
    if (signal === undefined) return await turn;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([turn, left]);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#last;
    const running = await this.#running?.catch(() => undefined);
    running?.process.stdin?.end();
    this.#running = undefined;
  }

  async #ask(op: string, args: object): Promise<unknown> {
    const { attempts = 5 } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const running = await this.#started();
      try {
        return await running.ask(op, { ...args, again: attempt > 1 });
      } catch (error) {
        if (!(error instanceof BridgeEnded)) throw error;
        if (error instanceof BridgeHung) {
          throw new UnavailableError(error.message, { cause: error, mayBeDone: true });
        }
        if (attempt < attempts) continue;
        throw new UnsupportedError(
          `MediaWiki ended ${attempts} times over "${op}": ${error.message}`,
          { cause: error },
        );
      }
    }
  }

  #started(): Promise<Running> {
    if (this.#isClosed) throw new UnavailableError("The bridge is closed.");
    this.#running ??= this.#start();
    return this.#running;
  }

  async #start(): Promise<Running> {
    const { settings, env, answerWithin = 60_000 } = this.#options;
    const own = fileURLToPath(new URL("bridge/bridge.php", import.meta.url));
    const [file, ...args] = this.#options.command ?? ["php", own];
    const child = spawn(file, args, {
      env: { ...process.env, ...(settings !== undefined && { MW_CONFIG_FILE: settings }), ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const ask = conversation(child, answerWithin, () => {
      this.#running = undefined;
    });
    const { actor, reason, hidden, confirmEmail, namesOfDeleted } = this.#options;
    const hello = {
      ...(actor !== undefined && { actor }),
      reason: reason ?? "The directory says so.",
      hidden: hidden ?? [],
      confirmEmail: confirmEmail ?? true,
      renameRetired: namesOfDeleted !== "refuse",
    };
    try {
      const greeting = (await ask("hello", hello)) as Greeting;
      if (!greeting.blockDisablesLogin) {
        throw new Error("$wgBlockDisablesLogin is not true, so that whoever is disabled signs in.");
      }
      return { process: child, greeting, ask };
    } catch (error) {
      child.kill("SIGKILL");
      this.#running = undefined;
      const said = error instanceof Error ? error.message : String(error);
      throw new UnavailableError(`MediaWiki cannot be asked: ${said}`, { cause: error });
    }
  }
}

/** Asks a process line by line. @param onEnd is called once it can be asked no more. */
function conversation(
  child: ChildProcess,
  answerWithin: number,
  onEnd: () => void,
): Running["ask"] {
  let number = 0;
  let buffer = "";
  let errors = "";
  let waiting:
    | { id: number; resolve(value: unknown): void; reject(error: Error): void }
    | undefined;
  let ended: Error | undefined;
  const end = (why: string, Ended = BridgeEnded): void => {
    if (ended !== undefined) return;
    ended = new Ended(errors === "" ? why : `${why} ${errors.trim()}`);
    child.kill("SIGKILL");
    onEnd();
    waiting?.reject(ended);
  };
  child.once("error", (error) => end(error.message));
  child.once("close", (code, signal) => end(`The bridge ended with ${signal ?? code}.`));
  // It is told by "close" that a pipe is broken.
  child.stdin?.on("error", () => undefined);
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-toldOfErrors);
  });
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    buffer += text;
    if (buffer.length > longestAnswer) return end("The bridge has answered too much.");
    for (let at = buffer.indexOf("\n"); at !== -1; at = buffer.indexOf("\n")) {
      const line = buffer.slice(0, at);
      buffer = buffer.slice(at + 1);
      const begin = line.indexOf("\u001e");
      // Whatever else is printed there, by an extension, say, is no answer.
      if (begin === -1) continue;
      const answer = readAnswer(line.slice(begin + 1));
      if (answer === undefined || answer.id !== waiting?.id) continue;
      if (answer.error === undefined) waiting.resolve(answer.result);
      else waiting.reject(errorOf(answer.error));
    }
  });
  return async (op, args) => {
    if (ended !== undefined) throw ended;
    const id = ++number;
    const answered = Promise.withResolvers<unknown>();
    waiting = { id, resolve: answered.resolve, reject: answered.reject };
    const timer = setTimeout(
      () => end(`MediaWiki has not answered within ${answerWithin} ms.`, BridgeHung),
      answerWithin,
    );
    child.stdin?.write(`${JSON.stringify({ id, op, args })}\n`);
    try {
      return await answered.promise;
    } finally {
      clearTimeout(timer);
      waiting = undefined;
    }
  };
}

function readAnswer(
  text: string,
): { readonly id: number; readonly result?: unknown; readonly error?: Refusal } | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function errorOf(refusal: Refusal): Error {
  switch (refusal.code) {
    case "unavailable":
      return new UnavailableError(`MediaWiki: ${refusal.message}`);
    case "unsupported":
    case "failed":
      return new UnsupportedError(`MediaWiki: ${refusal.message}`);
    default:
      return new WikiRefusal(refusal);
  }
}
