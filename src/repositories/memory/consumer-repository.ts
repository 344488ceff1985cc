import { type Consumer, ConsumerRepository } from "../consumer-repository.js";
import type { CallOptions } from "../resource-repository.js";

/** Consumers in memory, for tests and for a server whose consumers are part of its configuration. */
export class InMemoryConsumerRepository extends ConsumerRepository {
  readonly #consumers = new Map<string, Consumer>();

  constructor(consumers: Iterable<Consumer> = []) {
    super();
    for (const consumer of consumers) this.#consumers.set(consumer.key, copyOf(consumer));
  }

  override async get(key: string, options?: CallOptions): Promise<Consumer | undefined> {
    options?.signal?.throwIfAborted();
    const consumer = this.#consumers.get(key);
    return consumer && copyOf(consumer);
  }

  override async list(options?: CallOptions): Promise<readonly Consumer[]> {
    options?.signal?.throwIfAborted();
    return [...this.#consumers.values()]
      .sort((one, other) => (one.key < other.key ? -1 : 1))
      .map(copyOf);
  }

  override async save(consumer: Consumer, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    this.#consumers.set(consumer.key, copyOf(consumer));
  }

  override async remove(key: string, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    this.#consumers.delete(key);
  }
}

/** A copy of a consumer, down to its times: `structuredClone` takes ten times as long. */
function copyOf(consumer: Consumer): Consumer {
  return {
    ...consumer,
    redirectUris: [...consumer.redirectUris],
    secrets: consumer.secrets.map(({ notBefore, notAfter, ...secret }) => ({
      ...secret,
      ...(notBefore === undefined ? {} : { notBefore: new Date(notBefore) }),
      ...(notAfter === undefined ? {} : { notAfter: new Date(notAfter) }),
    })),
  };
}
