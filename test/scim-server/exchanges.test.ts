import {
  type Capabilities,
  InMemoryGroupRepository,
  InMemoryUserRepository,
} from "concordat/repositories";
import { describe, expect, test } from "vitest";
import { vector } from "../vectors/vector.js";
import { type Answer, type Provider, provider } from "./provider.js";

/** What the RFC prints of requests and answers that follow one another, and in what they differ here. */
interface Conversation {
  readonly section: string;
  readonly title: string;
  /** The ids that the RFC says resources get when they are created. */
  readonly ids?: readonly string[];
  /** What is there before. */
  readonly resources?: readonly {
    readonly type: "User" | "Group";
    readonly id: string;
    /** The version in which a request expects it. */
    readonly version?: string;
    readonly attributes: object;
  }[];
  /** How many more users, or groups, there are, whose names begin as the examples expect. */
  readonly users?: number;
  readonly groups?: number;
  /** The kinds of pages that the stores have. */
  readonly pages?: Capabilities["pages"];
  readonly exchanges: readonly Exchange[];
}

interface Exchange {
  readonly request: {
    /** The method, and the path with the query. */
    readonly line: string;
    readonly "if-match"?: string;
    readonly "if-none-match"?: string;
    /** The name of a data file, or the body itself where the RFC only speaks of it. */
    readonly body?: string | object;
    /** How long the body is, of which the RFC prints nothing else. */
    readonly length?: number;
    /** What cannot be sent as it is printed, by where it stands: what is sent instead (null: nothing), and why. */
    readonly mended?: Readonly<Record<string, readonly [unknown, string]>>;
  };
  readonly response: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    /** Where the RFC leaves out what follows. */
    readonly shortened?: readonly string[];
  };
  /** In what the answer differs from the printed one, by where it stands, and why. */
  readonly differs?: Readonly<Record<string, string>>;
}

describe.each(["rfc7644-exchanges", "rfc9865-exchanges"])("%s", (name) => {
  const conversations = vector<readonly Conversation[]>(name);

  test.each(conversations)("§$section: $title", async (conversation) => {
    const actual = new Map<string, string>();
    const { call } = await populated(conversation, actual);
    for (const { request, response, differs = {} } of conversation.exchanges) {
      const { line, ...sent } = mended(request, actual);
      const [method = "", target = ""] = line.split(/ (.*)/s);
      const answer = await call(method, target.replace(/^\/v2/, ""), sent.body, sent.headers);
      const printed = { ...response, body: response.body && vector(response.body) };
      note(printed, answer, actual);
      expect(differences(printed, seen(answer), response.shortened)).toEqual(
        Object.keys(differs).sort(),
      );
    }
  });
});

/** A service provider with what is there before; `actual` learns what versions are called here. */
async function populated(
  { ids = [], resources = [], users = 0, groups = 0, pages }: Conversation,
  actual: Map<string, string>,
): Promise<Provider> {
  const names = Array.from({ length: users }, (_, n) => `user${n}`);
  const groupNames = Array.from({ length: groups }, (_, n) => `group${n}`);
  const left = [...resources.map(({ id }) => id), ...names, ...groupNames, ...ids];
  const newId = (): string => left.shift() ?? "none";
  const made = provider(
    {
      users: new InMemoryUserRepository({ newId }),
      groups: new InMemoryGroupRepository({ newId }),
    },
    { limits: { pageSize: 250 } },
  );
  for (const { type, version, attributes } of resources) {
    const { meta } = await made.create(`/${type}s`, attributes);
    if (version !== undefined) actual.set(version, meta.version);
  }
  for (const id of names) {
    await made.users.create({ userName: `j${id}`, displayName: `Smith, ${id}` });
  }
  for (const id of groupNames) await made.groups.create({ displayName: `Smith, ${id}` });
  if (pages !== undefined) {
    Object.assign(made.users, { capabilities: { ...made.users.capabilities, pages } });
  }
  return made;
}

