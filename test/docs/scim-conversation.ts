import { expect } from "vitest";
import { type Answer, answerOf, patch, userId } from "../scim-server/provider.js";

/** A service provider that listens somewhere. */
export interface Mounted extends AsyncDisposable {
  readonly origin: string;
}

const errorId = "urn:ietf:params:scim:api:messages:2.0:Error";

/** One byte more than `limits.maxBodyBytes` is by default. */
export const tooLong: string = JSON.stringify({ userName: "" }).padEnd(1_048_577);

/** Sends a request as the client that has the token `token`. */
export async function call(
  url: string,
  method = "GET",
  body?: object | string,
  type = "application/scim+json",
): Promise<Answer> {
  return await answerOf(
    await fetch(url, {
      method,
      headers: { authorization: "Bearer token", "content-type": type },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    }),
  );
}

/** What a client does with a service provider that is mounted at `/scim/v2` and has no users yet. */
export async function converse({ origin }: Mounted, type: string): Promise<void> {
  const base = `${origin}/scim/v2`;
  expect((await call(base)).body).toMatchObject({ totalResults: 0 });

  const user = { schemas: [userId], userName: "José" };
  const created = await call(`${base}/Users`, "POST", user, type);
  expect(created).toMatchObject({ status: 201, body: { userName: "José" } });
  expect(created.headers.get("content-type")).toBe("application/scim+json");
  const { id } = created.body as { readonly id: string };
  expect(created.headers.get("location")).toBe(`https://example.com/scim/v2/Users/${id}`);

  const operation = { op: "replace", path: "active", value: false };
  const patched = await call(`${base}/Users/${id}`, "PATCH", patch(operation), type);
  expect(patched).toMatchObject({ status: 200, body: { id, active: false } });

  const filter = encodeURIComponent('userName eq "josé" and active eq false');
  const found = await call(`${base}/Users?filter=${filter}`);
  expect(found).toMatchObject({ status: 200, body: { totalResults: 1, Resources: [{ id }] } });

  const refused = await call(`${base}/Users`, "POST", user, type);
  expect(refused).toMatchObject({
    status: 409,
    body: { schemas: [errorId], scimType: "uniqueness" },
  });
  const invalid = await call(`${base}/Users?filter=${encodeURIComponent("userName eq")}`);
  expect(invalid).toMatchObject({ status: 400, body: { scimType: "invalidFilter" } });

  expect(await call(`${base}/Users/${id}`, "DELETE")).toMatchObject({
    status: 204,
    body: undefined,
  });
  const missing = await call(`${base}/Users/${id}`);
  expect(missing).toMatchObject({ status: 404, body: { schemas: [errorId], status: "404" } });
  expect(missing.headers.get("content-type")).toBe("application/scim+json");
  const anonymous = await fetch(`${base}/Users`);
  expect(anonymous.status).toBe(401);
  await anonymous.body?.cancel();
}

/** What the handler answers to a body that is longer than it takes. */
export const refusedAsTooLong: object = {
  status: 413,
  body: { schemas: [errorId], detail: expect.stringContaining("maxPayloadSize") },
};
