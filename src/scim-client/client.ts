import { UnsupportedError } from "../core/index.js";
import type { CallOptions } from "../repositories/index.js";
import {
  type BulkOperation,
  type InferResource,
  type InferResourceRequest,
  lenientProfile,
  type ResourceType,
  readSchema,
  type Schema,
  type ScimProfile,
} from "../scim/index.js";
import { type BulkOptions, type BulkResult, bulk } from "./bulk/bulk.js";
import {
  bulkLimits,
  readConfiguration,
  type ServiceProviderConfig,
} from "./discovery/configuration.js";
import {
  type NotUnderstood,
  type RemoteResourceType,
  readResourceTypes,
} from "./discovery/resource-types.js";
import { readBaseUrl, type ScimClientOptions } from "./options.js";
import { readListResponse } from "./reading/list-response.js";
import { Requester } from "./requests/requester.js";
import { ScimResponseError } from "./requests/response-error.js";
import { ScimResources } from "./resources.js";

/**
 * A client of one SCIM service provider. RFC 7644, RFC 9865.
 *
 * ```ts
 * await using client = new ScimClient({
 *   baseUrl: "https://example.com/scim/v2",
 *   authorization: "Bearer h480djs93hd8",
 * });
 * const users = client.resources(userResourceType);
 * for await (const user of users.list({ filter: 'active eq true' })) console.log(user.userName);
 * ```
 *
 * Redirects are not followed. It keeps connections open until it is disposed of.
 */
export class ScimClient implements AsyncDisposable {
  readonly #requester: Requester;
  readonly #profile: ScimProfile;
  readonly #baseUrl: URL;
  #configuration: ServiceProviderConfig | undefined;

  /** @throws {InvalidValueError} an option is wrong. */
  constructor(options: ScimClientOptions) {
    this.#requester = new Requester(options);
    this.#baseUrl = readBaseUrl(options);
    this.#profile = options.profile ?? lenientProfile;
    this.#configuration = options.configuration;
  }

  /** The resources of a type. */
  resources<T extends ResourceType>(
    type: T,
  ): ScimResources<InferResource<T>, InferResourceRequest<T>> {
    return new ScimResources(type, this.#requester, this.#profile);
  }

  /**
   * What the service provider can do. RFC 7643 §5. It is asked once.
   *
   * @throws {UnsupportedError} it does not say: the option `configuration` of the client takes the place of the
   * document.
   */
  async configuration({ signal }: CallOptions = {}): Promise<ServiceProviderConfig> {
    signal?.throwIfAborted();
    this.#configuration ??= readConfiguration(
      await this.#document(
        "/ServiceProviderConfig",
        "the option `configuration` of ScimClient takes its place",
        signal,
      ),
      this.#profile,
    );
    return this.#configuration;
  }

  /**
   * The types of resources that the service provider has. RFC 7643 §6. {@link discover} reports what is not understood,
   * too.
   *
   * @throws {UnsupportedError} it does not say.
   */
  async resourceTypes(options: CallOptions = {}): Promise<readonly RemoteResourceType[]> {
    return (await this.discover(options)).types;
  }

  /**
   * The types of resources that the service provider has, and what it names beside them that is not understood. RFC
   * 7643 §6.
   *
   * @throws {UnsupportedError} it does not say.
   */
  async discover({ signal }: CallOptions = {}): Promise<{
    readonly types: readonly RemoteResourceType[];
    readonly notUnderstood: readonly NotUnderstood[];
  }> {
    const body = await this.#document(
      "/ResourceTypes",
      "the option `resourceTypes` of remoteRepositories takes its place",
      signal,
    );
    return readResourceTypes(readListResponse(body).resources, this.#baseUrl);
  }

  /**
   * The schemas of the service provider. RFC 7643 §7.
   *
   * @throws {InvalidValueError} one is not a schema that RFC 7643 allows.
   * @throws {UnsupportedError} it does not say.
   */
  async schemas({ signal }: CallOptions = {}): Promise<readonly Schema[]> {
    const body = await this.#document("/Schemas", "nothing here depends on it", signal);
    return readListResponse(body).resources.map(readSchema);
  }

  /** @param instead What to do without the document. */
  async #document(
    path: string,
    instead: string,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    try {
      return (await this.#requester.send({ method: "GET", path }, signal)).body;
    } catch (error) {
      if (error instanceof UnsupportedError) {
        const message = `The service provider has no document ${path}: ${instead}.`;
        throw new UnsupportedError(message, { cause: error.cause });
      }
      if (error instanceof ScimResponseError) {
        const { message, status, cause } = error;
        const said = `The document ${path} cannot be read: ${instead}. ${message}`;
        throw new ScimResponseError(said, status, { cause: cause ?? error });
      }
      throw error;
    }
  }

  /**
   * Carries out operations in bulk requests, as many as the limits of the service provider ask for. RFC 7644 §3.7.
   *
   * @returns an outcome for each operation, in order. After a request that fails as a whole, no other is sent.
   * @throws {UnsupportedError} the service provider has no bulk requests.
   * @throws {TooManyError} the operations cannot be divided into requests that it takes; none was sent.
   */
  async bulk(
    operations: readonly BulkOperation[],
    options: BulkOptions = {},
  ): Promise<readonly BulkResult[]> {
    const limits = bulkLimits(await this.configuration(options));
    if (limits === undefined) {
      throw new UnsupportedError("The service provider has no bulk requests.");
    }
    return await bulk(this.#requester, operations, limits, options);
  }

  /** Closes the connections, when what is under way has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#requester[Symbol.asyncDispose]();
  }
}
