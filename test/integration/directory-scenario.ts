import { adding, deleting, type Recorder, replacing } from "./directory-scenario-recorder.js";
import type { RecordedSearch } from "./directory-scenario-wire.js";

/** How the directory of a scenario is set up. */
export interface ScenarioOptions {
  readonly sessionLog?: number;
  readonly refint?: boolean;
  readonly reloadHint?: boolean;
  readonly serverId?: number;
}

/** Writes and searches, to be played against any directory that holds a suffix, `ou=people` and `ou=groups`. */
export interface Scenario {
  readonly name: string;
  readonly options: ScenarioOptions;
  play(recorder: Recorder): Promise<void>;
}

/** Everything but the topmost entries, which differ. */
const people = "(|(objectClass=inetOrgPerson)(objectClass=groupOfNames)(cn=marker))";

function syncSearch(
  recorder: Recorder,
  sync: NonNullable<RecordedSearch["sync"]>,
  more: Partial<RecordedSearch> = {},
): RecordedSearch {
  return { base: recorder.dn(""), filter: people, attributes: ["*"], sync, ...more };
}

/** The cookie of now. */
async function currentCookie(recorder: Recorder): Promise<string> {
  const search = syncSearch(recorder, { mode: 1 }, { attributes: ["1.1"] });
  return (await recorder.search("the cookie of now", search)) ?? "";
}

/** A cookie of the same consumer, with every CSN at another time. */
function atTime(cookie: string, time: string): string {
  return cookie.replace(/\d{14}\.\d{6}Z/g, time);
}

async function somePeople(recorder: Recorder): Promise<void> {
  for (const uid of ["alice", "bob", "carol"]) await recorder.addPerson(uid);
  await recorder.add("cn=staff,ou=groups", {
    objectClass: "groupOfNames",
    cn: "staff",
    member: [recorder.dn("uid=alice,ou=people"), recorder.dn("uid=bob,ou=people")],
  });
}

/** Changes of every kind, made while nobody listens. */
async function changesWhileAway(recorder: Recorder): Promise<void> {
  await recorder.modify("uid=alice,ou=people", "a new mail", replacing("mail", "a@example.com"));
  await recorder.delete("uid=bob,ou=people");
  await recorder.rename("uid=carol,ou=people", "uid=caroline,ou=people");
  await recorder.addPerson("dave");
  await recorder.addPerson("erin");
  await recorder.delete("uid=erin,ou=people");
}

async function resumes(recorder: Recorder, cookie: string): Promise<void> {
  await recorder.search("resume, refreshOnly", syncSearch(recorder, { mode: 1, cookie }));
  await using live = await recorder.follow(
    "resume, refreshAndPersist",
    syncSearch(recorder, { mode: 3, cookie }),
  );
  await recorder.addPerson("later");
  await live.record("after the resume");
}

