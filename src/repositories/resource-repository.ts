import { isDeepStrictEqual } from "node:util";
import {
  InvalidValueError,
  MutabilityError,
  NotFoundError,
  TooManyError,
  UniquenessError,
  UnsupportedError,
  VersionConflictError,
} from "../core/index.js";
import type { Resource, ResourceType } from "../scim/index.js";
import type { Capabilities } from "./capabilities.js";
import { applyChangeSet, changeSetFor, type Modification } from "./change-set.js";
import type { Member } from "./member-types.js";
import type { Page, Query } from "./query.js";

/** Options of every call that may wait. */
export interface CallOptions {
  /** Ends the wait; the call rejects with the signal's reason. What was already written stays written. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Of a write: is called with the paths of what the store was asked for, did not refuse, and has not kept. It is
   * called for a write that was made, perhaps more than once of the same. What is neither named here nor refused is
   * kept.
   */
  readonly onIgnored?: ((paths: readonly string[]) => void) | undefined;
}

/** Options of a read. */
export interface ReadOptions extends CallOptions {
  /** Attributes to return beside those that are always returned. `members` of a group come only when named here. */
  readonly attributes?: readonly string[] | undefined;
  /**
   * Attributes that the caller does not need. A store that saves work by it leaves them out, whatever else is asked.
   */
  readonly excludedAttributes?: readonly string[] | undefined;
}

/** Options of a write. */
export interface WriteOptions extends CallOptions {
  /** Write only if the resource is in this version (`meta.version`), else `VersionConflictError`. */
  readonly ifVersion?: string | undefined;
}

/** One of a batch of writes. */
export type Write<T, N> =
  | {
      readonly kind: "create";
      /** The resource to store, as `create` takes it. */
      readonly resource: N;
    }
  | {
      readonly kind: "replace";
      /** The id of the resource. */
      readonly id: string;
      /** The attributes that it is to have, as `replace` takes them. */
      readonly resource: N;
    }
  | {
      readonly kind: "modify";
      /** The id of the resource. */
      readonly id: string;
      /** What to change of it, as `modify` takes it. */
      readonly modification: Modification<T, N>;
    }
  | {
      readonly kind: "delete";
      /** The id of the resource. */
      readonly id: string;
    };

/** How one of a batch of writes ended. */
export type WriteResult =
  | {
      readonly written: true;
      /** The id of the resource: of a create the one that it was given. */
      readonly id: string;
      /** The paths of attributes that the store did not refuse, and has not kept. Absent where it has kept all. */
      readonly ignored?: readonly string[];
      /**
       * Of a modification that adds members to a group: those who were in it already. Absent where the store does not
       * say so, which may be in one result and not in another.
       */
      readonly present?: readonly Member[];
    }
  | {
      readonly written: false;
      /** Why the write was refused; {@link isRefusal} holds for it. */
      readonly error: unknown;
    };

/**
 * A store of SCIM resources of one type, for one tenant, perhaps bound to one transaction.
 *
 * Errors that a store raises so that its callers can act: `UniquenessError`, `InvalidValueError`, `MutabilityError`,
 * `UnsupportedError` and `TooManyError` mean that this write will not do however often it is tried; `UnavailableError`,
 * and any error that is not the package's, that it may do later.
 */
export abstract class ResourceRepository<T extends Resource, N> {
  /** The type of the resources: by it a path such as `name.familyName` is understood. */
  abstract readonly type: ResourceType;

  /** What this store can do. */
  abstract readonly capabilities: Capabilities;

  /** The resource with this id. */
  abstract get(id: string, options?: ReadOptions): Promise<T | undefined>;

  /**
   * The resources that match. `assertDeclared` refuses what is to be refused.
   *
   * @throws {UnsupportedError} the store did not declare the filter, the order or the kind of page in its capabilities.
   * @throws {InvalidValueError} the cursor is not one of this store's results of the same query.
   */
  abstract find(query: Query, options?: ReadOptions): Promise<Page<T>>;

  /**
   * Stores a new resource under a new id.
   *
   * @throws {UniquenessError} a unique value is taken; it names the resource in the way where the store knows it.
   * @throws {InvalidValueError} the store cannot hold a value.
   */
  abstract create(resource: N, options?: CallOptions): Promise<T>;

