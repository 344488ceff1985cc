import { UnsupportedError } from "concordat";
import type { CallOptions } from "concordat/repositories";
import { idOf, type Tryton, type TrytonRecord, TrytonRefusal, textOf } from "./client.ts";

/**
 * Whether accounts that are inactive are made and changed where Tryton only does so while they are active, as 8.2 does.
 * `activate`: they are made active, and inactive again by the next call, which is the one that changes them. `refuse`:
 * they are neither made nor changed.
 */
export type ChangesOfInactive = "activate" | "refuse";

type Values = Readonly<Record<string, unknown>>;

/**
 * Writes to accounts. Tryton 8.2 lets nothing be changed at one that is inactive but that it is active again, looks at
 * this before it writes anything, and makes one transaction of each call: there is no way by RPC in which nobody sees
 * the account active. Its second call ends the sessions of the account as it makes it inactive.
 */
export class AccountWriter {
  readonly #tryton: Tryton;
  readonly #changes: ChangesOfInactive;
  #locks: Promise<boolean> | undefined;

  constructor(tryton: Tryton, changes: ChangesOfInactive) {
    this.#tryton = tryton;
    this.#changes = changes;
  }

  /** Makes an account. @returns its id. */
  async create(values: Values, signal?: AbortSignal | null): Promise<string> {
    try {
      return await this.#create(values, signal);
    } catch (error) {
      if (values["active"] !== false || !(error instanceof TrytonRefusal)) throw error;
      if (this.#changes === "refuse") {
        throw new UnsupportedError(
          "Tryton makes no account that is inactive, and it is not to be made active for it.",
          { cause: error },
        );
      }
    }
    const id = await this.#create({ ...values, active: true }, signal);
    // Not given up half-way.
    await this.#call(Number(id), { active: false });
    return id;
  }

  /** @param record the account as it is, with `id`, `login` and `active`. */
  async write(record: TrytonRecord, values: Values, options?: CallOptions): Promise<void> {
    const id = idOf(record);
    const { active: becomes, ...others } = values;
    const isInactive = !record["active"];
    const isLocked = isInactive && Object.keys(others).length > 0 && (await this.#isLocked(record));
    if (!isLocked) return await this.#call(id, values, options?.signal);
    if (becomes !== true && this.#changes === "refuse") {
      throw new UnsupportedError(
        "Tryton changes nothing at an account that is inactive, and it is not to be made active for it.",
      );
    }
    try {
      await this.#call(id, { active: true }, options?.signal);
    } catch (error) {
      // It may be that the service account may write nothing at all, which looks the same.
      this.#locks = undefined;
      throw error;
    }
    try {
      // Not given up half-way.
      await this.#call(id, becomes === true ? others : { ...others, active: false });
    } catch (error) {
      await this.#call(id, { active: false });
      throw error;
    }
  }

  /** Asked once, by giving an inactive account the login that it has. */
  async #isLocked(record: TrytonRecord): Promise<boolean> {
    this.#locks ??= this.#call(idOf(record), { login: textOf(record["login"]) }).then(
      () => false,
      (error: unknown) => {
        if (error instanceof TrytonRefusal) return true;
        this.#locks = undefined;
        throw error;
      },
    );
    return await this.#locks;
  }

  async #create(values: Values, signal?: AbortSignal | null): Promise<string> {
    const made = await this.#tryton.call("res.user", "create", [[values]], signal ?? undefined);
    return String(Array.isArray(made) ? made[0] : made);
  }

  async #call(id: number, values: Values, signal?: AbortSignal | null): Promise<void> {
    await this.#tryton.call("res.user", "write", [[id], values], signal ?? undefined);
  }
}
