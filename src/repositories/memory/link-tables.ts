import type { Name } from "../../changes/index.js";
import { caseless } from "../../core/index.js";
import type { Link, LinkSelection } from "../link-repository.js";
import { composite, Table } from "./table.js";

/** A link, under the source that it belongs to. */
export interface LinkRow {
  readonly source: string;
  readonly link: Link;
}

/** A name of an entry of a source. */
export interface NameRow extends Name {
  readonly source: string;
  readonly sourceId: string;
}

/** The key of a link. Keys of one source sort by `sourceId`. */
export function linkKey(source: string, sourceId: string): string {
  return composite(source, sourceId);
}

/** The key of a name. Two entries may have one `uid`. */
export function nameKey({ source, kind, key, sourceId }: NameRow): string {
  return composite(source, kind, key, sourceId);
}

const marks = ["dirty", "failed", "intended", "unfinished"] as const;

/** Links and names, with an index for each question that is asked of them. */
export class LinkTables {
  /** `part` holds the links of one source, state and generation; there are few such parts at a time. */
  readonly links: Table<LinkRow, "part" | "mark" | "resource" | "intent"> = new Table(
    ({ source, link }) => linkKey(source, link.sourceId),
    {
      part: ({ source, link }) => [composite(source, link.state, String(link.seen))],
      mark: ({ source, link }) =>
        marks.filter((mark) => isMarked(link, mark)).map((mark) => composite(source, mark)),
      resource: ({ link: { type, resourceId } }) =>
        resourceId === undefined ? [] : [composite(type, resourceId)],
      intent: ({ link: { type, intent } }) =>
        intent === undefined ? [] : [composite(type, caseless(intent.name))],
    },
  );

  readonly names: Table<NameRow, "holder" | "name"> = new Table(nameKey, {
    holder: ({ source, sourceId }) => [linkKey(source, sourceId)],
    name: ({ source, kind, key }) => [composite(source, kind, key)],
  });

  /** The links that have begun to create a resource of this name. */
  intending(type: "User" | "Group", name: string): LinkRow[] {
    return [...this.links.rows("intent", composite(type, caseless(name)))];
  }

  /** The links that match, ordered by `sourceId`, after the key given. */
  *select(source: string, selection: LinkSelection, after?: string): Generator<Link, void> {
    const mark = marks.find((name) => selection[name] === true);
    const candidates =
      mark === undefined
        ? merge(this.#parts(source, selection).map((part) => this.links.rows("part", part, after)))
        : this.links.rows("mark", composite(source, mark), after);
    for (const { link } of candidates) {
      if (matches(link, selection)) yield link;
    }
  }

  /** How many links match. */
  count(source: string, selection: LinkSelection): number {
    if (marks.every((mark) => selection[mark] !== true)) {
      return this.#parts(source, selection).reduce(
        (sum, part) => sum + this.links.count("part", part),
        0,
      );
    }
    return [...this.select(source, selection)].length;
  }

  /** The highest generation of a source's links. */
  latestSeen(source: string): number {
    const parts = this.#parts(source, {});
    return Math.max(
      0,
      ...parts.map((part) => this.links.slice("part", part, 0, 1)[0]?.link.seen ?? 0),
    );
  }

  /** The parts whose links match as far as state and generation go. */
  #parts(source: string, selection: LinkSelection): string[] {
    return [...this.links.buckets("part")].filter((part) => {
      // All links of a part agree in what is asked here, so one of them answers for all.
      const [sample] = this.links.slice("part", part, 0, 1);
      return sample?.source === source && isIn(sample.link, selection);
    });
  }
}

function isMarked(link: Link, mark: (typeof marks)[number]): boolean {
  switch (mark) {
    case "dirty":
      return link.dirty;
    case "failed":
      return link.failure !== undefined;
    case "intended":
      return link.intent !== undefined;
    case "unfinished":
      return link.digest === undefined;
  }
}

function isIn(link: Link, { states, seenBefore }: LinkSelection): boolean {
  return (
    (states === undefined || states.includes(link.state)) &&
    (seenBefore === undefined || link.seen < seenBefore)
  );
}

function matches(link: Link, selection: LinkSelection): boolean {
  return (
    isIn(link, selection) && marks.every((mark) => selection[mark] !== true || isMarked(link, mark))
  );
}

/** The rows of several ordered sequences of one source in one order. */
function* merge(sequences: readonly Generator<LinkRow, void>[]): Generator<LinkRow, void> {
  let heads = sequences.flatMap((rows) => advance(rows));
  while (heads.length > 0) {
    const first = heads.reduce((least, head) =>
      head.row.link.sourceId < least.row.link.sourceId ? head : least,
    );
    yield first.row;
    heads = heads.flatMap((head) => (head === first ? advance(head.rows) : head));
  }
}

function advance(rows: Generator<LinkRow, void>): { row: LinkRow; rows: typeof rows }[] {
  const next = rows.next();
  return next.done ? [] : [{ row: next.value, rows }];
}
