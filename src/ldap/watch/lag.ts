import type { SourceLag } from "../../changes/index.js";
import { connectToFirst } from "../connection/connect-to-first.js";
import type { ConnectOptions } from "../connection/connection.js";
import type { DirectoryProfile } from "../profile/profile.js";
import { chooseDialect } from "../sync/dialect-choice.js";
import { accountBehind } from "./account.js";
import { openCheckpoint } from "./checkpoint.js";
import { basesOf, type ContentOptions, contentDigest, contentOf, readBases } from "./content.js";

/**
 * How far a directory has gone on since a checkpoint, asked on a connection of its own.
 *
 * @throws {LdapError} if no server can be asked now.
 */
export async function lagBehind(
  options: Omit<ConnectOptions, "url" | "signal"> &
    ContentOptions & { readonly dialect?: string | undefined },
  { profile, source, urls }: { profile: DirectoryProfile; source: string; urls: readonly string[] },
  checkpoint: string,
  signal: AbortSignal,
): Promise<SourceLag> {
  const { connection } = await connectToFirst(options, urls, signal);
  await using _ = connection;
  const dialect = await chooseDialect(connection, { signal, dialect: options.dialect });
  const account = await accountBehind(options.bind, connection, signal);
  const bases = await readBases(connection, basesOf(options), dialect, signal);
  const content = contentOf(options, profile, dialect);
  const opened = openCheckpoint(checkpoint, {
    dialect: dialect.name,
    server: bases.ids ?? source,
    content: contentDigest(content, profile, options.bind, account),
  });
  if ("reason" in opened) {
    return { known: false, reason: "The checkpoint does not fit: everything will be read anew." };
  }
  const lag = await dialect.lagBehind?.({ connection, content, signal }, opened.position);
  return (
    lag ?? { known: false, reason: "This kind of server cannot be asked how far it has gone on." }
  );
}
