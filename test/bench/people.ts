import { once } from "node:events";
import { createWriteStream } from "node:fs";

/** The directory that is measured: who is in it, below which name. */
export const suffix = "dc=example,dc=com";
export const people: string = `ou=people,${suffix}`;
export const adminDn: string = `cn=admin,${suffix}`;
export const password = "secret";

/** How many groups there are beside the large one, and how many members each of them has. */
export const groupCount = 2_000;
export const groupSize = 100;

/** The attributes that every person has, as the wire has them: those of the user, and the operational ones. */
export const allAttributes: readonly string[] = [
  ...["objectClass", "uid", "cn", "sn", "givenName", "displayName", "title", "mail", "o"],
  ...["telephoneNumber", "mobile", "employeeNumber", "employeeType", "departmentNumber"],
  ...["preferredLanguage", "postalAddress", "street", "l", "roomNumber", "description"],
  ...["structuralObjectClass", "entryUUID", "entryCSN", "entryDN", "creatorsName"],
  ...["createTimestamp", "modifiersName", "modifyTimestamp", "subschemaSubentry"],
  "hasSubordinates",
];

/** The uid of a person. */
export function uidOf(person: number): string {
  return `user${String(person).padStart(6, "0")}`;
}

/** The name of a person's entry. */
export function dnOf(person: number): string {
  return `uid=${uidOf(person)},${people}`;
}

/** The name of the group that has half of all people as its members. */
export const largeGroup: string = `cn=everybody,ou=groups,${suffix}`;

/** The first of the people who are not in the large group, nor in any other. */
export function outsiders(entries: number): number {
  return Math.floor(entries / 2);
}

/**
 * Writes a directory as LDIF: so many people of about 1 KB each, with the operational attributes, in which everybody's
 * values differ; {@link groupCount} groups of {@link groupSize} members, and one of half of all people.
 */
export async function writeLdif(path: string, entries: number): Promise<void> {
  const file = createWriteStream(path, { highWaterMark: 1 << 20 });
  const write = async (text: string): Promise<void> => {
    if (!file.write(text)) await once(file, "drain");
  };
  await write(
    `dn: ${suffix}\nobjectClass: organization\nobjectClass: dcObject\no: Example\ndc: example\n\n`,
  );
  for (const ou of ["people", "groups"]) {
    await write(`dn: ou=${ou},${suffix}\nobjectClass: organizationalUnit\nou: ${ou}\n\n`);
  }
  for (let i = 0; i < entries; i++) await write(person(i));
  const inGroups = outsiders(entries);
  for (let group = 0; group < groupCount; group++) {
    const members = Array.from({ length: groupSize }, (_, i) => (group * 37 + i * 101) % inGroups);
    await write(groupEntry(`cn=team ${group},ou=groups,${suffix}`, [...new Set(members)]));
  }
  await write(groupEntry(largeGroup, [...Array(inGroups).keys()]));
  file.end();
  await once(file, "close");
}

/** The entry of a group of these people, as LDIF. */
export function groupEntry(dn: string, members: readonly number[]): string {
  const cn = dn.slice(3, dn.indexOf(","));
  const lines = members.map((member) => `member: ${dnOf(member)}\n`);
  return `dn: ${dn}\nobjectClass: groupOfNames\ncn: ${cn}\n${lines.join("")}\n`;
}

const givenNames = ["Ada", "Bela", "Chen", "Dolores", "Eyvind", "Fatima", "Gråbein", "Hana"];
const surnames = ["Lovelace", "Bartók", "Ning", "Ibárruri", "Johnsen", "Mernissi", "Olsen"];

/** The entry of a person, as LDIF. */
export function person(number: number): string {
  const uid = uidOf(number);
  const given = givenNames[number % givenNames.length] ?? "";
  const sn = `${surnames[number % surnames.length]}-${number}`;
  return `dn: uid=${uid},${people}
objectClass: inetOrgPerson
uid: ${uid}
${text("cn", `${given} ${sn}`)}
${text("sn", sn)}
${text("givenName", given)}
${text("displayName", `${given} ${sn}`)}
title: Engineer of the grade ${number % 10}
mail: ${uid}@example.com
telephoneNumber: +47 22 ${String(number).padStart(6, "0")}
mobile: +47 90 ${String(number).padStart(6, "0")}
o: Example
employeeNumber: ${number}
employeeType: staff
departmentNumber: ${number % 97}
preferredLanguage: nb
postalAddress: Street ${number % 500} $ 0150 Oslo $ Norway
street: Street ${number % 500}
l: Oslo
roomNumber: ${number % 1000}
description: Person ${number}, made up for a measurement.

`;
}

/** A line of LDIF; what is not ASCII is written in Base64 (RFC 2849). */
function text(attribute: string, value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is the range of ASCII.
  if (/^[\u0000-\u007f]*$/.test(value)) return `${attribute}: ${value}`;
  return `${attribute}:: ${Buffer.from(value).toString("base64")}`;
}
