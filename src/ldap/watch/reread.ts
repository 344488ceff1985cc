import type { Upsert } from "../../changes/index.js";
import { type ConnectOptions, connectTo } from "../connection/connection.js";
import { EntryMapper } from "../profile/mapper.js";
import type { DirectoryProfile } from "../profile/profile.js";
import type { Dialect } from "../sync/dialect.js";
import { chooseDialect } from "../sync/dialect-choice.js";
import { filterOfIds, idsPerSearch } from "../sync/pass.js";
import { type ContentOptions, contentOf, withinBases } from "./content.js";

/** The server that a stream is connected to, or was connected to last. */
export interface ConnectedServer {
  url: string;
  address?: string | undefined;
  dialect?: Dialect;
}

/**
 * Reads entries of the content by their ids, on a connection of its own, so that it is not held up by what the stream
 * is doing. Those that are not in the content, or too long to be read, are left out.
 *
 * @param connected - Another server of the directory may lag behind this one, or be ahead.
 *
 * @throws {LdapError} if the directory cannot be read now.
 */
export async function rereadEntries(
  options: Omit<ConnectOptions, "url"> &
    ContentOptions & {
      readonly dialect?: string | undefined;
      readonly now?: (() => number) | undefined;
    },
  profile: DirectoryProfile,
  sourceIds: readonly string[],
  { url, address, dialect }: ConnectedServer,
): Promise<readonly Upsert[]> {
  const { signal } = options;
  const found: Upsert[] = [];
  await using connection = await connectTo({ ...options, url }, address);
  const spoken =
    dialect ??
    (await chooseDialect(connection, { dialect: options.dialect, ...(signal && { signal }) }));
  const { identification } = spoken;
  const content = contentOf(options, profile, spoken);
  const { base, scope, filter, attributes, controls } = content;
  const report = (): void => {
    // The stream itself reports what it cannot use.
  };
  const mapper = new EntryMapper(profile, identification, report, options.now);
  mapper.isWithin = withinBases(content, spoken);
  if (spoken.reread !== undefined) {
    const never = new AbortController().signal;
    return await spoken.reread({ connection, content, mapper, signal: signal ?? never }, sourceIds);
  }
  for (let from = 0; from < sourceIds.length; from += idsPerSearch) {
    const ids = sourceIds.slice(from, from + idsPerSearch);
    const wanted = filterOfIds(filter, ids, identification);
    const search = connection.searchEncoded(
      { base, scope, filter: wanted, attributes, controls },
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
