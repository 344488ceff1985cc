import { VersionConflictError } from "../core/index.js";
import { CheckpointRepository, type StreamPosition } from "../repositories/index.js";
import { driverFailure } from "./driver-failure.js";
import { type KyselyDatabase, Session } from "./session.js";
import { encodeKey } from "./stored-key.js";
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
        where stream = ${p.value(encodeKey(stream))}`,
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
    const isStored =
      position.revision === 0
        ? await this.#insert(stream, position)
        : await this.#update(stream, position);
    if (!isStored) {
      throw new VersionConflictError(
        `The position of the stream "${stream}" is no longer in revision ${position.revision}: another runner follows it.`,
      );
    }
    return { ...position, revision: position.revision + 1 };
  }

  /**
   * Stores the first position, unless there is one. The unique key says so: how many rows an insert wrote that passes over
   * what is there, MariaDB counts as the flags of the connection have it.
   */
  async #insert(stream: string, { checkpoint, generation }: StreamPosition): Promise<boolean> {
    const row = [encodeKey(stream), encodeCheckpoint(checkpoint), generation, 1];
    try {
      await this.#session.guarded(() =>
        this.#session.write(
          (p) => `insert into ${this.#table} (stream, checkpoint, generation, revision)
            values ${p.rows([row])}`,
        ),
      );
      return true;
    } catch (error) {
      if (driverFailure(error)?.kind === "unique") return false;
      throw error;
    }
  }

  async #update(stream: string, position: StreamPosition): Promise<boolean> {
    const { checkpoint, generation, revision } = position;
    const written = await this.#session.write(
      (p) => `update ${this.#table} set checkpoint = ${p.value(encodeCheckpoint(checkpoint))},
        generation = ${p.value(generation)}, revision = revision + 1
        where stream = ${p.value(encodeKey(stream))} and revision = ${p.value(revision)}`,
    );
    return written > 0;
  }
}

function encodeCheckpoint(checkpoint: string | undefined): string | null {
  return checkpoint === undefined ? null : encodeText(checkpoint);
}
