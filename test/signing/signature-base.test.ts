import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  contentDigest,
  type HttpRequest,
  isDigestOf,
  type SignatureComponent,
  signatureBase,
} from "concordat/signing";
import { describe, expect, test } from "vitest";

interface Fields {
  readonly headers: Record<string, string>;
}

interface BaseVector {
  readonly section: string;
  readonly request?: Fields & { readonly method: string; readonly url: string };
  readonly response?: Fields & { readonly status: number };
  readonly components: readonly SignatureComponent[];
  readonly parameters: string;
  readonly base: readonly string[];
}

interface ComponentVector {
  readonly section: string;
  readonly method: string;
  readonly url: string;
  readonly component: SignatureComponent;
  readonly line: string;
}

function vectors<V>(name: string): readonly V[] {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8"));
}

const bases = vectors<BaseVector>("rfc9421-signature-bases.json");

function baseOf({ request, response, components, parameters }: BaseVector): string {
  return signatureBase(
    {
      ...(request && { request: { ...request, headers: new Headers(request.headers) } }),
      ...(response && { response: { ...response, headers: new Headers(response.headers) } }),
    },
    components,
    parameters,
  );
}

const get: HttpRequest = {
  method: "GET",
  url: "https://example.com/foo?a=1&a=2&b=3",
  headers: new Headers({ "x-dictionary": ' a=1,  b=("c" "d");e, f=:AA==:', "x-latin": "\u00e9" }),
};

describe("the signature base", () => {
  test.each(bases)("of RFC 9421 §$section", (vector) => {
    expect(baseOf(vector)).toBe(vector.base.join("\n"));
  });

  test.each(vectors<ComponentVector>("rfc9421-2.2-derived-components.json"))(
    "of RFC 9421 §$section: $line",
    ({ method, url, component, line }) => {
      const request = { method, url, headers: new Headers() };
      expect(signatureBase({ request }, [component], "()")).toBe(
        `${line}\n"@signature-params": ()`,
      );
    },
  );

  test("of RFC 9421 §B.2.5 has the signature that is printed there", () => {
    const secret =
      "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
    const vector = bases.find(({ section }) => section === "B.2.5");
    if (vector === undefined) throw new Error("The vector is missing.");
    const signature = createHmac("sha256", Buffer.from(secret, "base64")).update(baseOf(vector));
    expect(signature.digest("base64")).toBe("pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=");
  });

  test("has the member of a dictionary", () => {
    const component = { name: "x-dictionary", key: "b" };
    expect(signatureBase({ request: get }, [component], "()")).toBe(
      '"x-dictionary";key="b": ("c" "d");e\n"@signature-params": ()',
    );
  });

  test("has the authority in lower case, without the port that the scheme has anyway", () => {
    for (const [url, authority] of [
      ["https://EXAMPLE.com:443/", "example.com"],
      ["http://example.com:80/", "example.com"],
      ["https://example.com:80/", "example.com:80"],
      ["https://user:password@example.com/", "example.com"],
      ["https://[::1]:8443/", "[::1]:8443"],
    ] as const) {
      const request = { ...get, url };
      expect(signatureBase({ request }, [{ name: "@authority" }], "()")).toContain(
        `: ${authority}\n`,
      );
    }
  });

  test.each([
    [{ name: "missing" }],
    [{ name: "X-Dictionary" }],
    [{ name: "@status" }],
    [{ name: "@unknown" }],
    [{ name: "@method", req: true }],
    [{ name: "x-latin" }],
    [{ name: "x-dictionary", key: "missing" }],
    [{ name: "@query-param", parameter: "a" }],
    [{ name: "@query-param", parameter: "c" }],
  ])("cannot be made of %o where the message does not have it", (component) => {
    expect(() => signatureBase({ request: get }, [component], "()")).toThrow(
      expect.objectContaining({ code: "invalid_value" }),
    );
  });

  test("has a field without the spaces and tabs around it, and with everything else", () => {
    const baseWith = (value: string): string =>
      signatureBase(
        { request: { ...get, headers: { get: () => value } } },
        [{ name: "x-amount" }],
        "()",
      );
    expect(baseWith(" \t 1 0\t ")).toBe('"x-amount": 1 0\n"@signature-params": ()');
    expect(baseWith(" \t ")).toBe('"x-amount": \n"@signature-params": ()');
    for (const space of ["\u00a0", "\u000b", "\ufeff", "\r", "\n"]) {
      expect(() => baseWith(`10${space}`)).toThrow(/cannot be signed/);
    }
  });

  test("has a parameter in the encoding of forms, but for the space", () => {
    const url = "https://example.com/?v=!'()*-._~%20%2B%25%C3%A9";
    const component = { name: "@query-param", parameter: "v" };
    expect(signatureBase({ request: { ...get, url } }, [component], "()")).toContain(
      ": %21%27%28%29*-._%7E%20%2B%25%C3%A9\n",
    );
  });

  test.each([
    ["/foo?x='y'", "/foo?x=%27y%27", ["/foo", "?x='y'"]],
    ["/a/../b", "/b", ["/a/../b", "?"]],
    ["/%2e%2e/b", "/b", ["/%2e%2e/b", "?"]],
    ["/b?", "/b", ["/b", "?"]],
    ["/b?a?b", "/b?a?b", ["/b", "?a?b"]],
    ["https://example.com?x", "/?x", ["/", "?x"]],
    ["https://example.com", "/", ["/", "?"]],
    ["https://example.com/./b?y", "/b?y", ["/./b", "?y"]],
    ["*", "/", ["/", "?"]],
  ])("has the path and the query of the target %s as they are", (target, path, [first, query]) => {
    const request = { ...get, url: `https://example.com${path}`, target };
    const names = ["@path", "@query", "@request-target", "@target-uri"];
    const components = names.map((name) => ({ name }));
    expect(signatureBase({ request }, components, "()").split("\n").slice(0, 4)).toEqual([
      `"@path": ${first}`,
      `"@query": ${query}`,
      `"@request-target": ${target}`,
      `"@target-uri": https://example.com${first}${query === "?" && !target.endsWith("?") ? "" : query}`,
    ]);
  });

  test.each(["/other", "/b?x", "/b#", "b", "", "https:/example.com/b", "/b/%2e%2e"])(
    "is not made where the target is %j and the URL another",
    (target) => {
      const request = { ...get, url: "https://example.com/b", target };
      expect(() => signatureBase({ request }, [{ name: "@path" }], "()")).toThrow(/target/);
    },
  );

  test("has a parameter of the target as it was received", () => {
    const request = { ...get, url: "https://example.com/?a=%27", target: "/?a='" };
    const component = { name: "@query-param", parameter: "a" };
    expect(signatureBase({ request }, [component], "()")).toContain(';name="a": %27\n');
  });

  test("takes no line that a value brings along", () => {
    const request = { ...get, method: 'GET\n"@path": /admin' };
    expect(() => signatureBase({ request }, [{ name: "@method" }], "()")).toThrow(
      /cannot be signed/,
    );
    expect(() =>
      signatureBase({ request: { ...get, url: "/foo" } }, [{ name: "@path" }], "()"),
    ).toThrow(/absolute/);
  });
});

