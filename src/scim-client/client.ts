import { UnsupportedError } from "../core/index.js";
import type { CallOptions } from "../repositories/index.js";
import {
  type BulkOperation,
  type InferResource,
  type InferResourceRequest,
  lenientProfile,
  type Profile,
  type ResourceType,
  readSchema,
  type Schema,
} from "../scim/index.js";
import { type BulkOptions, type BulkOutcome, bulk } from "./bulk.js";
import { bulkLimits, readConfiguration, type ServiceProviderConfig } from "./configuration.js";
import { readListResponse } from "./list-response.js";
import type { ScimClientOptions } from "./options.js";
import { Requester } from "./requester.js";
import { type RemoteResourceType, readResourceType } from "./resource-types.js";
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
  readonly #profile: Profile;
  #configuration: ServiceProviderConfig | undefined;

  /** @throws {InvalidValueError} an option is wrong. */
  constructor(options: ScimClientOptions) {
    this.#requester = new Requester(options);
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
   * @throws {UnsupportedError} it does not say: it can be told in the options.
   */
  async configuration({ signal }: CallOptions = {}): Promise<ServiceProviderConfig> {
    signal?.throwIfAborted();
    this.#configuration ??= readConfiguration(
      (await this.#requester.send({ method: "GET", path: "/ServiceProviderConfig" }, signal)).body,
    );
    return this.#configuration;
  }

  /**
   * The types of resources that the service provider has. RFC 7643 §6.
   *
   * @throws {UnsupportedError} it does not say.
   */
  async resourceTypes({ signal }: CallOptions = {}): Promise<readonly RemoteResourceType[]> {
    const { body } = await this.#requester.send({ method: "GET", path: "/ResourceTypes" }, signal);
    return readListResponse(body).resources.map(readResourceType);
  }

  /**
   * The schemas of the service provider. RFC 7643 §7.
   *
   * @throws {InvalidValueError} one is not a schema that RFC 7643 allows.
   */
  async schemas({ signal }: CallOptions = {}): Promise<readonly Schema[]> {
    const { body } = await this.#requester.send({ method: "GET", path: "/Schemas" }, signal);
    return readListResponse(body).resources.map(readSchema);
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
  ): Promise<readonly BulkOutcome[]> {
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
