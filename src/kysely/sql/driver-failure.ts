import { ConcordatError, InvalidValueError, UnavailableError } from "../../core/index.js";

/** What a database's refusal of a statement means, and of what, as far as the database says. */
export type DriverFailure =
  /** A value that must be unique is in another row. */
  | { readonly kind: "unique"; readonly columns: readonly string[]; readonly index?: string }
  /** A row that is referred to is not there, or is to be deleted and is referred to. */
  | { readonly kind: "foreignKey" }
  /** A value does not fit its column. */
  | {
      readonly kind: "value";
      readonly column?: string;
      /**
       * There is no value although the column requires one; or it is too long for a column that is not named.
       */
      readonly reason?: "missing" | "length";
    }
  /** A trigger of the application refuses the row, in words of its own. */
  | { readonly kind: "rule"; readonly message: string }
  /** The database has undone the transaction, or the statement that was in none, in favour of others. */
  | { readonly kind: "deadlock" }
  /** The connection is gone, and perhaps only the result was lost with it. */
  | { readonly kind: "disconnected" }
  /** The database is busy, or cannot be reached: nothing was done. */
  | { readonly kind: "unavailable" };

/** What drivers say of an error: `node:sqlite`, `better-sqlite3`, `pg`, PGlite, `mysql2` and `mariadb`. */
interface DriverError {
  readonly message: string;
  readonly errcode?: unknown;
  readonly errno?: unknown;
  readonly sqlState?: unknown;
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly constraint?: unknown;
  readonly column?: unknown;
}

/** Reads an error of a driver; `undefined` is an error of another kind, such as a mistake in a statement. */
export function driverFailure(error: unknown): DriverFailure | undefined {
  if (!(error instanceof Error) || error instanceof ConcordatError) return undefined;
  const driverError: DriverError = error;
  const { errcode, errno, sqlState, code, message } = driverError;
  if (typeof errcode === "number") return sqliteFailure(errcode, message);
  const connection =
    typeof code === "string" ? connectionCodes.get(code) : lostConnections.get(message);
  if (connection !== undefined) return connection;
  // Drivers name error numbers as MySQL does; MariaDB has other names for some, and some that they do not know.
  if (typeof errno === "number" && typeof sqlState === "string") {
    return mariadbFailure(errno, message);
  }
  if (typeof code !== "string") return undefined;
  if (code.startsWith("SQLITE_")) return sqliteFailure(sqliteCodes.get(code) ?? 0, message);
  // "EPIPE" has five characters, too.
  if (/^(?:[0-9][0-9A-Z]{4}|P0001)$/.test(code)) return postgresFailure(code, driverError);
  return undefined;
}

/**
 * The package's error for a failure that has to do with no row in particular.
 *
 * @param mayBeDone Whether what failed is done all the same, if only the result was lost.
 */
export function toError(error: unknown, mayBeDone = false): unknown {
  const failure = driverFailure(error);
  switch (failure?.kind) {
    case "deadlock":
      return new UnavailableError("The database has undone it in favour of others.", {
        cause: error,
      });
    case "disconnected":
      return mayBeDone
        ? new UnavailableError("The connection to the database was lost before the result came.", {
            cause: error,
            mayBeDone,
          })
        : new UnavailableError("The connection to the database was lost.", { cause: error });
    case "unavailable":
      return new UnavailableError("The database is unavailable.", { cause: error });
    case "value":
      return new InvalidValueError(failure.column ?? "value", "the database cannot hold it.", {
        cause: error,
      });
    case "rule":
      return new InvalidValueError("value", `the database refuses it: ${failure.message}`, {
        cause: error,
      });
    default:
      return error;
  }
}

/** Whether the same work may be done if it is tried again at once, since none of it was done. */
export function isDeadlock(error: unknown): boolean {
  return error instanceof UnavailableError && driverFailure(error.cause)?.kind === "deadlock";
}

/** Result codes of SQLite: primary ones, and those of violated constraints. */
const sqlite = {
  busy: 5,
  locked: 6,
  outOfMemory: 7,
  diskError: 10,
  diskFull: 13,
  cannotOpen: 14,
  tooBig: 18,
  mismatch: 20,
  check: 275,
  foreignKey: 787,
  notNull: 1299,
  primaryKey: 1555,
  trigger: 1811,
  unique: 2067,
  dataType: 3091,
} as const;

