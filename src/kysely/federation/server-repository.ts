import {
  type CallOptions,
  type FederationServer,
  ServerRepository,
} from "../../repositories/index.js";
import { quotedTableNames, type TableOptions } from "../column-map/table-names.js";
import { driverFailure } from "../sql/driver-failure.js";
import { type KyselyDatabase, Session } from "../sql/session.js";
import { decodeObject } from "../sql/stored-json.js";
import { encodeKey } from "../sql/stored-key.js";
import { decodeText, encodeText } from "../sql/stored-text.js";

interface ServerRow {
  readonly definition: string;
}

/**
 * The servers of a federation, in the table that `createTables` makes. A change is in force with the next request.
 *
 * What is stored is not looked at here: the forwarder reads each definition before it is used. The private key of a
 * client certificate is stored as it is, so the table should be readable only for accounts that may have it.
 */
export class KyselyServerRepository extends ServerRepository {
  readonly #session: Session;
  readonly #table: string;

  constructor(db: KyselyDatabase, options?: TableOptions) {
    super();
    this.#session = new Session(db);
    this.#table = quotedTableNames(this.#session.dialect, options).server;
  }

  override async get(
    identifier: string,
    options?: CallOptions,
  ): Promise<FederationServer | undefined> {
    const [row] = await this.#session.read<ServerRow>(
      (p) =>
        `select definition from ${this.#table} where identifier = ${p.value(encodeKey(identifier))}`,
      options,
    );
    return row === undefined ? undefined : decodeServer(row);
  }

  override async list(options?: CallOptions): Promise<readonly FederationServer[]> {
    const rows = await this.#session.read<ServerRow>(
      () => `select definition from ${this.#table}`,
      options,
    );
    return rows
      .map(decodeServer)
      .sort((one, other) => (one.identifier < other.identifier ? -1 : 1));
  }

  /** Stores a server, instead of the one with the same identifier if there is one. */
  async put(server: FederationServer, options?: CallOptions): Promise<void> {
    if ((await this.#update(server, options)) || (await this.#insert(server, options))) return;
    // Another process has stored one in between.
    await this.#update(server, options);
  }

  /** Removes a server; one that does not exist is ignored. */
  async delete(identifier: string, options?: CallOptions): Promise<void> {
    await this.#session.write(
      (p) => `delete from ${this.#table} where identifier = ${p.value(encodeKey(identifier))}`,
      options,
    );
  }

  async #update(server: FederationServer, options?: CallOptions): Promise<boolean> {
    const written = await this.#session.write(
      (p) => `update ${this.#table} set definition = ${p.value(encodeServer(server))}
        where identifier = ${p.value(encodeKey(server.identifier))}`,
      options,
    );
    return written > 0;
  }

  async #insert(server: FederationServer, options?: CallOptions): Promise<boolean> {
    const row = [encodeKey(server.identifier), encodeServer(server)];
    try {
      await this.#session.guarded(() =>
        this.#session.write(
          (p) => `insert into ${this.#table} (identifier, definition) values ${p.rows([row])}`,
          options,
        ),
      );
      return true;
    } catch (error) {
      if (driverFailure(error)?.kind === "unique") return false;
      throw error;
    }
  }
}

function encodeServer(server: FederationServer): string {
  return encodeText(JSON.stringify(server));
}

function decodeServer({ definition }: ServerRow): FederationServer {
  return decodeObject("definition", decodeText(definition)) as FederationServer;
}
