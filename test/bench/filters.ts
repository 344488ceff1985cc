import {
  bindFilter,
  compileFilter,
  InvalidFilterError,
  parseFilter,
  userResourceType,
} from "concordat/scim";
import { filter as compilePeer, parse as parsePeer } from "scim2-parse-filter";
import SCIMMY from "scimmy";
import { inTurn, perSecond, ratios, roundOf, timeOf } from "./cpu-time.ts";
import type { Report } from "./figures.ts";

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/** The filters that are measured, and how many of the users match. */
const filters = [
  {
    label: "simple, 34 characters",
    text: 'userName eq "bjensen4@example.com"',
    matches: (user: User) => user.userName === "bjensen4@example.com",
    parseAim: "2,000,000",
    scanAim: "1 ms",
  },
  {
    label: "of the RFC, 85 characters",
    text: 'userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")',
    matches: (user: User) =>
      user.userType === "Employee" &&
      user.emails.some(({ value }) => /example\.(com|org)/.test(value)),
  },
  {
    label: "nine comparisons, 405 characters",
    text: `userType eq "Employee" and (emails co "example.com" or emails.value co "example.org") \
and not (title sw "Probationary") and emails[type eq "work" and value ew "@example.com"] \
and ${enterprise}:department eq "Engineering and Operations" \
and meta.lastModified ge "2011-05-13T04:42:34Z" \
and urn:ietf:params:scim:schemas:core:2.0:User:name.familyName co "O'Malley"`,
    matches: (user: User) =>
      user.userType === "Employee" &&
      user.emails.some(({ value }) => /example\.(com|org)/.test(value)) &&
      !user.title?.startsWith("Probationary") &&
      user.emails.some(({ type, value }) => type === "work" && value.endsWith("@example.com")) &&
      user[enterprise].department === "Engineering and Operations" &&
      user.meta.lastModified >= "2011-05-13T04:42:34Z" &&
      user.name.familyName === "O'Malley",
    parseAim: "150,000",
    scanAim: "5 ms",
  },
] as const;

/**
 * Measures how fast filters are read, and how fast 10,000 users are looked through, beside scim2-parse-filter and, in
 * reading, scimmy. The time is the CPU's, of this process alone; each figure is taken of two in turn.
 */
export function measureFilters(report: Report, runs: number): void {
  report.section("Reading a filter, times a second of CPU time");
  for (const { label, text, ...aims } of filters) {
    const [ours, theirs] = inTurn(
      runs,
      () => parseFilter(text),
      () => parsePeer(text),
    );
    report.figure(label, ours.map(perSecond), "/s", "parseAim" in aims ? aims.parseAim : "");
    report.figure("  scim2-parse-filter", theirs.map(perSecond), "/s");
    report.figure("  how many times as fast", ratios(ours, theirs), "", "1.9");
    const [again, byScimmy] = inTurn(
      runs,
      () => parseFilter(text),
      () => new SCIMMY.Types.Filter(text),
    );
    report.figure("  scimmy", byScimmy.map(perSecond), "/s");
    report.figure("  how many times as fast", ratios(again, byScimmy), "");
  }

  // From JSON, as a store has them: texts that were put together here are slower to look into.
  const users: User[] = JSON.parse(
    JSON.stringify(Array.from({ length: 10_000 }, (_, index) => userOf(index))),
  );
  report.section("Looking through 10,000 users with 5 e-mail addresses each, CPU time");
  for (const { label, text, matches, ...aims } of filters) {
    const predicate = compileFilter(bindFilter(parseFilter(text), userResourceType));
    const peer = compilePeer(parsePeer(text));
    const expected = users.filter(matches).length;
    const found = users.filter(predicate).length;
    if (found !== expected) throw new Error(`${found} users were found, and ${expected} match.`);
    const [ours, theirs] = inTurn(
      runs,
      () => count(users, predicate),
      () => count(users, peer),
    );
    report.figure(`${label}, ${found} found`, ours, "ms", "scanAim" in aims ? aims.scanAim : "");
    report.figure(`  scim2-parse-filter, ${count(users, peer)} found`, theirs, "ms");
  }

  report.section("Refusing what is no filter, CPU time");
  const refused = {
    "20,000 brackets": `${"(".repeat(20_000)}a pr${")".repeat(20_000)}`,
    "50,000 line ends in a string without an end": `userName eq "${"\n".repeat(50_000)}`,
    "8,000 escapes in a string without an end": `userName eq "${"\\n".repeat(8_000)}`,
    "a path of 50,000 dots": `a${".a".repeat(50_000)} pr`,
    "a filter of password": 'password sw "a"',
  };
  for (const [label, text] of Object.entries(refused)) {
    const round = roundOf(() => refuse(text));
    const times = Array.from({ length: runs }, () => timeOf(() => refuse(text), round) / round);
    report.figure(label, times, "ms", "5 ms");
  }
}

interface User {
  readonly userName: string;
  readonly userType: string;
  readonly title?: string;
  readonly name: { readonly familyName: string };
  readonly emails: readonly { readonly value: string; readonly type: string }[];
  readonly meta: { readonly lastModified: string };
  readonly [enterprise]: { readonly department: string };
}

function userOf(index: number): User {
  const name = `bjensen${index}`;
  return {
    userName: `${name}@example.com`,
    userType: index % 3 === 0 ? "Intern" : "Employee",
    ...(index % 5 !== 0 && { title: index % 7 === 0 ? "Probationary clerk" : "Clerk" }),
    name: { familyName: index % 2 === 0 ? "O'Malley" : "Jensen" },
    emails: [
      { value: `${name}@home.example.net`, type: "home" },
      { value: `${name}@mail.example.net`, type: "home" },
      { value: `${name}@example.${index % 4 === 0 ? "org" : "com"}`, type: "work" },
      { value: `${name}@example.info`, type: "other" },
      { value: `${name}@post.example.net`, type: "other" },
    ],
    meta: { lastModified: new Date(1_200_000_000_000 + index * 30_000_000).toISOString() },
    [enterprise]: {
      department: index % 6 === 1 ? "Sales" : "Engineering and Operations",
    },
  };
}

function count(users: readonly User[], matches: (user: User) => boolean): number {
  let found = 0;
  for (const user of users) if (matches(user)) found++;
  return found;
}

function refuse(text: string): void {
  try {
    bindFilter(parseFilter(text), userResourceType);
  } catch (error) {
    if (error instanceof InvalidFilterError) return;
    throw error;
  }
  throw new Error("It was not refused.");
}