/** The names of these numbers in other drivers than Node's own. */
const sqliteCodes: ReadonlyMap<string, number> = new Map([
  ["SQLITE_BUSY", sqlite.busy],
  ["SQLITE_BUSY_SNAPSHOT", sqlite.busy],
  ["SQLITE_BUSY_RECOVERY", sqlite.busy],
  ["SQLITE_LOCKED", sqlite.locked],
  ["SQLITE_NOMEM", sqlite.outOfMemory],
  ["SQLITE_IOERR", sqlite.diskError],
  ["SQLITE_FULL", sqlite.diskFull],
  ["SQLITE_CANTOPEN", sqlite.cannotOpen],
  ["SQLITE_TOOBIG", sqlite.tooBig],
  ["SQLITE_MISMATCH", sqlite.mismatch],
  ["SQLITE_CONSTRAINT_CHECK", sqlite.check],
  ["SQLITE_CONSTRAINT_FOREIGNKEY", sqlite.foreignKey],
  ["SQLITE_CONSTRAINT_NOTNULL", sqlite.notNull],
  ["SQLITE_CONSTRAINT_PRIMARYKEY", sqlite.primaryKey],
  ["SQLITE_CONSTRAINT_TRIGGER", sqlite.trigger],
  ["SQLITE_CONSTRAINT_UNIQUE", sqlite.unique],
  ["SQLITE_CONSTRAINT_DATATYPE", sqlite.dataType],
]);

function sqliteFailure(code: number, message: string): DriverFailure | undefined {
  switch (code) {
    case sqlite.unique:
    case sqlite.primaryKey: {
      // "UNIQUE constraint failed: account.login, account.tenant"
      const columns = message.split("failed: ")[1]?.split(", ") ?? [];
      return { kind: "unique", columns: columns.map((name) => name.split(".").at(-1) ?? name) };
    }
    case sqlite.foreignKey:
      return { kind: "foreignKey" };
    case sqlite.trigger: // raise(abort, …)
      return ruleOf(message);
    case sqlite.notNull:
      return { kind: "value", reason: "missing", ...columnIn(message, /failed: (?:.*\.)?(\S+)$/) };
    case sqlite.check:
    case sqlite.dataType:
      return { kind: "value", ...columnIn(message, /failed: (?:.*\.)?(\S+)$/) };
  }
  switch (code & 0xff) {
    case sqlite.busy:
    case sqlite.locked:
    case sqlite.outOfMemory:
    case sqlite.diskError:
    case sqlite.diskFull:
    case sqlite.cannotOpen:
      return { kind: "unavailable" };
    case sqlite.tooBig:
    case sqlite.mismatch:
      return { kind: "value" };
  }
  return undefined;
}

