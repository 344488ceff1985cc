import {
  company,
  groupDn,
  groupsUnit,
  outside,
  placeholder,
  sharedGroupName,
  sharedGroups,
  staying,
  stayingName,
  suffix,
} from "./names.js";
import { allUnits, descriptionOf, firstDnOf, stayingDn } from "./units.js";

/** As many members that are nobody's names as make the first group one of those that are not read anew with every change. */
const filling = Array.from(
  { length: 1_200 },
  (_, i) => `cn=nobody-who-makes-the-group-${i}-larger,${groupsUnit}`,
);

/** What the directory holds at first. */
export function firstLdif(): string {
  const entries = [
    ["objectClass: organization", "objectClass: dcObject", "o: Example", "dc: example"],
  ].map((lines) => entry(suffix, lines));
  const unit = (dn: string, ...lines: readonly string[]) => {
    const ou = dn.slice(3, dn.indexOf(","));
    entries.push(entry(dn, ["objectClass: organizationalUnit", `ou: ${ou}`, ...lines]));
  };
  for (const dn of [company, outside, groupsUnit]) unit(dn);
  for (const each of allUnits) unit(firstDnOf(each), `description: ${descriptionOf(each)}`);
  for (let i = 0; i < staying; i++) {
    const uid = stayingName(i);
    entries.push(
      entry(stayingDn(i), [
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
