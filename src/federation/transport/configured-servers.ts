import { type FederationServer, ServerRepository } from "../../repositories/index.js";
import { type ReadServersOptions, readServers } from "./server-definition.js";

/** The servers of a configuration, which is read once. */
export class ConfiguredServers extends ServerRepository {
  readonly #servers: ReadonlyMap<string, FederationServer>;

  /**
   * @param definitions an array of {@link FederationServer}, such as JSON from a file.
   * @throws {DefinitionError} with every problem.
   */
  constructor(definitions: unknown, options?: ReadServersOptions) {
    super();
    const servers = readServers(definitions, options);
    this.#servers = new Map(servers.map((server) => [server.identifier, server]));
  }

  override async get(identifier: string): Promise<FederationServer | undefined> {
    return this.#servers.get(identifier);
  }

  override async list(): Promise<readonly FederationServer[]> {
    return [...this.#servers.values()].sort((one, other) =>
      one.identifier < other.identifier ? -1 : 1,
    );
  }
}
