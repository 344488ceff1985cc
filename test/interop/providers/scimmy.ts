import { randomUUID } from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";
import { type ForeignProvider, listen, token } from "./foreign-provider.js";

/** A resource as the handlers of scimmy keep it. */
type Stored = Record<string, unknown> & { readonly id: string };

/**
 * scimmy with scimmy-routers on Express, over a map. What scimmy is told of its resource types is global, so there is
 * one of it in a process.
 */
export async function startScimmy(): Promise<ForeignProvider> {
  SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
  const users = declare(SCIMMY.Resources.User, "userName");
  const groups = declare(SCIMMY.Resources.Group, "displayName");
  SCIMMY.Config.set({ patch: true, filter: true });
  const app = express();
  const handler = ({ headers }: express.Request): string => {
    if (headers.authorization !== `Bearer ${token}`) throw new Error("Nobody.");
    return "client";
  };
  app.use("/scim/v2", new SCIMMYRouters({ type: "bearer", handler }));
  const { origin, ...listening } = await listen(app);
  return {
    baseUrl: `${origin}/scim/v2`,
    authorization: `Bearer ${token}`,
    // It ignores `startIndex`, so that nobody can read more than 20.
    store: { users, groups },
    ...listening,
  };
}

/** Handlers as the documentation of scimmy has them: all of a resource comes in, and one or all that match go out. */
function declare(
  type: typeof SCIMMY.Resources.User | typeof SCIMMY.Resources.Group,
  unique: string,
): ReadonlyMap<string, Stored> {
  const stored = new Map<string, Stored>();
  // biome-ignore lint/suspicious/noExplicitAny: the types of the two resources differ, and their handlers do not.
  const declared = SCIMMY.Resources.declare(type) as any;
  declared.ingress(({ id = randomUUID() }: { id?: string }, instance: object) => {
    const data = JSON.parse(JSON.stringify(instance));
    const name = String(data[unique]).toLowerCase();
    for (const other of stored.values()) {
      if (other.id !== id && String(other[unique]).toLowerCase() === name) {
        throw new SCIMMY.Types.Error(409, "uniqueness", `The ${unique} is taken.`);
      }
    }
    if (type === SCIMMY.Resources.Group) {
      // Who is a member is kept by id, as applications keep it.
      data.members = (data.members ?? []).map(({ value }: { value: string }) => ({ value }));
    }
    const resource = { ...data, id };
    stored.set(id, resource);
    return resource;
  });
  declared.egress(
    ({ id, filter }: { id?: string; filter?: { match(all: readonly Stored[]): Stored[] } }) => {
      if (id === undefined) {
        const all = [...stored.values()];
        return filter === undefined ? all : filter.match(all);
      }
      const found = stored.get(id);
      if (found === undefined) throw new SCIMMY.Types.Error(404, "", "There is none.");
      return found;
    },
  );
  declared.degress(({ id = "" }: { id?: string }) => {
    if (!stored.delete(id)) throw new SCIMMY.Types.Error(404, "", "There is none.");
  });
  return stored;
}
