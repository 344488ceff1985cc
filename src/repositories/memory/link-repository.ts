import type { Name } from "../../changes/index.js";
import {
  type HeldName,
  type Link,
  type LinkOwner,
  LinkRepository,
  type LinkSelection,
} from "../link-repository.js";
import { frozenCopy } from "./frozen.js";
import { type LinkRow, LinkTables, linkKey, type NameRow, nameKey } from "./link-tables.js";
import { composite, take } from "./table.js";
import { type Journal, TransactionScope } from "./transaction-scope.js";

/** Links and names, in memory. */
export class InMemoryLinkRepository extends LinkRepository {
  readonly #scope: TransactionScope;
  readonly #tables: LinkTables;

  constructor();
  /** @internal */
  constructor(scope: TransactionScope, tables?: LinkTables);
  constructor(
    scope: TransactionScope = new TransactionScope(),
    tables: LinkTables = new LinkTables(),
  ) {
    super();
    this.#scope = scope;
    this.#tables = tables;
  }

  /** The same store, bound to a transaction. @internal */
  in(scope: TransactionScope): InMemoryLinkRepository {
    return new InMemoryLinkRepository(scope, this.#tables);
  }

  override get(
    source: string,
    sourceIds: readonly string[],
  ): Promise<readonly (Link | undefined)[]> {
    return this.#scope.run(() => sourceIds.map((sourceId) => this.#link(source, sourceId)));
  }

  override save(source: string, links: readonly Link[]): Promise<void> {
    return this.#scope.run((journal) => {
      for (const link of links) {
        const seen = Math.max(link.seen, this.#link(source, link.sourceId)?.seen ?? 0);
        this.#tables.links.put(journal, { source, link: frozenCopy({ ...link, seen }) });
      }
    });
  }

  override markSeen(
    source: string,
    sourceIds: readonly string[],
    generation: number,
  ): Promise<void> {
    return this.#mark(source, sourceIds, ({ seen }) => ({ seen: Math.max(seen, generation) }));
  }

  override markDirty(source: string, sourceIds: readonly string[], dirty: boolean): Promise<void> {
    return this.#mark(source, sourceIds, () => ({ dirty }));
  }

  override list(
    source: string,
    selection: LinkSelection,
    page: { readonly after?: string; readonly count: number },
  ): Promise<readonly Link[]> {
    return this.#scope.run(() => {
      const after = page.after === undefined ? undefined : linkKey(source, page.after);
      return take(this.#tables.select(source, selection, after), page.count);
    });
  }

  override count(source: string, selection: LinkSelection): Promise<number> {
    return this.#scope.run(() => this.#tables.count(source, selection));
  }

  override latestSeen(source: string): Promise<number> {
    return this.#scope.run(() => this.#tables.latestSeen(source));
  }

  override remove(source: string, sourceIds: readonly string[]): Promise<void> {
    return this.#scope.run((journal) => {
      for (const sourceId of sourceIds) {
        this.#keepNames(journal, source, sourceId, new Set());
        this.#tables.links.delete(journal, linkKey(source, sourceId));
      }
    });
  }

  override owners(
    type: "User" | "Group",
    resourceIds: readonly string[],
  ): Promise<readonly LinkOwner[]> {
    return this.#scope.run(() =>
      [...new Set(resourceIds)].flatMap((resourceId) =>
        Array.from(this.#tables.links.rows("resource", composite(type, resourceId)), toOwner),
      ),
    );
  }

  override intents(type: "User" | "Group", name: string): Promise<readonly LinkOwner[]> {
    return this.#scope.run(() => this.#tables.intending(type, name).map(toOwner));
  }

  override names(source: string, sourceIds: readonly string[]): Promise<readonly HeldName[]> {
    return this.#scope.run(() =>
      [...new Set(sourceIds)].flatMap((sourceId) => {
        const link = this.#link(source, sourceId);
        if (link === undefined) return [];
        const { state, seen } = link;
        return Array.from(
          this.#tables.names.rows("holder", linkKey(source, sourceId)),
          ({ kind, key, alias }) => ({
            kind,
            key,
            ...(alias === undefined ? {} : { alias }),
            sourceId,
            state,
            seen,
          }),
        );
      }),
    );
  }

  override setNames(
    source: string,
    entries: readonly { readonly sourceId: string; readonly names: readonly Name[] }[],
  ): Promise<void> {
    return this.#scope.run((journal) => {
      for (const { sourceId, names } of entries) {
        const stored = names.filter((name) => name.kind !== "id");
        const keys = new Set(stored.map((name) => nameKey({ source, sourceId, ...name })));
        this.#keepNames(journal, source, sourceId, keys);
        for (const { kind, key, alias } of stored) {
          if (kind === "dn") this.#takeName(journal, source, { kind, key });
          const isAlias = alias === undefined ? {} : { alias };
          this.#tables.names.put(journal, { source, sourceId, kind, key, ...isAlias });
        }
      }
    });
  }

  override holders(source: string, names: readonly Name[]): Promise<readonly HeldName[]> {
    return this.#scope.run(() => {
      const asked = new Map(names.map((name) => [composite(name.kind, name.key), name]));
      return [...asked.values()].flatMap(({ kind, key }) =>
        this.#holdersOf(source, { kind, key }).flatMap(({ sourceId, alias }) => {
          const link = this.#link(source, sourceId);
          if (link === undefined) return [];
          const isAlias = alias === undefined ? {} : { alias };
          return { kind, key, ...isAlias, sourceId, state: link.state, seen: link.seen };
        }),
      );
    });
  }

  #link(source: string, sourceId: string): Link | undefined {
    return this.#tables.links.get(linkKey(source, sourceId))?.link;
  }

  #holdersOf(source: string, { kind, key }: Name): Pick<NameRow, "sourceId" | "alias">[] {
    if (kind === "id") return [{ sourceId: key }];
    return [...this.#tables.names.rows("name", composite(source, kind, key))];
  }

  #mark(
    source: string,
    sourceIds: readonly string[],
    markOf: (link: Link) => Partial<Pick<Link, "seen" | "dirty">>,
  ): Promise<void> {
    return this.#scope.run((journal) => {
      for (const sourceId of sourceIds) {
        const link = this.#link(source, sourceId);
        if (link === undefined) continue;
        this.#tables.links.put(journal, {
          source,
          link: Object.freeze({ ...link, ...markOf(link) }),
        });
      }
    });
  }

  /** Forgets the names of an entry, but for those whose keys are given. */
  #keepNames(journal: Journal, source: string, sourceId: string, kept: ReadonlySet<string>): void {
    for (const row of [...this.#tables.names.rows("holder", linkKey(source, sourceId))]) {
      const key = nameKey(row);
      if (!kept.has(key)) this.#tables.names.delete(journal, key);
    }
  }

  /** Takes a name from its holder. */
  #takeName(journal: Journal, source: string, { kind, key }: Name): void {
    for (const row of [...this.#tables.names.rows("name", composite(source, kind, key))]) {
      this.#tables.names.delete(journal, nameKey(row));
    }
  }
}

function toOwner({ source, link }: LinkRow): LinkOwner {
  const { sourceId, state, resourceId, resourceMark, intent } = link;
  return {
    source,
    sourceId,
    state,
    ...(resourceId === undefined ? {} : { resourceId }),
    ...(resourceMark === undefined ? {} : { resourceMark }),
    ...(intent === undefined ? {} : { intent }),
  };
}
