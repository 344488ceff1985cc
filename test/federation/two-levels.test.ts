import { startChild } from "concordat/testing/federation";
import { expect, test } from "vitest";
import { check, rule, serverOf, startParent } from "./parent.js";

const users = [{ user: "a", realm: "child-realm", pin: "", serial: "S", passwords: ["111111"] }];

test("a grandparent, a parent and a child, with the realm of each", async () => {
  await using child = await startChild({ users });
  await using parent = await startParent([serverOf(child)], {
    rules: [
      rule({
        conditions: { realm: "parent-realm", result_value: "False" },
        options: { privacyIDEA: "child", realm: "child-realm", client_ip: true },
      }),
    ],
    trustedProxies: ["127.0.0.1"],
  });
  await using grandparent = await startParent(
    [serverOf(parent, { identifier: "division", reportsOrigin: true, decoding: "once" })],
    {
      id: "grandparent",
      trustedProxies: ["127.0.0.1"],
      rules: [
        rule({
          conditions: { realm: "group" },
          options: { privacyIDEA: "division", realm: "parent-realm", client_ip: true },
        }),
      ],
    },
  );
  // Whoever asks is trusted to say who the client is, and each passes that on.
  const answer = await check(grandparent.url, {
    user: "a",
    realm: "group",
    pass: "111111",
    client: "192.0.2.7",
  });
  expect(answer.body.result.value).toBe(true);
  expect(answer.body.detail).toMatchObject({ origin: `${child.url}/validate/check` });
  const [request] = child.requests;
  expect(Object.fromEntries(request?.parameters ?? [])).toEqual({
    user: "a",
    pass: "111111",
    realm: "child-realm",
    client: "192.0.2.7",
  });
  const fields = request?.fields ?? [];
  expect(fields[fields.indexOf("via") + 1]).toBe("1.1 grandparent, 1.1 parent");
  expect(fields).not.toContain("x-forwarded-for");
  // Each of the two has asked itself before.
  expect([grandparent.asked.count, parent.asked.count]).toEqual([1, 1]);
  // Of a realm that is nobody's above, the child is not asked.
  await check(grandparent.url, { user: "a", realm: "other", pass: "111111" });
  await check(grandparent.url, { user: "a", realm: "parent-realm", pass: "111111" });
  expect(child.requests).toHaveLength(1);
});

test("a password with percent signs passes both", async () => {
  await using child = await startChild();
  await using parent = await startParent([serverOf(child)]);
  await using grandparent = await startParent(
    [serverOf(parent, { identifier: "division", decoding: "once" })],
    { id: "grandparent", rules: [rule({ options: { privacyIDEA: "division" } })] },
  );
  await check(grandparent.url, { user: "a", pass: "%41%2541%" });
  expect(child.requests[0]?.parameters.get("pass")).toBe("%41%2541%");
});
