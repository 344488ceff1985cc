import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import {
  type RemoteGroupRepository,
  type RemoteRepositoriesOptions,
  type RemoteUserRepository,
  remoteRepositories,
  ScimClient,
  type ServiceProviderConfig,
} from "concordat/scim-client";
import { scimPatch } from "scim-patch";
import { filter as compile, parse } from "scim2-parse-filter";

// biome-ignore lint/suspicious/noExplicitAny: it stores whatever it is given.
export type Stored = any;

/** A request as it has come. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Stored;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** In what a service provider differs from the RFCs. */
export interface Quirks {
  /** Answers in the place of the store, which may be looked into. */
  readonly before?: (asked: Asked, stored: Map<string, Stored>) => Answer | undefined;
  /** When the members of a group are returned. Default: always. */
  readonly members?: "always" | "request" | "never";
  /** Whether it is kept what a member is. Default: true. */
  readonly keepsTypes?: boolean;
  /** What is kept of a resource. */
  readonly keeps?: (resource: Stored) => Stored;
  /** Whether a PATCH is answered with the resource. Default: with nothing. */
  readonly answersPatch?: boolean;
  /** Which schemas it says that it has. Default: none. */
  readonly schemas?: readonly unknown[];
  readonly configuration?: ServiceProviderConfig;
  readonly options?: RemoteRepositoriesOptions;
}

/** What is seen of the service provider, and the repositories over it. */
export interface Quirky extends AsyncDisposable {
  readonly users: RemoteUserRepository;
  readonly groups: RemoteGroupRepository;
  readonly client: ScimClient;
  /** What is stored, by id. */
  readonly stored: Map<string, Stored>;
  /** The requests that have come, as they came. */
  readonly asked: Asked[];
  /** Stores a resource. */
  put(id: string, resource: object): void;
  /** Who is in a group, by id. */
  membersOf(id: string): readonly string[];
  /** The requests that have come since they were asked for. */
  requests(): readonly Told[];
}

/** A request in short: the method, the path and the query; of a PATCH its operations. */
export type Told = string | readonly [string, ...(readonly unknown[])];

/** A service provider on scim-patch that differs from the RFCs as it is told, and repositories over it. */
export async function quirky(quirks: Quirks = {}): Promise<Quirky> {
  const stored = new Map<string, Stored>();
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "", "http://localhost");
    const content = await text(request);
    const one: Asked = {
      method: request.method ?? "",
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      headers: request.headers,
      body: content === "" ? undefined : JSON.parse(content),
    };
    asked.push(one);
    const { status, body, headers } = quirks.before?.(one, stored) ?? answer(quirks, one, stored);
    const answered = typeof body === "string" ? body : JSON.stringify(body ?? "");
    response.writeHead(status, { "content-type": "application/scim+json", ...headers });
    response.end(body === undefined ? "" : answered);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new ScimClient({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    allowCleartext: true,
    configuration: quirks.configuration ?? {
      patch: { supported: true },
      filter: { supported: true, maxResults: 100 },
    },
    retry: { attempts: 1 },
  });
  const { users, groups } = await remoteRepositories(client, quirks.options);
  if (groups === undefined) throw new Error("There are no groups.");
  asked.length = 0;
  return {
    users,
    groups,
    client,
    stored,
    asked,
    put(id: string, resource: object): void {
      stored.set(id, { id, ...resource });
    },
    membersOf: (id: string): readonly string[] =>
      (stored.get(id)?.members ?? []).map(({ value }: { value: string }) => value),
    requests(): readonly Told[] {
      return asked.splice(0).map(({ method, path, query, body }): Told => {
        const line = `${method} ${path}${query.size === 0 ? "" : `?${decodeURIComponent(`${query}`)}`}`;
        return body?.Operations === undefined ? line : [line, ...body.Operations];
      });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await client[Symbol.asyncDispose]();
      server.close();
      await once(server, "close");
    },
  };
}

/** An error as RFC 7644 §3.12 has it; its scimType is optional there. */
export function refusal(detail = "No.", scimType?: string, status = 400): Answer {
  return { status, body: { status: String(status), detail, ...(scimType && { scimType }) } };
}

function answer(quirks: Quirks, asked: Asked, stored: Map<string, Stored>): Answer {
  const { method, path, query, body } = asked;
  const [, endpoint = "", id] = path.split("/");
  if (endpoint === "Schemas" && quirks.schemas !== undefined) {
    return {
      status: 200,
      body: { totalResults: quirks.schemas.length, Resources: quirks.schemas },
    };
  }
  if (!["Users", "Groups"].includes(endpoint)) return { status: 404 };
  const isOfType = (resource: Stored): boolean =>
    (resource.userName === undefined) === (endpoint === "Groups");
  const shown = (resource: Stored): Stored => show(quirks, resource, query);
  if (id === undefined) {
    if (method === "POST") {
      const resource = kept(quirks, { ...body, id: randomUUID() });
      stored.set(resource.id, resource);
      return { status: 201, body: shown({ ...body, id: resource.id }) };
    }
    const filter = query.get("filter");
    const matches = filter === null ? () => true : compile(parse(filter));
    const found = [...stored.values()].filter((one) => isOfType(one) && matches(one));
    return { status: 200, body: { totalResults: found.length, Resources: found.map(shown) } };
  }
  const before = stored.get(id);
  if (before === undefined) return { status: 404 };
  switch (method) {
    case "GET":
      return { status: 200, body: shown(before) };
    case "PUT":
      stored.set(id, kept(quirks, { ...body, id }));
      return { status: 200, body: shown(stored.get(id)) };
    case "PATCH": {
      try {
        stored.set(id, kept(quirks, scimPatch(structuredClone(before), body.Operations)));
      } catch (error) {
        return refusal(String((error as Error).message), "invalidPath");
      }
      return quirks.answersPatch ? { status: 200, body: shown(stored.get(id)) } : { status: 204 };
    }
    default:
      stored.delete(id);
      return { status: 204 };
  }
}

function kept({ keepsTypes = true, keeps = (resource) => resource }: Quirks, resource: Stored) {
  const own = keeps(resource);
  if (keepsTypes || own.members === undefined) return own;
  return { ...own, members: own.members.map(({ value }: Stored) => ({ value })) };
}

function show(
  { members = "always" }: Quirks,
  { members: own, ...resource }: Stored,
  query: URLSearchParams,
): Stored {
  const isNamed = query.get("attributes")?.split(",").includes("members") === true;
  const isExcluded = query.get("excludedAttributes")?.split(",").includes("members") === true;
  const isShown = members === "request" ? isNamed : members === "always" && !isExcluded;
  return isShown && own?.length > 0 ? { ...resource, members: own } : resource;
}
