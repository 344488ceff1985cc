import { Attribute, Change, type Client, type Entry } from "ldapts";
import { describeWithNsSlapd, type NsSlapd, startNsSlapd } from "../../integration/ns-slapd.js";
import type { ExpectedContent, LossDirectory, LossKind } from "./loss-directory.js";

const suffix = "dc=example,dc=com";

/** Any 389 Directory Server, by its retro changelog. */
export const directory389: LossKind = {
  name: "389ds",
  describe: describeWithNsSlapd,
  start: async () => {
    const server = await startNsSlapd({ refint: true });
    const client = await server.client();
    for (const ou of ["company", "outside"]) {
      await client.add(`ou=${ou},${suffix}`, { objectClass: "organizationalUnit", ou });
    }
    for (const ou of ["people", "staff", "groups"]) {
      await client.add(`ou=${ou},ou=company,${suffix}`, { objectClass: "organizationalUnit", ou });
    }
    const company = `ou=company,${suffix}`;
    return lossDirectory(server, {
      profile: "389ds",
      base: company,
      containers: {
        inside: [`ou=people,${company}`, `ou=staff,${company}`],
        outside: [`ou=outside,${suffix}`],
      },
      groupsBelow: `ou=groups,${company}`,
      userClass: "inetOrgPerson",
      groupClass: "groupOfNames",
      userAttributes: () => ({ objectClass: "inetOrgPerson" }),
      groupAttributes: () => ({ objectClass: "groupOfNames" }),
    });
  },
};

/** A 389 Directory Server with FreeIPA's layout, plugins and changelog; preserved users are outside. */
export const freeIpa: LossKind = {
  name: "freeipa",
  describe: describeWithNsSlapd,
  start: async () => {
    const server = await startNsSlapd({ layout: "freeIpa" });
    const accounts = `cn=accounts,${suffix}`;
    return lossDirectory(server, {
      profile: "freeipa",
      base: accounts,
      containers: {
        inside: [`cn=users,${accounts}`],
        outside: [`cn=deleted users,cn=accounts,cn=provisioning,${suffix}`],
      },
      groupsBelow: `cn=groups,${accounts}`,
      userClass: "posixAccount",
      groupClass: "ipaUserGroup",
      userAttributes: (uid) => ({
        objectClass: ["inetOrgPerson", "inetUser", "posixAccount", "krbPrincipalAux", "ipaObject"],
        uidNumber: "1000",
        gidNumber: "1000",
        homeDirectory: `/home/${uid}`,
        ipaUniqueID: `user-${uid}`,
      }),
      groupAttributes: (cn) => ({
        objectClass: ["ipaUserGroup", "ipaObject"],
        ipaUniqueID: `group-${cn}`,
      }),
    });
  },
};

interface Layout extends Pick<LossDirectory, "profile" | "base" | "containers" | "groupsBelow"> {
  readonly userClass: string;
  readonly groupClass: string;
  userAttributes(uid: string): Record<string, string | string[]>;
  groupAttributes(cn: string): Record<string, string | string[]>;
}

function lossDirectory(server: NsSlapd, layout: Layout): LossDirectory {
  const { url, adminDn, password, readerDn, readerPassword } = server;
  const { profile, base, containers, groupsBelow } = layout;
  return {
    profile,
    base,
    containers,
    groupsBelow,
    top: suffix,
    url,
    admin: { url, adminDn, password },
    reader: { dn: readerDn, password: readerPassword },
    personDn: (uid, container) => `uid=${uid},${container}`,
    async addPerson(client, uid, container) {
      const names = { uid, cn: uid, sn: uid };
      await client.add(`uid=${uid},${container}`, { ...names, ...layout.userAttributes(uid) });
    },
    async addGroup(client, cn, members) {
      const stated = members.length > 0 ? { member: [...members] } : {};
      await client.add(`cn=${cn},${groupsBelow}`, { cn, ...layout.groupAttributes(cn), ...stated });
    },
    async lock(client, dn, isLocked) {
      const values = isLocked ? ["TRUE"] : [];
      const modification = new Attribute({ type: "nsAccountLock", values });
      await client.modify(dn, new Change({ operation: "replace", modification }));
    },
    read: (client) => readContent(client, layout),
    stop: (signal) => server.stop(signal),
    start: () => server.start(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function readContent(client: Client, layout: Layout): Promise<ExpectedContent> {
  const { base, userClass, groupClass } = layout;
  const filter = `(|(objectClass=${userClass})(objectClass=${groupClass}))`;
  const attributes = ["*", "nsAccountLock"];
  const { searchEntries } = await client.search(base, { filter, attributes });
  const texts = (entry: Entry, attribute: string) => [entry[attribute] ?? []].flat().map(String);
  const isUser = (entry: Entry) =>
    texts(entry, "objectClass").some((name) => name.toLowerCase() === userClass.toLowerCase());
  const nameOf = (entry: Entry) => texts(entry, isUser(entry) ? "uid" : "cn")[0] ?? "";
  const names = new Map(searchEntries.map((entry) => [entry.dn.toLowerCase(), nameOf(entry)]));
  const users = searchEntries.filter(isUser).map((entry) => {
    const [title = ""] = texts(entry, "title");
    const [lock = ""] = texts(entry, "nsAccountLock");
    return [nameOf(entry), { title, active: lock.toLowerCase() !== "true" }] as const;
  });
  const groups = searchEntries
    .filter((entry) => !isUser(entry))
    .map((entry) => {
      const members = texts(entry, "member").flatMap((dn) => names.get(dn.toLowerCase()) ?? []);
      return [nameOf(entry), members.sort()] as const;
    });
  return { users: new Map(users), groups: new Map(groups) };
}