export const scenarios: readonly Scenario[] = [
  {
    name: "the first refresh and what follows it",
    options: {},
    async play(recorder) {
      await somePeople(recorder);
      const cookie = await recorder.search("refreshOnly", syncSearch(recorder, { mode: 1 }));
      await recorder.search(
        "refreshOnly again, nothing has changed",
        syncSearch(recorder, { mode: 1, cookie: cookie ?? "" }),
      );
      await using live = await recorder.follow("persist", syncSearch(recorder, { mode: 3 }));
      await recorder.addPerson("dave");
      await recorder.modify("uid=dave,ou=people", "a mail", adding("mail", "d@example.com"));
      await recorder.rename("uid=dave,ou=people", "uid=david,ou=people");
      await recorder.add("ou=staff,ou=people", { objectClass: "organizationalUnit", ou: "staff" });
      await recorder.rename("uid=david,ou=people", "uid=david,ou=staff,ou=people");
      await recorder.delete("uid=david,ou=staff,ou=people");
      await live.record("add, modify, rename, move, delete");
      await recorder.addPerson("dave");
      await recorder.delete("uid=dave,ou=people");
      await recorder.addPerson("dave");
      await live.record("a name that is used again");
      await using unchanged = await recorder.follow(
        "persist from the cookie of now",
        syncSearch(recorder, { mode: 3, cookie: await currentCookie(recorder) }),
      );
      await recorder.delete("uid=dave,ou=people");
      await unchanged.record("a change");
      await live.record("and in the other search");
    },
  },
  {
    name: "operational attributes and attribute lists in a refresh",
    options: {},
    async play(recorder) {
      await recorder.addPerson("alice", { description: ["one", "two"] });
      for (const attributes of [["*", "+"], ["+"], ["1.1"], ["cn", "entryCSN"], ["MAIL", "CN"]]) {
        const search = syncSearch(recorder, { mode: 1 }, { attributes });
        await recorder.search(`attributes ${attributes.join(" ")}`, search);
      }
      const typesOnly = syncSearch(recorder, { mode: 1 }, { typesOnly: true });
      await recorder.search("typesOnly", typesOnly);
    },
  },
  {
    name: "entering and leaving the content",
    options: {},
    async play(recorder) {
      const filter = "(|(cn=marker)(title=boss))";
      await somePeople(recorder);
      const search = syncSearch(recorder, { mode: 3 }, { filter });
      await using live = await recorder.follow("persist with a filter", search);
      await recorder.modify("uid=alice,ou=people", "becomes boss", replacing("title", "Boss"));
      await recorder.modify("uid=alice,ou=people", "a mail", replacing("mail", "a@example.com"));
      await recorder.modify("uid=alice,ou=people", "is boss no more", deleting("title"));
      await recorder.modify("uid=bob,ou=people", "nothing to us", replacing("title", "Clerk"));
      await recorder.delete("uid=bob,ou=people");
      await recorder.add("ou=staff,ou=people", { objectClass: "organizationalUnit", ou: "staff" });
      await recorder.rename("ou=staff,ou=people", "ou=crew,ou=people");
      await recorder.modify("uid=carol,ou=people", "becomes boss", replacing("title", "boss"));
      await live.record("the filter");
      const cookie = await currentCookie(recorder);
      await recorder.modify("uid=carol,ou=people", "is boss no more", deleting("title"));
      await recorder.modify("uid=alice,ou=people", "becomes boss", replacing("title", "boss"));
      await recorder.search("resume", syncSearch(recorder, { mode: 1, cookie }, { filter }));
    },
  },
  {
    name: "moving into and out of the base",
    options: {},
    async play(recorder) {
      await somePeople(recorder);
      const search = syncSearch(recorder, { mode: 3 }, { base: recorder.dn("ou=people") });
      await using live = await recorder.follow("persist below ou=people", search);
      await recorder.rename("uid=alice,ou=people", "uid=alice,ou=groups");
      await recorder.rename("uid=alice,ou=groups", "uid=alicia,ou=people");
      await recorder.modify("cn=staff,ou=groups", "a description", replacing("description", "x"));
      await live.record("out, in, and outside");
      const cookie = await currentCookie(recorder);
      await recorder.rename("uid=alicia,ou=people", "uid=alice,ou=groups");
      await recorder.search(
        "resume",
        syncSearch(recorder, { mode: 1, cookie }, { base: recorder.dn("ou=people") }),
      );
    },
  },
  {
    name: "one level",
    options: {},
    async play(recorder) {
      await somePeople(recorder);
      const search = syncSearch(
        recorder,
        { mode: 3 },
        { base: recorder.dn("ou=people"), scope: 1, filter: "(objectClass=*)" },
      );
      await recorder.add("ou=staff,ou=people", { objectClass: "organizationalUnit", ou: "staff" });
      await using live = await recorder.follow("persist on one level", search);
      await recorder.rename("uid=alice,ou=people", "uid=alice,ou=staff,ou=people");
      await recorder.rename("uid=alice,ou=staff,ou=people", "uid=alice,ou=people");
      await live.record("down and up");
    },
  },
  {
    name: "renaming a parent",
    options: {},
    async play(recorder) {
      await recorder.add("ou=staff,ou=people", { objectClass: "organizationalUnit", ou: "staff" });
      await recorder.write("add uid=alice below it", (client) =>
        client.add(recorder.dn("uid=alice,ou=staff,ou=people"), {
          ...{ objectClass: "inetOrgPerson", uid: "alice", cn: "Alice", sn: "Liddell" },
        }),
      );
      const cookie = await currentCookie(recorder);
      const filter = "(|(objectClass=inetOrgPerson)(objectClass=organizationalUnit)(cn=marker))";
      await using live = await recorder.follow(
        "persist",
        syncSearch(recorder, { mode: 3 }, { filter }),
      );
      await recorder.rename("ou=staff,ou=people", "ou=crew,ou=people");
      await live.record("the parent is renamed");
      await recorder.search("resume", syncSearch(recorder, { mode: 1, cookie }, { filter }));
      await recorder.modify(
        "uid=alice,ou=crew,ou=people",
        "a mail",
        replacing("mail", "a@example.com"),
      );
      await live.record("the child is modified");
    },
  },
  ...[
    { name: "a resume that the session log covers", options: { sessionLog: 1000 } },
    { name: "a resume without a session log", options: { sessionLog: 0 } },
    { name: "a resume from a session log that is too small", options: { sessionLog: 2 } },
  ].map(
    ({ name, options }): Scenario => ({
      name,
      options,
      async play(recorder) {
        await somePeople(recorder);
        const cookie = await currentCookie(recorder);
        await changesWhileAway(recorder);
        await resumes(recorder, cookie);
      },
    }),
  ),
  {
    name: "how far back a session log reaches",
    options: { sessionLog: 4 },
    async play(recorder) {
      await somePeople(recorder);
      const cookie = await currentCookie(recorder);
      const resume = (label: string) =>
        recorder.search(label, syncSearch(recorder, { mode: 1, cookie }, { attributes: ["1.1"] }));
      await recorder.delete("uid=bob,ou=people");
      await resume("one write ago");
      await recorder.addPerson("dave");
      await recorder.modify("uid=dave,ou=people", "a title", replacing("title", "boss"));
      await resume("three writes ago");
      await recorder.addPerson("erin");
      await resume("four writes ago");
      await recorder.delete("uid=erin,ou=people");
      await resume("five writes ago");
      await recorder.delete("uid=dave,ou=people");
      await recorder.delete("uid=carol,ou=people");
      await resume("seven writes ago");
      await recorder.modify("uid=alice,ou=people", "a title", replacing("title", "boss"));
      await resume("eight writes ago");
    },
  },
  {
    name: "a resume over several writes to each entry",
    options: {},
    async play(recorder) {
      await somePeople(recorder);
      const filter = "(|(title=boss)(cn=marker))";
      for (const uid of ["alice", "bob", "carol"]) {
        await recorder.modify(`uid=${uid},ou=people`, "becomes boss", replacing("title", "boss"));
      }
      const cookie = await currentCookie(recorder);
      for (const uid of ["alice", "bob"]) {
        await recorder.modify(`uid=${uid},ou=people`, "is boss no more", deleting("title"));
      }
      await recorder.modify("uid=alice,ou=people", "becomes boss again", adding("title", "boss"));
      await recorder.delete("uid=carol,ou=people");
      await recorder.addPerson("carol", { title: "boss" });
      await recorder.modify("uid=bob,ou=people", "a mail", adding("mail", "b@example.com"));
      await recorder.addPerson("dave", { title: "boss" });
      await recorder.delete("uid=dave,ou=people");
      await recorder.search("resume", syncSearch(recorder, { mode: 1, cookie }, { filter }));
    },
  },
  {
    name: "a server with a number",
    options: { serverId: 1 },
    async play(recorder) {
      await somePeople(recorder);
      const cookie = await currentCookie(recorder);
      await recorder.delete("uid=bob,ou=people");
      await recorder.search("resume", syncSearch(recorder, { mode: 1, cookie }));
      await using live = await recorder.follow(
        "persist",
        syncSearch(recorder, { mode: 3, cookie }),
      );
      await recorder.addPerson("dave");
      await live.record("a change");
      const garbage = syncSearch(
        recorder,
        { mode: 3, cookie: "garbage" },
        { attributes: ["1.1", "description"] },
      );
      await using confused = await recorder.follow("garbage", garbage);
      await confused.record("a change");
    },
  },
  {
    name: "a resume over a restart",
    options: {},
    async play(recorder) {
      await somePeople(recorder);
      const before = await currentCookie(recorder);
      await recorder.delete("uid=bob,ou=people");
      const cookie = await currentCookie(recorder);
      await recorder.restart();
      await recorder.search("nothing has changed", syncSearch(recorder, { mode: 1, cookie }));
      await recorder.delete("uid=carol,ou=people");
      await recorder.search("from the restart", syncSearch(recorder, { mode: 1, cookie }));
      await recorder.search(
        "from before the restart",
        syncSearch(recorder, { mode: 1, cookie: before }),
      );
    },
  },
  {
    name: "a present phase of several messages",
    options: { sessionLog: 0 },
    async play(recorder) {
      await recorder.write("add 300 people", async (client) => {
        for (let number = 1000; number < 1300; number++) {
          await client.add(recorder.dn(`uid=u${number},ou=people`), {
            ...{ objectClass: "inetOrgPerson", uid: `u${number}`, cn: "U", sn: "U" },
          });
        }
      });
      const search = syncSearch(
        recorder,
        { mode: 1 },
        { attributes: ["1.1"], filter: "(cn=none)" },
      );
      const cookie = (await recorder.search("the cookie of now", search)) ?? "";
      await recorder.addPerson("alice");
      await recorder.search("resume", syncSearch(recorder, { mode: 1, cookie }));
    },
  },
  ...[false, true].map(
    (reloadHint): Scenario => ({
      name: `cookies of no use, reloadHint ${reloadHint ? "on" : "off"}`,
      options: { reloadHint },
      async play(recorder) {
        await somePeople(recorder);
        const cookie = await currentCookie(recorder);
        await recorder.delete("uid=bob,ou=people");
        for (const [label, useless] of [
          ["an empty cookie", ""],
          ["a cookie with a rid only", "rid=000"],
          ["garbage", "garbage"],
          ["garbage with an equals sign", "rid=abc,csn=garbage"],
          ["a CSN without a rid", cookie.replace("rid=000,", "")],
          ["a CSN of the past", atTime(cookie, "20000101000000.000000Z")],
          ["a CSN of the future", atTime(cookie, "29990101000000.000000Z")],
          ["a CSN of another server", cookie.replace(/#000#/g, "#007#")],
          [
            "CSNs of this and of another server",
            `${cookie};${atTime(cookie, "20000101000000.000000Z")
              .replace(/.*csn=/, "")
              .replace(/#000#/g, "#007#")}`,
          ],
          ["another rid", cookie.replace("rid=000", "rid=123")],
          ["a rid and a sid", cookie.replace("rid=000", "rid=001,sid=002")],
        ] as const) {
          const search = syncSearch(
            recorder,
            { mode: 1, cookie: useless },
            { attributes: ["cn", "description"] },
          );
          await recorder.search(`${label}, refreshOnly`, search);
          await using live = await recorder.follow(
            `${label}, refreshAndPersist`,
            syncSearch(
              recorder,
              { mode: 3, cookie: useless },
              { attributes: ["cn", "description"] },
            ),
          );
          if (live.ended) continue;
          await recorder.modify("uid=alice,ou=people", "a title", replacing("title", label));
          await live.record("a change");
        }
        const hinted = syncSearch(recorder, {
          mode: 1,
          cookie: atTime(cookie, "20000101000000.000000Z"),
          reloadHint: true,
        });
        await recorder.search("a CSN of the past, with reloadHint", hinted);
      },
    }),
  ),
  ...[false, true].map(
    (refint): Scenario => ({
      name: `references, refint ${refint ? "on" : "off"}`,
      options: { refint },
      async play(recorder) {
        await somePeople(recorder);
        const cookie = await currentCookie(recorder);
        await using live = await recorder.follow("persist", syncSearch(recorder, { mode: 3 }));
        await recorder.rename("uid=alice,ou=people", "uid=alicia,ou=people");
        if (refint) await recorder.untilMember("cn=staff,ou=groups", "uid=alicia,ou=people", true);
        await live.record("a member is renamed");
        await recorder.delete("uid=bob,ou=people");
        if (refint) await recorder.untilMember("cn=staff,ou=groups", "uid=bob,ou=people", false);
        await live.record("a member is deleted");
        await recorder.rename("ou=people", "ou=staff");
        if (refint) await recorder.untilMember("cn=staff,ou=groups", "uid=alicia,ou=staff", true);
        await recorder.search("a refresh of all", syncSearch(recorder, { mode: 1 }));
        await recorder.search("resume", syncSearch(recorder, { mode: 1, cookie }));
      },
    }),
  ),
  {
    name: "Cancel and Abandon",
    options: {},
    async play(recorder) {
      await somePeople(recorder);
      await using live = await recorder.follow("persist", syncSearch(recorder, { mode: 3 }));
      const { client } = live;
      const cancel = client.cancel(live.messageId);
      await recorder.recordNext(client, live.messageId, cancel);
      await recorder.recordNext(client, live.messageId, cancel);
      recorder.note("cancelled again");
      await recorder.recordNext(client, client.cancel(live.messageId));
      const abandoned = client.search(syncSearch(recorder, { mode: 3 }, { filter: "(cn=none)" }));
      await recorder.recordNext(client, abandoned);
      client.abandon(abandoned);
      const plain = client.search({ base: recorder.dn(""), scope: 0, attributes: ["1.1"] });
      await recorder.recordNext(client, abandoned, plain);
      await recorder.recordNext(client, abandoned, plain);
      recorder.note("abandoned, and the connection lives");
      await recorder.addPerson("dave");
      const again = client.search({ base: recorder.dn(""), scope: 0, attributes: ["1.1"] });
      await recorder.recordNext(client, abandoned, again);
      await recorder.recordNext(client, abandoned, again);
      recorder.note("an extended operation that is not known");
      await recorder.recordNext(client, client.extended("1.2.3.4"));
    },
  },
  {
    name: "the base of a search that persists goes away",
    options: {},
    async play(recorder) {
      await recorder.add("ou=staff,ou=people", { objectClass: "organizationalUnit", ou: "staff" });
      const below = { base: recorder.dn("ou=staff,ou=people"), filter: "(objectClass=*)" };
      await using renamed = await recorder.follow(
        "persist",
        syncSearch(recorder, { mode: 3 }, below),
      );
      await recorder.rename("ou=staff,ou=people", "ou=crew,ou=people");
      await recorder.recordNext(renamed.client, renamed.messageId);
      await using deleted = await recorder.follow(
        "persist below the new name",
        syncSearch(recorder, { mode: 3 }, { ...below, base: recorder.dn("ou=crew,ou=people") }),
      );
      await recorder.delete("ou=crew,ou=people");
      await recorder.recordNext(deleted.client, deleted.messageId);
    },
  },
  {
    name: "requests that synchronization refuses",
    options: {},
    async play(recorder) {
      await recorder.search(
        "no such base",
        syncSearch(recorder, { mode: 1 }, { base: recorder.dn("ou=nowhere") }),
      );
      await recorder.search(
        "no such base, persist",
        syncSearch(recorder, { mode: 3 }, { base: recorder.dn("ou=nowhere") }),
      );
      await recorder.search("derefAlways", syncSearch(recorder, { mode: 1 }, { derefAliases: 3 }));
      await somePeople(recorder);
      await recorder.search("a size limit", syncSearch(recorder, { mode: 1 }, { sizeLimit: 2 }));
    },
  },
  {
    name: "plain searches",
    options: {},
    async play(recorder) {
      await somePeople(recorder);
      await recorder.addPerson("zoë", {
        ...{
          cn: "Zoë  Barnes ",
          description: ["Loves Oranges", "and  apples"],
          employeeNumber: "7",
        },
        objectClass: ["inetOrgPerson", "posixAccount"],
        ...{ uidNumber: "1007", gidNumber: "100", homeDirectory: "/home/Zoe" },
      });
      for (const filter of [
        "(objectClass=*)",
        "(objectClass=person)",
        "(objectClass=top)",
        "(uid=ALICE)",
        "(cn=zoë barnes)",
        "(cn= zoë    BARNES )",
        "(description=love*ranges)",
        "(description=*OR*an*)",
        "(description=and apples)",
        "(description=*d *)",
        "(!(uid=alice))",
        "(!(nosuchattribute=x))",
        "(nosuchattribute=x)",
        "(nosuchattribute=*)",
        "(|(nosuchattribute=x)(uid=alice))",
        "(&(!(nosuchattribute=x))(uid=alice))",
        "(!(|(nosuchattribute=x)(uid=alice)))",
        "(!(&(nosuchattribute=x)(uid=alice)))",
        "(uidNumber>=1007)",
        "(uidNumber<=1006)",
        "(uidNumber=01007)",
        "(!(uidNumber=zwölf))",
        "(uidNumber=10*)",
        "(!(uidNumber=10*))",
        "(cn>=b)",
        "(!(cn>=b))",
        "(homeDirectory=/home/zoe)",
        "(homeDirectory=/home/Zoe)",
        "(uid~=alice)",
        `(member=UID=Alice , ${recorder.dn("ou=People")})`,
        "(member=garbage)",
        "(!(member=garbage))",
        "(member=uid=al*)",
        "(uid:caseExactMatch:=ALICE)",
        "(uid:caseIgnoreMatch:=ALICE)",
        "(uid:1.2.3:=alice)",
        "(!(uid:1.2.3:=alice))",
        "(ou:dn:=people)",
        "(uid:dn:=alice)",
        "(:caseIgnoreMatch:=bob)",
        "(mail=*)",
        "(entryUUID=*)",
        `(entryDN=${recorder.dn("uid=bob,ou=people")})`,
        "(createTimestamp>=20000101000000Z)",
        "(modifyTimestamp<=20000101000000Z)",
        "(entryCSN>=20000101000000.000000Z#000000#000#000000)",
        "(commonName=bob)",
        "(surname=bob)",
      ]) {
        const search = { base: recorder.dn(""), filter, attributes: ["1.1"] };
        await recorder.search(filter.replace(recorder.dn(""), "…"), search);
      }
      for (const [label, search] of Object.entries<RecordedSearch>({
        "one level": { base: recorder.dn(""), scope: 1 },
        "the base": { base: recorder.dn("ou=people"), scope: 0 },
        "no such base": { base: recorder.dn("uid=nobody,ou=nowhere,ou=people") },
        outside: { base: "dc=elsewhere" },
        "no DN": { base: "elsewhere" },
        "a size limit": { base: recorder.dn(""), sizeLimit: 2 },
        "types only": { base: recorder.dn("uid=alice,ou=people"), typesOnly: true },
        "all attributes": { base: recorder.dn("uid=alice,ou=people"), attributes: ["*", "+"] },
        "no attributes": { base: recorder.dn("uid=alice,ou=people"), attributes: ["1.1", "cn"] },
        "an alias": { base: recorder.dn("uid=alice,ou=people"), attributes: ["commonName"] },
        "the root DSE": { base: "", scope: 0 },
        "naming contexts": {
          ...{ base: "", scope: 0 },
          attributes: ["namingContexts", "supportedLDAPVersion"],
        },
        "below the root DSE": { base: "" },
        contextCSN: { base: recorder.dn(""), scope: 0, attributes: ["contextCSN", "o"] },
      })) {
        await recorder.search(label, search);
      }
    },
  },
  {
    name: "writes and their result codes",
    options: {},
    async play(recorder) {
      await somePeople(recorder);
      const alice = "uid=alice,ou=people";
      const person = { objectClass: "inetOrgPerson", cn: "x", sn: "x" };
      await recorder.add(alice, { ...person, uid: "alice" });
      await recorder.add("uid=x,ou=nowhere", { ...person, uid: "x" });
      await recorder.write("add outside the suffix", (client) =>
        client.add("uid=x,dc=elsewhere", { ...person, uid: "x" }),
      );
      await recorder.write("add with a bad DN", (client) =>
        client.add("nonsense", { ...person, uid: "x" }),
      );
      await recorder.add("uid=noclass,ou=people", { uid: "noclass", cn: "x", sn: "x" });
      await recorder.add("uid=norva,ou=people", person);
      await recorder.add("uid=mine,ou=people", {
        ...{ ...person, uid: "mine", entryUUID: "11111111-1111-4111-8111-111111111111" },
      });
      await recorder.add("uid=bad,ou=people", { ...person, uid: "bad", seeAlso: "nonsense" });
      await recorder.add("uid=bad,ou=people", { ...person, uid: "bad", "no such": "x" });
      await recorder.add("uid=bad,ou=people", { ...person, uid: "bad", displayName: ["a", "b"] });
      await recorder.add("uid=bad,ou=people", { ...person, uid: "bad", description: ["a", "A"] });
      await recorder.modify(alice, "add a value twice", adding("cn", "ALICE"));
      await recorder.modify(alice, "add two equal values", adding("description", "a", "A"));
      await recorder.modify(alice, "delete what is not there", deleting("mail"));
      await recorder.modify(alice, "delete a value not there", deleting("cn", "nobody"));
      await recorder.modify(alice, "delete a value of another case", [
        ...adding("description", "Some Text"),
        ...deleting("description", "some  text"),
      ]);
      await recorder.modify(alice, "replace with nothing", replacing("mail"));
      await recorder.modify(alice, "add nothing", adding("mail"));
      await recorder.modify(alice, "delete the naming value", deleting("uid", "alice"));
      await recorder.modify(alice, "replace the naming value", replacing("uid", "alicia"));
      await recorder.modify(alice, "delete the classes", deleting("objectClass"));
      await recorder.modify(
        alice,
        "an operational attribute",
        replacing("entryUUID", "11111111-1111-4111-8111-111111111111"),
      );
      await recorder.modify(alice, "two values of a single", replacing("displayName", "a", "b"));
      await recorder.modify(alice, "a bad DN as a value", replacing("seeAlso", "nonsense"));
      await recorder.modify("uid=nobody,ou=people", "no such entry", replacing("mail", "x"));
      await recorder.modify(alice, "all or nothing", [
        ...replacing("mail", "a@example.com"),
        ...deleting("description", "absent"),
      ]);
      await recorder.search("alice as she is", {
        base: recorder.dn(alice),
        attributes: ["*", "modifiersName", "structuralObjectClass"],
      });
      await recorder.delete("ou=people");
      await recorder.delete("uid=nobody,ou=people");
      await recorder.rename(alice, "uid=bob,ou=people");
      await recorder.rename(alice, "uid=ALICE,ou=people");
      await recorder.rename("uid=ALICE,ou=people", "uid=alice,ou=nowhere");
      await recorder.rename("ou=people", "ou=people,uid=bob,ou=people");
      await recorder.rename("uid=nobody,ou=people", "uid=nobody,ou=groups");
      await recorder.rename("uid=ALICE,ou=people", "cn=Alice L\\, Junior+uid=alice,ou=people");
      await recorder.search("renamed", { base: recorder.dn("ou=people"), scope: 1 });
      for (const cn of [
        "a=b",
        'q"uote',
        "semi;colon",
        "#hash",
        " spaces ",
        "back\\slash",
        "<less>",
      ]) {
        const escaped = cn.replace(/^[ #]|[\\",;<>]| $/g, "\\$&");
        await recorder.add(`cn=${escaped},ou=groups`, { objectClass: "organizationalRole", cn });
      }
      await recorder.search("names", { base: recorder.dn("ou=groups"), scope: 1 });
      for (const [type, value] of [
        ["cn", "BOB"],
        ["cn", "carol"],
        ["mail", "x"],
        ["nosuch", "x"],
      ] as const) {
        await recorder.write(`compare ${type} ${value}`, async (client) => {
          const equal = await client.compare(recorder.dn("uid=bob,ou=people"), type, value);
          recorder.note(`compare: ${equal}`);
        });
      }
    },
  },
  {
    name: "who may bind",
    options: {},
    async play(recorder) {
      await recorder.addPerson("alice", { userPassword: "wonderland" });
      const alice = recorder.dn("uid=alice,ou=people");
      for (const [label, dn, password] of [
        ["the right password", alice, "wonderland"],
        ["a wrong password", alice, "looking-glass"],
        ["no such user", recorder.dn("uid=nobody,ou=people"), "x"],
        ["no password", alice, ""],
        ["anonymous", "", ""],
        ["no DN", "nonsense", "x"],
        ["the administrator, wrongly", recorder.dn("cn=admin"), "wrong"],
      ] as const) {
        await using client = await recorder.connect();
        recorder.note(label);
        await recorder.recordNext(client, client.bind(dn, password));
        await recorder.recordNext(client, client.extended("1.3.6.1.4.1.4203.1.11.3"));
      }
    },
  },
];
