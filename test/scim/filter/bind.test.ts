import {
  bindFilter,
  type FilterRewrite,
  groupResourceType,
  InvalidFilterError,
  parseFilter,
  printFilter,
  type ResourceType,
  userResourceType,
} from "concordat/scim";
import { describe, expect, test } from "vitest";
import { sampleType } from "./samples.js";

function bind(text: string, type: ResourceType = userResourceType): string {
  return printFilter(bindFilter(parseFilter(text), type));
}

function refusal(text: string, type?: ResourceType): string {
  try {
    bind(text, type);
  } catch (error) {
    if (error instanceof InvalidFilterError) return error.message;
    throw error;
  }
  throw new Error(`${text} was bound.`);
}

describe("a filter that is bound", () => {
  test.each([
    ['USERNAME eq "x"', 'userName eq "x"'],
    ["NAME.familyname pr", "name.familyName pr"],
    ['URN:ietf:params:scim:schemas:core:2.0:user:Title co "x"', 'title co "x"'],
    [
      "urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:User:Manager.Value pr",
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value pr",
    ],
    ['emails co "x"', 'emails.value co "x"'],
    ['EMAILS[TYPE eq "work"]', 'emails[type eq "work"]'],
    ["emails pr", "emails pr"],
    ["emails eq null", "not (emails pr)"],
    ["name ne null", "name pr"],
    ["emails[value eq null]", "emails[not (value pr)]"],
    ['META.lastmodified gt "2011-05-13T04:42:34Z"', 'meta.lastModified gt "2011-05-13T04:42:34Z"'],
    ['externalid eq "x" and not (ID eq "y")', 'externalId eq "x" and not (id eq "y")'],
  ])("is spelled as the schemas spell it: %s", (text, bound) => {
    expect(bind(text)).toBe(bound);
  });

  test("knows its attributes", () => {
    const bound = bindFilter(parseFilter('emails[type eq "work"]'), userResourceType);
    expect(bound).toMatchObject({
      target: { path: "emails", attribute: { name: "emails" } },
      filter: { target: { path: "emails.type", subAttribute: { name: "type" } } },
    });
  });
});

describe("an attribute that is unknown", () => {
  test.each([
    "nothing pr",
    "name.nothing pr",
    "userName.nothing pr",
    "department pr",
    "urn:ietf:params:scim:schemas:core:2.0:User:department pr",
    "urn:ietf:params:scim:schemas:core:2.0:Group:userName pr",
    "members pr",
    "constructor pr",
    "name.constructor pr",
    "hasOwnProperty.length pr",
    "urn:__proto__:constructor pr",
    "toString pr",
  ])("%s", (text) => {
    const [name] = text.split(" ");
    expect(refusal(text)).toBe(`"${name}" is not an attribute that a filter of User can ask for.`);
  });

  test.each(["nothing", "constructor", "emails", "urn:x:y:type", "type.value"])(
    "emails[%s pr]",
    (name) => {
      expect(refusal(`emails[${name} pr]`)).toBe(
        `"${name}" is not a sub-attribute that a filter of "emails" can ask for.`,
      );
    },
  );

  test("is named in the message, but only so much of it", () => {
    expect(refusal(`${"x".repeat(10_000)} pr`).length).toBeLessThan(300);
  });
});

describe("an attribute that may not be read", () => {
  const unknown = (name: string): string => refusal(`${name} pr`).replaceAll(name, "…");

  test.each(["eq null", "pr", 'eq "x"', 'sw "a"', "eq 5", "gt true"])(
    "password %s is refused as if it did not exist",
    (rest) => {
      expect(refusal(`password ${rest}`).replaceAll("password", "…")).toBe(unknown("nothing"));
      expect(refusal(`PassWord ${rest}`).replaceAll("PassWord", "…")).toBe(unknown("nothing"));
    },
  );

  test.each(["secret", "hidden", "name.pin", "emails.pin"])("%s of another type too", (name) => {
    expect(refusal(`${name} pr`, sampleType)).toBe(
      `"${name}" is not an attribute that a filter of Sample can ask for.`,
    );
  });

  test("not even within a value path", () => {
    expect(refusal('emails[pin sw "1"]', sampleType).replace("pin", "…")).toBe(
      refusal('emails[nothing sw "1"]', sampleType).replace("nothing", "…"),
    );
    expect(refusal('name[pin sw "1"]', sampleType).replace("pin", "…")).toBe(
      refusal('name[nothing sw "1"]', sampleType).replace("nothing", "…"),
    );
  });
});

