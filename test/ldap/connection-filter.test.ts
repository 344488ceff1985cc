import { connect, escapeFilterValue, type LdapConnection } from "concordat/ldap";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  idOf,
  operationOf,
  requestTag,
  type ScriptedServer,
  searchDone,
  startScriptedServer,
} from "./scripted-server.js";

let server: ScriptedServer;
let connection: LdapConnection;
let lastRequest = Buffer.alloc(0);

beforeAll(async () => {
  server = await startScriptedServer(async (peer) => {
    for (;;) {
      const request = await peer.request();
      if (request === undefined) return;
      if (operationOf(request) !== requestTag.search) continue;
      lastRequest = Buffer.from(request);
      peer.send(searchDone(idOf(request)));
    }
  });
  connection = await connect({ url: server.url });
});
afterAll(async () => {
  await connection.close();
  await server[Symbol.asyncDispose]();
});

/** What stands between the parameters of a search with an empty base and its empty list of attributes. */
const beforeFilter = Buffer.from("04000a01020a0100020100020100010100", "hex");

/** The filter as it was sent, in hexadecimal. */
async function encoded(filter: string): Promise<string> {
  for await (const _ of connection.search({ base: "", filter }));
  const start = lastRequest.indexOf(beforeFilter) + beforeFilter.length;
  return lastRequest.subarray(start, lastRequest.length - 2).toString("hex");
}

const hex = (text: string) => Buffer.from(text).toString("hex");

describe("a filter in the string form of RFC 4515", () => {
  test.each([
    // RFC 4515 §4
    ["(cn=Babs Jensen)", `a311 0402${hex("cn")} 040b${hex("Babs Jensen")}`],
    ["(!(cn=Tim Howes))", `a211 a30f 0402${hex("cn")} 0409${hex("Tim Howes")}`],
    [
      "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))",
      `a037 a315 040b${hex("objectClass")} 0406${hex("Person")}` +
        `a11e a30c 0402${hex("sn")} 0406${hex("Jensen")} a40e 0402${hex("cn")} 3008 8006${hex("Babs J")}`,
    ],
    [
      "(o=univ*of*mich*)",
      `a415 0401${hex("o")} 3010 8004${hex("univ")} 8102${hex("of")} 8104${hex("mich")}`,
    ],
    ["(seeAlso=)", `a30b 0407${hex("seeAlso")} 0400`],
    [
      "(cn:caseExactMatch:=Fred Flintstone)",
      `a925 810e${hex("caseExactMatch")} 8202${hex("cn")} 830f${hex("Fred Flintstone")}`,
    ],
    ["(cn:=Betty Rubble)", `a912 8202${hex("cn")} 830c${hex("Betty Rubble")}`],
    [
      "(sn:dn:2.4.6.8.10:=Barney Rubble)",
      `a922 810a${hex("2.4.6.8.10")} 8202${hex("sn")} 830d${hex("Barney Rubble")} 8401ff`,
    ],
    ["(o:dn:=Ace Industry)", `a914 8201${hex("o")} 830c${hex("Ace Industry")} 8401ff`],
    ["(:1.2.3:=Wilma Flintstone)", `a919 8105${hex("1.2.3")} 8310${hex("Wilma Flintstone")}`],
    ["(:DN:2.4.6.8.10:=Dino)", `a915 810a${hex("2.4.6.8.10")} 8304${hex("Dino")} 8401ff`],
    [
      "(o=Parens R Us \\28for all your parenthetical needs\\29)",
      `a333 0401${hex("o")} 042e${hex("Parens R Us (for all your parenthetical needs)")}`,
    ],
    ["(cn=*\\2A*)", `a409 0402${hex("cn")} 3003 81012a`],
    ["(filename=C:\\5cMyFile)", `a315 0408${hex("filename")} 0409${hex("C:\\MyFile")}`],
    ["(bin=\\00\\00\\00\\04)", `a30b 0403${hex("bin")} 040400000004`],
    ["(sn=Lu\\c4\\8di\\c4\\87)", `a30d 0402${hex("sn")} 0407${hex("Lučić")}`],
    ["(1.3.6.1.4.1.1466.0=\\04\\02\\48\\69)", `a31a 0412${hex("1.3.6.1.4.1.1466.0")} 040404024869`],
    // What the examples leave out
    ["(cn=*)", `8702${hex("cn")}`],
    ["(sn=Lučić)", `a30d 0402${hex("sn")} 0407${hex("Lučić")}`],
    ["(uidNumber>=1000)", `a511 0409${hex("uidNumber")} 0404${hex("1000")}`],
    ["(uidNumber<=1000)", `a611 0409${hex("uidNumber")} 0404${hex("1000")}`],
    ["(cn~=jon)", `a809 0402${hex("cn")} 0403${hex("jon")}`],
    ["(cn=*on)", `a40a 0402${hex("cn")} 3004 8202${hex("on")}`],
    ["(userCertificate;binary=*)", `8716${hex("userCertificate;binary")}`],
    ["(&)", "a000"],
    ["(|)", "a100"],
  ])("%s", async (filter, bytes) => {
    expect(await encoded(filter)).toBe(bytes.replaceAll(" ", ""));
  });

  test.each([
    ["", 0],
    ["cn=a", 0],
    ["(cn=a", 5],
    ["(cn=a))", 6],
    ["(cn=a)(cn=b)", 6],
    ["(&(cn=a)", 8],
    ["(!(cn=a)(cn=b))", 8],
    ["(!)", 2],
    ["()", 1],
    ["(=a)", 1],
    ["(cn)", 3],
    ["(cn>a)", 3],
    ["(cn=a(b)", 5],
    ["(cn=a\\2)", 5],
    ["(cn=a\\zz)", 5],
    ["(cn=a\0)", 5],
    ["(cn=a**b)", 8],
    ["(cn>=a*)", 6],
    ["(:=a)", 3],
    ["(:dn:=a)", 6],
    ["(cn:a:b:=c)", 7],
    ["( cn=a)", 1],
    ["(cn=\ud800)", 4],
    [`${"(!".repeat(101)}(cn=a)${")".repeat(101)}`, 202],
    [`(cn=${"x".repeat(131_072)})`, 0],
  ])("%j is refused, and where it is wrong is said", async (filter, position) => {
    const search = connection.search({ base: "", filter });
    await expect(search.next()).rejects.toMatchObject({ code: "ldap_filter", position });
    // The connection is as good as before.
    expect(await encoded("(cn=*)")).toBe("8702636e");
  });

  test("a syntax error does not repeat the value", async () => {
    const search = connection.search({ base: "", filter: "(employeeNumber=confidential" });
    await expect(search.next()).rejects.toThrow(/^(?!.*confidential)/);
  });

  test("property: an escaped value arrives as it was, be it text or octets", async () => {
    const value = fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array());
    await fc.assert(
      fc.asyncProperty(value, async (original) => {
        const sent = await encoded(`(cn=${escapeFilterValue(original)})`);
        const octets = Buffer.from(original);
        expect(sent).toContain(`0402636e04${octets.length.toString(16).padStart(2, "0")}`);
        expect(sent.endsWith(octets.toString("hex"))).toBe(true);
      }),
    );
  });
});
