import { createHash } from "node:crypto";
import { InvalidValueError, UnsupportedError } from "../../core/index.js";
import type { Resource } from "../../scim/index.js";
import type { TableOptions } from "../column-map/table-names.js";
import { ownResourceTables } from "../resources/own-tables.js";
import type { ResourceTable } from "../resources/table.js";
import { Parameters } from "../sql/parameters.js";
import type { Session } from "../sql/session.js";

/**
 * The statements that make indexes for the orders of the package's own tables. They are over the very expressions that
 * a question orders by: whether there is a value, the value in the form in which it is compared, and the id.
 *
 * @throws {InvalidValueError} there is no order by an attribute, or it has several values.
 * @throws {UnsupportedError} the database has no indexes over expressions.
 */
export function orderIndexes(
  session: Session,
  options: TableOptions & {
    readonly indexes?: { readonly users?: readonly string[]; readonly groups?: readonly string[] };
  },
): readonly string[] {
  const { users = [], groups = [] } = options.indexes ?? {};
  if (users.length + groups.length === 0) return [];
  if (session.dialect.name === "mariadb") {
    throw new UnsupportedError("MariaDB has no indexes over expressions, as those for orders are.");
  }
  return ownResourceTables(session, options).flatMap((table) =>
    (table.parts.rows.type === "User" ? users : groups).map((path) => orderIndex(table, path)),
  );
}

function orderIndex(
  { session: { dialect }, parts, orders, name, id }: ResourceTable<Resource>,
  path: string,
): string {
  const order = orders.get(path);
  const p = new Parameters(dialect);
  const text = order?.text(p) ?? "";
  if (order === undefined || order.isOfSeveral === true || p.values.length > 0) {
    throw new InvalidValueError("indexes", `there can be no index for the order by "${path}".`);
  }
  const index = dialect.quote(`${parts.map.table}_order_${slugOf(path)}`);
  const columns = order.required ? [`(${text})`, id] : [`((${text}) is null)`, `(${text})`, id];
  return `create index if not exists ${index} on ${name} (${columns.join(", ")})`;
}

/** A part of the name of an index, which PostgreSQL cuts at 63 characters. */
function slugOf(path: string): string {
  const own = path.slice(path.lastIndexOf(":") + 1);
  const words = own.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const plain = words.replaceAll(/[^a-z0-9]+/g, "_").slice(0, 24);
  const digest = createHash("sha256").update(path).digest("hex").slice(0, 8);
  return own === path && words.length <= 24 ? plain : `${plain}_${digest}`;
}
