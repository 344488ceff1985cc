import type { Link, LinkedEntry, LinkRepository, LinkSelection } from "../../repositories/index.js";
import type { Subject } from "../outcome.js";

/**
 * The links of a source in a step. One that was read earlier can be saved: that never takes back that the entry was
 * marked as dirty since, nor brings back the digest of an entry whose name another one has taken.
 */
export class StepLinks {
  readonly #links: LinkRepository;
  readonly #source: string;
  readonly #dirty: Set<string>;
  readonly #displaced: Set<string>;

  constructor(
    links: LinkRepository,
    source: string,
    known: { readonly dirty: Set<string>; readonly displaced: Set<string> } = {
      dirty: new Set(),
      displaced: new Set(),
    },
  ) {
    this.#links = links;
    this.#source = source;
    this.#dirty = known.dirty;
    this.#displaced = known.displaced;
  }

  /** The same, within a transaction. */
  within(links: LinkRepository): StepLinks {
    return new StepLinks(links, this.#source, { dirty: this.#dirty, displaced: this.#displaced });
  }

  /** The link of each id, in the order of the ids; `undefined` where there is none. */
  async get(sourceIds: readonly string[]): Promise<readonly (Link | undefined)[]> {
    return await this.#links.get(this.#source, sourceIds);
  }

  /** The link of each entry, in their order; `undefined` where there is none. */
  async of(
    entries: readonly { readonly sourceId: string }[],
  ): Promise<readonly (Link | undefined)[]> {
    return await this.get(entries.map((entry) => entry.sourceId));
  }

  /** The links of these entries, as far as they have one. */
  async existing(sourceIds: Iterable<string>): Promise<readonly Link[]> {
    return await readLinks(this.#links, this.#source, sourceIds);
  }

  /** The entries that the step has marked. */
  get dirty(): ReadonlySet<string> {
    return this.#dirty;
  }

  /** Says durably that the memberships that follow from these entries are to be settled. */
  async markDirty(sourceIds: Iterable<string>): Promise<void> {
    const ids = [...new Set(sourceIds)];
    if (ids.length === 0) return;
    this.noteDirty(ids);
    await this.#links.markDirty(this.#source, ids, true);
  }

  /** A store has marked these itself. */
  noteDirty(sourceIds: Iterable<string>): void {
    for (const id of sourceIds) this.#dirty.add(id);
  }

  /** Another entry has taken a name of these: what was applied of them does not say any more what is stored. */
  async displace(sourceIds: readonly string[]): Promise<void> {
    for (const id of sourceIds) this.#displaced.add(id);
    const known = await this.get(sourceIds);
    await this.replace(
      known.flatMap((link) => (link === undefined ? [] : [without(link, "digest")])),
    );
  }

  /** Stores links as they are given, dirty or not. */
  async replace(links: readonly Link[]): Promise<void> {
    await this.#links.save(this.#source, links);
  }

  /** Stores links that were read before, with what the step has done to them since. */
  async save(links: readonly Link[]): Promise<void> {
    await this.replace(
      links.map((link) => {
        const known = this.#displaced.has(link.sourceId) ? without(link, "digest") : link;
        return this.#dirty.has(link.sourceId) ? { ...known, dirty: true } : known;
      }),
    );
  }
}

/** The links that match, page by page. */
export async function* pagesOfLinks(
  links: LinkRepository,
  source: string,
  selection: LinkSelection,
  count: number,
): AsyncGenerator<readonly Link[]> {
  for (let after: string | undefined; ; ) {
    const page = await links.list(source, selection, {
      count,
      ...(after === undefined ? {} : { after }),
    });
    yield page;
    after = page.at(-1)?.sourceId;
    if (after === undefined || page.length < count) return;
  }
}

/** The links of these entries, as far as they have one. */
export async function readLinks(
  links: LinkRepository,
  source: string,
  sourceIds: Iterable<string>,
): Promise<readonly Link[]> {
  const found: Link[] = [];
  for (const some of slices([...sourceIds], 1_000)) {
    for (const link of await links.get(source, some)) if (link !== undefined) found.push(link);
  }
  return found;
}

/** The entry of a link, for an outcome. */
export function subjectOf(link: Link): Subject {
  return {
    type: link.type,
    sourceId: link.sourceId,
    ...(link.resourceId === undefined ? {} : { resourceId: link.resourceId }),
    ...(link.name === undefined ? {} : { name: link.name }),
  };
}

/** Whether the application has accepted the entry, so that memberships can name it. */
export function isAccepted(link: Link | undefined): link is LinkedEntry {
  return link?.state === "live" && link.resourceId !== undefined;
}

/** A copy of a record without some of its optional properties. */
export function without<T extends object, K extends keyof T>(record: T, ...keys: K[]): Omit<T, K> {
  const copy = { ...record };
  for (const key of keys) delete copy[key];
  return copy;
}

/** Slices of a list, so that no single call to a store grows with the directory. */
export function* slices<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size);
}
