import { join } from "node:path";
import { enterpriseUserId } from "concordat/scim";
import { type ForeignProvider, freePort, startForeignProgram } from "./foreign-provider.js";

const realm = "scim";

/** Keycloak's own SCIM API, with a database in memory. @param folder Where `.ci/peers/keycloak.sh` has installed it. */
export async function startKeycloak(folder: string): Promise<ForeignProvider> {
  const [port, managementPort] = [await freePort(), await freePort()];
  const origin = `http://127.0.0.1:${port}`;
  const running = await startForeignProgram({
    command: join(folder, "bin/kc.sh"),
    args: [
      ...["start", "--optimized", "--http-enabled=true", "--hostname-strict=false"],
      ...["--http-host=127.0.0.1", `--http-port=${port}`],
      `--http-management-port=${managementPort}`,
    ],
    env: {
      KC_BOOTSTRAP_ADMIN_USERNAME: "admin",
      KC_BOOTSTRAP_ADMIN_PASSWORD: "admin",
      JAVA_OPTS_KC_HEAP: "-Xms128m -Xmx700m",
    },
    probe: `${origin}/realms/master`,
    patience: 400_000,
  });
  try {
    const baseUrl = `${origin}/realms/${realm}/scim/v2`;
    await setUpRealm(origin, baseUrl);
    const grant = { grant_type: "client_credentials", client_id: "scim", client_secret: "secret" };
    const authorization = async () => `Bearer ${await tokenOf(origin, realm, grant)}`;
    return { baseUrl, authorization, ...running };
  } catch (error) {
    await running[Symbol.asyncDispose]();
    throw error;
  }
}

/** What a realm keeps of SCIM's attributes, beside names and addresses: what its user profile declares. */
const declared: Readonly<Record<string, string>> = {
  externalId: "externalId",
  displayName: "displayName",
  title: "title",
  userType: "userType",
  preferredLanguage: "preferredLanguage",
  employeeNumber: `${enterpriseUserId}:employeeNumber`,
  organization: `${enterpriseUserId}:organization`,
  department: `${enterpriseUserId}:department`,
};

async function setUpRealm(origin: string, baseUrl: string): Promise<void> {
  const credentials = { client_id: "admin-cli", username: "admin", password: "admin" };
  const token = await tokenOf(origin, "master", { grant_type: "password", ...credentials });
  // biome-ignore lint/suspicious/noExplicitAny: the answers of the administration are of all kinds.
  const call = async (method: string, path: string, body?: object): Promise<any> => {
    const response = await fetch(`${origin}/admin/realms${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  await call("POST", "", { realm, enabled: true, scimApiEnabled: true });
  const audience = { "included.custom.audience": baseUrl, "access.token.claim": "true" };
  await call("POST", `/${realm}/clients`, {
    clientId: "scim",
    secret: "secret",
    serviceAccountsEnabled: true,
    standardFlowEnabled: false,
    protocolMappers: [
      {
        name: "audience",
        protocol: "openid-connect",
        protocolMapper: "oidc-audience-mapper",
        config: audience,
      },
    ],
  });
  const [client] = await call("GET", `/${realm}/clients?clientId=scim`);
  const account = await call("GET", `/${realm}/clients/${client.id}/service-account-user`);
  const [management] = await call("GET", `/${realm}/clients?clientId=realm-management`);
  const roles = await call("GET", `/${realm}/clients/${management.id}/roles`);
  await call(
    "POST",
    `/${realm}/users/${account.id}/role-mappings/clients/${management.id}`,
    roles.filter(({ name }: { name: string }) => name === "realm-admin"),
  );
  const profile = await call("GET", `/${realm}/users/profile`);
  const permissions = { view: ["admin"], edit: ["admin"] };
  const attributes = Object.entries(declared).map(([name, path]) => ({
    name,
    permissions,
    annotations: { "kc.scim.schema.attribute": path },
  }));
  await call("PUT", `/${realm}/users/profile`, {
    ...profile,
    attributes: [...profile.attributes, ...attributes],
  });
}

async function tokenOf(
  origin: string,
  of: string,
  grant: Readonly<Record<string, string>>,
): Promise<string> {
  const response = await fetch(`${origin}/realms/${of}/protocol/openid-connect/token`, {
    method: "POST",
    body: new URLSearchParams(grant),
  });
  const { access_token: token } = (await response.json()) as { access_token?: string };
  if (token === undefined) throw new Error(`${of} gives no token: ${response.status}`);
  return token;
}
