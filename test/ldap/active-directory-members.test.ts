import { inMemoryTarget } from "concordat/repositories";
import { type Outcome, streamState, synchronize } from "concordat/sync";
import type { Directory } from "concordat/testing/directory";
import { expect, test } from "vitest";
import { addGroup, addUser, domain, membersOf, staff, suffix, watch } from "./played-domain.js";
import { Watching } from "./watching.js";

const partner = "S-1-5-21-10-20-30-1105";
const other = "S-1-5-21-10-20-30-1106";

/** Adds what stands for an account of another domain. @returns its name. */
function addForeign(directory: Directory, sid: string): string {
  const dn = `CN=${sid},CN=ForeignSecurityPrincipals,${suffix}`;
  directory.add(dn, { objectClass: "foreignSecurityPrincipal" });
  return dn;
}

test("members of other domains are named by their security identifiers, as they come and go", async () => {
  await using directory = await domain();
  directory.add(`CN=ForeignSecurityPrincipals,${suffix}`, { objectClass: "container" });
  const [first, second] = [addForeign(directory, partner), addForeign(directory, other)];
  const ann = addUser(directory, "ann");
  const group = addGroup(directory, "team", [`CN=ann,${staff}`, first]);
  await using watching = new Watching(watch(directory));
  await watching.refreshed();
  expect(membersOf(watching.batches, group)).toEqual([partner, ann].sort());

  directory.modify(`CN=team,${staff}`, { add: { member: second } });
  directory.modify(`CN=team,${staff}`, { delete: { member: first } });
  // Of which DirSync tells which members came and went, one of whom the group might be the primary one of.
  await watching.next();
  expect(membersOf(watching.batches, group)).toEqual([other, ann].sort());
});

test("a group has such members reported and listed, as it has those that are no users or groups", async () => {
  await using directory = await domain();
  directory.add(`CN=ForeignSecurityPrincipals,${suffix}`, { objectClass: "container" });
  const foreign = addForeign(directory, partner);
  const contact = directory.add(`CN=kim,${staff}`, { objectClass: "contact" }).entryUUID;
  const computer = directory.add(`CN=pc,${staff}`, {
    objectClass: ["user", "computer"],
    sAMAccountName: "pc$",
    sAMAccountType: "805306369",
    userAccountControl: "4096",
  }).entryUUID;
  addUser(directory, "ann");
  const members = [`CN=ann,${staff}`, foreign, `CN=kim,${staff}`, `CN=pc,${staff}`];
  const sourceId = addGroup(directory, "team", members);

  const target = inMemoryTarget();
  const stream = watch(directory, { source: "domain", mode: "refreshOnly" });
  const outcomes: Outcome[] = [];
  for (let runs = 0; runs < 2; runs++) {
    for await (const outcome of synchronize(stream, target)) outcomes.push(outcome);
  }
  // Once, and not again by a run that finds it as it was.
  expect(outcomes.filter(({ kind }) => kind === "memberIgnored")).toMatchObject([
    { group: { sourceId, name: "team" }, reference: { key: partner }, code: "foreign" },
  ]);
  expect(outcomes.filter(({ kind }) => kind === "memberAdded")).toHaveLength(1);
  const { pending } = await streamState(target, "domain");
  expect(pending.map(({ key }) => key).sort()).toEqual([partner, contact, computer].sort());
});
