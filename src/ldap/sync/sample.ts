import { LdapResultError } from "../wire/errors.js";
import type { SearchEntry } from "../wire/message.js";
import type { Reading } from "./reading.js";

/** One entry of the content with these attributes; undefined if there is none. */
export async function readSample(
  { connection, content, signal }: Pick<Reading, "connection" | "content" | "signal">,
  attributes: readonly string[],
): Promise<SearchEntry | undefined> {
  const { base, scope, filter, controls } = content;
  const request = { base, scope, filter, controls, attributes, sizeLimit: 1 };
  try {
    for await (const messages of connection.search(request, { signal })) {
      for (const message of messages) if (message.kind === "entry") return message;
    }
  } catch (error) {
    if (!(error instanceof LdapResultError && error.resultCode === sizeLimitExceeded)) throw error;
  }
  return undefined;
}

const sizeLimitExceeded = 4;
