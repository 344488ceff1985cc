import { VersionConflictError } from "../core/index.js";
import { CheckpointRepository, type StreamPosition } from "../repositories/index.js";
import { type KyselyDatabase, Session } from "./session.js";
import { decodeText, encodeText } from "./stored-text.js";
import { quotedTableNames, type TableOptions } from "./table-names.js";

interface CheckpointRow {
  readonly checkpoint: string | null;
  readonly generation: number;
  readonly revision: number;
}

/** The positions of streams, in the table that `createTables` makes. */
export class KyselyCheckpointRepository extends CheckpointRepository {
  readonly #session: Session;
  readonly #table: string;

  constructor(db: KyselyDatabase, options?: TableOptions) {
    super();
    this.#session = new Session(db);
    this.#table = quotedTableNames(this.#session.dialect, options).checkpoint;
  }

  override async load(stream: string): Promise<StreamPosition | undefined> {
    const [row] = await this.#session.read<CheckpointRow>(
      (p) => `select checkpoint, generation, revision from ${this.#table}
        where stream = ${p.value(encodeText(stream))}`,
    );
    if (row === undefined) return undefined;
    const { checkpoint, generation, revision } = row;
    return {
      ...(checkpoint === null ? {} : { checkpoint: decodeText(checkpoint) }),
      generation,
      revision,
    };
  }

  /** Compares and stores in one statement, so that of two runners one fails, whatever the isolation of transactions. */
  override async save(stream: string, position: StreamPosition): Promise<StreamPosition> {
    const { checkpoint, generation, revision } = position;
    const stored = checkpoint === undefined ? null : encodeText(checkpoint);
    const key = encodeText(stream);
    const { onConflict } = this.#session.dialect;
    const written = await this.#session.write((p) =>
      revision === 0
        ? `insert into ${this.#table} (stream, checkpoint, generation, revision)
            values ${p.rows([[key, stored, generation, 1]])} ${onConflict(["stream"], [])}`
        : `update ${this.#table} set checkpoint = ${p.value(stored)},
            generation = ${p.value(generation)}, revision = revision + 1
            where stream = ${p.value(key)} and revision = ${p.value(revision)}`,
    );
    if (written === 0) {
      throw new VersionConflictError(
        `The position of the stream "${stream}" is no longer in revision ${revision}: another runner follows it.`,
      );
    }
    return { ...position, revision: revision + 1 };
  }
}
