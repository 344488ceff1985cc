import { type CallOptions, type Consumer, ConsumerRepository } from "../../repositories/index.js";
import { quotedTableNames, type TableOptions } from "../column-map/table-names.js";
import { driverFailure } from "../sql/driver-failure.js";
import { type KyselyDatabase, Session } from "../sql/session.js";
import { decodeObject, StoredValueError } from "../sql/stored-json.js";
import { encodeKey } from "../sql/stored-key.js";
import { decodeText, encodeText } from "../sql/stored-text.js";

interface ConsumerRow {
  readonly definition: string;
}

/**
 * The consumers of a sign-on server, in the table that `createTables` makes. A change is in force with the next
 * message.
 *
 * Their secrets are stored as they are, so the table should be readable only for accounts that may have them.
 */
export class KyselyConsumerRepository extends ConsumerRepository {
  readonly #session: Session;
  readonly #table: string;

  constructor(db: KyselyDatabase, options?: TableOptions) {
    super();
    this.#session = new Session(db);
    this.#table = quotedTableNames(this.#session.dialect, options).consumer;
  }

  override async get(key: string, options?: CallOptions): Promise<Consumer | undefined> {
    const [row] = await this.#session.read<ConsumerRow>(
      (p) =>
        `select definition from ${this.#table} where consumer_key = ${p.value(encodeKey(key))}`,
      options,
    );
    return row === undefined ? undefined : decodeConsumer(row);
  }

  override async list(options?: CallOptions): Promise<readonly Consumer[]> {
    const rows = await this.#session.read<ConsumerRow>(
      () => `select definition from ${this.#table}`,
      options,
    );
    return rows.map(decodeConsumer).sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  override async save(consumer: Consumer, options?: CallOptions): Promise<void> {
    if ((await this.#update(consumer, options)) || (await this.#insert(consumer, options))) return;
    // Another process has stored one in between.
    await this.#update(consumer, options);
  }

  override async remove(key: string, options?: CallOptions): Promise<void> {
    await this.#session.write(
      (p) => `delete from ${this.#table} where consumer_key = ${p.value(encodeKey(key))}`,
      options,
    );
  }

  async #update(consumer: Consumer, options?: CallOptions): Promise<boolean> {
    const written = await this.#session.write(
      (p) => `update ${this.#table} set definition = ${p.value(encodeConsumer(consumer))}
        where consumer_key = ${p.value(encodeKey(consumer.key))}`,
      options,
    );
    return written > 0;
  }

  async #insert(consumer: Consumer, options?: CallOptions): Promise<boolean> {
    const row = [encodeKey(consumer.key), encodeConsumer(consumer)];
    try {
      await this.#session.guarded(() =>
        this.#session.write(
          (p) => `insert into ${this.#table} (consumer_key, definition) values ${p.rows([row])}`,
          options,
        ),
      );
      return true;
    } catch (error) {
      if (driverFailure(error)?.kind === "unique") return false;
      throw error;
    }
  }
}

function encodeConsumer(consumer: Consumer): string {
  return encodeText(JSON.stringify(consumer));
}

/** A consumer as JSON has it, with instants as text. */
interface StoredConsumer extends Omit<Consumer, "secrets"> {
  readonly secrets: readonly {
    readonly value: string;
    readonly notBefore?: string;
    readonly notAfter?: string;
  }[];
}

function decodeConsumer({ definition }: ConsumerRow): Consumer {
  const stored = decodeObject("definition", decodeText(definition)) as StoredConsumer;
  if (!Array.isArray(stored.secrets)) throw new StoredValueError("definition");
  const secrets = stored.secrets.map(({ value, notBefore, notAfter }) => ({
    value,
    ...(notBefore === undefined ? {} : { notBefore: new Date(notBefore) }),
    ...(notAfter === undefined ? {} : { notAfter: new Date(notAfter) }),
  }));
  return { ...stored, secrets };
}
