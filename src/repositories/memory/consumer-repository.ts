import { type Consumer, ConsumerRepository } from "../consumer-repository.js";
import type { CallOptions } from "../resource-repository.js";

/** Consumers in memory, for tests and for a server whose consumers are part of its configuration. */
export class InMemoryConsumerRepository extends ConsumerRepository {
  readonly #consumers = new Map<string, Consumer>();

  constructor(consumers: Iterable<Consumer> = []) {
    super();
    for (const consumer of consumers) this.#consumers.set(consumer.key, structuredClone(consumer));
  }

  override async get(key: string, options?: CallOptions): Promise<Consumer | undefined> {
    options?.signal?.throwIfAborted();
    return structuredClone(this.#consumers.get(key));
  }

  override async list(options?: CallOptions): Promise<readonly Consumer[]> {
    options?.signal?.throwIfAborted();
    return [...this.#consumers.values()]
      .sort((one, other) => (one.key < other.key ? -1 : 1))
      .map((consumer) => structuredClone(consumer));
  }

  override async save(consumer: Consumer, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    this.#consumers.set(consumer.key, structuredClone(consumer));
  }

  override async remove(key: string, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    this.#consumers.delete(key);
  }
}
