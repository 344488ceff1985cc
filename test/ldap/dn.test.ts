import { InvalidValueError } from "concordat";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DnNormalizer, normalizeDn, parseDn } from "../../src/ldap/wire/dn.js";

describe("normalizeDn", () => {
  test.each([
    ["", ""],
    ["UID=jsmith,DC=example,DC=net", "uid=jsmith,dc=example,dc=net"],
    ["OU=Sales+CN=J.  Smith,DC=example,DC=net", "cn=j. smith+ou=sales,dc=example,dc=net"],
    ["CN=J. Smith+OU=Sales,DC=example,DC=net", "cn=j. smith+ou=sales,dc=example,dc=net"],
    [
      'CN=James \\"Jim\\" Smith\\, III,DC=example,DC=net',
      'cn=james \\"jim\\" smith\\, iii,dc=example,dc=net',
    ],
    [
      "CN=James \\22Jim\\22 Smith\\2C III,DC=example,DC=net",
      'cn=james \\"jim\\" smith\\, iii,dc=example,dc=net',
    ],
    ["CN=Before\\0dAfter,DC=example,DC=net", "cn=before after,dc=example,dc=net"],
    ["1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=#04024869"],
    ["CN=Lu\\C4\\8Di\\C4\\87", "cn=lučić"],
    ["CN=LUČIĆ", "cn=lučić"],
    ["2.5.4.3=Ann, OID.0.9.2342.19200300.100.1.25 = Example", "cn=ann,dc=example"],
    ["commonName=a=b,o=\\#1", "cn=a=b,o=\\#1"],
    ["cn=\\ ,o=x", "cn=\\20,o=x"],
    ["cn=\\20two\\20 spaces\\20,o=x", "cn=two spaces,o=x"],
    ["cn=nul\\00,o=x", "cn=nul\\00,o=x"],
    ["cn=ﬁne", "cn=fine"],
    ["cn=", "cn="],
    ["Employee_Id=7,CN=Staff,O=x", "employee_id=7,cn=staff,o=x"],
    ["krbPrincipalName=HTTP/Www@X.ORG,O=X", "krbprincipalname=HTTP/Www@X.ORG,o=x"],
    ["krbPrincipalName=J\\C3\\BCrg  B@X+CN=A", "cn=a+krbprincipalname=Jürg B@X"],
  ])("%s", (dn, normalized) => {
    expect(normalizeDn(dn)).toBe(normalized);
    expect(new DnNormalizer().normalize(dn)).toBe(normalized);
  });

  test("keeps apart what servers keep apart", () => {
    expect(normalizeDn("cn=Straße")).not.toBe(normalizeDn("cn=Strasse"));
    expect(normalizeDn("cn=\\#41")).not.toBe(normalizeDn("cn=#0c0141"));
    expect(normalizeDn("cn=a\\,ou=b")).not.toBe(normalizeDn("cn=a,ou=b"));
  });

  test.each([
    "cn",
    "cn=a,",
    ",cn=a",
    "cn=a,,dc=b",
    "=a",
    "_a=b",
    "c n=a",
    "cn=a;dc=b",
    'cn="a"',
    "cn=#xyz",
    "cn=a\\",
    "cn=a\\q",
    "cn=\\ff",
    `cn=${"a".repeat(40_000)}`,
  ])("refuses %.20s", (dn) => {
    expect(() => normalizeDn(dn)).toThrow(InvalidValueError);
    expect(() => new DnNormalizer().normalize(dn)).toThrow(InvalidValueError);
  });
});

describe("properties of normalised names", () => {
  /** Text from few characters, so that special ones meet often. */
  const value = fc
    .array(fc.constantFrom(...'aBz09 ,+"\\<>;=#ÄßΣς\u0000\u00a0\u0130\u1e9eﬁ😀'), {
      minLength: 1,
      maxLength: 8,
    })
    .map((characters) => characters.join(""));
  const part = fc.record({ type: fc.constantFrom("cn", "uid", "ou", "2.5.4.3", "1.2.3"), value });
  const name = fc.array(fc.array(part, { minLength: 1, maxLength: 3 }), { maxLength: 4 });
  type Name = { type: string; value: string }[][];

  /** Writes every octet of a value as a hex pair. */
  const inHex = (text: string) =>
    [...Buffer.from(text)].map((octet) => `\\${octet.toString(16).padStart(2, "0")}`).join("");
  /** Writes a value with the fewest escapes that RFC 4514 §2.4 allows. */
  const inText = (text: string) =>
    text
      .replace(/["+,;<>\\]/g, "\\$&")
      .replace(/\0/g, "\\00")
      .replace(/^[ #]/, "\\$&")
      .replace(/ $/, (_, at: number, all: string) => (at === 1 && all[0] === "\\" ? " " : "\\ "));
  const print = (rdns: Name, write: (text: string) => string, comma = ",", plus = "+") =>
    rdns
      .map((rdn) => rdn.map(({ type, value }) => `${type}=${write(value)}`).join(plus))
      .join(comma);

  test("what is written differently but means the same is equal", () => {
    fc.assert(
      fc.property(name, (rdns) => {
        const normalized = normalizeDn(print(rdns, inHex));
        expect(normalizeDn(print(rdns, inText))).toBe(normalized);
        expect(normalizeDn(print(rdns, inText, " , ", " + "))).toBe(normalized);
        expect(
          normalizeDn(
            print(
              rdns.map((rdn) => [...rdn].reverse()),
              inHex,
            ),
          ),
        ).toBe(normalized);
      }),
    );
  });

  test("a normalised name is its own normal form", () => {
    fc.assert(
      fc.property(name, (rdns) => {
        const normalized = normalizeDn(print(rdns, inHex));
        expect(normalizeDn(normalized)).toBe(normalized);
      }),
    );
  });

  test("the parts survive", () => {
    fc.assert(
      fc.property(name, (rdns) => {
        expect(parseDn(print(rdns, inHex)).map((rdn) => rdn.map((part) => part.value))).toEqual(
          rdns.map((rdn) => rdn.map((part) => part.value)),
        );
      }),
    );
  });

  test("one normaliser for many names gives what normalizeDn gives, for any text", () => {
    const normalizer = new DnNormalizer();
    const outcome = (normalize: (dn: string) => string, dn: string) => {
      try {
        return normalize(dn);
      } catch (error) {
        return (error as Error).message;
      }
    };
    const anyText = fc
      .array(fc.constantFrom(...'aB0=,+\\ #"ß'.split(""), "cn=", "dc=x"), { maxLength: 10 })
      .map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          name.map((rdns) => print(rdns, inText)),
        ),
        (dn) => {
          const single = outcome(normalizeDn, dn);
          const many = outcome((text) => normalizer.normalize(text), dn);
          // Which of two faults is found first may differ.
          if (single.startsWith('"dn"')) expect(many).toMatch(/^"dn"/);
          else expect(many).toBe(single);
        },
      ),
    );
  });
});
