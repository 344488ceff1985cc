import type { Resource, ResourceType, SqlColumns } from "../../scim/index.js";
import type { ResourceMap } from "../column-map/column-map.js";
import type { ResourceRows } from "./rows.js";

/** What a table of resources is made of. */
export interface ResourceTableParts<T extends Resource> {
  readonly map: ResourceMap;
  readonly rows: ResourceRows<T>;
  readonly type: ResourceType;
  /** What filters go by. */
  readonly filterColumns: SqlColumns;
  readonly maxPageSize: number;
  readonly now: () => Date;
  /** Whether the table is one of the package's own, which no other program writes to. */
  readonly isOwn: boolean;
}
