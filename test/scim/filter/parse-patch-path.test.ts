import { readFileSync } from "node:fs";
import { InvalidFilterError, InvalidPathError } from "concordat/scim";
import { describe, expect, test } from "vitest";
import {
  type PatchPath,
  parseAttrPath,
  parsePatchPath,
  printAttrPath,
  printPatchPath,
} from "../../../src/scim/internal.js";

const { paths }: { paths: readonly { section: string; text: string; path: PatchPath }[] } =
  JSON.parse(
    readFileSync(new URL("../../vectors/rfc7644-3.5.2-paths.json", import.meta.url), "utf8"),
  );

describe("the paths of RFC 7644 §3.5.2", () => {
  test.each(paths)("$section: $text", ({ text, path }) => {
    expect(parsePatchPath(text)).toEqual(path);
    expect(parsePatchPath(printPatchPath(path))).toEqual(path);
  });
});

test("a path with the URI of its schema is read, and written as it was", () => {
  const text =
    'urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq "work" or primary eq true].value';
  expect(parsePatchPath(text).path).toEqual({
    schema: "urn:ietf:params:scim:schemas:core:2.0:User",
    attribute: "emails",
  });
  expect(printPatchPath(parsePatchPath(text))).toBe(text);
});

test.each([
  ["", 0],
  [" members", 0],
  ["members ", 7],
  ["members pr", 7],
  ["members.", 8],
  ["a.b.c", 3],
  ["a[b pr]c", 7],
  ["a[b pr].", 8],
  ["a[b pr].c.d", 9],
  ["a[b pr][c pr]", 7],
  ["__proto__", 0],
  [`a${".a".repeat(25_000)}`, 16_384],
])("%.30s is no path, at %i", (text, position) => {
  const refused = expect.objectContaining({
    code: "invalid_path",
    scimType: "invalidPath",
    position,
  });
  expect(() => parsePatchPath(text)).toThrow(refused);
  expect(() => parsePatchPath(text)).toThrow(InvalidPathError);
});

test.each([
  ["a[", 2],
  ["a[]", 2],
  ["a[b pr", 6],
  ["a[b[c pr]]", 3],
  ["a[b eq x]", 7],
])("%s has a filter that is none, at %i", (text, position) => {
  expect(() => parsePatchPath(text)).toThrow(
    expect.objectContaining({ scimType: "invalidFilter", position }),
  );
  expect(() => parsePatchPath(text)).toThrow(InvalidFilterError);
});

test("an attribute path is read by itself", () => {
  const text = "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName";
  expect(parseAttrPath(text)).toEqual({
    schema: "urn:ietf:params:scim:schemas:core:2.0:User",
    attribute: "name",
    subAttribute: "familyName",
  });
  expect(printAttrPath(parseAttrPath(text))).toBe(text);
  expect(() => parseAttrPath("name[a pr]")).toThrow(
    expect.objectContaining({ scimType: "invalidPath", position: 4 }),
  );
});
