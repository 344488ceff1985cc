export const suffix = "dc=example,dc=com";
const peopleUnits = [`ou=people,${suffix}`, `ou=staff,${suffix}`] as const;
export const groupsUnit: string = `ou=groups,${suffix}`;

/** How many clients write at once. */
export const writers = 8;
/** How many names each writer gives to people, again and again. */
const namesPerWriter = 16;
/** How many groups there are, of each style, that every writer changes and nobody deletes. */
export const sharedGroups = 4;
/** How many people there are whom nobody changes. */
export const staying = 12;

/** The name of a local account of the application that is also one that a writer gives to people. */
export const localName = "w0-0";

/** Where a person's entry is: below one of two units. */
export function personDn(uid: string, unit: 0 | 1): string {
  return `uid=${uid},${peopleUnits[unit]}`;
}

export function groupDn(cn: string): string {
  return `cn=${cn},${groupsUnit}`;
}

/** A value that keeps a `groupOfNames` valid when everybody has left it. */
export const placeholder: string = `cn=nobody,${suffix}`;

/** As many members that are nobody's names as make the first group one of those that are not read anew with every change. */
const filling = Array.from(
  { length: 1_200 },
  (_, i) => `cn=nobody-who-makes-the-group-${i}-larger,${groupsUnit}`,
);

/** The names that a writer gives to people. No other writer gives them, so that no two people have one name. */
export function peopleNames(writer: number): readonly string[] {
  return Array.from({ length: namesPerWriter }, (_, i) => `w${writer}-${i}`);
}

/** The names that a writer gives to groups. */
export function groupNames(writer: number): readonly string[] {
  return [0, 1, 2].map((i) => `g${writer}-${i}`);
}

export function stayingName(index: number): string {
  return `stays-${index}`;
}

export function sharedGroupName(style: "dn" | "uid", index: number): string {
  return `shared-${style}-${index}`;
}

/** What the directory holds at first. */
export function firstLdif(): string {
  const entries = [
    ["objectClass: organization", "objectClass: dcObject", "o: Example", "dc: example"],
  ].map((lines) => entry(suffix, lines));
  for (const dn of [...peopleUnits, groupsUnit]) {
    const ou = dn.slice(3, dn.indexOf(","));
    entries.push(entry(dn, ["objectClass: organizationalUnit", `ou: ${ou}`]));
  }
  for (let i = 0; i < staying; i++) {
    const uid = stayingName(i);
    entries.push(
      entry(personDn(uid, 0), [
        ...["objectClass: inetOrgPerson", `uid: ${uid}`, `cn: ${uid}`, `sn: ${uid}`],
        `employeeNumber: ${uid}`,
      ]),
    );
  }
  for (let i = 0; i < sharedGroups; i++) {
    const dnGroup = sharedGroupName("dn", i);
    const uidGroup = sharedGroupName("uid", i);
    entries.push(
      entry(groupDn(dnGroup), [
        ...["objectClass: groupOfNames", `cn: ${dnGroup}`, `description: ${dnGroup}`],
        ...[placeholder, ...(i === 0 ? filling : [])].map((member) => `member: ${member}`),
      ]),
      entry(groupDn(uidGroup), [
        ...["objectClass: posixGroup", `cn: ${uidGroup}`, `description: ${uidGroup}`],
        `gidNumber: ${i + 1}`,
      ]),
    );
  }
  return entries.join("\n");
}

function entry(dn: string, lines: readonly string[]): string {
  return `${[`dn: ${dn}`, ...lines].join("\n")}\n`;
}
