import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfiguredServers, EventRequest, federate, LoopGuard } from "concordat/federation";
import { createKey, KeyRing, type SigningKey } from "concordat/signing";
import { startChild } from "concordat/testing/federation";
import { describe, expect, test } from "vitest";
import { check, knowsNobody, rule, serverOf, startParent } from "./parent.js";

const secrets = { parent: "p".repeat(32), division: "d".repeat(32), other: "o".repeat(32) };
const hopKeys = new KeyRing(
  Object.entries(secrets).map(([id, secret]) => createKey({ id, secret })),
);

function requestWith(fields: readonly string[]): EventRequest {
  return new EventRequest({ method: "GET", target: "/", fields, content: new Uint8Array() });
}

const divisionKey = createKey({ id: "division", secret: secrets.division });

/** What a guard sends on for a request. */
function passedOn(guard: LoopGuard, fields: readonly string[]): readonly string[] {
  return guard.fields(requestWith(fields));
}

describe("without hop keys", () => {
  test("the Via field says where a request has been", () => {
    const guard = new LoopGuard({ id: "parent" });
    expect(passedOn(guard, ["Via", "1.0 fred, 1.1 p.example.com"])).toEqual([
      "via",
      "1.0 fred, 1.1 p.example.com, 1.1 parent",
    ]);
    expect(guard.enter(requestWith(["via", "1.0 fred, 1.1 p.example.com (x)"]))).toEqual([
      "fred",
      "p.example.com",
    ]);
    expect(() => guard.enter(requestWith(["via", "1.1 a, 1.1 parent, 1.1 b"]))).toThrow(
      "The request runs in a loop: a → parent → b → parent.",
    );
  });

  test("a request that was passed on too often is in a loop of those that do not say so", () => {
    const guard = new LoopGuard({ id: "parent", maxHops: 2 });
    expect(guard.enter(requestWith(["via", "1.1 a"]))).toEqual(["a"]);
    expect(() => guard.enter(requestWith(["via", "1.1 a", "via", "1.1 b"]))).toThrow(
      "The request runs in a loop: a → b → parent.",
    );
  });

  test("proxies that take no part are no loop, unless there is no end of them", () => {
    const guard = new LoopGuard({ id: "parent" });
    const via = (length: number): EventRequest =>
      requestWith(["via", Array.from({ length }, (_, at) => `1.1 proxy${at}`).join(", ")]);
    expect(guard.enter(via(31))).toHaveLength(31);
    expect(() => guard.enter(via(32))).toThrow("The request runs in a loop");
  });

  test("every guard has a name of its own", () => {
    expect(new LoopGuard().id).not.toBe(new LoopGuard().id);
  });
});

