/** What a function gets that returns the value of the Authorization field. */
export interface AuthorizationRequest {
  /** The value that the service provider has just refused with the status 401, so that another is needed. */
  readonly refused?: string;
}

/**
 * The value of the Authorization field, such as `Bearer h480djs93hd8`; or a function that gives it. The function is
 * asked once, and again when the service provider refuses what it gave.
 */
export type Authorization = string | ((request: AuthorizationRequest) => string | Promise<string>);

/** A value of the Authorization field that is being got, or was. */
interface Grant {
  readonly value: Promise<string>;
  known?: string;
}

/** Keeps the value of the Authorization field until it is refused. */
export class Credentials {
  readonly #authorization: Authorization | undefined;
  #grant: Grant | undefined;

  constructor(authorization: Authorization | undefined) {
    this.#authorization = authorization;
  }

  /** Whether another value may be had for one that was refused. */
  get canRenew(): boolean {
    return typeof this.#authorization === "function";
  }

  /**
   * The value to send. All requests that need one meanwhile wait for the same.
   *
   * @param refused The value that was refused; one that has taken its place since is good.
   * @throws what the function throws; or the signal's reason, while the others go on waiting.
   */
  async value(refused?: string, signal?: AbortSignal): Promise<string | undefined> {
    const value = this.#value(refused);
    if (signal === undefined) return await value;
    signal.throwIfAborted();
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(signal.reason);
    signal.addEventListener("abort", leave);
    try {
      return await Promise.race([value, left]);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  async #value(refused: string | undefined): Promise<string | undefined> {
    const authorization = this.#authorization;
    if (typeof authorization !== "function") return authorization;
    const grant = this.#grant;
    if (grant !== undefined && (refused === undefined || grant.known !== refused)) {
      return await grant.value;
    }
    const next: Grant = { value: ask(authorization, refused) };
    this.#grant = next;
    try {
      next.known = await next.value;
      return next.known;
    } catch (error) {
      if (this.#grant === next) this.#grant = undefined;
      throw error;
    }
  }
}

async function ask(
  authorization: Exclude<Authorization, string>,
  refused: string | undefined,
): Promise<string> {
  return await authorization(refused === undefined ? {} : { refused });
}
