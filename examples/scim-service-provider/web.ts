import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { NotFoundError } from "concordat";
import type { GroupMapping } from "concordat/repositories";
import type { Handler } from "concordat/scim-server";
import { Hono, type HonoRequest } from "hono";
import { csrf } from "hono/csrf";
import { HTTPException } from "hono/http-exception";
import { streamSSE } from "hono/streaming";
import type { Application } from "./application.ts";
import { logEntry } from "./log-entry.ts";
import { page, state } from "./page.ts";
import { recordings, type SendOptions, send } from "./recordings.ts";
import type { RequestLog } from "./request-log.ts";

/**
 * The web application: the service provider below `/scim/v2`, and the page of the administrator, which has no sign-in
 * of its own: put it behind that of your application. With a `client`, it can play the part of the identity provider.
 */
export function web(
  application: Application,
  scim: Handler,
  log: RequestLog,
  client?: Omit<SendOptions, "keeps">,
): Hono {
  const app = new Hono();
  app.all("/scim/v2/*", (context) => scim(context.req.raw));

  app.use(csrf());
  app.use(async (context, next) => {
    await next();
    context.header("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'");
    context.header("X-Content-Type-Options", "nosniff");
  });
  app.get("/", async (context) => context.html(await page(application, log.entries)));
  app.get("/state", async (context) => context.html(await state(application)));
  for (const [path, type] of [
    ["/page.css", "text/css"],
    ["/page.js", "text/javascript"],
  ] as const) {
    app.get(path, async (context) => {
      const file = await readFile(new URL(`.${path}`, import.meta.url), "utf8");
      return context.body(file, 200, { "Content-Type": `${type}; charset=utf-8` });
    });
  }

  app.get("/favicon.ico", (context) => context.body(null, 204));

  app.get("/events", (context) =>
    streamSSE(context, async (stream) => {
      const ended = new AbortController();
      stream.onAbort(() => ended.abort());
      log.listen((entry) => {
        void stream.writeSSE({ event: "request", data: logEntry(entry) });
      }, ended.signal);
      // Proxies close what is silent for long.
      const alive = (): void => void stream.writeSSE({ event: "alive", data: "" });
      const timer = setInterval(alive, 15_000);
      alive();
      await once(ended.signal, "abort");
      clearInterval(timer);
    }),
  );

  app.post("/send", async (context) => {
    const { recording: name, keep } = await context.req.parseBody();
    const recording = recordings.find((one) => one.name === name);
    if (recording === undefined || client === undefined) return context.notFound();
    await send(scim, recording, { ...client, keeps: keep !== undefined });
    return context.redirect("/", 303);
  });
  app.post("/mappings", async (context) => {
    const { external, local } = await mappingOf(context.req);
    await application.groups.map(external, local);
    return context.redirect("/", 303);
  });
  app.post("/mappings/remove", async (context) => {
    const { external, local } = await mappingOf(context.req);
    await application.groups.unmap(external, local);
    return context.redirect("/", 303);
  });
  app.post("/mappings/apply", async (context) => {
    await application.groups.apply();
    return context.redirect("/", 303);
  });
  app.onError((error, context) => {
    if (error instanceof HTTPException) return error.getResponse();
    if (error instanceof NotFoundError) return context.text("There is no such group.", 404);
    console.error(error);
    return context.text("Something went wrong.", 500);
  });
  return app;
}

/** The mapping that a form names. */
async function mappingOf(request: HonoRequest): Promise<GroupMapping> {
  const { external, local } = await request.parseBody();
  return { external: String(external), local: String(local) };
}
