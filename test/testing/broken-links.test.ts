import {
  type HeldName,
  InMemoryLinkRepository,
  type Link,
  type LinkOwner,
  type LinkSelection,
} from "concordat/repositories";
import { linkRepositoryContract } from "concordat/testing";
import { type Flaw, testFlaws } from "./flaws.js";

const links: readonly Flaw[] = [
  {
    flaw: "merges a link into the one that is stored",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async save(source: string, given: readonly Link[]): Promise<void> {
            const stored = await this.get(
              source,
              given.map((link) => link.sourceId),
            );
            await super.save(
              source,
              given.map((link, at) => ({ ...stored[at], ...link })),
            );
          }
        })(),
    ),
    caughtBy: "a link that is saved again is replaced, with what it no longer has",
  },
  {
    flaw: "sorts as people do",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async list(source: string, selection: LinkSelection, page: { count: number }) {
            const found = await super.list(source, selection, page);
            return [...found].sort((one, other) => one.sourceId.localeCompare(other.sourceId));
          }
        })(),
    ),
    caughtBy: "list and count answer every selection, in code unit order and page by page",
  },
  {
    flaw: "sorts by code point",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async list(source: string, selection: LinkSelection, page: { count: number }) {
            const found = await super.list(source, selection, page);
            return [...found].sort((one, other) =>
              Buffer.compare(Buffer.from(one.sourceId), Buffer.from(other.sourceId)),
            );
          }
        })(),
    ),
    caughtBy: "ids beyond the basic multilingual plane are in code unit order too",
  },
  {
    flaw: "forgets links but not their names",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          readonly #names = new Map<string, readonly HeldName[]>();
          override async remove(source: string, sourceIds: readonly string[]): Promise<void> {
            for (const id of sourceIds) this.#names.set(id, await super.names(source, [id]));
            await super.remove(source, sourceIds);
          }
          override async names(source: string, sourceIds: readonly string[]) {
            const left = sourceIds.flatMap((id) => this.#names.get(id) ?? []);
            return [...left, ...(await super.names(source, sourceIds))];
          }
        })(),
    ),
    caughtBy: "remove forgets links and their names, and ignores unknown ids",
  },
  {
    flaw: "compares intended names as they are written",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async intents(
            type: "User" | "Group",
            name: string,
          ): Promise<readonly LinkOwner[]> {
            return (await super.intents(type, name)).filter((owner) => owner.intent?.name === name);
          }
        })(),
    ),
    caughtBy: "intents are found across sources, without regard to case and to nothing else",
  },
  {
    flaw: "does not tell of the dead",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async holders(...asked: Parameters<InMemoryLinkRepository["holders"]>) {
            return (await super.holders(...asked)).filter((holder) => holder.state !== "gone");
          }
        })(),
    ),
    caughtBy: "holders are known in every state, and a name of kind id is its link",
  },
  {
    flaw: "stores a lower generation with a link",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async save(source: string, given: readonly Link[]): Promise<void> {
            const ids = given.map((link) => link.sourceId);
            const names = await this.names(source, ids);
            await this.remove(source, ids);
            await super.save(source, given);
            await this.setNames(
              source,
              ids.map((sourceId) => ({
                sourceId,
                names: names.filter((name) => name.sourceId === sourceId),
              })),
            );
          }
        })(),
    ),
    caughtBy: "what was seen is never lowered, and the latest of a source is returned",
  },
  {
    flaw: "marks links as seen with a lower generation",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async markSeen(source: string, sourceIds: readonly string[], seen: number) {
            for (const link of await this.get(source, sourceIds)) {
              if (link === undefined) continue;
              const names = await this.names(source, [link.sourceId]);
              await this.remove(source, [link.sourceId]);
              await this.save(source, [{ ...link, seen }]);
              await this.setNames(source, [{ sourceId: link.sourceId, names }]);
            }
          }
        })(),
    ),
    caughtBy: "what was seen is never lowered, and the latest of a source is returned",
  },
  {
    flaw: "asks the living only what was seen last",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async latestSeen(source: string): Promise<number> {
            const living = await this.list(source, { states: ["live"] }, { count: 1000 });
            return Math.max(0, ...living.map((link) => link.seen));
          }
        })(),
    ),
    caughtBy: "what was seen is never lowered, and the latest of a source is returned",
  },
  {
    flaw: "does not know an alias from a name",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async setNames(
            ...[source, entries]: Parameters<InMemoryLinkRepository["setNames"]>
          ): Promise<void> {
            const plain = entries.map(({ sourceId, names }) => ({
              sourceId,
              names: names.map(({ kind, key }) => ({ kind, key })),
            }));
            await super.setNames(source, plain);
          }
        })(),
    ),
    caughtBy: "a name that is an alias is kept as one, and becomes none when it is given as none",
  },
  ...(["resourceMark", "valued", "goneStamp"] as const).map(
    (lost): Flaw => ({
      flaw: `has no column for ${lost}`,
      cases: linkRepositoryContract(
        () =>
          new (class extends InMemoryLinkRepository {
            override async save(source: string, given: readonly Link[]): Promise<void> {
              await super.save(
                source,
                given.map((link) => {
                  const { [lost]: _, ...kept } = link;
                  return kept;
                }),
              );
            }
          })(),
      ),
      caughtBy:
        "links are kept whole and returned in the order of the ids, undefined where there is none",
    }),
  ),
  {
    flaw: "does not tell owners' marks",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override async owners(
            ...asked: Parameters<InMemoryLinkRepository["owners"]>
          ): Promise<readonly LinkOwner[]> {
            return (await super.owners(...asked)).map(({ resourceMark: _, ...owner }) => owner);
          }
        })(),
    ),
    caughtBy: "owners are found across sources, by type and resource",
  },
  {
    flaw: "ignores a condition that it does not know",
    cases: linkRepositoryContract(
      () =>
        new (class extends InMemoryLinkRepository {
          override list(...[source, selection, page]: Parameters<InMemoryLinkRepository["list"]>) {
            const { unfinished: _, ...known } = selection;
            return super.list(source, known, page);
          }
        })(),
    ),
    caughtBy: "list and count answer every selection, in code unit order and page by page",
  },
];

testFlaws("links", links);
