import { contentFinding, type DirectoryFinding, fine, type Inspecting } from "../sync/finding.js";
import { LdapResultError } from "../wire/errors.js";

/** The result codes by which a server says that it would have had more. */
const limits: ReadonlyMap<number, string> = new Map([
  [3, "time limit"],
  [4, "size limit"],
  [11, "administrative limit"],
]);

/** How many entries are looked at for the attributes that are mapped. */
const sampleSize = 200;

/** Counts the entries of the content, and finds out whether a limit keeps some back. */
export async function countContent({
  connection,
  content,
  signal,
}: Inspecting): Promise<DirectoryFinding> {
  const { base, scope, filter, controls } = content;
  let count = 0;
  try {
    const request = { base, scope, filter, controls, attributes: ["1.1"] };
    for await (const messages of connection.search(request, { signal })) {
      count += messages.filter(({ kind }) => kind === "entry" || kind === "oversized").length;
    }
  } catch (error) {
    const limit = error instanceof LdapResultError ? limits.get(error.resultCode) : undefined;
    if (limit === undefined) throw error;
    return {
      topic: "content",
      effect: "refusal",
      message:
        `The ${limit} of the account ends a search after ${count} entries, and there are more, so that a stream could ` +
        "never read everything. Have it raised for this account.",
    };
  }
  return contentFinding(count, `There are ${count} entries, and no limit keeps any back.`);
}

/** Which mapped attributes no entry has a value for: they are not used, or the account may not read them. */
export async function lookAtAttributes({
  connection,
  content,
  signal,
}: Inspecting): Promise<DirectoryFinding | undefined> {
  const { base, scope, filter, controls, attributes } = content;
  const unseen = new Map(attributes.map((name) => [name.toLowerCase(), name]));
  let count = 0;
  const request = { base, scope, filter, controls, attributes, sizeLimit: sampleSize };
  try {
    for await (const messages of connection.search(request, { signal })) {
      for (const message of messages) {
        if (message.kind !== "entry") continue;
        count += 1;
        for (const { type, values } of message.attributes) {
          const [name = ""] = type.toLowerCase().split(";");
          if (values.length > 0) unseen.delete(name);
        }
      }
    }
  } catch (error) {
    if (!(error instanceof LdapResultError && limits.has(error.resultCode))) throw error;
  }
  if (count === 0) return undefined;
  if (unseen.size === 0)
    return fine("attributes", "Each attribute that is mapped has a value somewhere.");
  return {
    topic: "attributes",
    effect: "unclear",
    message:
      `Of ${count} entries, none has a value for ${[...unseen.values()].join(", ")}: they are not used here, or the account ` +
      "may not read them. An application would have no value for what is mapped from these.",
  };
}