describe("the digest of content", () => {
  test("is that of RFC 9530 §B and RFC 9421 §B.2", () => {
    const content = Buffer.from('{"hello": "world"}\n');
    expect(contentDigest(content)).toBe("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
    const withoutNewline = Buffer.from('{"hello": "world"}');
    const vector = bases.find(({ section }) => section === "2.5");
    expect(isDigestOf(vector?.request?.headers["content-digest"] ?? "", withoutNewline)).toBe(true);
    expect(isDigestOf(vector?.request?.headers["content-digest"] ?? "", content)).toBe(false);
  });

  const content = Buffer.from("content");
  const right = "sha-256=:7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M=:";
  const wrong = "sha-256=:AXACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M=:";

  test.each([
    right,
    `  ${right} `,
    `unknown=:AA==:, ${right},\tother=("x" 1.5 ?0 tok/en;a;b=@1 %"d%c3%a9");p`,
    `md5=:AAAA:,${right}`,
  ])("is found in %s", (field) => {
    expect(isDigestOf(field, content)).toBe(true);
  });

  test.each([
    "",
    wrong,
    `${right}, sha-512=:AAAA:`,
    `${wrong}, ${right}`,
    `${right}, ${right}`,
    "md5=:AAAA:",
    right.replace("3M=", "3M"),
    right.replace("3M=", "3N="),
    `${right};a`,
    `${right},`,
    `${right}, other=("x"`,
    `${right} other=1`,
    `${right}, other=1.`,
    `${right}, other=1234567890123456`,
    `${right}, other=1.2345`,
    `${right}, other=?2`,
    `${right}, other="\u00e9"`,
    `${right}, other="a\\b"`,
    `${right}, other=("a""b")`,
    `${right}, other=1;a;a`,
    `${right}, Other=1`,
    `${right}, other=%"%C3"`,
    `${right}, other=${"a".repeat(9_000)}`,
  ])("is not found in %s", (field) => {
    expect(isDigestOf(field, content)).toBe(false);
  });
});
