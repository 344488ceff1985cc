/**
 * The application: a page of its people, teams and sessions. It knows nothing of the directory; `concordat sync`,
 * beside it, writes into the same tables.
 */

import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { createApplicationTables, openDatabase } from "./database.ts";
import { page } from "./page.ts";
import { personOf, signIn } from "./sessions.ts";

const { DATABASE_URL = "application.sqlite", PORT = "3000", PROXY_SECRET } = process.env;
const db = await openDatabase(DATABASE_URL);
await createApplicationTables(db, DATABASE_URL);

const server = createServer((request, response) => {
  handle(request.method ?? "GET", request.url ?? "/", request.headers, response).catch((error) => {
    console.error(error);
    send(response, 500, "text/plain", "Something went wrong.\n");
  });
});

async function handle(
  method: string,
  path: string,
  headers: NodeJS.Dict<string | string[]>,
  response: ServerResponse,
): Promise<void> {
  if (method === "GET" && path === "/") return send(response, 200, "text/html", await page(db));
  if (method === "GET" && path === "/page.css") {
    return send(
      response,
      200,
      "text/css",
      await readFile(new URL("page.css", import.meta.url), "utf8"),
    );
  }
  if (method === "GET" && path === "/favicon.ico") {
    response.writeHead(204).end();
    return;
  }
  if (method === "GET" && path === "/me") {
    const session = /(?:^|; )session=([\w-]+)/.exec(String(headers["cookie"] ?? ""))?.[1];
    const login = session === undefined ? undefined : await personOf(db, session);
    if (login === undefined) return send(response, 401, "text/plain", "Nobody is signed in.\n");
    return send(response, 200, "text/plain", `${login}\n`);
  }
  if (method === "POST" && path === "/sign-in") {
    // The user name counts only from the proxy that has authenticated the person, which proves itself by a secret.
    const user = headers["x-remote-user"];
    const isProxy = PROXY_SECRET !== undefined && headers["x-proxy-secret"] === PROXY_SECRET;
    if (!isProxy || typeof user !== "string") {
      return send(response, 403, "text/plain", "Sign in at the proxy.\n");
    }
    const result = await signIn(db, user);
    if ("refused" in result) {
      return send(response, 403, "text/plain", `The account is ${result.refused}.\n`);
    }
    response.setHeader("Set-Cookie", `session=${result.session}; HttpOnly; SameSite=Lax; Path=/`);
    return send(response, 200, "text/plain", "Signed in.\n");
  }
  send(response, 404, "text/plain", "There is nothing here.\n");
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "Content-Type": `${type}; charset=utf-8`,
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(body);
}

server.listen(Number(PORT), "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" ? address?.port : PORT;
  console.log(`The application is at http://127.0.0.1:${port}/`);
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => server.close(() => void db.destroy()));
}
