import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** A response of the service provider. */
export interface Answer {
  readonly status: number;
  readonly etag: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: what is in it is what the tests are about.
  readonly body: any;
}

/** A client that repeats what was not answered, each time on a connection of its own, as Entra does sooner or later. */
export class RepeatingClient {
  readonly #port: number;
  readonly #token: string;
  /** How many requests had no response. */
  unanswered = 0;
  answered = 0;

  constructor(port: number, token: string) {
    this.#port = port;
    this.#token = token;
  }

  /** @returns the response to the first request that had one, and how many had none before. */
  async send(
    method: string,
    path: string,
    body?: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer & { readonly repeats: number }> {
    for (let repeats = 0; repeats < 200; repeats++) {
      try {
        const answer = await this.#once(method, path, body, headers);
        this.answered++;
        return { ...answer, repeats };
      } catch {
        this.unanswered++;
        await sleep(50);
      }
    }
    throw new Error(`${method} ${path} is not answered.`);
  }

  async #once(
    method: string,
    path: string,
    body: object | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    return await new Promise((resolve, reject) => {
      const sent = request(
        {
          host: "127.0.0.1",
          port: this.#port,
          path: `/scim/v2${path}`,
          method,
          agent: false,
          timeout: 30_000,
          headers: {
            authorization: `Bearer ${this.#token}`,
            "content-type": "application/scim+json",
            ...headers,
          },
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk: string) => {
            text += chunk;
          });
          response.once("error", reject);
          response.once("close", () => {
            // A response that was cut off is none.
            if (!response.complete) return reject(new Error("The response ended early."));
            const { statusCode: status = 0 } = response;
            const { etag } = response.headers;
            resolve({ status, etag, body: text === "" ? undefined : JSON.parse(text) });
          });
        },
      );
      sent.once("timeout", () => sent.destroy(new Error("It takes too long.")));
      sent.once("error", reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
