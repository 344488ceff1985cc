import { StreamTakenError, VersionConflictError } from "../../core/index.js";
import {
  CheckpointRepository,
  type StreamPosition,
  type TakenAway,
  type Unconfirmed,
} from "../../repositories/index.js";
import { quotedTableNames, type TableOptions } from "../column-map/table-names.js";
import { driverFailure } from "../sql/driver-failure.js";
import { type KyselyDatabase, type Session, sessionOn } from "../sql/session.js";
import { decodeJson } from "../sql/stored-json.js";
import { encodeKey } from "../sql/stored-key.js";
import { decodeText, encodeText } from "../sql/stored-text.js";

interface CheckpointRow {
  readonly checkpoint: string | null;
  readonly generation: number;
  readonly epoch: number;
  readonly revision: number;
  readonly mapping: string | null;
  readonly taken: string | null;
  readonly unconfirmed: string | null;
}

/** The positions of streams, in the table that `createTables` makes. */
export class KyselyCheckpointRepository extends CheckpointRepository {
  readonly #session: Session;
  readonly #table: string;

  constructor(db: KyselyDatabase | Session, options?: TableOptions) {
    super();
    this.#session = sessionOn(db);
    this.#table = quotedTableNames(this.#session.dialect, options).checkpoint;
  }

  override async load(stream: string): Promise<StreamPosition | undefined> {
    const [row] = await this.#session.read<CheckpointRow>(
      (p) => `select checkpoint, generation, epoch, revision, mapping, taken, unconfirmed
        from ${this.#table} where stream = ${p.value(encodeKey(stream))}`,
    );
    if (row === undefined) return undefined;
    const { checkpoint, generation, epoch, revision, mapping, taken, unconfirmed } = row;
    return {
      ...(checkpoint === null ? {} : { checkpoint: decodeText(checkpoint) }),
      generation,
      epoch,
      revision,
      ...(mapping === null ? {} : { mapping: decodeText(mapping) }),
      ...(taken === null ? {} : { taken: decodeJson("taken", taken) as readonly TakenAway[] }),
      ...(unconfirmed === null
        ? {}
        : { unconfirmed: decodeJson("unconfirmed", unconfirmed) as Unconfirmed }),
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
        `The position of the stream "${stream}" is no longer in revision ${position.revision}: ` +
          "another runner follows it.",
      );
    }
    return { ...position, revision: position.revision + 1 };
  }

  override async hold(stream: string, epoch: number): Promise<void> {
    const [row] = await this.#session.read<Pick<CheckpointRow, "epoch">>(
      (p) => `select epoch from ${this.#table} where stream = ${p.value(encodeKey(stream))}
        ${this.#session.inTransaction ? this.#session.dialect.lockRow : ""}`,
    );
    if (row?.epoch !== epoch) throw new StreamTakenError(stream);
  }

  /**
   * Stores the first position, unless there is one. The unique key says so: how many rows an insert wrote that passes
   * over what is there, MariaDB counts as the flags of the connection have it.
   */
  async #insert(stream: string, position: StreamPosition): Promise<boolean> {
    const columns = columnsOf(position);
    const row = [encodeKey(stream), 1, ...Object.values(columns)];
    try {
      await this.#session.guarded(() =>
        this.#session.write(
          (p) => `insert into ${this.#table} (stream, revision, ${Object.keys(columns).join(", ")})
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
    const written = await this.#session.write((p) => {
      const values = Object.entries(columnsOf(position)).map(
        ([column, value]) => `${column} = ${p.value(value)}`,
      );
      return `update ${this.#table} set ${values.join(", ")}, revision = revision + 1
        where stream = ${p.value(encodeKey(stream))} and revision = ${p.value(position.revision)}`;
    });
    return written > 0;
  }
}

/** What is stored of a position, besides the stream and the revision. */
function columnsOf(position: StreamPosition) {
  const { checkpoint, generation, epoch, mapping, taken, unconfirmed } = position;
  return {
    checkpoint: checkpoint === undefined ? null : encodeText(checkpoint),
    generation,
    epoch,
    mapping: mapping === undefined ? null : encodeText(mapping),
    taken: taken === undefined || taken.length === 0 ? null : JSON.stringify(taken),
    unconfirmed: unconfirmed === undefined ? null : JSON.stringify(unconfirmed),
  };
}
