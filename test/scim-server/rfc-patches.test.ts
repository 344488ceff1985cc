import { InMemoryGroupRepository, InMemoryUserRepository } from "concordat/repositories";
import {
  applyPatch,
  groupResourceType,
  type PatchOp,
  planPatch,
  userResourceType,
} from "concordat/scim";
import { describe, expect, test } from "vitest";
import { vector } from "../vectors/vector.js";
import { type Provider, provider } from "./provider.js";

const babsId = "2819c223-7f76-453a-919d-413861904646";

/** A service provider whose resources get these ids, one after the other. */
function withIds(...ids: readonly string[]): Provider {
  const left = [...ids];
  const newId = (): string => left.shift() ?? "none";
  const users = new InMemoryUserRepository({ newId });
  return provider({ users, groups: new InMemoryGroupRepository({ newId }) });
}

describe("what a request of RFC 7644 §3.5.2 says is stored", () => {
  const work = { type: "work", streetAddress: "100 Universal City Plaza", primary: false };
  const home = { type: "home", streetAddress: "456 Hollywood Blvd", primary: true };
  const user = {
    nickName: "Barbie",
    emails: [
      { value: "bjensen@example.com", type: "work" },
      { value: "bjensen@example.org", type: "work" },
    ],
    addresses: [work, home],
  };

  test.each([
    "rfc7644-3.5.2.1-add-attributes",
    "rfc7644-3.5.2.2-remove-email",
    "rfc7644-3.5.2.3-replace-address",
    "rfc7644-3.5.2.3-replace-street-address",
    "rfc7644-3.5.2.3-replace-attributes",
  ])("%s", async (name) => {
    const { call, create } = withIds(babsId);
    const before = await create("/Users", { userName: "bjensen", ...user });
    const request = vector(name);
    const expected = applyPatch(planPatch(userResourceType, request), before);
    const answered = await call("PATCH", `/Users/${babsId}`, request);
    const { meta: _, ...body } = answered.body;
    const { meta: __, ...after } = expected;
    expect({ status: answered.status, body }).toEqual({ status: 200, body: after });
    expect(after).not.toEqual({ ...before, meta: undefined });
  });

  test.each([
    "rfc7644-3.5.2-add-member",
    "rfc7644-3.5.2.1-add-member",
    "rfc7644-3.5.2.2-remove-member",
    "rfc7644-3.5.2.2-remove-members",
    "rfc7644-3.5.2.2-remove-and-add-member",
    "rfc7644-3.5.2.2-replace-members",
    "rfc7644-3.5.2.3-replace-members",
  ])("%s", async (name) => {
    // The RFC shortens ids with dots; here they are ids as they stand.
    const request = vector<Record<string, unknown> & PatchOp>(name);
    const printed = [
      ...JSON.stringify(request).matchAll(/(?:value\\?": ?|eq )\\?"([0-9a-f.-]+)\\?"/g),
    ];
    const ids = [...new Set(["902c246b", ...printed.map(([, id]) => id ?? "")])];
    const valuesOf = (group: { readonly members?: readonly { value?: string }[] }): Set<unknown> =>
      new Set((group.members ?? []).map(({ value }) => value));
    for (const present of [["902c246b"], ids]) {
      const { call, create, users } = withIds(...ids, "acbf3ae7");
      for (const id of ids) expect((await users.create({ userName: id })).id).toBe(id);
      const members = present.map((value) => ({ value }));
      const before = await create("/Groups", { displayName: "Tour Guides", members });
      expect(before.members).toHaveLength(present.length);
      expect((await call("PATCH", "/Groups/acbf3ae7", request)).status).toBe(204);
      const expected = applyPatch(planPatch(groupResourceType, request), before);
      expect(valuesOf((await call("GET", "/Groups/acbf3ae7")).body)).toEqual(valuesOf(expected));
    }
  });
});
