import { NotFoundError, UnsupportedError } from "../../core/index.js";
import {
  assertDeclared,
  type Capabilities,
  type Page,
  type Query,
  type ReadOptions,
} from "../../repositories/index.js";
import {
  type BoundFilter,
  compileFilter,
  type Resource,
  type ResourceRequest,
} from "../../scim/index.js";
import { asRefusal } from "../requests/refusals.js";
import type { PartialResource, ResourceQuery, ScimResources, Wanted } from "../resources.js";
import { wrongPage } from "./pages.js";
import { keepBody } from "./read-resource.js";

/** Reads resources at a service provider as a repository does. */
export class RemoteReads<T extends Resource, N extends ResourceRequest> {
  readonly #resources: ScimResources<T, N>;
  readonly #capabilities: Capabilities;
  readonly #hasMembers: boolean;
  /** The names of all attributes that resources of the type can have. */
  readonly #names: readonly string[];

  constructor(resources: ScimResources<T, N>, capabilities: Capabilities) {
    this.#resources = resources;
    this.#capabilities = capabilities;
    const { schema, schemaExtensions } = resources.type;
    this.#hasMembers = schema.attributes.has("members");
    const own = [...schema.attributes.values()].filter(({ returned }) => returned !== "never");
    this.#names = [
      ...own.map(({ name }) => name),
      ...["externalId", "meta"],
      ...schemaExtensions.map((extension) => extension.schema.id),
    ];
  }

  async get(id: string, options: ReadOptions = {}): Promise<T | undefined> {
    const found = await this.#resources.get(id, this.#wanted(options));
    return found === undefined ? undefined : this.seen(found, options);
  }

  /** @throws {NotFoundError} there is no such resource. */
  async require(id: string, options?: ReadOptions): Promise<T> {
    const found = await this.get(id, options);
    if (found === undefined) throw new NotFoundError(id);
    return found;
  }

  async find(query: Query, options: ReadOptions = {}): Promise<Page<T>> {
    assertDeclared(query, this.#capabilities);
    const page = await this.#query(query, options);
    this.#assertMatching(query.filter, page.resources, options);
    const { startIndex, nextCursor, previousCursor, totalResults } = page;
    const isByCursor = query.cursor !== undefined;
    const begin = startOf(query);
    const isElsewhere = !isByCursor && startIndex !== undefined && startIndex !== begin;
    if (isElsewhere && begin > 1 && page.resources.length > 0) throw wrongPage(startIndex, begin);
    return {
      ...(totalResults !== undefined && { totalResults }),
      ...(!isByCursor && { startIndex: startIndex ?? startOf(query) }),
      ...(isByCursor && nextCursor !== undefined && { nextCursor }),
      ...(isByCursor && previousCursor !== undefined && { previousCursor }),
      // Pages by index go on where they were asked to end, whatever else there is in them.
      resources: (isByCursor ? page.resources : page.resources.slice(0, this.#count(query))).map(
        (resource) => this.seen(resource, options),
      ),
    };
  }

  /** A resource as a repository returns it: a service provider may send what it was not asked for. */
  seen(resource: PartialResource<T>, { attributes = [], excludedAttributes = [] }: ReadOptions): T {
    const isWanted = attributes.includes("members") && !excludedAttributes.includes("members");
    const { version, ...meta } = resource.meta ?? {};
    const isUnversioned = this.#capabilities.versions === "none" && version !== undefined;
    const seen = { ...resource, ...(isUnversioned && { meta }) };
    if (this.#hasMembers && !isWanted) Reflect.deleteProperty(seen, "members");
    // Of what `T` requires, nothing was left out that was not to be left out.
    return keepBody(resource, seen) as Resource as T;
  }

  async #query(query: Query, options: ReadOptions): Promise<Page<PartialResource<T>>> {
    const { signal, ...wanted } = this.#wanted(options);
    try {
      return await this.#resources.query(
        { ...this.#asked(query), ...wanted },
        signal && { signal },
      );
    } catch (error) {
      throw asRefusal(error);
    }
  }

  /**
   * What to ask of the attributes: members come only when they are asked for, and then by name, with everything else,
   * since some service providers do not return them else.
   */
  #wanted({ attributes = [], excludedAttributes = [], signal }: ReadOptions): Wanted {
    const isMemberless = this.#hasMembers && !attributes.includes("members");
    if (this.#hasMembers && !isMemberless) {
      const names = this.#names.filter((name) => !excludedAttributes.includes(name));
      return { attributes: names, ...(signal !== undefined && { signal }) };
    }
    const excluded = new Set([...excludedAttributes, ...(isMemberless ? ["members"] : [])]);
    return {
      ...(excluded.size > 0 && { excludedAttributes: [...excluded] }),
      ...(signal !== undefined && { signal }),
    };
  }

  #asked(query: Query): ResourceQuery {
    const { filter, sort, cursor } = query;
    return {
      ...(filter !== undefined && { filter }),
      ...(sort !== undefined && { sortBy: sort.target.path, sortOrder: sort.order }),
      ...(cursor === undefined ? { startIndex: startOf(query) } : { cursor }),
      count: this.#count(query),
    };
  }

  #count({ count = Number.POSITIVE_INFINITY }: Query): number {
    return Math.min(Math.max(Math.trunc(count), 0), this.#capabilities.maxPageSize);
  }

  /**
   * Holds the response against the filter: some service providers ignore a filter that they do not know, and return
   * every resource.
   *
   * @throws {UnsupportedError} something does not match.
   */
  #assertMatching(
    filter: BoundFilter | undefined,
    resources: readonly object[],
    { attributes = [], excludedAttributes = [] }: ReadOptions,
  ): void {
    const isReturned = ({ target: { attribute, subAttribute } }: FilterLeaf): boolean =>
      ["always", "default"].includes((subAttribute ?? attribute).returned) &&
      !excludedAttributes.includes(attribute.name) &&
      (attribute.name !== "members" || attributes.includes("members"));
    if (filter === undefined || !leavesOf(filter).every(isReturned)) return;
    if (!resources.every(compileFilter(filter))) {
      throw new UnsupportedError("The service provider returns what does not match the filter.");
    }
  }
}

function startOf({ startIndex = 1 }: Query): number {
  return Math.max(Math.trunc(startIndex), 1);
}

type FilterLeaf = Extract<BoundFilter, { readonly target: unknown }>;

/** Every comparison of a filter, in the brackets of value paths too. */
function leavesOf(filter: BoundFilter): readonly FilterLeaf[] {
  switch (filter.operator) {
    case "and":
    case "or":
      return filter.filters.flatMap(leavesOf);
    case "not":
      return leavesOf(filter.filter);
    case "valuePath":
      return [filter, ...leavesOf(filter.filter)];
    default:
      return [filter];
  }
}
