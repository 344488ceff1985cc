import { CompiledQuery, type QueryExecutor, type QueryResult } from "kysely";
import { UnavailableError, UnsupportedError } from "../../core/index.js";
import type { CallOptions } from "../../repositories/index.js";
import { dialectOf, type SqlDialect } from "./dialect.js";
import { toError } from "./driver-failure.js";
import { Parameters } from "./parameters.js";
import { runTransaction, type TransactionStart, untilNoDeadlock } from "./transaction.js";

/**
 * A `Kysely` of any database type, or one of its transactions.
 *
 * Plugins are not applied to the package's statements: tables and columns are named to it as the database knows them.
 */
export interface KyselyDatabase {
  /** Whether this is a transaction. */
  readonly isTransaction: boolean;
  /** What runs the statements. */
  getExecutor(): QueryExecutor;
  /** Begins a transaction. */
  transaction(): TransactionStart<KyselyDatabase>;
}

/**
 * Says that the database's connection is in a transaction that something other than this Kysely began and will end,
 * such as another SQL library on the same connection. Repositories on it then begin none of their own.
 */
export function joinTransaction(db: KyselyDatabase): KyselyDatabase {
  return {
    isTransaction: true,
    getExecutor: () => db.getExecutor(),
    transaction() {
      throw new UnsupportedError("The database is in a transaction already.");
    },
  };
}

/** The session of a repository, given the database or a session on it. */
export function sessionOn(db: KyselyDatabase | Session): Session {
  return db instanceof Session ? db : new Session(db);
}

/** Writes the text of a statement, and hands its values to the parameters. */
export type StatementText = (parameters: Parameters) => string;

/** The texts of inserts, and how many are kept: tables have other names for each tenant. */
const insertTexts = new Map<string, string>();
const insertTextLimit = 500;

/**
 * Runs the package's statements on the database of the host.
 *
 * Statements are written as text, since Kysely's builder makes a node of each of the thousands of values that a batch
 * has, which takes longer than SQLite takes to store them.
 */
export class Session {
  readonly dialect: SqlDialect;
  readonly #db: KyselyDatabase;
  readonly #executor: QueryExecutor;
  readonly #fence: ((inside: Session) => Promise<void>) | undefined;
  /** How many savepoints are open; it is part of their names. */
  #savepoints = 0;

  /**
   * @param fence - What is made sure of before each write, in one transaction with it; it throws where it does not
   * hold.
   */
  constructor(
    db: KyselyDatabase,
    dialect: SqlDialect = dialectOf(db),
    fence?: (inside: Session) => Promise<void>,
  ) {
    this.#db = db;
    this.#executor = db.getExecutor().withoutPlugins();
    this.dialect = dialect;
    this.#fence = fence;
  }

  /** Stands for the database, whatever transaction of it the session is in. */
  get database(): object {
    return this.#executor.adapter;
  }

  /** Whether a transaction is under way. */
  get inTransaction(): boolean {
    return this.#db.isTransaction;
  }

