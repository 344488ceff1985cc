import type { Session } from "../sql/session.js";
import type { TableNames } from "../tables/table-names.js";

/** In which database and under which names of tables stores keep what they have. */
const places = new WeakMap<object, { readonly database: object; readonly link: string }>();

/** Notes where a store keeps what it has. */
export function notePlace(store: object, session: Session, tables: TableNames): void {
  places.set(store, { database: session.database, link: tables.link });
}

/**
 * Whether a store is in these tables of this database, as far as it is known: of what stands before a store, it is not.
 */
export function isIn(store: object, database: object, tables: TableNames): boolean {
  const place = places.get(store);
  return place === undefined || (place.database === database && place.link === tables.link);
}
