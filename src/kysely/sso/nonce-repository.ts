import { type CallOptions, type Nonce, NonceRepository } from "../../repositories/index.js";
import { quotedTableNames, type TableOptions } from "../column-map/table-names.js";
import { driverFailure } from "../sql/driver-failure.js";
import { type KyselyDatabase, Session } from "../sql/session.js";
import { encodeKey } from "../sql/stored-key.js";

/** Options of {@link KyselyNonceRepository}. */
export interface KyselyNonceOptions extends TableOptions {
  /** The clock by which nonces expire. Default: the system's. */
  readonly now?: (() => Date) | undefined;
}

/**
 * Nonces in the table that `createTables` makes. Processes share them, and a restart forgets none.
 *
 * A nonce is to be taken outside of transactions: one that is rolled back frees it again. The table keeps what has
 * expired until {@link purge}, which a host calls every few minutes.
 */
export class KyselyNonceRepository extends NonceRepository {
  readonly #session: Session;
  readonly #table: string;
  readonly #now: () => Date;

  constructor(db: KyselyDatabase, options: KyselyNonceOptions = {}) {
    super();
    this.#session = new Session(db);
    this.#table = quotedTableNames(this.#session.dialect, options).nonce;
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * The unique key decides between concurrent inserts, and the condition of the update between those that come after
   * it.
   */
  override async take(nonce: Nonce, options?: CallOptions): Promise<boolean> {
    options?.signal?.throwIfAborted();
    return (await this.#insert(nonce, options)) || (await this.#replaceExpired(nonce, options));
  }

  override async purge(options?: CallOptions): Promise<number> {
    return this.#session.write(
      (p) => `delete from ${this.#table} where expires_at <= ${p.value(this.#now().toISOString())}`,
      options,
    );
  }

  async #insert({ scope, value, expiresAt }: Nonce, options?: CallOptions): Promise<boolean> {
    const row = [encodeKey(scope), encodeKey(value), expiresAt.toISOString()];
    try {
      await this.#session.guarded(() =>
        this.#session.write(
          (p) => `insert into ${this.#table} (scope, nonce, expires_at) values ${p.rows([row])}`,
          options,
        ),
      );
      return true;
    } catch (error) {
      if (driverFailure(error)?.kind === "unique") return false;
      throw error;
    }
  }

  async #replaceExpired(
    { scope, value, expiresAt }: Nonce,
    options?: CallOptions,
  ): Promise<boolean> {
    const written = await this.#session.write(
      (p) => `update ${this.#table} set expires_at = ${p.value(expiresAt.toISOString())}
        where scope = ${p.value(encodeKey(scope))} and nonce = ${p.value(encodeKey(value))}
        and expires_at <= ${p.value(this.#now().toISOString())}`,
      options,
    );
    return written > 0;
  }
}
