import { startDirectory } from "concordat/testing/directory";
import fc from "fast-check";
import { expect, test } from "vitest";

const suffix = "dc=example,dc=com";
const everything = "(objectClass=*)";

async function someEntries() {
  const directory = await startDirectory();
  const people = `ou=people,${suffix}`;
  for (const [uid, more] of Object.entries({
    alice: { title: "Boss", description: "for Jürg", uidNumber: "7", homeDirectory: "/home/Alice" },
    bob: { title: ["clerk", "boss"], mail: "bob@example.com", manager: `uid=alice,${people}` },
    carol: { uidNumber: "1000", description: "a  (strange) *thing*" },
  })) {
    const person = { objectClass: "inetOrgPerson", uid, cn: uid, sn: uid, ...more };
    directory.add(`uid=${uid},${people}`, person);
  }
  return directory;
}

test.each([
  // Equality, by the attribute's own rule (RFC 4517 §4.2)
  ["(title=BOSS)", ["alice", "bob"]],
  ["(homeDirectory=/home/Alice)", ["alice"]],
  ["(homeDirectory=/home/alice)", []],
  [`(manager=UID=ALICE, OU=people,${suffix})`, ["bob"]],
  ["(objectClass=organizationalPerson)", ["alice", "bob", "carol"]],
  ["(description=A \\28strange\\29 \\2Athing\\2A)", ["carol"]],
  ["(userid=bob)", ["bob"]],
  // Substrings: in order, without overlap
  ["(uid=*a*)", ["alice", "carol"]],
  ["(uid=a*e)", ["alice"]],
  ["(uid=al*lice)", []],
  ["(mail=bob*@*.com)", ["bob"]],
  // Order, for numbers as numbers
  ["(uidNumber>=10)", ["carol"]],
  ["(uidNumber<=10)", ["alice"]],
  // Undefined is not false (RFC 4511 §4.5.1.7)
  ["(!(title=boss))", ["carol"]],
  ["(!(favouriteDrink=tea))", []],
  ["(|(favouriteDrink=tea)(uid=bob))", ["bob"]],
  ["(!(&(favouriteDrink=tea)(uid=bob)))", ["alice", "carol"]],
  ["(!(|(favouriteDrink=tea)(uid=bob)))", []],
  ["(!(uidNumber=seven))", []],
  ["(!(manager=nonsense))", []],
  ["(!(title>=a))", []],
  // Extensible: rules by name and number, those that are not known, and the DN's own attributes
  ["(uid:caseExactMatch:=BOB)", []],
  ["(homeDirectory:2.5.13.2:=/HOME/ALICE)", ["alice"]],
  ["(uid:1.2.3.4:=bob)", []],
  ["(!(uid:1.2.3.4:=bob))", []],
  [`(entryDN:dnSubtreeMatch:=OU=People, ${suffix})`, ["alice", "bob", "carol"]],
  [`(entryDN:1.3.6.1.4.1.4203.666.4.9:=uid=bob,ou=people,${suffix})`, ["bob"]],
  [`(manager:dnSubtreeMatch:=ou=people,${suffix})`, ["bob"]],
  [`(entryDN:dnSubtreeMatch:=ople,${suffix})`, []],
  ["(!(entryDN:dnSubtreeMatch:=nonsense))", []],
  // What every object has is no rule, class or attribute
  ["(uid:constructor:=bob)", []],
  ["(!(uid:constructor:=bob))", []],
  ["(objectClass=constructor)", []],
  ["(!(constructor=bob))", []],
  // Escaped octets are those of UTF-8 (RFC 4515 §3)
  ["(description=*J\\c3\\BCrg)", ["alice"]],
  ["(ou:dn:=PEOPLE)", ["alice", "bob", "carol"]],
])("%s", async (filter, uids) => {
  await using directory = await someEntries();
  const found = directory.entries({ filter: `(&(objectClass=inetOrgPerson)${filter})` });
  expect(found.map(({ attributes: { uid } }) => uid?.[0])).toEqual(uids);
});

test("an attribute is known once an entry has had it", async () => {
  await using directory = await someEntries();
  const drinkers = () => directory.entries({ filter: "(!(favouriteDrink=tea))" }).length;
  expect(drinkers()).toBe(0);
  directory.modify(`uid=alice,ou=people,${suffix}`, { add: { favouriteDrink: "tea" } });
  expect(drinkers()).toBe(directory.entries({ filter: everything }).length - 1);
});

/** Filters over attributes of every kind, some of which make an assertion undefined. */
const filters: fc.Arbitrary<string> = fc.letrec<{ filter: string }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(
      ...["(title=boss)", "(uid=a*)", "(mail=*)", "(uidNumber>=10)", "(uidNumber=x)"],
      ...["(favouriteDrink=tea)", "(manager=nonsense)", everything],
    ),
    tie("filter").map((inner) => `(!${inner})`),
    fc.array(tie("filter"), { maxLength: 3 }).map((inner) => `(&${inner.join("")}${everything})`),
    fc.array(tie("filter"), { maxLength: 3 }).map((inner) => `(|${inner.join("")}(uid=none))`),
  ),
})).filter;

test("the laws of De Morgan hold with undefined too", async () => {
  await using directory = await someEntries();
  const found = (filter: string) => directory.entries({ filter }).map(({ dn }) => dn);
  fc.assert(
    fc.property(filters, filters, (left, right) => {
      expect(found(`(!(&${left}${right}))`)).toEqual(found(`(|(!${left})(!${right}))`));
      expect(found(`(!(|${left}${right}))`)).toEqual(found(`(&(!${left})(!${right}))`));
      expect(found(`(!(!${left}))`)).toEqual(found(left));
    }),
  );
});

test("an entry is found under its name, whatever characters the name has", async () => {
  await using directory = await someEntries();
  const name = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => text.trim() !== "");
  fc.assert(
    fc.property(name, (cn) => {
      const escaped = [...Buffer.from(cn)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`);
      const dn = `cn=${escaped.join("")},${suffix}`;
      const added = directory.add(dn, { objectClass: "device", cn });
      expect(directory.entry(dn)?.attributes).toMatchObject({ cn: [cn] });
      expect(directory.entry(added.dn)).toEqual(directory.entry(dn));
      directory.delete(added.dn);
    }),
  );
});
