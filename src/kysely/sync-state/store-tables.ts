import type { TableNames } from "../column-map/table-names.js";
import type { Session } from "../sql/session.js";

/** The database and the tables of each store. */
const tablesOf = new WeakMap<object, { readonly database: object; readonly link: string }>();

/** Notes the database and the tables of a store. */
export function noteTables(store: object, session: Session, tables: TableNames): void {
  tablesOf.set(store, { database: session.database, link: tables.link });
}

/** Whether a store is in these tables of this database, as far as it is known: of a wrapper of a store, it is not. */
export function isIn(store: object, database: object, tables: TableNames): boolean {
  const own = tablesOf.get(store);
  return own === undefined || (own.database === database && own.link === tables.link);
}
