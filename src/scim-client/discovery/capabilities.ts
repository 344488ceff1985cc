import type { Capabilities, FilterOperator } from "../../repositories/index.js";
import type { ResolvedAttribute, ResourceType } from "../../scim/index.js";
import { operatorsFor } from "../../scim/internal.js";
import type { ServiceProviderConfig } from "./configuration.js";

/** The most resources in one page, where a service provider names no number. */
const usualPageSize = 100;

/**
 * What a store can do whose resources are at a service provider, as far as that says. It cannot say of which attributes
 * filters and orders are supported, so they are taken to be all of them; what is refused all the same is an error.
 */
export function capabilitiesOf(
  { filter, sort, etag, changePassword, pagination }: ServiceProviderConfig,
  type: ResourceType,
): Capabilities {
  const asked = [...type.attributes.values()].filter(isAsked);
  const simple = asked.filter(
    ({ attribute, subAttribute }) =>
      (subAttribute ?? attribute).type !== "complex" && !attribute.subAttributes.has("$ref"),
  );
  const sizes = [pagination?.maxPageSize ?? 0, filter?.maxResults ?? 0].filter((size) => size > 0);
  return {
    filter: filter?.supported === true ? operatorsByPath(asked) : {},
    logic: ["and", "or", "not"],
    sort: sort?.supported === true ? simple.map(({ path }) => path) : [],
    pages: [
      ...(pagination?.index === false ? [] : (["index"] as const)),
      ...(pagination?.cursor === true ? (["cursor"] as const) : []),
    ],
    maxPageSize: sizes.length === 0 ? usualPageSize : Math.min(...sizes),
    versions: etag?.supported === true ? "atomic" : "none",
    delete: "hard",
    rename: true,
    password: changePassword?.supported === true ? "set" : "create",
    sessions: false,
  };
}

/**
 * Whether it makes sense to ask for an attribute: not for secrets, and not for what is made up as a response is
 * written.
 */
function isAsked({ path, attribute, subAttribute }: ResolvedAttribute): boolean {
  const leaf = subAttribute ?? attribute;
  const isReadOnly =
    attribute.mutability === "readOnly" && !["id", "meta"].includes(path.split(".")[0] ?? "");
  const isDerived =
    leaf.name === "$ref" || (leaf.name === "display" && attribute.subAttributes.has("$ref"));
  return (
    leaf.returned !== "never" &&
    leaf.mutability !== "writeOnly" &&
    !isReadOnly &&
    !isDerived &&
    !["schemas", "meta.location", "meta.version"].includes(path)
  );
}

function operatorsByPath(
  attributes: readonly ResolvedAttribute[],
): Readonly<Record<string, readonly FilterOperator[]>> {
  return Object.fromEntries(
    attributes.map(({ path, attribute, subAttribute }) => {
      const leaf = subAttribute ?? attribute;
      const hasValues = subAttribute === undefined && attribute.type === "complex";
      return [path, [...operatorsFor(leaf), "pr", ...(hasValues ? ["valuePath" as const] : [])]];
    }),
  );
}
