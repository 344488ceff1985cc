import type { Upsert } from "../../changes/index.js";
import { type ConnectOptions, connectTo } from "../connection/connection.js";
import type { EntryMapper } from "../profile/mapper.js";
import type { Content } from "../sync/reading.js";
import { escapeFilterValue } from "../wire/filter.js";

/** How many entries one search asks for. */
const idsPerSearch = 100;

/**
 * Reads entries of the content by their ids, on a connection of its own, so that it is not held up by what the stream
 * is doing. Those that are not in the content, or too long to be read, are left out.
 *
 * @param address - Of the server that the stream is connected to: another one of the directory may lag behind it, or be
 * ahead.

 * @throws {LdapError} if the directory cannot be read now.
 */
export async function rereadEntries(
  options: ConnectOptions,
  { base, scope, filter, attributes, controls }: Content,
  mapper: EntryMapper,
  sourceIds: readonly string[],
  address: string | undefined,
): Promise<readonly Upsert[]> {
  const { signal } = options;
  const found: Upsert[] = [];
  await using connection = await connectTo(options, address);
  for (let from = 0; from < sourceIds.length; from += idsPerSearch) {
    const ids = sourceIds.slice(from, from + idsPerSearch);
    const wanted = ids.map((id) => `(entryUUID=${escapeFilterValue(id)})`).join("");
    const search = connection.searchEncoded(
      { base, scope, filter: `(&${filter}(|${wanted}))`, attributes, controls },
      signal === undefined ? {} : { signal },
    );
    for await (const messages of search) {
      for (const message of messages) {
        if (message.kind !== "entry") continue;
        const entry = mapper.identify(message);
        if (typeof entry === "string") continue;
        const change = mapper.map(entry.sourceId, message);
        if (change.kind === "upsert") found.push(change);
      }
    }
  }
  return found;
}