/** A request as it is sent: mended, and with the versions and cursors that were given out here. */
function mended(
  { line, body, length, mended: mends = {}, ...conditions }: Exchange["request"],
  actual: ReadonlyMap<string, string>,
): { readonly line: string; readonly body?: unknown; readonly headers: Record<string, string> } {
  const whole = {
    line,
    ...(body !== undefined && { body: typeof body === "string" ? vector(body) : body }),
    ...(length !== undefined && { body: " ".repeat(length) }),
  };
  for (const [path, [value]] of Object.entries(mends)) put(whole, path.split("."), value);
  const headers = Object.entries(conditions).map(([name, version]) => [
    name,
    actual.get(version) ?? version,
  ]);
  return {
    ...(JSON.parse(
      [...actual].reduce(
        (text, [printed, own]) => text.replaceAll(escaped(printed), escaped(own)),
        JSON.stringify(whole),
      ),
    ) as typeof whole),
    headers: Object.fromEntries(headers),
  };
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function put(holder: object, [name = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length > 0) put(Reflect.get(holder, name), rest, value);
  else if (value === null) Reflect.deleteProperty(holder, name);
  else Reflect.set(holder, name, value);
}

/** Learns what the versions and the cursors that are printed are called here. */
function note(printed: unknown, answer: Answer, actual: Map<string, string>): void {
  for (const name of ["nextCursor", "previousCursor"]) {
    const [shown, own] = [valueAt(printed, `body.${name}`), answer.body?.[name]];
    if (typeof shown === "string" && typeof own === "string") actual.set(shown, own);
  }
  const [version, tag] = [valueAt(printed, "headers.etag"), answer.headers.get("etag")];
  if (typeof version === "string" && tag !== null) actual.set(version, tag);
}

function valueAt(holder: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, name) => (isObject(value) ? value[name] : undefined), holder);
}

function seen({ status, headers, body }: Answer): object {
  return { status, headers: Object.fromEntries(headers), ...(body !== undefined && { body }) };
}

/** Where an answer is not as it is printed. Times, versions and cursors need only be such. */
function differences(
  printed: object,
  answer: object,
  shortened: readonly string[] = [],
): readonly string[] {
  const found: string[] = [];
  const compare = (one: unknown, other: unknown, path: string): void => {
    if (!isObject(one) || !isObject(other)) {
      if (!isSame(one, other, path)) found.push(path);
      return;
    }
    // Of header fields, and of what is printed in part, there may be more.
    const isPart = path === "headers" || shortened.includes(path);
    const isFirstOfMore = Array.isArray(one) && isPart && isEmpty(one[0]);
    if (isFirstOfMore && Array.isArray(other) && other.length > 0) return;
    const names = new Set([...Object.keys(one), ...(isPart ? [] : Object.keys(other))]);
    for (const name of names) compare(one[name], other[name], `${path}.${name}`);
  };
  const { status, headers = {}, body } = printed as Readonly<Record<string, unknown>>;
  const actual = answer as Readonly<Record<string, unknown>>;
  compare(status, actual["status"], "status");
  compare(headers, actual["headers"], "headers");
  if (body !== undefined) compare(body, actual["body"], "body");
  return found.sort();
}

function isSame(printed: unknown, own: unknown, path: string): boolean {
  if (/\.(created|lastModified)$/.test(path)) {
    return typeof own === "string" && !Number.isNaN(Date.parse(own));
  }
  if (/\.(version|etag)$/.test(path)) return /^W\/".+"$/.test(String(own));
  if (/Cursor$/.test(path) && printed !== undefined) return /^[\w.~-]+$/.test(String(own));
  if (path === "headers.location") {
    return String(printed).replace(/\.com\/(?!v2)/, ".com/v2/") === own;
  }
  return Object.is(printed, own);
}

function isEmpty(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
