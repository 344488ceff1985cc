import { caseless } from "../../core/index.js";
import type { Failure, Link, LinkOwner, LinkState } from "../../repositories/index.js";
import { decodeObject } from "../sql/stored-json.js";
import { decodeKey, encodeKey, type KeyedRow, wholeTexts } from "../sql/stored-key.js";
import { decodeText, encodeText } from "../sql/stored-text.js";

/** A link as its table holds it, without the source. */
export interface LinkRow extends KeyedRow {
  /** The number by which other tables refer to it. */
  readonly id: number | string;
  readonly source_id: string;
  readonly type: "User" | "Group";
  readonly state: LinkState;
  readonly resource_id: string | null;
  readonly name: string | null;
  readonly adopted: number;
  readonly stamp: string | null;
  readonly gone_stamp: string | null;
  readonly digest: string | null;
  readonly seen: number;
  readonly disabled_by_us: number;
  readonly intent_name: string | null;
  readonly intent_key: string | null;
  readonly unsettled: number;
  readonly failure: string | null;
  readonly resource_mark: string | null;
  readonly valued: string | null;
}

/** The columns of a link that are written, in the order of {@link encodeLink}. */
export const linkColumns: readonly Exclude<keyof LinkRow, "id">[] = [
  "source_id",
  "type",
  "state",
  "resource_id",
  "name",
  "adopted",
  "stamp",
  "gone_stamp",
  "digest",
  "seen",
  "disabled_by_us",
  "intent_name",
  "intent_key",
  "unsettled",
  "failure",
  "resource_mark",
  "valued",
  "whole_texts",
];

/** What is read of a link. */
export const readColumns: string = ["id", ...linkColumns].join(", ");

/** The values of a link's columns. */
export function encodeLink(source: string, link: Link): unknown[] {
  const { intent, failure, sourceId, resourceId } = link;
  return [
    encodeKey(sourceId),
    link.type,
    link.state,
    resourceId === undefined ? null : encodeKey(resourceId),
    encodeOptional(link.name),
    Number(link.adopted),
    encodeOptional(link.stamp),
    encodeOptional(link.goneStamp),
    encodeOptional(link.digest),
    link.seen,
    Number(link.disabledByUs),
    encodeOptional(intent?.name),
    intent === undefined ? null : encodeKey(caseless(intent.name)),
    Number(link.dirty),
    failure === undefined ? null : JSON.stringify(failure),
    encodeOptional(link.resourceMark),
    encodeOptional(link.valued),
    wholeTexts({ source, source_id: sourceId, resource_id: resourceId }),
  ];
}

/** The numbers of links that were read, for as long as a caller has these. */
const entryIds = new WeakMap<Link, number>();

/** The number by which other tables refer to a link that was read; undefined of others, and of copies. */
export function entryIdOf(link: Link): number | undefined {
  return entryIds.get(link);
}

/** The link that a row holds. */
export function decodeLink(row: LinkRow): Link {
  const link = linkOf(row);
  // A driver returns integers of 64 bits as texts.
  entryIds.set(link, Number(row.id));
  return link;
}

/**
 * Of the optional members those that there are; written one by one, since thousands of links are read for each commit.
 */
function linkOf(row: LinkRow): Link {
  const link: { -readonly [K in keyof Link]: Link[K] } = {
    sourceId: decodeKey(row, "source_id"),
    type: row.type,
    state: row.state,
    adopted: row.adopted === 1,
    seen: row.seen,
    disabledByUs: row.disabled_by_us === 1,
    dirty: row.unsettled === 1,
  };
  const { resourceId } = resourceIdOf(row);
  if (resourceId !== undefined) link.resourceId = resourceId;
  if (row.name !== null) link.name = decodeText(row.name);
  if (row.stamp !== null) link.stamp = decodeText(row.stamp);
  if (row.gone_stamp !== null) link.goneStamp = decodeText(row.gone_stamp);
  if (row.digest !== null) link.digest = decodeText(row.digest);
  if (row.intent_name !== null) link.intent = { name: decodeText(row.intent_name) };
  if (row.failure !== null) link.failure = decodeObject("failure", row.failure) as Failure;
  if (row.resource_mark !== null) link.resourceMark = decodeText(row.resource_mark);
  if (row.valued !== null) link.valued = decodeText(row.valued);
  return link;
}

/** A link as seen from the resource, as its table holds it. */
export interface OwnerRow
  extends Pick<
    LinkRow,
    "source_id" | "state" | "resource_id" | "resource_mark" | "intent_name" | "whole_texts"
  > {
  readonly source: string;
}

/** The columns of an owner. */
export const ownerColumns: readonly (keyof OwnerRow)[] = [
  "source",
  "source_id",
  "state",
  "resource_id",
  "resource_mark",
  "intent_name",
  "whole_texts",
];

/** The owner that a row holds. */
export function decodeOwner(row: OwnerRow): LinkOwner {
  return {
    source: decodeKey(row, "source"),
    sourceId: decodeKey(row, "source_id"),
    state: row.state,
    ...resourceIdOf(row),
    ...(row.resource_mark === null ? {} : { resourceMark: decodeText(row.resource_mark) }),
    ...(row.intent_name === null ? {} : { intent: { name: decodeText(row.intent_name) } }),
  };
}

function resourceIdOf({ resource_id, whole_texts }: Pick<LinkRow, "resource_id" | "whole_texts">): {
  resourceId?: string;
} {
  if (resource_id === null) return {};
  return { resourceId: decodeKey({ resource_id, whole_texts }, "resource_id") };
}

function encodeOptional(text: string | undefined): string | null {
  return text === undefined ? null : encodeText(text);
}
