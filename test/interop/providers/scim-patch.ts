import { randomUUID } from "node:crypto";
import express from "express";
import { type ScimPatch, scimPatch } from "scim-patch";
import { filter as compile, parse } from "scim2-parse-filter";
import { type ForeignProvider, listen, token } from "./foreign-provider.js";

// biome-ignore lint/suspicious/noExplicitAny: it stores whatever it is given.
type Stored = any;

/**
 * The service provider that one writes in an hour with scim-patch and scim2-parse-filter: it says that it can PATCH and
 * filter, stores what it is given, and of members their `value` and `display` alone, as most applications do.
 */
export async function startScimPatchServer(): Promise<ForeignProvider> {
  const app = express();
  app.use(express.json({ type: ["application/scim+json", "application/json"] }));
  app.use((request, response, next) => {
    if (request.headers.authorization === `Bearer ${token}`) next();
    else response.status(401).end();
  });
  app.get("/v2/ServiceProviderConfig", (_, response) => {
    response.json({ patch: { supported: true }, filter: { supported: true, maxResults: 1_000 } });
  });
  serve(app, "Users", "userName");
  serve(app, "Groups", "displayName");
  const { origin, ...listening } = await listen(app);
  return { baseUrl: `${origin}/v2`, authorization: `Bearer ${token}`, ...listening };
}

function serve(app: express.Express, endpoint: string, unique: string): void {
  const stored = new Map<string, Stored>();
  const meta = { resourceType: endpoint.slice(0, -1) };
  const error = (response: express.Response, status: number, detail: string): void => {
    const schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
    response.status(status).json({ schemas, status: String(status), detail });
  };
  const kept = (resource: Stored): Stored =>
    resource.members === undefined
      ? resource
      : {
          ...resource,
          members: resource.members.map(({ value, display }: Stored) => ({ value, display })),
        };
  const isTaken = ({ id, [unique]: name }: Stored): boolean =>
    [...stored.values()].some(
      (other) =>
        other.id !== id && String(other[unique]).toLowerCase() === String(name).toLowerCase(),
    );
  app
    .route(`/v2/${endpoint}`)
    .get((request, response) => {
      const { filter } = request.query;
      const matches = typeof filter === "string" ? compile(parse(filter)) : () => true;
      const found = [...stored.values()].filter((resource) => matches(resource));
      const from = Math.max(Number(request.query["startIndex"] ?? 1), 1) - 1;
      const Resources = found.slice(from, from + Number(request.query["count"] ?? 100));
      response.json({ totalResults: found.length, startIndex: from + 1, Resources });
    })
    .post((request, response) => {
      const resource = kept({ ...request.body, id: randomUUID(), meta });
      if (isTaken(resource)) {
        error(response, 409, "It is taken.");
        return;
      }
      stored.set(resource.id, resource);
      response.status(201).json(resource);
    });
  app
    .route(`/v2/${endpoint}/:id`)
    .all((request, response, next) => {
      if (stored.has(request.params.id)) next();
      else error(response, 404, "There is none.");
    })
    .get((request, response) => {
      response.json(stored.get(request.params.id));
    })
    .put((request, response) => {
      const resource = kept({ ...request.body, id: request.params.id, meta });
      if (isTaken(resource)) {
        error(response, 409, "It is taken.");
        return;
      }
      stored.set(resource.id, resource);
      response.json(resource);
    })
    .patch((request, response) => {
      const before = structuredClone(stored.get(request.params.id));
      let resource: Stored;
      try {
        resource = kept(scimPatch(before, (request.body as ScimPatch).Operations));
      } catch (problem) {
        error(response, 400, String((problem as Error).message));
        return;
      }
      if (isTaken(resource)) {
        error(response, 409, "It is taken.");
        return;
      }
      stored.set(resource.id, resource);
      response.status(204).end();
    })
    .delete((request, response) => {
      stored.delete(request.params.id);
      response.status(204).end();
    });
}
