import { readFileSync } from "node:fs";
import ts from "typescript";
import { expect, test } from "vitest";
import { publicTypes } from "./public-types.js";

const text = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
const { checker, entries } = publicTypes();

/** The first cells of the table below a heading; of the rest, that none is empty. */
function firstCells(heading: string): readonly string[] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = (section.split(/^\| --- .*$/m)[1] ?? "").split("\n").filter((line) => line !== "");
  for (const row of rows)
    expect(row.split("|").every((cell, at) => at === 0 || cell !== " ")).toBe(true);
  return rows.map((row) => /`([^`]+)`/.exec(row)?.[1] ?? "");
}

/** The values of a type that is a union of literals; of one of objects, those of their `code`. */
function valuesOf(entry: string, name: string): readonly string[] {
  const symbol = entries.find((one) => one.name === entry)?.exported.get(name);
  if (symbol === undefined) throw new Error(`${entry} does not export ${name}.`);
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  const parts = type.isUnion() ? type.types : [type];
  return parts.map((part) => {
    const code = part.getProperty("code");
    const literal = code === undefined ? part : checker.getTypeOfSymbol(code);
    if (!literal.isStringLiteral()) throw new Error(`${name} is not a union of literals.`);
    return literal.value;
  });
}

/** Code and class of each error that is exported. */
function errors(): ReadonlySet<string> {
  const symbols = entries.flatMap(({ exported }) => [...exported.values()]);
  return new Set(
    symbols.flatMap((symbol) => {
      const code = codeOf(symbol);
      return code === undefined ? [] : [`${code} ${symbol.name}`];
    }),
  );
}

/** The literal of the property `code` of a class of errors. */
function codeOf(symbol: ts.Symbol): string | undefined {
  if ((symbol.flags & ts.SymbolFlags.Class) === 0) return undefined;
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  const declaration = type.getProperty("code")?.valueDeclaration;
  if (type.getProperty("stack") === undefined || declaration === undefined) return undefined;
  if (!ts.isPropertyDeclaration(declaration)) return undefined;
  const value = declaration.initializer;
  return value !== undefined && ts.isStringLiteral(value) ? value.text : undefined;
}

test("every class of errors that an entry exports has a row with its code, cause and remedy", () => {
  const codes = firstCells("Codes");
  const classes = [...text.matchAll(/^\| `(\w+)` \| `(\w+Error)`/gm)].map(
    ([, code, name]) => `${code} ${name}`,
  );
  expect(classes).toHaveLength(codes.length);
  expect([...classes].sort()).toEqual([...errors()].sort());
});

test.each([
  ["Error types of SCIM", "concordat/scim", "ScimType"],
  ["Refusals of a signature", "concordat/signing", "SignatureRefusal"],
  ["Reasons of a sign-on", "concordat/sso", "SignOnReason"],
  ["Reasons of a forwarder", "concordat/federation", "FederationReason"],
  ["Why a directory is read anew", "concordat/ldap", "ResetReason"],
])("%s: every one of the sources has a row", (heading, entry, name) => {
  expect([...firstCells(heading)].sort()).toEqual([...valuesOf(entry, name)].sort());
});
