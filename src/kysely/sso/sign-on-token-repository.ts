import {
  type CallOptions,
  type SignOnToken,
  type SignOnTokenKey,
  SignOnTokenRepository,
} from "../../repositories/index.js";
import { quotedTableNames, type TableOptions } from "../column-map/table-names.js";
import { driverFailure } from "../sql/driver-failure.js";
import { type KyselyDatabase, Session } from "../sql/session.js";
import { decodeObject } from "../sql/stored-json.js";
import { encodeKey } from "../sql/stored-key.js";
import { decodeText, encodeText } from "../sql/stored-text.js";

/** Options of {@link KyselySignOnTokenRepository}. */
export interface KyselySignOnTokenOptions extends TableOptions {
  /** The clock by which tokens expire. Default: the system's. */
  readonly now?: (() => Date) | undefined;
}

interface TokenRow {
  readonly token: string;
}

/**
 * The tokens of a sign-on server, in the table that `createTables` makes. Processes share them.
 *
 * A token is to be taken outside of transactions: one that is rolled back frees it again. The table keeps what has
 * expired until {@link purge}, which a host calls every few minutes.
 */
export class KyselySignOnTokenRepository extends SignOnTokenRepository {
  readonly #session: Session;
  readonly #table: string;
  readonly #now: () => Date;

  constructor(db: KyselyDatabase, options: KyselySignOnTokenOptions = {}) {
    super();
    this.#session = new Session(db);
    this.#table = quotedTableNames(this.#session.dialect, options).signOnToken;
    this.#now = options.now ?? (() => new Date());
  }

  override async save(token: SignOnToken, options?: CallOptions): Promise<void> {
    if ((await this.#update(token, options)) || (await this.#insert(token, options))) return;
    // Another process has stored one in between.
    await this.#update(token, options);
  }

  override async get(
    kind: SignOnToken["kind"],
    id: string,
    options?: CallOptions,
  ): Promise<SignOnToken | undefined> {
    const [row] = await this.#session.read<TokenRow>(
      (p) => `select token from ${this.#table}
        where id = ${p.value(encodeKey(id))} and kind = ${p.value(kind)}
        and expires_at > ${p.value(this.#now().toISOString())}`,
      options,
    );
    return row === undefined ? undefined : decodeToken(row);
  }

  /** It is the deletion that takes: of the processes that have read the row, one deletes it. */
  override async take(
    { kind, id, consumer }: SignOnTokenKey,
    options?: CallOptions,
  ): Promise<SignOnToken | undefined> {
    const token = await this.get(kind, id, options);
    if (token?.consumer !== consumer) return undefined;
    const deleted = await this.#session.write(
      (p) => `delete from ${this.#table}
        where id = ${p.value(encodeKey(id))} and kind = ${p.value(kind)}`,
      options,
    );
    return deleted > 0 ? token : undefined;
  }

  override async sessions(subject: string, options?: CallOptions): Promise<readonly SignOnToken[]> {
    const rows = await this.#session.read<TokenRow>(
      (p) => `select token from ${this.#table}
        where subject = ${p.value(encodeKey(subject))} and kind = ${p.value("session")}
        and expires_at > ${p.value(this.#now().toISOString())}`,
      options,
    );
    return rows.map(decodeToken);
  }

  override async purge(options?: CallOptions): Promise<number> {
    return await this.#session.write(
      (p) => `delete from ${this.#table} where expires_at <= ${p.value(this.#now().toISOString())}`,
      options,
    );
  }

  async #update(token: SignOnToken, options?: CallOptions): Promise<boolean> {
    const written = await this.#session.write(
      (p) => `update ${this.#table} set subject = ${p.value(subjectKey(token))},
        expires_at = ${p.value(token.expiresAt.toISOString())}, token = ${p.value(encodeToken(token))}
        where id = ${p.value(encodeKey(token.id))} and kind = ${p.value(token.kind)}`,
      options,
    );
    return written > 0;
  }

  async #insert(token: SignOnToken, options?: CallOptions): Promise<boolean> {
    const row = [
      encodeKey(token.id),
      token.kind,
      subjectKey(token),
      token.expiresAt.toISOString(),
      encodeToken(token),
    ];
    try {
      await this.#session.guarded(() =>
        this.#session.write(
          (p) => `insert into ${this.#table} (id, kind, subject, expires_at, token)
            values ${p.rows([row])}`,
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

function subjectKey({ subject }: SignOnToken): string | null {
  return subject === undefined ? null : encodeKey(subject);
}

function encodeToken(token: SignOnToken): string {
  return encodeText(JSON.stringify(token));
}

function decodeToken({ token }: TokenRow): SignOnToken {
  const stored = decodeObject("token", decodeText(token)) as Omit<SignOnToken, "expiresAt"> & {
    readonly expiresAt: string;
  };
  return { ...stored, expiresAt: new Date(stored.expiresAt) };
}
