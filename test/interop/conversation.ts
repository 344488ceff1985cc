import { readdirSync, readFileSync } from "node:fs";
import type { ScimProfile } from "concordat/scim";
import { describe, expect, test } from "vitest";
import { type Answer, kinds, type Provider, provider } from "../scim-server/provider.js";

/**
 * Requests that an identity provider sends one after the other. Names in braces stand for the ids of what was created.
 */
interface Conversation {
  readonly title: string;
  /** Where it is said in public that these are sent. */
  readonly source: readonly string[];
  readonly exchanges: readonly Exchange[];
}

interface Exchange {
  /** What happens at the identity provider. */
  readonly what: string;
  readonly request: { readonly line: string; readonly body?: unknown };
  readonly response: { readonly status: number; readonly body?: unknown };
  /** The name that the id of what is created is given. */
  readonly created?: string;
  /** What is there afterwards, by its path: the whole resource, but for `meta`. */
  readonly afterwards?: Readonly<Record<string, unknown>>;
}

/** Tests that the service provider answers what the data files in a folder say, and has stored what they say. */
export function testConversations(folder: URL, profile: ScimProfile): void {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  describe.each(names)("%s", (name) => {
    const conversation: Conversation = JSON.parse(readFileSync(new URL(name, folder), "utf8"));

    test(conversation.title, async () => {
      await using stores = await kinds["SQLite"]?.();
      if (stores === undefined) throw new Error("There are no stores in SQLite.");
      const server = provider(stores, { profile });
      const ids = new Map<string, string>();
      for (const exchange of conversation.exchanges) await hold(server, exchange, ids);
    });
  });
}

async function hold(server: Provider, exchange: Exchange, ids: Map<string, string>): Promise<void> {
  const { what, request, response, created, afterwards = {} } = exchange;
  const { line, body } = withIds(request, ids);
  const [method = "", path = ""] = line.split(/ (.*)/s);
  const answer = await server.call(method, path, body);
  if (created !== undefined) ids.set(created, answer.body?.id);
  expect({ what, ...seen(answer) }).toEqual({ what, ...withIds(response, ids) });
  for (const [place, resource] of Object.entries(withIds(afterwards, ids))) {
    const stored = await server.call("GET", place);
    expect({ what, ...seen(stored) }).toEqual({ what, status: 200, body: resource });
  }
}

/** An answer without `meta`, which differs from run to run. */
function seen({ status, body }: Answer): object {
  const withoutMeta = (key: string, value: unknown): unknown =>
    key === "meta" ? undefined : value;
  return {
    status,
    ...(body !== undefined && { body: JSON.parse(JSON.stringify(body, withoutMeta)) }),
  };
}

/** The same with ids in the place of names. */
function withIds<T>(value: T, ids: ReadonlyMap<string, string>): T {
  return JSON.parse(
    JSON.stringify(value).replaceAll(/\{(\w+)\}/g, (braced, name) => ids.get(name) ?? braced),
  );
}
