import { inMemoryTarget } from "concordat/repositories";
import { createScimServer } from "concordat/scim-server";

const { users, groups } = inMemoryTarget();
// In the scope of the module, where workerd draws no random bytes.
const handler = createScimServer({
  baseUrl: "https://example.com/scim/v2",
  authenticate: () => ({ id: "test" }),
  repositories: () => ({ users, groups }),
});

/** A user who is created, found and disabled. */
export async function run() {
  const created = await call("POST", "/Users", { schemas: [userSchema], userName: "ada" });
  if (created.status !== 201) throw new Error(`POST: ${created.status}`);
  const { id } = await created.json();
  const found = await call("GET", '/Users?filter=userName%20eq%20"ADA"');
  if ((await found.json()).totalResults !== 1) throw new Error("The user is not found.");
  const disabled = await call("PATCH", `/Users/${id}`, {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    Operations: [{ op: "replace", path: "active", value: false }],
  });
  if (!disabled.ok) throw new Error(`PATCH: ${disabled.status}`);
}

const userSchema = "urn:ietf:params:scim:schemas:core:2.0:User";

function call(method, path, body) {
  return handler(
    new Request(`https://example.com/scim/v2${path}`, {
      method,
      headers: { "content-type": "application/scim+json" },
      ...(body && { body: JSON.stringify(body) }),
    }),
  );
}