  /**
   * Gives the resource these attributes and no others. Read-only attributes are ignored (RFC 7644 §3.5.1), so that
   * what was read can be written; a group's members are replaced only if `resource` has `members`.
   *
   * @throws {NotFoundError} there is no such resource.
   * @throws {VersionConflictError} it is not in the version `ifVersion`.
   * @throws {UniquenessError} a unique value is taken.
   */
  abstract replace(id: string, resource: N | T, options?: WriteOptions): Promise<T>;

  /**
   * Removes the resource, or deactivates it, as the capabilities say.
   *
   * @throws {NotFoundError} there is no such resource.
   */
  abstract delete(id: string, options?: WriteOptions): Promise<void>;

  /**
   * What distinguishes a resource from another one that gets the same id later, where the store uses ids again
   * (`Capabilities.ids`). By default the time of creation.
   */
  markOf(resource: T): string | undefined {
    return resource.meta?.created;
  }

  /**
   * Changes part of a resource. By default it reads, applies and replaces, and does so again when another writer came
   * between; what changes nothing is not written (RFC 7644 §3.5.2.1). A store that can change attributes in place
   * overrides it.
   *
   * @throws {NotFoundError} there is no such resource.
   * @throws {VersionConflictError} the caller's own `ifVersion` does not hold, or other writers came between 10 times.
   */
  async modify(
    id: string,
    modification: Modification<T, N>,
    options: WriteOptions = {},
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const current = await this.get(
        id,
        "plan" in modification ? { ...options, attributes: modification.reads } : options,
      );
      if (current === undefined) throw new NotFoundError(id);
      const ifVersion = options.ifVersion ?? current.meta?.version;
      const next = applyChangeSet(this.type, current, changeSetFor(modification, current));
      if (ifVersion === current.meta?.version && isDeepStrictEqual(next, current)) return;
      try {
        await this.replace(id, next, {
          ...options,
          ...(ifVersion === undefined ? {} : { ifVersion }),
        });
        return;
      } catch (error) {
        const again =
          error instanceof VersionConflictError && options.ifVersion === undefined && attempt < 10;
        if (!again) throw error;
      }
    }
  }

  /**
   * Makes several writes. By default one after the other; a store that has a better way overrides it.
   *
   * A write that is refused stops no other, so a store on a transaction that any failed statement ends must guard each.
   *
   * @returns a result for each write, in order. Only a refusal (`isRefusal`) is a result; any other error is thrown.
   */
  async write(
    writes: readonly Write<T, N>[],
    options?: CallOptions,
  ): Promise<readonly WriteResult[]> {
    const results: WriteResult[] = [];
    for (const write of writes) {
      try {
        results.push(await writtenWith(options, (own) => this.#writeOne(write, own)));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        results.push({ written: false, error });
      }
    }
    return results;
  }

  async #writeOne(write: Write<T, N>, options?: CallOptions): Promise<string> {
    switch (write.kind) {
      case "create":
        return (await this.create(write.resource, options)).id;
      case "replace":
        await this.replace(write.id, write.resource, options);
        return write.id;
      case "modify":
        await this.modify(write.id, write.modification, options);
        return write.id;
      case "delete":
        await this.delete(write.id, options);
        return write.id;
    }
  }
}

/** The options of a call that does part of what another one was asked to do. */
export function callOf({ signal, onIgnored }: CallOptions = {}): CallOptions {
  return {
    ...(signal !== undefined && { signal }),
    ...(onIgnored !== undefined && { onIgnored }),
  };
}

/** Makes one of a batch of writes, and says what of it was not kept. For stores that have a `write` of their own. */
export async function writtenWith(
  options: CallOptions | undefined,
  write: (options: CallOptions) => Promise<string>,
): Promise<Extract<WriteResult, { readonly written: true }>> {
  const ignored = new Set<string>();
  const id = await write({
    ...options,
    onIgnored: (paths) => {
      for (const path of paths) ignored.add(path);
      options?.onIgnored?.(paths);
    },
  });
  return { written: true, id, ...(ignored.size > 0 && { ignored: [...ignored] }) };
}

/** An error that says that a write will not do however often it is tried. */
export type Refusal =
  | NotFoundError
  | UniquenessError
  | InvalidValueError
  | MutabilityError
  | UnsupportedError
  | TooManyError;

/** Distinguishes a write that was refused, and will be again, from one that failed and may be tried again. */
export function isRefusal(error: unknown): error is Refusal {
  return (
    error instanceof NotFoundError ||
    error instanceof UniquenessError ||
    error instanceof InvalidValueError ||
    error instanceof MutabilityError ||
    error instanceof UnsupportedError ||
    error instanceof TooManyError
  );
}
