import { StreamTakenError, VersionConflictError } from "../../core/index.js";
import { CheckpointRepository, type StreamPosition } from "../checkpoint-repository.js";
import { frozenCopy } from "./frozen.js";
import { Table } from "./table.js";
import { TransactionScope } from "./transaction-scope.js";

interface PositionRow {
  readonly stream: string;
  readonly position: StreamPosition;
}

type Positions = Table<PositionRow>;

/** The positions of streams, in memory. */
export class InMemoryCheckpointRepository extends CheckpointRepository {
  readonly #scope: TransactionScope;
  readonly #positions: Positions;

  constructor();
  /** @internal */
  constructor(scope: TransactionScope, positions?: Positions);
  constructor(
    scope: TransactionScope = new TransactionScope(),
    positions: Positions = new Table<PositionRow>((row) => row.stream, {}),
  ) {
    super();
    this.#scope = scope;
    this.#positions = positions;
  }

  /** The same store, bound to a transaction. @internal */
  in(scope: TransactionScope): InMemoryCheckpointRepository {
    return new InMemoryCheckpointRepository(scope, this.#positions);
  }

  /** Throws where the stream has another epoch. @internal */
  checkEpoch(stream: string, epoch: number): void {
    if (this.#positions.get(stream)?.position.epoch !== epoch) throw new StreamTakenError(stream);
  }

  override load(stream: string): Promise<StreamPosition | undefined> {
    return this.#scope.run(() => this.#positions.get(stream)?.position);
  }

  override save(stream: string, position: StreamPosition): Promise<StreamPosition> {
    return this.#scope.run((journal) => {
      const revision = this.#positions.get(stream)?.position.revision ?? 0;
      if (position.revision !== revision) {
        throw new VersionConflictError(
          `The position of the stream "${stream}" is in revision ${revision}, not ${position.revision}: ` +
            "another runner follows it.",
        );
      }
      const saved = frozenCopy({ ...position, revision: revision + 1 });
      this.#positions.put(journal, { stream, position: saved });
      return saved;
    });
  }

  /** In a transaction there is no other writer, so that it is enough to look. */
  override hold(stream: string, epoch: number): Promise<void> {
    return this.#scope.run(() => this.checkEpoch(stream, epoch));
  }
}
