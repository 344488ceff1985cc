import type { AttributesInput, NewEntry } from "concordat/testing/directory";

const givenNames =
  words(`Ada Bruno Chiara Dmitri Elif Femi Greta Hugo Ines Jonas Keiko Liam Mei Noor Olga Pavel Quinn
  Rosa Sami Tove Uma Viktor Wanda Zoë`);
const familyNames =
  words(`Adeyemi Bergström Costa Dubois Eriksen Fischer García Haddad Ivanova Jansen Kowalski Lindqvist
  Moreau Nakamura Okafor Petrov Quist Rossi Silva Tanaka Ueda Vargas Weber Yılmaz Zhang`);
const departments = words("Engineering Research Design Finance Legal Operations Support Sales");
const offices = words("Berlin Lisbon Nairobi Osaka Toronto Warsaw");
const projects =
  words(`Albatross Bluebell Cormorant Daybreak Evergreen Firefly Glacier Harvest Ibis Juniper Kestrel
  Lantern Meridian Nightjar Orchard Pelican Quarry Redwood Sandpiper Tideline Umber Voyager Willow Yarrow Zephyr`);

/** How many people there are. There are 24 given names and 25 family names, so no pair comes twice before 600. */
const peopleCount = 360;

/**
 * People and groups, the same ones each time: everybody is in the group of the whole staff, in those of a department
 * and an office, and in that of a project.
 */
export function* inventedEntries(suffix: string): Generator<NewEntry> {
  const members = new Map<string, string[]>();
  const join = (group: string, dn: string) => {
    const dns = members.get(group);
    if (dns === undefined) members.set(group, [dn]);
    else dns.push(dn);
  };
  for (let number = 0; number < peopleCount; number++) {
    const givenName = at(givenNames, number);
    const sn = at(familyNames, number);
    const department = at(departments, number);
    const person = inventedPerson(suffix, accountName(givenName, sn), givenName, sn, {
      employeeNumber: String(1000 + number),
      departmentNumber: department,
    });
    yield person;
    join("All staff", person.dn);
    join(department, person.dn);
    join(`Office ${at(offices, number * 5 + 1)}`, person.dn);
    join(`Project ${at(projects, number * 7 + 3)}`, person.dn);
  }
  for (const [cn, member] of members) {
    yield {
      dn: `cn=${cn},ou=groups,${suffix}`,
      attributes: { objectClass: "groupOfNames", cn, member },
    };
  }
}

/** An entry of a person. */
export function inventedPerson(
  suffix: string,
  uid: string,
  givenName: string,
  sn: string,
  more: AttributesInput = {},
): NewEntry {
  const name = `${givenName} ${sn}`;
  return {
    dn: `uid=${uid},ou=people,${suffix}`,
    attributes: {
      objectClass: "inetOrgPerson",
      uid,
      cn: name,
      displayName: name,
      givenName,
      sn,
      mail: `${uid}@example.com`,
      ...more,
    },
  };
}

function words(text: string): readonly string[] {
  return text.split(/\s+/);
}

function at(list: readonly string[], number: number): string {
  return list[number % list.length] ?? "";
}

/** `zoe.yilmaz` for Zoë Yılmaz: in small letters of ASCII, as account names are mostly made. */
function accountName(...names: readonly string[]): string {
  return names
    .join(".")
    .toLowerCase()
    .replaceAll("ı", "i")
    .normalize("NFD")
    .replace(/[^a-z.]/g, "");
}
