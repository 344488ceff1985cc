import assert from "node:assert/strict";
import { InvalidValueError, UniquenessError, UnsupportedError } from "../../core/index.js";
import type { Capabilities, Page, Query, ResourceRepository } from "../../repositories/index.js";
import {
  bindSort,
  compileFilter,
  printFilter,
  type Resource,
  type ResourceRequest,
} from "../../scim/index.js";
import { compileSort } from "../../scim/internal.js";
import { assertRefusal, assertThat } from "../assertions.js";
import type { Requirement } from "../contract.js";
import { declaredComparisons, RandomFilters } from "../random/filters.js";
import { Random } from "../random/numbers.js";
import { randomAttributes, writableAttributes } from "../random/resources.js";
import { ids, type ResourceKind } from "./resource-kind.js";

const seed = 7644;

/** What is required of filters and orders, as far as the store declares them, over resources with any attributes. */
export function questionRequirements<S, T extends Resource, N extends ResourceRequest>(
  kind: ResourceKind<S, T, N>,
  capabilities: Capabilities,
): readonly Requirement<S>[] {
  const { type, repository } = kind;
  const { sort: sorted = [] } = capabilities;
  return [
    {
      name: "every filter that is declared finds what matches, and nothing else",
      skip:
        declaredComparisons(type, capabilities).length === 0
          ? "the store declares no filter"
          : undefined,
      async check(subject) {
        const resources = repository(subject);
        const random = new Random(seed);
        const stored = await store(kind, capabilities, subject, random);
        const filters = new RandomFilters(type, capabilities, random, stored);
        const any = Array.from({ length: 150 }, () => filters.next());
        for (const filter of [...any, ...filters.acrossValues(50)]) {
          const found = await readAll(resources, { filter }, capabilities);
          const expected = stored.filter(compileFilter(filter));
          assert.deepEqual(new Set(ids(found)), new Set(ids(expected)), printFilter(filter));
          assert.equal(found.length, expected.length, printFilter(filter));
        }
      },
    },
    {
      name: "every order that is declared is right in both directions, and holds every resource once",
      skip: sorted.length === 0 ? "the store declares no order" : undefined,
      async check(subject) {
        const resources = repository(subject);
        const stored = await store(kind, capabilities, subject, new Random(seed));
        for (const path of sorted) {
          for (const order of ["ascending", "descending"] as const) {
            const sort = bindSort(path, type, order);
            const { keyOf, compare } = compileSort(sort);
            for (const kind of capabilities.pages ?? ["index"]) {
              const found = await readAll(resources, { sort }, { ...capabilities, pages: [kind] });
              assert.deepEqual(ids(found).sort(), ids(stored).sort(), `${path} ${order} ${kind}`);
              const values = found.map((resource) => keyOf(resource));
              for (const [at, value] of values.slice(1).entries()) {
                const message = `by ${path}, ${order}, ${String(values[at])} does not come before ${String(value)}`;
                assertThat(compare(values[at], value) <= 0, message);
              }
            }
          }
        }
      },
    },
    {
      name: "an order that is not declared is refused",
      skip: sorted.includes(kind.naming) ? `the store sorts by ${kind.naming}` : undefined,
      async check(subject) {
        const sort = bindSort(kind.naming, type);
        await assertRefusal(repository(subject).find({ sort }), UnsupportedError);
      },
    },
  ];
}

/**
 * Stores resources with any values of the attributes that the store knows and can be asked for, and reads them again.
 */
async function store<S, T extends Resource, N extends ResourceRequest>(
  kind: ResourceKind<S, T, N>,
  capabilities: Capabilities,
  subject: S,
  random: Random,
): Promise<readonly T[]> {
  const resources = kind.repository(subject);
  const asked = [...Object.keys(capabilities.filter), ...(capabilities.sort ?? [])];
  const attributes = writableAttributes(kind.type).filter(
    ({ path, attribute }) =>
      attribute.name !== kind.naming &&
      asked.some((one) => one === path || one.startsWith(`${path}.`)),
  );
  const relations = await kind.relations?.(subject);
  const known: typeof attributes = [];
  for (const attribute of attributes) {
    // Which attributes the store has a place for shows where it is given one alone.
    const probe = {
      ...randomAttributes(always, [attribute]),
      ...kind.named(`of ${attribute.path}`),
    };
    if (await isStored(resources, probe)) known.push(attribute);
  }
  for (let number = 0; number < 25; number++) {
    const own = relations?.filter(() => random.chance(0.5)) ?? [];
    const resource = {
      ...randomAttributes(random, known),
      ...kind.named(`${random.of(["ann", "Änn", "a_n", "zoë"])} ${number}`),
      ...(own.length > 0 && { members: own }),
    };
    await isStored(resources, resource);
  }
  return await readAll(resources, {}, capabilities);
}

/** Chooses every attribute that there is, with the first of its values. */
const always: Random = Object.assign(new Random(0), { next: () => 0 });

async function isStored<T extends Resource, N>(
  resources: ResourceRepository<T, N>,
  resource: N,
): Promise<boolean> {
  try {
    await resources.create(resource);
    return true;
  } catch (error) {
    if (error instanceof InvalidValueError || error instanceof UniquenessError) return false;
    throw error;
  }
}

/** Every resource of a result, in its order, as the pages have it. */
export async function readAll<T extends Resource, N>(
  resources: ResourceRepository<T, N>,
  query: Query,
  { pages = ["index"] }: Capabilities,
): Promise<readonly T[]> {
  const options = { attributes: ["members"] };
  const read: T[] = [];
  if (!pages.includes("index")) {
    for (let cursor: string | undefined = ""; cursor !== undefined; ) {
      const page: Page<T> = await resources.find({ ...query, cursor, count: 7 }, options);
      read.push(...page.resources);
      cursor = page.nextCursor;
    }
    return read;
  }
  for (;;) {
    const page = await resources.find({ ...query, startIndex: read.length + 1 }, options);
    read.push(...page.resources);
    if (page.resources.length === 0 || read.length >= (page.totalResults ?? 0)) return read;
  }
}
