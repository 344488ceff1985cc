import { createHash } from "node:crypto";
import { KyselyGroupRepository, KyselyUserRepository } from "concordat/kysely";
import {
  type GroupRepository,
  InMemoryGroupRepository,
  InMemoryUserRepository,
  type UserRepository,
} from "concordat/repositories";
import { enterpriseUserId, groupSchema, patchOpId, userSchema } from "concordat/scim";
import {
  bearerTokens,
  createScimServer,
  type Principal,
  type ScimServerOptions,
} from "concordat/scim-server";
import { testDatabase } from "../kysely/database.js";

export const baseUrl = "https://example.com/v2";
export const userId: string = userSchema.id;
export const groupId: string = groupSchema.id;
export { enterpriseUserId };

/** What the client says who it is by. */
export const token = "h480djs93hd8";

/** An answer as a client sees it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as JSON; undefined where there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any body.
  readonly body: any;
}

/** A service provider, and a client of it. */
export interface Provider {
  readonly handler: (request: Request) => Promise<Response>;
  readonly users: UserRepository;
  readonly groups: GroupRepository;
  /** Sends a request, as the principal unless other headers say so. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  /** Creates a resource, which must succeed, and returns its representation. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any body.
  create(path: string, attributes: object): Promise<any>;
}

export interface Stores {
  readonly users: UserRepository;
  readonly groups: GroupRepository;
}

/** A service provider over these stores. */
export function provider(
  stores: Stores,
  options: Partial<ScimServerOptions<Principal>> = {},
): Provider {
  const handler = createScimServer<Principal>({
    baseUrl,
    authenticate: bearerTokens([{ sha256: sha256(token), principal: { id: "client" } }]),
    repositories: () => stores,
    ...options,
  });
  const call: Provider["call"] = async (method, path, body, headers = {}) => {
    const request = new Request(path.startsWith("https:") ? path : `${baseUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { "content-type": "application/scim+json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return await answerOf(await handler(request));
  };
  return {
    ...stores,
    handler,
    call,
    create: async (path, attributes) => {
      const schemas = [path === "/Groups" ? groupId : userId];
      if (Object.hasOwn(attributes, enterpriseUserId)) schemas.push(enterpriseUserId);
      const { status, body } = await call("POST", path, { schemas, ...attributes });
      if (status !== 201) throw new Error(`The creation was answered ${JSON.stringify(body)}.`);
      return body;
    },
  };
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? undefined : JSON.parse(text),
  };
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A PatchOp with these operations. */
export function patch(...Operations: readonly object[]): object {
  return { schemas: [patchOpId], Operations };
}

/** Stores of each kind, empty. */
export const kinds: Readonly<Record<string, () => Promise<Stores & AsyncDisposable>>> = {
  memory: async () => ({ ...inMemory(), [Symbol.asyncDispose]: async () => {} }),
  SQLite: async () => {
    const database = await testDatabase();
    return {
      users: new KyselyUserRepository(database.db),
      groups: new KyselyGroupRepository(database.db),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  },
};

/** Empty stores in memory. */
export function inMemory(): Stores {
  const users = new InMemoryUserRepository();
  return { users, groups: new InMemoryGroupRepository({ users }) };
}
