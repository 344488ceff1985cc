import type { ResourceType } from "../../scim/index.js";
import { groupResourceType, type Resource, userResourceType } from "../../scim/index.js";
import type { ResourceMap } from "../column-map/column-map.js";
import { ownGroupMap, ownUserMap } from "../column-map/own-maps.js";
import { type TableOptions, tableNames } from "../column-map/table-names.js";
import type { Session } from "../sql/session.js";
import { filterColumns } from "./filter.js";
import { ResourceRows } from "./rows.js";
import { ResourceTable } from "./table.js";

/** The package's own tables of resources, of the types of RFC 7643. */
export function ownResourceTables(
  session: Session,
  options: TableOptions,
): readonly ResourceTable<Resource>[] {
  const names = tableNames(options);
  return [
    ownTable(session, "User", ownUserMap(names), userResourceType),
    ownTable(session, "Group", ownGroupMap(names), groupResourceType),
  ];
}

function ownTable(
  session: Session,
  name: "User" | "Group",
  map: ResourceMap,
  type: ResourceType,
): ResourceTable<Resource> {
  const rows = new ResourceRows<Resource>(name, map, type);
  return new ResourceTable(session, {
    ...{ map, rows, type, isOwn: true, maxPageSize: 1000 },
    filterColumns: filterColumns(map, rows.columns),
    now: () => new Date(),
  });
}
