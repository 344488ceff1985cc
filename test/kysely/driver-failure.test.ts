import { UnavailableError } from "concordat";
import { describe, expect, test } from "vitest";
import { driverFailure, toError } from "../../src/kysely/sql/driver-failure.js";

/** An error with what a driver adds to it. */
function failed(message: string, properties: object): Error {
  return Object.assign(new Error(message), properties);
}

describe("errors of drivers", () => {
  test.each([
    [
      "node:sqlite",
      failed("UNIQUE constraint failed: account.login, account.tenant", { errcode: 2067 }),
      { kind: "unique", columns: ["login", "tenant"] },
    ],
    [
      "better-sqlite3",
      failed("UNIQUE constraint failed: account.login", { code: "SQLITE_CONSTRAINT_UNIQUE" }),
      { kind: "unique", columns: ["login"] },
    ],
    [
      "pg",
      failed('duplicate key value violates unique constraint "account_login_key"', {
        code: "23505",
        detail: 'Key (login, "Tenant")=(ann, 1) already exists.',
        constraint: "account_login_key",
      }),
      { kind: "unique", columns: ["login", "Tenant"], index: "account_login_key" },
    ],
    [
      "pg in another language",
      failed("doppelter Schlüsselwert verletzt Unique-Constraint »account_login_key«", {
        code: "23505",
        detail: "Schlüssel »(lower(login))=(ann)« existiert bereits.",
      }),
      { kind: "unique", columns: ["lower(login)"] },
    ],
    [
      "mysql2",
      failed("Duplicate entry 'ann' for key 'account.login'", {
        code: "ER_DUP_ENTRY",
        errno: 1062,
        sqlState: "23000",
      }),
      { kind: "unique", columns: [], index: "login" },
    ],
  ])("%s says which value is taken", (_, error, failure) => {
    expect(driverFailure(error)).toEqual(failure);
  });

  test.each([
    ["SQLITE_BUSY", { errcode: 5 }],
    ["SQLITE_BUSY_SNAPSHOT", { errcode: 517 }],
    ["SQLITE_FULL", { errcode: 13 }],
    ["SQLITE_IOERR_FSYNC", { errcode: 1034 }],
    ["serialization_failure", { code: "40001" }],
    ["deadlock_detected", { code: "40P01" }],
    ["admin_shutdown", { code: "57P01" }],
    ["too_many_connections", { code: "53300" }],
    ["ER_LOCK_DEADLOCK", { code: "ER_LOCK_DEADLOCK", errno: 1213, sqlState: "40001" }],
    ["ER_LOCK_WAIT_TIMEOUT", { code: "ER_LOCK_WAIT_TIMEOUT", errno: 1205, sqlState: "HY000" }],
    ["a connection that was refused", { code: "ECONNREFUSED", errno: -111 }],
    ["a number that mysql2 has no name for", { code: undefined, errno: 1927, sqlState: "70100" }],
    ["a connection that was lost", { code: "PROTOCOL_CONNECTION_LOST" }],
    ["Connection terminated unexpectedly", {}],
    ["Client has encountered a connection error and is not queryable", {}],
    ["timeout exceeded when trying to connect", {}],
    ["Can't add new command when connection is in closed state", { fatal: true }],
  ])("%s may be over later", (name, properties) => {
    const error = failed(name, properties);
    expect(toError(error)).toBeInstanceOf(UnavailableError);
    expect(toError(error)).toHaveProperty("cause", error);
  });

  test.each([
    [true, "a connection that was lost", { code: "ECONNRESET" }],
    [true, "a server that is shut down", { code: "57P01" }],
    [true, "Connection terminated unexpectedly", {}],
    [false, "a connection that was not made", { code: "ECONNREFUSED" }],
    [false, "a deadlock", { code: "40P01" }],
    [false, "too many connections", { errno: 1040, sqlState: "08004", code: "ER_CON_COUNT_ERROR" }],
  ])("whether it may be done all the same is %s of %s", (mayBeDone, message, properties) => {
    const error = failed(message, properties);
    expect(toError(error, true)).toMatchObject({ code: "unavailable", mayBeDone });
    expect(toError(error)).toMatchObject({ code: "unavailable", mayBeDone: false });
  });

  test.each([
    ["NOT NULL constraint failed: account.login", { errcode: 1299 }, "login"],
    ["CHECK constraint failed: age > 0", { errcode: 275 }, "value"],
    ["string or blob too big", { errcode: 18 }, "value"],
    ["null value in column", { code: "23502", column: "login" }, "login"],
    ["value too long for type character varying(8)", { code: "22001" }, "value"],
    ["index row size 4000 exceeds maximum", { code: "54000" }, "value"],
    [
      "Data too long for column 'login' at row 1",
      { code: "ER_DATA_TOO_LONG", errno: 1406, sqlState: "22001" },
      "login",
    ],
    [
      "Column 'login' cannot be null",
      { code: "ER_BAD_NULL_ERROR", errno: 1048, sqlState: "23000" },
      "login",
    ],
  ])("%s is a value that does not fit", (message, properties, path) => {
    expect(toError(failed(message, properties))).toMatchObject({ code: "invalid_value", path });
  });

  test.each([
    ["SQLite", { errcode: 1811 }],
    ["PostgreSQL", { code: "P0001" }],
    ["MariaDB", { code: "ER_SIGNAL_EXCEPTION", errno: 1644, sqlState: "45000" }],
  ])("what a trigger refuses on %s is refused in its words", (_, properties) => {
    const error = failed("The name is reserved.", properties);
    expect(toError(error)).toMatchObject({
      code: "invalid_value",
      reason: "the database refuses it: The name is reserved.",
    });
  });

  test.each([
    ["787 of SQLite", { errcode: 787 }],
    ["23503 of PostgreSQL", { code: "23503" }],
    ["1452 of MariaDB", { code: "ER_NO_REFERENCED_ROW_2", errno: 1452, sqlState: "23000" }],
  ])("%s is a row that is missing", (name, properties) => {
    expect(driverFailure(failed(name, properties))).toEqual({ kind: "foreignKey" });
  });

  test.each([
    ["a mistake in a statement", failed("no such table: x", { errcode: 1 })],
    ["a syntax error", failed("syntax error", { code: "42601" })],
    ["an error of Node's", failed("The argument is wrong.", { code: "ERR_INVALID_ARG_TYPE" })],
    ["any other error", new Error("Something else.")],
  ])("%s stays what it is", (_, error) => {
    expect(driverFailure(error)).toBeUndefined();
    expect(toError(error)).toBe(error);
  });
});
