export const suffix = "dc=example,dc=com";
/** What is followed. */
export const company: string = `ou=company,${suffix}`;
/** Where units are moved to and come from, and nobody looks. */
export const outside: string = `ou=outside,${suffix}`;
export const groupsUnit: string = `ou=groups,${company}`;

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

/** Where a person's entry is, below a unit. */
export function personDn(uid: string, unitDn: string): string {
  return `uid=${uid},${unitDn}`;
}

export function groupDn(cn: string): string {
  return `cn=${cn},${groupsUnit}`;
}

/** A value that keeps a `groupOfNames` valid when everybody has left it. */
export const placeholder: string = `cn=nobody,${suffix}`;

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
