import type { ConditionSource } from "concordat/federation";
import { startChild } from "concordat/testing/federation";
import { describe, expect, test } from "vitest";
import { rule, serverOf, startParent } from "./parent.js";

type Sent = Readonly<Record<string, string>>;

/**
 * Sends a query to a parent with a rule for the realm "division", and returns what the child has got; `undefined` if
 * nothing.
 */
async function sent(
  query: string,
  defaultRealm?: string,
  path = "/validate/check",
): Promise<Sent | undefined> {
  await using child = await startChild();
  await using parent = await startParent([serverOf(child)], {
    rules: [
      rule({
        event: ["validate_check", "auth"],
        position: "pre",
        conditions: { realm: "division" },
      }),
    ],
    ...(defaultRealm === undefined ? {} : { defaultRealm }),
  });
  await fetch(`${parent.url}${path}?${query}`, { method: "POST" });
  const [request] = child.requests;
  return request && Object.fromEntries(request.parameters);
}

function read(query: string): Sent {
  return Object.fromEntries(new URLSearchParams(query));
}

// What `split_user` and `get_user_from_param` of privacyIDEA 3.14 make of each.
describe("the realm of a user is what privacyIDEA takes for it:", () => {
  test.each([
    "user=alice@division",
    "user=a@b@Division",
    "user=alice@division%20",
    "user=%1Falice@division%C2%85",
    "user=division%5Calice",
    "user=%20division%5Calice",
    "user=alice@other&realm=division",
    "user=other%5Calice&realm=division",
  ])("%s is of the realm", async (query) => {
    expect(await sent(query)).toEqual(read(query));
  });

  test.each([
    "user=alice",
    "user=alice@division%EF%BB%BF",
    "user=alice@other",
    "user=division%5Calice@other",
    "user=x%5Cdivision%5Calice",
    "user=alice@division&realm=",
    "user=division%5Calice&realm=",
    "user=alice@division&realm=other",
  ])("%s is not", async (query) => {
    expect(await sent(query)).toBeUndefined();
  });

  test.each([
    ["user=alice", "user=alice&realm=division"],
    ["user=alice@other&realm=", "user=alice@other&realm=division"],
    ["user=other%5Calice&realm=", "user=other%5Calice&realm=division"],
    ["user=other%5Calice", undefined],
    ["user=alice@other", undefined],
  ])("with a default realm, %s goes on as %s", async (query, expected) => {
    expect(await sent(query, "division")).toEqual(expected && read(expected));
  });

  test.each([
    ["username=alice@division", true],
    ["username=alice@division&realm=", true],
    ["username=division%5Calice&user=bob@other", true],
    ["username=alice&realm=division", true],
    ["username=alice@other&user=bob@division", false],
    ["username=alice@division&realm=other", false],
    ["user=alice@division", false],
  ])("at the login, of %s it is the realm: %s", async (query, isOfRealm) => {
    const expected = isOfRealm ? read(query) : undefined;
    expect(await sent(query, undefined, "/auth")).toEqual(expected);
    expect(await sent(query, undefined, "/%61ut%68")).toEqual(expected);
  });

  test("at the login, it is not the default one, since administrators have none", async () => {
    expect(await sent("username=alice", "division", "/auth")).toBeUndefined();
    const query = "username=alice&realm=division";
    expect(await sent(query, "other", "/auth")).toEqual(read(query));
  });
});

describe("of whom a request is that does not say it, the host tells:", () => {
  /** Whether a request goes to the child of a rule about the realm or the resolver. */
  async function isForwarded(
    conditions: Readonly<Record<string, string>>,
    method: string,
    target: string,
    source?: ConditionSource,
  ): Promise<boolean> {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)], {
      rules: [rule({ event: ["validate_check", "user_delete"], position: "pre", conditions })],
      ...(source === undefined ? {} : { conditions: source }),
    });
    await fetch(parent.url + target, { method });
    return child.requests.length > 0;
  }
  const source: ConditionSource = {
    user: async ({ user, resolver, serial }) =>
      serial === "HOTP1" || (user === "alice" && resolver === "ldap")
        ? { realm: "division", resolver: "ldap" }
        : undefined,
  };

  test("with a serial number it is the owner of the token", async () => {
    const target = "/validate/check?serial=HOTP1&pass=1";
    for (const conditions of [{ realm: "division" }, { resolver: "ldap" }]) {
      expect(await isForwarded(conditions, "POST", target)).toBe(false);
      expect(await isForwarded(conditions, "POST", target, source)).toBe(true);
    }
    const parameters = `${target}&realm=other&resolver=other`;
    expect(await isForwarded({ realm: "division" }, "POST", parameters, source)).toBe(true);
  });

  test("at DELETE /user/{resolver}/{name} it is the user of the path, whatever the query says", async () => {
    const target = "/user/ldap/alice?realm=division&resolver=other&user=bob";
    const of = (conditions: Readonly<Record<string, string>>, from?: ConditionSource) =>
      isForwarded(conditions, "DELETE", target, from);
    expect(await of({ realm: "division" })).toBe(false);
    expect(await of({ realm: "division" }, source)).toBe(true);
    expect(await of({ resolver: "ldap" })).toBe(true);
    expect(await of({ resolver: "other" })).toBe(false);
  });
});
