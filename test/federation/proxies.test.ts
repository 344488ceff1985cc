import { EventRequest, TrustedProxies } from "concordat/federation";
import { describe, expect, test } from "vitest";
import { parseForwarded } from "../../src/federation/rewrite/forwarded.js";

function requestWith(fields: readonly string[]): EventRequest {
  const content = new Uint8Array();
  return new EventRequest({
    method: "GET",
    target: "/",
    fields,
    content,
    remoteAddress: "10.0.0.1",
  });
}

describe("the client behind a trusted proxy", () => {
  const networks = ["10.0.0.0/8"];

  test.each([
    ["203.0.113.9", "203.0.113.9"],
    ["6.6.6.6, 203.0.113.9", "203.0.113.9"],
    ["garbage, , 203.0.113.9, , 10.0.0.2", "203.0.113.9"],
    ["203.0.113.9:4711", "203.0.113.9"],
    ["[2001:db8::1]:4711", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
    ["10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["203.0.113.9, garbage", undefined],
    ["203.0.113.9, unknown", undefined],
    [`${"203.0.113.9, ".repeat(40)}${"10.0.0.2, ".repeat(40)}`, undefined],
    ["", "10.0.0.1"],
  ])("is who X-Forwarded-For says, from its end: %s", (value, client) => {
    const proxies = new TrustedProxies(networks);
    const fields = ["X-Forwarded-For", value, "Forwarded", "for=192.168.1.1"];
    expect(proxies.clientOf(requestWith(fields))).toBe(client);
  });

  test.each([
    ["for=203.0.113.9", "203.0.113.9"],
    ["for=6.6.6.6, for=203.0.113.9;proto=https", "203.0.113.9"],
    [", for=203.0.113.9", "203.0.113.9"],
    ["x, for=203.0.113.9", "203.0.113.9"],
    ['for="6.6.6.6, for=203.0.113.9', "203.0.113.9"],
    ['for="\\", for=203.0.113.9', "203.0.113.9"],
    [`${"for=a,".repeat(33)}for=203.0.113.9`, "203.0.113.9"],
    ['for=6.6.6.6, for="[2001:db8::1]";by="a, b\\"c"', "2001:db8::1"],
    ["for=203.0.113.9, for=10.0.0.2", "203.0.113.9"],
    ["for=203.0.113.9, x", undefined],
    ["for=203.0.113.9, for=_hidden", undefined],
    ["for=203.0.113.9, x, for=10.0.0.2", undefined],
  ])("is who Forwarded says, where the proxies write that: %s", (value, client) => {
    const proxies = new TrustedProxies(networks, "forwarded");
    const fields = ["Forwarded", value, "X-Forwarded-For", "192.168.1.1"];
    expect(proxies.clientOf(requestWith(fields))).toBe(client);
  });

  test("that cannot be told is passed on as unknown", () => {
    const proxies = new TrustedProxies(networks);
    expect(proxies.fieldsOf(requestWith(["x-forwarded-for", "6.6.6.6, x, 10.0.0.2"]))).toEqual([
      "forwarded",
      "for=unknown, for=10.0.0.2, for=10.0.0.1;proto=http",
      "x-forwarded-for",
      "unknown, 10.0.0.2, 10.0.0.1",
    ]);
  });
});

test("a Forwarded field is read whole, or not at all", () => {
  expect(
    parseForwarded('for="_gaz\\"onk", , For="[2001:db8:cafe::17]:4711";by=a;proto=http'),
  ).toEqual([{ for: '_gaz"onk' }, { for: "[2001:db8:cafe::17]:4711", by: "a", proto: "http" }]);
  for (const value of ["x", "for=a;for=b", 'for="a', "for=a b", "for=a, x, for=b"]) {
    expect(parseForwarded(value)).toBeUndefined();
  }
});

test("a trusted proxy may be connected by an IPv4 address in IPv6 notation", () => {
  const proxies = new TrustedProxies(["203.0.113.1"]);
  for (const address of ["::ffff:203.0.113.1", "::ffff:cb00:7101"]) {
    expect([proxies.has(address), new TrustedProxies(["203.0.113.2"]).has(address)]).toEqual([
      true,
      false,
    ]);
  }
});
