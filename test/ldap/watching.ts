import { setTimeout } from "node:timers/promises";
import type { Change, ChangeBatch, ChangeStream } from "concordat/changes";

/** Reads a stream batch by batch, for as long as a test wants. */
export class Watching implements AsyncDisposable {
  /** The checkpoint of the last batch that had one. */
  checkpoint: string | undefined;
  /** Every batch that was read. */
  readonly batches: ChangeBatch[] = [];
  readonly #stop = new AbortController();
  readonly #iterator: AsyncIterator<ChangeBatch>;
  #pending: Promise<IteratorResult<ChangeBatch>> | undefined;

  constructor(stream: ChangeStream, after?: string) {
    const { signal } = this.#stop;
    this.#iterator = stream
      .read(after === undefined ? { signal } : { after, signal })
      [Symbol.asyncIterator]();
  }

  async next(): Promise<ChangeBatch> {
    this.#pending ??= this.#iterator.next();
    const { done, value } = await this.#pending;
    this.#pending = undefined;
    if (done === true) throw new Error("The stream has ended.");
    this.batches.push(value);
    this.checkpoint = value.checkpoint ?? this.checkpoint;
    return value;
  }

  /** The next batch if there is one soon; it is kept for the next call otherwise. */
  async nextWithin(milliseconds: number): Promise<ChangeBatch | undefined> {
    this.ask();
    const timer = setTimeout(milliseconds).then(() => "late" as const);
    const first = await Promise.race([this.#pending, timer]);
    return first === "late" ? undefined : await this.next();
  }

  /** Asks for the next batch without waiting for it, and so acknowledges the last one. */
  ask(): void {
    this.#pending ??= this.#iterator.next();
    this.#pending.catch(() => undefined);
  }

  /** Reads up to the batch that ends the snapshot. */
  async refreshed(): Promise<readonly ChangeBatch[]> {
    return await this.until((batch) => batch.phase === "snapshot" && batch.refresh === "ends");
  }

  /** Reads up to the batch that ends the check after a resume. */
  async reconciled(): Promise<readonly ChangeBatch[]> {
    return await this.until((batch) => batch.phase === "reconcile" && batch.refresh === "ends");
  }

  async until(isLast: (batch: ChangeBatch) => boolean): Promise<readonly ChangeBatch[]> {
    const batches: ChangeBatch[] = [];
    for (;;) {
      const batch = await this.next();
      batches.push(batch);
      if (isLast(batch)) return batches;
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error("stopped"));
    await this.#pending?.catch(() => undefined);
    await this.#iterator.return?.();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** The changes of batches, all together. */
export function changesOf(batches: readonly ChangeBatch[]): Change[] {
  return batches.flatMap((batch) => batch.changes);
}

/** What a consumer knows of an entry. */
interface Known {
  readonly names: readonly string[];
  readonly stamp: string | undefined;
  readonly content: string;
  readonly seen: number;
}

/** A copy of the content, kept by the rules that every consumer of a change stream follows. */
export class Mirror {
  readonly entries: Map<string, Known> = new Map();
  readonly #gone = new Map<string, string | undefined>();
  #generation = 0;
  readonly #missing = new Set<string>();

  /**
   * Whether an entry that the stream called unchanged is not known: then a checkpoint claimed too much. An entry that
   * is created during a refresh may be called so, too, if it follows by the end of the check after it.
   */
  get lost(): boolean {
    return this.#missing.size > 0;
  }

  apply({ phase, refresh, changes }: ChangeBatch): void {
    if (refresh === "begins") this.#generation += 1;
    if (refresh === "begins" && phase === "snapshot") this.#missing.clear();
    for (const change of changes) this.#applyChange(change, phase);
  }

  #applyChange(change: Change, phase: ChangeBatch["phase"]): void {
    switch (change.kind) {
      case "upsert": {
        const { sourceId, names, stamp, resource, type } = change;
        this.#missing.delete(sourceId);
        const known = this.entries.get(sourceId);
        if (phase !== "snapshot" && isEarlier(stamp, known?.stamp)) return;
        const gone = this.#gone.get(sourceId);
        if (phase === "reconcile" && gone !== undefined && !isEarlier(gone, stamp)) return;
        this.entries.set(sourceId, {
          names: names.map(({ kind, key }) => `${kind}:${key}`),
          stamp,
          content: JSON.stringify([type, resource, "members" in change ? change.members : null]),
          seen: this.#generation,
        });
        return;
      }
      case "delete": {
        if (isEarlier(change.stamp, this.entries.get(change.sourceId)?.stamp)) return;
        this.entries.delete(change.sourceId);
        this.#missing.delete(change.sourceId);
        this.#gone.set(change.sourceId, change.stamp);
        return;
      }
      case "present":
        for (const { sourceId, names, stamp } of change.entries) {
          const known = this.entries.get(sourceId);
          if (known === undefined) {
            if (phase === "snapshot" || !this.#gone.has(sourceId)) this.#missing.add(sourceId);
            continue;
          }
          const renamed =
            names !== undefined && !isEarlier(stamp, known.stamp)
              ? { names: names.map(({ kind, key }) => `${kind}:${key}`) }
              : {};
          this.entries.set(sourceId, { ...known, ...renamed, seen: this.#generation });
        }
        return;
      case "sweep":
        for (const [sourceId, { seen }] of this.entries) {
          if (seen < this.#generation) this.entries.delete(sourceId);
        }
        return;
    }
  }

  /** What is known, comparable with what another mirror knows. */
  get content(): Record<string, unknown> {
    return Object.fromEntries(
      [...this.entries]
        .map(([id, { names, content }]) => [id, [names, content]] as const)
        .sort(([one], [other]) => (one < other ? -1 : 1)),
    );
  }
}

function isEarlier(stamp: string | undefined, than: string | undefined): boolean {
  return stamp !== undefined && than !== undefined && stamp < than;
}
