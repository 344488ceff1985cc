import assert from "node:assert/strict";
import { InvalidValueError, UnsupportedError } from "../../core/index.js";
import type { Capabilities, Page, Query } from "../../repositories/index.js";
import { bindSort, type Resource, type ResourceRequest } from "../../scim/index.js";
import { assertRefusal, assertThat } from "../assertions.js";
import { hostileStrings, type Requirement } from "../contract.js";
import { ids, type ResourceKind } from "./resource-kind.js";

/** What is required of pages by cursor. RFC 9865. */
export function cursorRequirements<S, T extends Resource, N extends ResourceRequest>(
  { naming, type, named, repository }: ResourceKind<S, T, N>,
  capabilities: Capabilities,
): readonly Requirement<S>[] {
  const hasCursors = capabilities.pages?.includes("cursor") === true;
  const skip = hasCursors ? undefined : "the store has no pages by cursor";
  const count = Math.min(3, capabilities.maxPageSize);
  const sort = bindSort(naming, type, "descending");
  const orders: readonly Query[] = [{}, ...(capabilities.sort?.includes(naming) ? [{ sort }] : [])];
  return [
    {
      name: "pages by cursor hold every resource once, and the last has no next",
      skip,
      async check(subject) {
        const resources = repository(subject);
        assert.equal((await resources.find({ cursor: "" })).nextCursor, undefined);
        const created = new Set<string>();
        for (let number = 0; number < 10; number++) {
          created.add((await resources.create(named(`person ${number}`))).id);
        }
        for (const order of orders) {
          const seen: string[] = [];
          for (let cursor: string | undefined = ""; cursor !== undefined; ) {
            const page: Page<T> = await resources.find({ ...order, cursor, count });
            const isFilled = page.resources.length > 0 && page.resources.length <= count;
            assertThat(
              isFilled,
              `a page of ${count} holds one to ${count}, not ${page.resources.length}`,
            );
            assert.equal(page.totalResults ?? created.size, created.size);
            seen.push(...ids(page.resources));
            cursor = page.nextCursor;
          }
          assert.deepEqual(new Set(seen), created);
          assert.equal(seen.length, created.size);
        }
      },
    },
    {
      name: "previous cursors lead back over the same pages, where there are any",
      skip,
      async check(subject) {
        const resources = repository(subject);
        for (let number = 0; number < 8; number++)
          await resources.create(named(`person ${number}`));
        for (const order of orders) {
          const forth: string[][] = [];
          let page = await resources.find({ ...order, cursor: "", count });
          assert.equal(page.previousCursor, undefined);
          for (;;) {
            forth.push(ids(page.resources));
            if (page.nextCursor === undefined) break;
            page = await resources.find({ ...order, cursor: page.nextCursor, count });
          }
          if (page.previousCursor === undefined) continue;
          const back: string[][] = [];
          for (;;) {
            back.unshift(ids(page.resources));
            if (page.previousCursor === undefined) break;
            page = await resources.find({ ...order, cursor: page.previousCursor, count });
          }
          assert.deepEqual(back, forth);
        }
      },
    },
    {
      name: "a resource that stays is on one page by cursor, whatever comes and goes",
      skip: skip ?? (capabilities.delete === "hard" ? undefined : "the store removes nothing"),
      async check(subject) {
        const resources = repository(subject);
        for (const [run, order] of orders.entries()) {
          const staying = new Set<string>();
          const leaving: string[] = [];
          for (let number = 0; number < 12; number++) {
            const { id } = await resources.create(named(`${run} person ${100 + number}`));
            if (number % 3 === 0) leaving.push(id);
            else staying.add(id);
          }
          const seen: string[] = [];
          let coming = 0;
          for (let cursor: string | undefined = ""; cursor !== undefined; ) {
            const page: Page<T> = await resources.find({ ...order, cursor, count: 2 });
            seen.push(...ids(page.resources).filter((id) => staying.has(id)));
            // The last of the page goes too, if it is one of those: that is where the next page begins.
            const last = page.resources.at(-1)?.id;
            const gone = leaving.indexOf(last ?? "");
            const [id] = leaving.splice(Math.max(gone, 0), 1);
            if (id !== undefined) await resources.delete(id);
            cursor = page.nextCursor;
            if (coming < 5) await resources.create(named(`${run} person ${coming++}`));
          }
          assert.deepEqual(new Set(seen), staying);
          assert.equal(seen.length, staying.size);
        }
      },
    },
    {
      name: "what is no cursor is InvalidValueError, and so is one beside an index",
      skip,
      async check(subject) {
        const resources = repository(subject);
        await resources.create(named("ann"));
        for (const cursor of [...hostileStrings, "bm8", "W10", "e30", "x".repeat(10_000)]) {
          await assertRefusal(resources.find({ cursor }), InvalidValueError, cursor);
        }
        await assertRefusal(resources.find({ cursor: "", startIndex: 1 }), InvalidValueError);
      },
    },
    {
      name: "a page by cursor is refused where there are none",
      skip: hasCursors ? "the store has pages by cursor" : undefined,
      async check(subject) {
        await assertRefusal(repository(subject).find({ cursor: "" }), UnsupportedError);
      },
    },
  ];
}
