import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { ScimClient, type ScimClientOptions } from "concordat/scim-client";

/** A request as it has come. */
export interface Received {
  readonly method: string;
  /** The path below the base URL, and the query. */
  readonly target: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** An answer to give; or something to do with the response in its place. */
export type Scripted =
  | {
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | ((response: ServerResponse, request: IncomingMessage) => void);

/** A server that answers as it is told, and a client of it. */
export interface ScriptedProvider extends AsyncDisposable {
  readonly baseUrl: string;
  readonly client: ScimClient;
  readonly received: Received[];
}

/**
 * Starts a server that gives these answers, the last of them again and again.
 *
 * @param options Of the client, which waits no longer than it has to.
 */
export async function script(
  answers: readonly Scripted[],
  options: Partial<ScimClientOptions> = {},
): Promise<ScriptedProvider> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const { method = "", url = "", headers } = request;
    const body = await text(request);
    const answer = answers[Math.min(received.length, answers.length - 1)];
    received.push({ method, target: url.replace(/^\/v2/, ""), headers, body });
    if (typeof answer === "function") answer(response, request);
    else if (answer !== undefined) {
      const content = answer.body === undefined ? "" : asText(answer.body);
      response.writeHead(answer.status, {
        ...(content !== "" && { "content-type": "application/scim+json" }),
        ...answer.headers,
      });
      response.end(content);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`;
  const client = new ScimClient({
    baseUrl,
    allowCleartext: true,
    authorization: "Bearer h480djs93hd8",
    retry: { minDelay: 1, maxDelay: 2_000 },
    ...options,
  });
  return {
    baseUrl,
    client,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await client[Symbol.asyncDispose]();
      server.close();
      await once(server, "close");
    },
  };
}

function asText(body: unknown): string {
  return typeof body === "string" ? body : JSON.stringify(body);
}

/** A user as a service provider answers it. */
export function user(attributes: object = {}): object {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    id: "2819c223",
    userName: "bjensen",
    ...attributes,
  };
}
