import { readdirSync, readFileSync } from "node:fs";
import type { Handler } from "concordat/scim-server";

/** Requests that an identity provider sends one after the other, as its documentation has them. */
export interface Recording {
  readonly name: string;
  /** What happens at the identity provider. */
  readonly title: string;
  readonly steps: readonly Step[];
}

interface Step {
  readonly what: string;
  /** The method and the path, in which names in braces stand for the ids of what was created before. */
  readonly line: string;
  readonly body?: unknown;
  /** The name of the id of what is created. */
  readonly created?: string;
}

const folder = new URL("recordings/", import.meta.url);

/** The recordings in the folder beside this file, by name, such as `entra-user-lifecycle`. */
export const recordings: readonly Recording[] = readdirSync(folder)
  .sort()
  .map((file) => ({
    ...JSON.parse(readFileSync(new URL(file, folder), "utf8")),
    name: file.replace(".json", ""),
  }));

/** How a recording is sent. */
export interface SendOptions {
  readonly baseUrl: string;
  readonly token: string;
  /** Leaves out deletions, so that there is something to look at in the end. */
  readonly keeps: boolean;
}

/** Sends the requests of a recording to the service provider, as the identity provider does. */
export async function send(
  scim: Handler,
  { steps }: Recording,
  { baseUrl, token, keeps }: SendOptions,
): Promise<void> {
  const ids = new Map<string, string>();
  for (const step of steps) {
    if (keeps && step.line.startsWith("DELETE ")) continue;
    const { line, body } = withIds(step, ids);
    const [method = "", path = ""] = line.split(/ (.*)/s);
    const call = async (way: string, where: string, content?: unknown): Promise<Response> =>
      await scim(
        new Request(baseUrl + where, {
          method: way,
          headers: {
            authorization: `Bearer ${token}`,
            ...(content !== undefined && { "content-type": "application/scim+json" }),
          },
          ...(content !== undefined && { body: JSON.stringify(content) }),
        }),
      );
    const response = await call(method, path, body);
    if (step.created === undefined) continue;
    const { id } = (await response.json()) as { id?: string };
    // What was sent before, and kept, is there already: an identity provider looks for it and goes on.
    ids.set(step.created, id ?? (await idOf(path, body, call)));
  }
}

async function idOf(
  path: string,
  body: unknown,
  call: (method: string, path: string) => Promise<Response>,
): Promise<string> {
  const { userName, displayName } = body as { userName?: string; displayName?: string };
  const attribute = path === "/Users" ? "userName" : "displayName";
  const filter = `${attribute} eq ${JSON.stringify(userName ?? displayName)}`;
  const found = await call("GET", `${path}?filter=${encodeURIComponent(filter)}`);
  const { Resources = [] } = (await found.json()) as { Resources?: { id: string }[] };
  return Resources[0]?.id ?? "unknown";
}

/** The step with the ids in the place of their names. */
function withIds(
  { line, body }: Step,
  ids: ReadonlyMap<string, string>,
): Pick<Step, "line" | "body"> {
  const text = JSON.stringify({ line, ...(body !== undefined && { body }) });
  return JSON.parse(text.replace(/\{(\w+)\}/g, (whole, name: string) => ids.get(name) ?? whole));
}
