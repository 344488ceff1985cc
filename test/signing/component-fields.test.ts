import { readFileSync } from "node:fs";
import { type FieldType, type SignatureComponent, signatureBase } from "concordat/signing";
import { describe, expect, test } from "vitest";
import { fieldsOf, type Lines } from "./fields.js";

interface FieldVector {
  readonly section: string;
  readonly status?: number;
  readonly fields: Lines;
  readonly trailers?: Lines;
  readonly components: readonly SignatureComponent[];
  readonly lines: readonly string[];
}

const vectors: readonly FieldVector[] = JSON.parse(
  readFileSync(new URL("../vectors/rfc9421-2.1-fields.json", import.meta.url), "utf8"),
);

/** The value of a component of a field with this value. */
function written(
  value: string,
  component: Omit<SignatureComponent, "name">,
  type?: FieldType,
): string {
  const base = signatureBase(
    { response: { status: 200, headers: fieldsOf([["field", value]]) } },
    [{ name: "field", ...component }],
    "()",
    type === undefined ? {} : { structuredFields: { field: type } },
  );
  return base.slice(base.indexOf(": ") + 2, base.lastIndexOf("\n"));
}

describe("a field in a signature", () => {
  test.each(vectors)("of RFC 9421 §$section", ({ status, fields, trailers, components, lines }) => {
    const message = {
      headers: fieldsOf(fields),
      ...(trailers && { trailers: fieldsOf(trailers) }),
    };
    const base = signatureBase(
      status === undefined
        ? { request: { method: "GET", url: "https://www.example.com/", ...message } }
        : { response: { status, ...message } },
      components,
      "()",
      { structuredFields: { "example-dict": "dictionary" } },
    );
    expect(base.split("\n")).toEqual([...lines, '"@signature-params": ()']);
  });

  test.each<[FieldType, string, string]>([
    ["item", " 1 ", "1"],
    ["item", "-0", "0"],
    ["item", "007", "7"],
    ["item", "-015.250", "-15.25"],
    ["item", "1.0", "1.0"],
    ["item", "-0.0", "0.0"],
    ["item", "0.500", "0.5"],
    ["item", '"a \\"b\\" \\\\"', '"a \\"b\\" \\\\"'],
    ["item", "tok/en:*", "tok/en:*"],
    ["item", "*a", "*a"],
    ["item", ":AAE:", ":AAE=:"],
    ["item", "::", "::"],
    ["item", "?0;  a;b=?1;c=?0", "?0;a;b;c=?0"],
    ["item", "@0659578233", "@659578233"],
    ["item", '%"%61%c3%bc %25%22"', '%"a%c3%bc %25%22"'],
    ["item", "1;a=1;b=2;a=3", "1;a=3;b=2"],
    ["list", "a,  b;x ,\t( 1  2.50;y )", "a, b;x, (1 2.5;y)"],
    ["list", "", ""],
    ["list", "(), ()", "(), ()"],
    ["dictionary", "a, b=?1;x, c=?0,  d=( )", "a, b;x, c=?0, d=()"],
    ["dictionary", "a=1, b=2, a=(x)", "a=(x), b=2"],
  ])("is written in the strict form of RFC 9651: %s %j", (type, value, strict) => {
    expect(written(value, { sf: true }, type)).toBe(strict);
  });

  test.each<[FieldType, string]>([
    ["item", ""],
    ["item", "1 2"],
    ["item", "1,2"],
    ["item", "1.2.3"],
    ["item", "--1"],
    ["item", "(1)"],
    ["item", ":A"],
    ["item", ":A=A:"],
    ["item", "@1.5"],
    ["item", '%"%C3"'],
    ["item", '%"%c3"'],
    ["item", "1;A"],
    ["list", "a,"],
    ["list", "a b"],
    ["list", "(a"],
    ["list", "(a,b)"],
    ["dictionary", "1=a"],
    ["dictionary", "a="],
    ["dictionary", `a=${"b".repeat(8_192)}`],
  ])("is no structured field: %s %j", (type, value) => {
    expect(() => written(value, { sf: true }, type)).toThrow(/no structured field/);
  });

  test("is written in its strict form only where its type is known", () => {
    expect(() => written("a=1", { sf: true })).toThrow(/type that is known/);
    for (const [name, value, strict] of [
      ["content-digest", "sha-256=:AA==:,b", "sha-256=:AA==:, b"],
      ["repr-digest", "sha-256=:AA==:,b", "sha-256=:AA==:, b"],
      ["want-content-digest", "sha-256=10,sha=0", "sha-256=10, sha=0"],
      ["want-repr-digest", "sha-256=10,sha=0", "sha-256=10, sha=0"],
      ["signature-input", 'a=("date");keyid="k",b=()', 'a=("date");keyid="k", b=()'],
      ["signature", "a=:AA==:,b=:AQ==:", "a=:AA==:, b=:AQ==:"],
      ["accept-signature", 'a=("date");created,b=()', 'a=("date");created, b=()'],
      ["priority", "u=1,  i", "u=1, i"],
      ["cache-status", "a;hit,b", "a;hit, b"],
      ["proxy-status", "a;error=timeout,b", "a;error=timeout, b"],
    ] as const) {
      const request = {
        method: "GET",
        url: "https://a.example/",
        headers: fieldsOf([[name, value]]),
      };
      const base = signatureBase({ request }, [{ name, sf: true }], "()");
      expect(base).toContain(`"${name}";sf: ${strict}\n`);
    }
  });

  test.each([{ bs: true, sf: true }, { bs: true, key: "a" }, { parameter: "a" }])(
    "cannot be covered with %o",
    (component) => {
      expect(() => written("a=1", component, "dictionary")).toThrow(/cannot have these parameters/);
    },
  );

  test.each([
    { name: "@method", sf: true },
    { name: "@method", bs: true },
    { name: "@method", tr: true },
    { name: "@path", key: "a" },
    { name: "@path", parameter: "a" },
    { name: "@query-param" },
  ])("is not %o", (component) => {
    const request = { method: "GET", url: "https://a.example/?a=1", headers: new Headers() };
    expect(() => signatureBase({ request }, [component], "()")).toThrow(
      /cannot have these parameters/,
    );
  });

  test("is wrapped line by line where the lines are known", () => {
    const headers = new Headers([
      ["set-cookie", "a=1, 2"],
      ["set-cookie", "b=2"],
      ["x-one", "é"],
      ["x-many", "a, b"],
    ]);
    const request = { method: "GET", url: "https://a.example/", headers };
    const wrapped = (name: string): string =>
      signatureBase({ request }, [{ name, bs: true }], "()").split("\n")[0] ?? "";
    expect(wrapped("set-cookie")).toBe('"set-cookie";bs: :YT0xLCAy:, :Yj0y:');
    expect(wrapped("x-one")).toBe('"x-one";bs: :6Q==:');
    expect(() => wrapped("x-many")).toThrow(/how many lines/);
  });

  test("is taken from where it is, before the content or after it", () => {
    const response = {
      status: 200,
      headers: fieldsOf([["expires", "before"]]),
      trailers: fieldsOf([["expires", "after"]]),
    };
    const both = [{ name: "expires", tr: true }, { name: "expires" }];
    expect(signatureBase({ response }, both, "()")).toBe(
      '"expires";tr: after\n"expires": before\n"@signature-params": ()',
    );
    const { trailers: _, ...without } = response;
    expect(() => signatureBase({ response: without }, both, "()")).toThrow(/does not have it/);
  });

  test.each([
    [{ name: "@method" }, { name: "@method" }],
    [
      { name: "field", key: "a", sf: true },
      { sf: true, key: "a", name: "field" },
    ],
  ])("and nothing else is covered twice: %o", (...twice) => {
    const request = {
      method: "GET",
      url: "https://a.example/",
      headers: fieldsOf([["field", "a=1"]]),
    };
    expect(() => signatureBase({ request }, twice, "()")).toThrow(/covered twice/);
  });
});
