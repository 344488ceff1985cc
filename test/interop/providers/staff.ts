import { type DirectoryProfile, inetOrgPerson, profile } from "concordat/ldap";
import { type AttributesInput, type Directory, startDirectory } from "concordat/testing/directory";

export const suffix = "dc=example,dc=com";

/** People who have left have this in `employeeType`, and may not sign in. */
const left = "left";

/** How the directory is read: as RFC 2798 has it, and who has left is not active. */
export const staffProfile: DirectoryProfile = profile({
  extends: inetOrgPerson,
  user: {
    active: { reads: ["employeeType"], value: (entry) => entry.text("employeeType") !== left },
  },
});

/** A directory of so many people and groups; of the groups the last has the first as a member too. */
export async function startStaff(people: number, groups: number): Promise<Directory> {
  const directory = await startDirectory({ suffix, refint: "replicated" });
  for (let number = 1; number <= people; number++) {
    directory.add(dnOf(uidOf(number)), personWith(number));
  }
  for (let number = 1; number <= groups; number++) {
    const members = Array.from({ length: people }, (_, at) => at + 1)
      .filter((person) => person % groups === number % groups || person % 7 === number)
      .map((person) => dnOf(uidOf(person)));
    const inner = number === groups && groups > 1 ? [groupDn(groupName(1))] : [];
    directory.add(groupDn(groupName(number)), {
      objectClass: "groupOfNames",
      cn: groupName(number),
      member: [...members, ...inner],
    });
  }
  return directory;
}

export function uidOf(number: number): string {
  return `person${String(number).padStart(3, "0")}`;
}

export function groupName(number: number): string {
  return `team ${String(number).padStart(2, "0")}`;
}

export function dnOf(uid: string): string {
  return `uid=${uid},ou=people,${suffix}`;
}

export function groupDn(cn: string): string {
  return `cn=${cn},ou=groups,${suffix}`;
}

/** A person; not everybody has everything. */
function personWith(number: number): AttributesInput {
  const uid = uidOf(number);
  return {
    objectClass: "inetOrgPerson",
    uid,
    cn: `Given${number} Family${number}`,
    sn: `Family${number}`,
    givenName: `Given${number}`,
    displayName: `Given${number} Family${number}`,
    mail: [`${uid}@example.com`],
    employeeType: number % 12 === 0 ? left : "staff",
    ...(number % 2 === 0 && { title: `Engineer ${number}` }),
    ...(number % 3 === 0 && { telephoneNumber: `+47 22 ${String(number).padStart(6, "0")}` }),
    ...(number % 4 !== 0 && { departmentNumber: String(number % 5), o: "Example" }),
    ...(number % 5 === 0 && { preferredLanguage: "nb", employeeNumber: String(number) }),
  };
}

/** Somebody, or a group, as the directory has them and a service provider is to have them. */
export interface Expected {
  readonly sourceId: string;
  readonly type: "User" | "Group";
  readonly name: string;
  /** Values by path; of what is multi-valued, all in one text. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Of a group the names of those who are in it: `User/person001`. */
  readonly members: ReadonlySet<string>;
}

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/** What the directory holds, read without the package's own mapping. */
export function expectedOf(directory: Directory): readonly Expected[] {
  const entries = directory.entries();
  const nameByDn = new Map<string, string>();
  for (const { dn, attributes } of entries) {
    const [uid] = attributes["uid"] ?? [];
    const [cn] = attributes["cn"] ?? [];
    nameByDn.set(dn.toLowerCase(), uid === undefined ? `Group/${cn}` : `User/${uid}`);
  }
  return entries.flatMap(({ entryUUID: sourceId, attributes }): readonly Expected[] => {
    const one = (name: string): string | undefined => attributes[name]?.[0];
    const classes = attributes["objectClass"] ?? [];
    if (classes.includes("groupOfNames")) {
      const members = (attributes["member"] ?? []).flatMap(
        (dn) => nameByDn.get(dn.toLowerCase()) ?? [],
      );
      const name = one("cn") ?? "";
      return [
        {
          ...{ sourceId, type: "Group", name, members: new Set(members) },
          attributes: present({ displayName: name, externalId: sourceId }),
        },
      ];
    }
    if (!classes.includes("inetOrgPerson")) return [];
    return [
      {
        ...{ sourceId, type: "User", name: one("uid") ?? "", members: new Set() },
        attributes: present({
          userName: one("uid"),
          externalId: sourceId,
          "name.formatted": one("cn"),
          "name.familyName": one("sn"),
          "name.givenName": one("givenName"),
          displayName: one("displayName"),
          title: one("title"),
          userType: one("employeeType"),
          preferredLanguage: one("preferredLanguage"),
          emails: attributes["mail"]?.join(" "),
          phoneNumbers:
            [...(attributes["telephoneNumber"] ?? []), ...(attributes["mobile"] ?? [])].join(" ") ||
            undefined,
          active: String(one("employeeType") !== left),
          [`${enterprise}:employeeNumber`]: one("employeeNumber"),
          [`${enterprise}:organization`]: one("o"),
          [`${enterprise}:department`]: one("departmentNumber"),
        }),
      },
    ];
  });
}

function present(
  values: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