describe("what cannot be asked of an attribute", () => {
  test.each([
    ["active gt true", '"active" is of type boolean, which cannot be compared by "gt".'],
    ['active co "t"', '"active" is of type boolean, which cannot be compared by "co".'],
    ['active eq "true"', '"active" is of type boolean, and is compared with true or false.'],
    ["userName eq 5", '"userName" is of type string, and is compared with a string.'],
    ["userName eq true", '"userName" is of type string, and is compared with a string.'],
    ["userName gt null", 'Nothing can be compared with null by "gt".'],
    [
      'meta.created sw "2011"',
      '"meta.created" is of type dateTime, which cannot be compared by "sw".',
    ],
    [
      'meta.created gt "2011-05-13"',
      '"meta.created" is of type dateTime, and is compared with a dateTime, such as "2011-05-13T04:42:34Z".',
    ],
    [
      'x509Certificates.value ge "M"',
      '"x509Certificates.value" is of type binary, which cannot be compared by "ge".',
    ],
    ['name eq "x"', '"name" is complex: name one of its sub-attributes.'],
    ['addresses eq "x"', '"addresses" is complex: name one of its sub-attributes.'],
    ["userName[value pr]", '"userName" has no sub-attributes to select its values by.'],
    ["emails.value[type pr]", '"emails.value" has no sub-attributes to select its values by.'],
    [
      String.raw`title co "\ud83d"`,
      '"title" is compared with half a surrogate pair, which is no text.',
    ],
    ["schemas[value pr]", '"schemas" has no sub-attributes to select its values by.'],
  ])("%s", (text, message) => {
    expect(refusal(text)).toBe(message);
  });

  test.each([
    ['age eq "5"', '"age" is of type integer, and is compared with a number.'],
    ["age co 5", '"age" is of type integer, which cannot be compared by "co".'],
    ['size lt "5"', '"size" is of type decimal, and is compared with a number.'],
  ])("%s of another type", (text, message) => {
    expect(refusal(text, sampleType)).toBe(message);
  });

  test("is the same for groups", () => {
    expect(bind('members[value eq "2819c223"]', groupResourceType)).toBe(
      'members[value eq "2819c223"]',
    );
    expect(refusal("userName pr", groupResourceType)).toBe(
      '"userName" is not an attribute that a filter of Group can ask for.',
    );
  });
});

describe("the profile of Entra", () => {
  function bindEntra(text: string): { bound: string; rewrites: FilterRewrite[] } {
    const rewrites: FilterRewrite[] = [];
    const options = {
      profile: "entra",
      onRewrite: (rewrite: FilterRewrite) => rewrites.push(rewrite),
    } as const;
    const bound = bindFilter(parseFilter(text, options), userResourceType, options);
    return { bound: printFilter(bound), rewrites };
  }

  test("reads booleans that are sent as text", () => {
    expect(bindEntra('roles[primary eq "True"].value eq "x" or ACTIVE ne "fALSE"')).toEqual({
      bound: 'roles[primary eq true and value eq "x"] or active ne false',
      rewrites: [
        { rule: "valuePathComparison", path: "roles" },
        { rule: "booleanText", path: "primary" },
        { rule: "booleanText", path: "ACTIVE" },
      ],
    });
  });

  test("reads the value of a manager that is not named, and of nothing that has none", () => {
    const manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    expect(bindEntra(`${manager} eq "26118915"`)).toEqual({
      bound: `${manager}.value eq "26118915"`,
      rewrites: [{ rule: "bareValue", path: manager }],
    });
    expect(() => bindFilter(parseFilter(`${manager} eq "26118915"`), userResourceType)).toThrow(
      InvalidFilterError,
    );
    expect(() => bindEntra('name eq "Barbara"')).toThrow(InvalidFilterError);
  });

  test("reads no other text as a boolean, and no boolean as text", () => {
    expect(() => bindEntra('active eq "yes"')).toThrow(InvalidFilterError);
    expect(() => bindEntra("title eq True")).toThrow(InvalidFilterError);
  });
});
