import type { ForeignProvider } from "./foreign-provider.js";
import type { Expected } from "./staff.js";

// biome-ignore lint/suspicious/noExplicitAny: it is what a service provider answers.
type Answered = any;

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/** Something that is not at the service provider as it is in the directory. */
export interface Difference {
  readonly type: "User" | "Group";
  readonly name: string;
  readonly sourceId: string | undefined;
  /** The path of the attribute; `members`; or nothing where the whole is missing, or is there and should not be. */
  readonly path?: string;
  /** Who is a member on one side only. */
  readonly member?: string;
  readonly text: string;
}

/** Everything that a service provider has, read by another client than the one that is tested. */
export async function readContent(
  provider: ForeignProvider,
): Promise<{ readonly users: readonly Answered[]; readonly groups: readonly Answered[] }> {
  const { store } = provider;
  if (store !== undefined) {
    const groups = [...store.groups.values()].map((group) => ({ members: [], ...group }));
    return { users: [...store.users.values()], groups };
  }
  const users = await all(provider, "/Users");
  const groups = [];
  for (const group of await all(provider, "/Groups")) {
    const named = await get(provider, `/Groups/${group.id}?attributes=members`);
    groups.push({ ...group, members: named.members ?? group.members ?? [] });
  }
  return { users, groups };
}

async function all(provider: ForeignProvider, endpoint: string): Promise<readonly Answered[]> {
  const found = new Map<string, Answered>();
  for (let startIndex = 1; ; ) {
    const page = await get(provider, `${endpoint}?startIndex=${startIndex}&count=100`);
    const resources: readonly Answered[] = page.Resources ?? [];
    for (const resource of resources) found.set(resource.id, resource);
    startIndex += resources.length;
    if (resources.length === 0 || found.size >= page.totalResults) return [...found.values()];
  }
}

async function get({ baseUrl, authorization }: ForeignProvider, path: string): Promise<Answered> {
  const value = typeof authorization === "string" ? authorization : await authorization({});
  const response = await fetch(baseUrl + path, { headers: { authorization: value } });
  if (!response.ok) throw new Error(`GET ${path}: ${response.status}`);
  return await response.json();
}

/**
 * What differs between a directory and a service provider. Whoever is disabled there and gone here is no difference.
 */
export async function differencesOf(
  expected: readonly Expected[],
  provider: ForeignProvider,
): Promise<readonly Difference[]> {
  const { users, groups } = await readContent(provider);
  const differences: Difference[] = [];
  const nameById = new Map<string, string>([
    ...users.map(({ id, userName }) => [id, `User/${userName}`] as const),
    ...groups.map(({ id, displayName }) => [id, `Group/${displayName}`] as const),
  ]);
  const left = new Map<string, Answered>([
    ...users.map((user) => [`User/${user.userName.toLowerCase()}`, user] as const),
    ...groups.map((group) => [`Group/${group.displayName.toLowerCase()}`, group] as const),
  ]);
  for (const one of expected) {
    const { type, name, sourceId } = one;
    const about = { type, name, sourceId };
    const found = left.get(`${type}/${name.toLowerCase()}`);
    left.delete(`${type}/${name.toLowerCase()}`);
    if (found === undefined) {
      differences.push({ ...about, text: `${type} ${name} is missing` });
      continue;
    }
    const is = type === "User" ? userAttributes(found) : groupAttributes(found);
    for (const path of new Set([...one.attributes.keys(), ...is.keys()])) {
      const [wanted, actual] = [one.attributes.get(path), is.get(path)];
      if (wanted === actual || (path === "name.formatted" && wanted === undefined)) continue;
      differences.push({
        ...about,
        path,
        text: `${type} ${name}: ${path} is ${actual}, not ${wanted}`,
      });
    }
    if (type === "User") continue;
    const members: readonly string[] = found.members.map(
      ({ value }: { value: string }) => nameById.get(value) ?? `?/${value}`,
    );
    const actual = new Set(members);
    if (actual.size !== members.length) {
      differences.push({ ...about, path: "members", text: `Group ${name} has members twice` });
    }
    for (const member of new Set([...one.members, ...actual])) {
      if (one.members.has(member) === actual.has(member)) continue;
      const text = `${member} is ${actual.has(member) ? "" : "not "}in the group ${name}`;
      differences.push({ ...about, path: "members", member, text });
    }
  }
  for (const [key, resource] of left) {
    const type = key.startsWith("User") ? "User" : "Group";
    const isHarmless = type === "User" ? resource.active === false : resource.members.length === 0;
    if (isHarmless) continue;
    const name = key.slice(type.length + 1);
    differences.push({ type, name, sourceId: resource.externalId, text: `${key} is still there` });
  }
  return differences;
}

function userAttributes(user: Answered): ReadonlyMap<string, string> {
  const extension = user[enterprise] ?? {};
  const listed = (values: readonly { value: string }[] | undefined): string | undefined =>
    values?.map(({ value }) => value).join(" ");
  return present({
    userName: user.userName,
    externalId: user.externalId,
    "name.formatted": user.name?.formatted,
    "name.familyName": user.name?.familyName,
    "name.givenName": user.name?.givenName,
    displayName: user.displayName,
    title: user.title,
    userType: user.userType,
    preferredLanguage: user.preferredLanguage,
    emails: listed(user.emails),
    phoneNumbers: listed(user.phoneNumbers),
    active: String(user.active ?? true),
    [`${enterprise}:employeeNumber`]: extension.employeeNumber,
    [`${enterprise}:organization`]: extension.organization,
    [`${enterprise}:department`]: extension.department,
  });
}

function groupAttributes({ displayName, externalId }: Answered): ReadonlyMap<string, string> {
  return present({ displayName, externalId });
}

function present(
  values: Readonly<Record<string, string | null | undefined>>,
): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(values).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== "",
    ),
  );
}