/** PostgreSQL's codes, by their class where the class says enough (PostgreSQL, appendix A). */
function postgresFailure(
  code: string,
  { detail, constraint, column, message }: DriverError,
): DriverFailure | undefined {
  switch (code) {
    case "23505": {
      // "Key (login, tenant)=(…) already exists.", in the language of the server.
      const names = typeof detail === "string" ? /\((.+?)\)=\(/.exec(detail)?.[1] : undefined;
      return {
        kind: "unique",
        columns: names?.split(", ").map((name) => name.replaceAll('"', "")) ?? [],
        ...(typeof constraint === "string" ? { index: constraint } : {}),
      };
    }
    case "23503":
      return { kind: "foreignKey" };
    case "23502": // not_null_violation
      return {
        kind: "value",
        reason: "missing",
        ...(typeof column === "string" ? { column } : {}),
      };
    case "22001": // string_data_right_truncation, which names no column
      return { kind: "value", reason: "length" };
    case "23514": // check_violation
    case "54000": // program_limit_exceeded: an index cannot hold a value of that length
      return { kind: "value", ...(typeof column === "string" ? { column } : {}) };
    case "P0001": // raise_exception
      return ruleOf(message);
    case "40001": // serialization_failure
    case "40P01": // deadlock_detected
      return { kind: "deadlock" };
    case "40003": // statement_completion_unknown
    case "57P01": // admin_shutdown, which may come after a commit that waited for a replica
    case "57P02": // crash_shutdown
      return { kind: "disconnected" };
    case "08001": // sqlclient_unable_to_establish_sqlconnection
    case "08004": // sqlserver_rejected_establishment_of_sqlconnection
    case "55P03": // lock_not_available
      return { kind: "unavailable" };
  }
  switch (code.slice(0, 2)) {
    case "22": // data exception
      return { kind: "value", ...(typeof column === "string" ? { column } : {}) };
    case "08": // connection exception
      return { kind: "disconnected" };
    case "53": // insufficient resources
    case "57": // operator intervention
    case "58": // system error
      return { kind: "unavailable" };
  }
  return undefined;
}

/** The error numbers of MariaDB. */
function mariadbFailure(errno: number, message: string): DriverFailure | undefined {
  switch (errno) {
    case 1062:
    case 1586: {
      // "Duplicate entry '…' for key 'account.login'"
      const index = /for key '(?:.*\.)?([^']+)'/.exec(message)?.[1];
      return { kind: "unique", columns: [], ...(index === undefined ? {} : { index }) };
    }
    case 1216: // ER_NO_REFERENCED_ROW, ER_ROW_IS_REFERENCED and their successors
    case 1217:
    case 1451:
    case 1452:
      return { kind: "foreignKey" };
    case 1048: // ER_BAD_NULL_ERROR
    case 1364: // ER_NO_DEFAULT_FOR_FIELD
      return {
        kind: "value",
        reason: "missing",
        ...columnIn(message, /(?:column|Column|Field) '([^']+)'/),
      };
    case 1264: // ER_WARN_DATA_OUT_OF_RANGE
    case 1292: // ER_TRUNCATED_WRONG_VALUE
    case 1366: // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD
    case 1406: // ER_DATA_TOO_LONG
    case 4025: // ER_CONSTRAINT_FAILED
      return { kind: "value", ...columnIn(message, /(?:column|Column|Field) '([^']+)'/) };
    case 1644: // ER_SIGNAL_EXCEPTION
      return ruleOf(message);
    case 1020: // ER_CHECKREAD: another transaction changed the row
    case 1213: // ER_LOCK_DEADLOCK
      return { kind: "deadlock" };
    case 1053: // ER_SERVER_SHUTDOWN
    case 1927: // ER_CONNECTION_KILLED
      return { kind: "disconnected" };
    case 1040: // ER_CON_COUNT_ERROR
    case 1203: // ER_TOO_MANY_USER_CONNECTIONS
    case 1205: // ER_LOCK_WAIT_TIMEOUT
    case 1226: // ER_USER_LIMIT_REACHED
    case 1317: // ER_QUERY_INTERRUPTED
    case 1969: // ER_STATEMENT_TIMEOUT
      return { kind: "unavailable" };
  }
  return undefined;
}

/** What sockets and pools say of a connection that was not made, or was lost. */
const connectionCodes: ReadonlyMap<string, DriverFailure> = new Map([
  ["ECONNREFUSED", { kind: "unavailable" }],
  ["EHOSTUNREACH", { kind: "unavailable" }],
  ["ENETUNREACH", { kind: "unavailable" }],
  ["ENOENT", { kind: "unavailable" }],
  ["ENOTFOUND", { kind: "unavailable" }],
  ["ER_GET_CONNECTION_TIMEOUT", { kind: "unavailable" }],
  ["ECONNRESET", { kind: "disconnected" }],
  ["EPIPE", { kind: "disconnected" }],
  ["ETIMEDOUT", { kind: "disconnected" }],
  ["PROTOCOL_CONNECTION_LOST", { kind: "disconnected" }],
  ["ER_SOCKET_UNEXPECTED_CLOSE", { kind: "disconnected" }],
]);

/** What `pg` and `mysql2` say in words alone. */
const lostConnections: ReadonlyMap<string, DriverFailure> = new Map([
  ["timeout exceeded when trying to connect", { kind: "unavailable" }],
  ["Connection terminated due to connection timeout", { kind: "unavailable" }],
  ["No connections available.", { kind: "unavailable" }],
  ["Queue limit reached.", { kind: "unavailable" }],
  ["Connection terminated", { kind: "disconnected" }],
  ["Connection terminated unexpectedly", { kind: "disconnected" }],
  ["Client has encountered a connection error and is not queryable", { kind: "disconnected" }],
  ["Query read timeout", { kind: "disconnected" }],
  ["Can't add new command when connection is in closed state", { kind: "disconnected" }],
]);

/** What a trigger says, cut where it is long. */
function ruleOf(message: string): DriverFailure {
  return { kind: "rule", message: message.slice(0, 500) };
}

function columnIn(message: string, pattern: RegExp): { column?: string } {
  const column = pattern.exec(message)?.[1];
  return column === undefined ? {} : { column };
}
