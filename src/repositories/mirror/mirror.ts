import { KeyedMutex, NotFoundError, VersionConflictError } from "../../core/index.js";
import type { Resource } from "../../scim/index.js";
import {
  callOf,
  type ReadOptions,
  type ResourceRepository,
  type WriteOptions,
} from "../resource-repository.js";
import type { MirrorTarget } from "./mirror-target.js";

/** Writes to a target, and then to its copy, one write to a resource after the other. */
export class Mirror<T extends Resource & N, N extends object> {
  readonly #target: MirrorTarget<N>;
  readonly #copy: ResourceRepository<T, N>;
  readonly #mutex = new KeyedMutex();

  constructor(target: MirrorTarget<N>, copy: ResourceRepository<T, N>) {
    this.#target = target;
    this.#copy = copy;
  }

  /** Changes a resource: the target to what `next` says, and the copy by `write`. */
  change<R>(
    id: string,
    next: (before: T) => N,
    write: (conditions: WriteOptions) => Promise<R>,
    options?: WriteOptions & ReadOptions,
  ): Promise<R> {
    return this.inTurn(
      id,
      async (before, conditions) => {
        const resource = next(before);
        await this.#target.change(resource, before, conditions);
        return await orTakenBack(
          () => write(conditions),
          () => this.#target.change(before, resource),
        );
      },
      options,
    );
  }

  /** @returns the resource as it was. */
  delete(id: string, options?: WriteOptions): Promise<T> {
    return this.inTurn(
      id,
      async (before, conditions) => {
        await this.#target.delete(before, conditions);
        await this.#copy.delete(id, conditions);
        return before;
      },
      options,
    );
  }

  /**
   * Does work on a resource, as the copy has it, while nothing else is done to it.
   *
   * @throws {NotFoundError} there is no such resource.
   * @throws {VersionConflictError} it is not in the version `ifVersion`.
   */
  inTurn<R>(
    id: string,
    work: (before: T, conditions: WriteOptions) => Promise<R>,
    { ifVersion, ...options }: WriteOptions & ReadOptions = {},
  ): Promise<R> {
    return this.#mutex.run(
      id,
      async () => {
        const before = await this.#copy.get(id, options);
        if (before === undefined) throw new NotFoundError(id);
        const version = before.meta?.version;
        if (ifVersion !== undefined && version !== ifVersion) {
          throw new VersionConflictError(
            `The resource "${id}" is not in the version ${ifVersion}.`,
          );
        }
        return await work(before, {
          ...callOf(options),
          ...(version !== undefined && { ifVersion: version }),
        });
      },
      options.signal,
    );
  }
}

/** Writes to the copy what the target has taken; what the copy refuses is taken back from the target. */
export async function orTakenBack<R>(
  write: () => Promise<R>,
  takeBack: () => Promise<void>,
): Promise<R> {
  try {
    return await write();
  } catch (error) {
    try {
      await takeBack();
    } catch (failure) {
      throw new AggregateError([error, failure], "The target is ahead of its copy.", {
        cause: error,
      });
    }
    throw error;
  }
}
