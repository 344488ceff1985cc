import { NotFoundError, UniquenessError, UnsupportedError } from "../../core/index.js";
import type { CallOptions, Capabilities } from "../../repositories/index.js";
import { supportsFilter } from "../../repositories/internal.js";
import {
  bindFilter,
  eq,
  type Resource,
  type ResourceRequest,
  type ResourceType,
} from "../../scim/index.js";
import { uniqueAttributes } from "../../scim/internal.js";
import type { RemoteReads } from "../reading/remote-reads.js";
import { asRefusal } from "../requests/refusals.js";

/** Raises the errors of writes as a repository does. */
export class WriteRefusals<T extends Resource, N extends ResourceRequest> {
  readonly #type: ResourceType;
  readonly #capabilities: Capabilities;
  readonly #reads: RemoteReads<T, N>;

  constructor(type: ResourceType, capabilities: Capabilities, reads: RemoteReads<T, N>) {
    this.#type = type;
    this.#capabilities = capabilities;
    this.#reads = reads;
  }

  /** Writes; raises the errors that a repository does. */
  async refusing<R>(
    attributes: object,
    own: string | undefined,
    options: CallOptions,
    write: () => Promise<R>,
  ): Promise<R> {
    try {
      return await write();
    } catch (error) {
      throw await this.of(error, attributes, own, options);
    }
  }

  /**
   * The error of a write as a repository raises it: of a value that is taken it says which it is, and whose, if that
   * can be looked up.
   *
   * @param attributes The values that were to be written.
   * @param own The id of the resource, if it is there already.
   */
  async of(
    error: unknown,
    attributes: object,
    own: string | undefined,
    options: CallOptions,
  ): Promise<unknown> {
    if (error instanceof NotFoundError && own !== undefined) {
      return await this.#missing(error, own, options);
    }
    return error instanceof UniquenessError
      ? await this.#named(error, attributes, own, options)
      : asRefusal(error);
  }

  /**
   * The error of a write whose response was 404. That nothing is there is believed of a read alone: some respond with
   * 404, too, where they have no such method, or do not know a resource that is named in the request.
   */
  async #missing(error: NotFoundError, own: string, { signal }: CallOptions): Promise<unknown> {
    try {
      if ((await this.#reads.get(own, signal && { signal })) === undefined) return error;
    } catch (reason) {
      signal?.throwIfAborted();
      return asRefusal(reason);
    }
    return new UnsupportedError(
      `The service provider responded with 404 to a write, and "${own}" is there. ` +
        "It may have no such method, or not know what is named.",
      { cause: error.cause ?? error },
    );
  }

  async #named(
    error: UniquenessError,
    attributes: object,
    own: string | undefined,
    { signal }: CallOptions,
  ): Promise<UniquenessError> {
    const unique = uniqueAttributes(this.#type).map(({ path }) => path);
    for (const path of new Set([...unique, "displayName", "externalId"])) {
      const value: unknown = Object.hasOwn(attributes, path) && Reflect.get(attributes, path);
      if (typeof value !== "string" || !this.#type.attributes.has(path.toLowerCase())) continue;
      const filter = bindFilter(eq(path, value), this.#type);
      if (!supportsFilter(this.#capabilities, filter)) continue;
      try {
        const { resources } = await this.#reads.find({ filter, count: 2 }, signal && { signal });
        const holder = resources.find(({ id }) => id !== own);
        if (holder !== undefined) return new UniquenessError(path, holder.id, { cause: error });
      } catch {
        signal?.throwIfAborted();
        // What is known already is enough.
        return error;
      }
    }
    return error;
  }
}