describe("with hop keys", () => {
  const now = (): number => 1_795_289_449_718;
  const parent = new LoopGuard({ id: "parent", hopKeys, now });
  const division = new LoopGuard({ id: "division", hopKeys, now });

  test("an entry is signed over all before it", () => {
    const first = passedOn(parent, []);
    const stated = "parent;t=1795289449718";
    const signature = createHmac("sha256", secrets.parent)
      .update(`concordat-hops-1\n${stated}`)
      .digest("base64url");
    expect(first).toEqual(["via", "1.1 parent", "concordat-hops", `${stated};s=${signature}`]);
    expect(division.enter(requestWith(first))).toEqual(["parent"]);
    const second = passedOn(division, first);
    expect(() => parent.enter(requestWith(second))).toThrow(
      "The request runs in a loop: parent → division → parent.",
    );
  });

  test("what is not signed, not by a known instance, or not so, does not count", () => {
    const chain = passedOn(division, passedOn(parent, []));
    const hops = chain[3] ?? "";
    const [first = "", second = ""] = hops.split(", ");
    const other = new LoopGuard({ id: "other", hopKeys, now });
    const names = (value: string): readonly string[] =>
      other.enter(requestWith(["concordat-hops", value]));
    expect(names(hops)).toEqual(["parent", "division"]);
    expect(names(first)).toEqual(["parent"]);
    // Without what was signed before it, or in another order, an entry is worth nothing.
    expect(names(second)).toEqual([]);
    expect(names(`${second}, ${first}`)).toEqual([]);
    expect(names(first.replace("parent", "division"))).toEqual([]);
    expect(names(first.replace(/s=./, (start) => (start === "s=A" ? "s=B" : "s=A")))).toEqual([]);
    // Another text of the same signature: the last character has two bits that mean nothing.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet[alphabet.indexOf(first.at(-1) ?? "") + 1] ?? "";
    const alike = first.slice(0, -1) + last;
    expect(Buffer.from(alike.slice(-43), "base64url")).toEqual(
      Buffer.from(first.slice(-43), "base64url"),
    );
    expect(names(alike)).toEqual([]);
    expect(names("other;t=1795289449718;s=forged")).toEqual([]);
    expect(names(first.replace("17952", "17951"))).toEqual([]);
    expect(other.enter(requestWith(["via", "1.1 other, 1.1 other"]))).toEqual([]);
    const stranger = new LoopGuard({
      id: "s",
      hopKeys: new KeyRing([createKey({ id: "s", secret: "s".repeat(32) })]),
      now,
    });
    expect(stranger.enter(requestWith(["concordat-hops", hops]))).toEqual([]);
    // What does not count is not passed on either.
    expect(passedOn(stranger, ["concordat-hops", hops])[3]).toMatch(/^s;t=\d+;s=[\w-]{43}$/);
  });

  test("an entry that is older than any request is under way does not count", () => {
    const later = new LoopGuard({ id: "parent", hopKeys, now: () => now() + 300_001 });
    expect(later.enter(requestWith(passedOn(parent, [])))).toEqual([]);
  });

  test("an entry counts only if its key was in use when it was signed", () => {
    const secret = secrets.parent;
    const at = (time: number): Date => new Date(now() + time);
    const signed = passedOn(parent, []);
    const reader = (changes: { readonly notBefore?: Date; readonly notAfter?: Date }): LoopGuard =>
      new LoopGuard({
        id: "division",
        hopKeys: new KeyRing([createKey({ id: "parent", secret, ...changes }), divisionKey]),
        now: () => now() + 1_000,
      });
    expect(reader({ notAfter: at(1) }).enter(requestWith(signed))).toEqual(["parent"]);
    expect(reader({ notAfter: at(0) }).enter(requestWith(signed))).toEqual([]);
    expect(reader({ notBefore: at(1) }).enter(requestWith(signed))).toEqual([]);
  });

  test("a key may be replaced by another without a moment in which entries do not count", () => {
    const at = (time: number): Date => new Date(now() + time);
    const old = createKey({ id: "parent", secret: "1".repeat(32), notAfter: at(1_000) });
    const young = createKey({ id: "parent", secret: "2".repeat(32), notBefore: at(1_000) });
    const both = new KeyRing([old, young]);
    const sent = [0, 1_000].map((time) =>
      passedOn(new LoopGuard({ id: "parent", hopKeys: both, now: () => now() + time }), []),
    );
    const reader = (key: SigningKey): LoopGuard =>
      new LoopGuard({ id: "division", hopKeys: new KeyRing([key, divisionKey]), now });
    expect(sent.map((fields) => reader(old).enter(requestWith(fields)))).toEqual([["parent"], []]);
    expect(sent.map((fields) => reader(young).enter(requestWith(fields)))).toEqual([
      [],
      ["parent"],
    ]);
  });

  test.each([
    ["no key of its own", { id: "me", hopKeys }, 'There is no hop key for "me" itself.'],
    ["a name that is none", { id: "a b" }, '"a b" is not a name of letters'],
  ])("a guard with %s is refused", (_name, options, message) => {
    expect(() => new LoopGuard(options)).toThrow(message);
  });
});

describe("a circle of parents", () => {
  test.each([
    ["without hop keys", {}],
    ["with hop keys", { hopKeys }],
  ])("ends where it began, with the chain by name, %s", async (_name, keys) => {
    const ids = ["parent", "division", "other"] as const;
    const servers: Server[] = await Promise.all(
      ids.map(async () => {
        const server = createServer().listen(0, "127.0.0.1");
        await once(server, "listening");
        return server;
      }),
    );
    const urls = servers.map(
      (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    );
    let asked = 0;
    const federations = ids.map((id, at) =>
      federate(
        async (request, connection) => {
          asked += 1;
          return await knowsNobody(request, connection);
        },
        {
          id,
          ...keys,
          rules: [rule()],
          servers: new ConfiguredServers([serverOf({ url: urls[(at + 1) % 3] ?? "" })]),
        },
      ),
    );
    for (const [at, { listener }] of federations.entries()) servers[at]?.on("request", listener);
    const answer = await check(urls[0] ?? "", { user: "a", pass: "1" });
    expect(answer.status).toBe(508);
    expect(answer.body.result.error?.message).toBe(
      "The request runs in a loop: parent → division → other → parent.",
    );
    // Each has asked its own handler once.
    expect(asked).toBe(3);
    await Promise.all(federations.map((federation) => federation[Symbol.asyncDispose]()));
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  test("is answered with 508 where it closes", async () => {
    await using child = await startChild();
    await using parent = await startParent([serverOf(child)]);
    const answer = await check(parent.url, { user: "a" }, { via: "1.1 parent, 1.1 division" });
    expect(answer.status).toBe(508);
    expect(answer.body.result.error).toEqual({
      code: -508,
      message: "The request runs in a loop: parent → division → parent.",
    });
    expect(answer.headers.get("proxy-status")).toBe('"parent"; error=proxy_loop_detected');
    expect(child.requests).toEqual([]);
  });

  test("of a parent with itself is refused", async () => {
    await using parent = await startParent([serverOf({ url: "http://127.0.0.1:9" })], {
      ownOrigins: ["http://127.0.0.1:9"],
    });
    const answer = await check(parent.url, { user: "a" });
    expect(answer.body.result.error?.message).toBe(
      'The server "child" has an address that is not allowed.',
    );
    expect(
      () =>
        new ConfiguredServers([serverOf({ url: "https://pi.example.com/pi" })], {
          ownOrigins: ["https://pi.example.com:443"],
        }),
    ).toThrow('"0.url": it is where this side is reached itself.');
  });
});