  /** The rows that a statement returns. */
  async read<Row>(text: StatementText, options?: CallOptions): Promise<Row[]> {
    return (await this.#run<Row>(text, options)).rows;
  }

  /** How many rows a statement wrote. */
  async write(text: StatementText, options?: CallOptions): Promise<number> {
    if (this.#fence !== undefined) {
      return await this.atomically((inside) => inside.write(text, options));
    }
    return Number((await this.#run(text, options)).numAffectedRows ?? 0);
  }

  /**
   * The text of an insert of rows, which is always the same for so many rows of so many columns: it is made once, so
   * that the driver need not compare its thousands of characters to know it again. The values of the rows come first
   * among those of the statement.
   */
  insertText(
    parameters: Parameters,
    head: string,
    rows: readonly (readonly unknown[])[],
    tail: string,
  ): string {
    for (const row of rows) for (const value of row) parameters.values.push(value);
    const width = rows[0]?.length ?? 0;
    const key = `${this.dialect.name} ${rows.length} ${width} ${head} ${tail}`;
    const kept = insertTexts.get(key);
    if (kept !== undefined) return kept;
    const tuples = rows.map((_, at) => `(${this.dialect.placeholders(at * width + 1, width)})`);
    const text = `${head} values ${tuples.join(", ")} ${tail}`;
    if (insertTexts.size >= insertTextLimit) insertTexts.clear();
    insertTexts.set(key, text);
    return text;
  }

  /**
   * Runs `work` as one step: behind a savepoint of the transaction that is under way, or in a transaction of its own,
   * which is tried again when the database has undone it in favour of others.
   */
  async atomically<R>(work: (session: Session) => Promise<R>): Promise<R> {
    const fence = this.#fence;
    if (this.inTransaction) {
      const inside = fence === undefined ? this : new Session(this.#db, this.dialect);
      return await inside.savepoint("concordat_step", async () => {
        await fence?.(inside);
        return await work(inside);
      });
    }
    return await untilNoDeadlock(() =>
      runTransaction(this.#db.transaction(), this.dialect, async (transaction) => {
        const inside = new Session(transaction, this.dialect);
        await fence?.(inside);
        return await work(inside);
      }),
    );
  }

  /**
   * Runs `work`, of which no statement is refused, as one step: it is part of the transaction that is under way, which
   * is given up where the database is unavailable, or a transaction of its own.
   */
  async together<R>(work: (session: Session) => Promise<R>): Promise<R> {
    const isPart = this.inTransaction && this.#fence === undefined;
    return isPart ? await work(this) : await this.atomically(work);
  }

  /** Runs `work` so that the transaction that is under way, if one is, can go on where it fails. */
  async guarded<R>(work: () => Promise<R>): Promise<R> {
    const endangered = this.inTransaction && this.dialect.failureEndsTransaction;
    return endangered ? await this.savepoint("concordat_guard", work) : await work();
  }

  /**
   * Runs `work` behind a savepoint, and undoes what it wrote where it fails. Savepoints in one another have names of
   * their own: to MariaDB, the second of one name is the end of the first.
   */
  async savepoint<R>(kind: string, work: () => Promise<R>): Promise<R> {
    const name = `${kind}_${++this.#savepoints}`;
    try {
      await this.write(() => `savepoint ${name}`);
      let result: R;
      try {
        result = await work();
      } catch (error) {
        await this.#rollBackTo(name, error);
        throw error;
      }
      await this.write(() => `release savepoint ${name}`);
      return result;
    } finally {
      this.#savepoints--;
    }
  }

  async #rollBackTo(name: string, reason: unknown): Promise<void> {
    try {
      await this.write(() => `rollback to savepoint ${name}`);
      await this.write(() => `release savepoint ${name}`);
    } catch (error) {
      // A deadlock, a full disk or a lost connection has ended the transaction, and the savepoint with it. The
      // caller that began the transaction must learn of that, and not take the failure of `work` for one to be ignored.
      const end = [reason, error].find((failure) => failure instanceof UnavailableError);
      throw (
        end ?? new AggregateError([reason, error], "The transaction has ended.", { cause: error })
      );
    }
  }

  /** The error of what failed after something was written, which stays where no transaction takes it back. */
  afterWrite(error: unknown): unknown {
    return this.inTransaction || !(error instanceof UnavailableError)
      ? error
      : new UnavailableError(error.message, { cause: error.cause, mayBeDone: true });
  }

  /** Runs a statement; one that is in no transaction again, when the database has undone it in favour of others. */
  #run<Row>(text: StatementText, options?: CallOptions): Promise<QueryResult<Row>> {
    const parameters = new Parameters(this.dialect);
    const query = CompiledQuery.raw(text(parameters), parameters.values);
    const run = (): Promise<QueryResult<Row>> => this.#runOnce(query, options);
    return this.inTransaction ? run() : untilNoDeadlock(run);
  }

  async #runOnce<Row>(query: CompiledQuery, options?: CallOptions): Promise<QueryResult<Row>> {
    const signal = options?.signal;
    try {
      return await this.#executor.executeQuery(
        query as CompiledQuery<Row>,
        signal === undefined ? undefined : { signal },
      );
    } catch (error) {
      // What a transaction did is undone with it, and a question does nothing.
      const mayBeDone = !this.inTransaction && !query.sql.startsWith("select");
      throw toError(error, mayBeDone);
    }
  }
}
