import { inspect } from "node:util";
import { UnavailableError } from "concordat";
import { type ConnectOptions, connect, type GssapiBind } from "concordat/ldap";
import { describe, expect, test } from "vitest";
import {
  bindResponse,
  extendedResponse,
  idOf,
  type Peer,
  searchDone,
  startScriptedServer,
} from "./scripted-server.js";
import { outcomeOf, toyBind } from "./toy-bind.js";
import { agree, challenge, everything, succeed, ToyContext } from "./toy-context.js";

/** Answers a request outside of any layer. */
async function answer(peer: Peer, ...answers: ((id: number) => Uint8Array)[]): Promise<void> {
  for (const make of answers) {
    const received = await peer.request();
    if (received !== undefined) peer.send(make(idOf(received)));
  }
}

describe("a server that wants a bind to look secure", () => {
  test.each<[string, string, (peer: Peer) => unknown]>([
    ["at once", "ldap_protocol", (peer) => answer(peer, (id) => bindResponse(id))],
    [
      "after a proof that is none",
      "ldap_gssapi",
      (peer) =>
        answer(
          peer,
          (id) => challenge(id, "hello"),
          (id) => bindResponse(id),
        ),
    ],
    [
      "before its offer",
      "ldap_protocol",
      (peer) =>
        answer(
          peer,
          (id) => challenge(id, "welcome"),
          (id) => bindResponse(id),
        ),
    ],
  ])("and lets it succeed %s is not believed", async (_, code, script) => {
    const { error } = await outcomeOf(script);
    expect(error).toMatchObject({ code });
  });

  test.each<[GssapiBind["protection"], string, readonly string[]]>([
    ["privacy", "01000000", ["none"]],
    ["privacy", "03010000", ["none", "integrity"]],
    ["integrity", "01000000", ["none"]],
    ["privacy", "f8010000", []],
    [undefined, "03010000", ["none", "integrity"]],
  ])("is refused where %s is required and it offers %s", async (protection, offer, offered) => {
    let last: unknown = "nothing";
    const { error } = await outcomeOf(
      async (peer) => {
        last = await agree(peer, Buffer.from(offer, "hex"));
      },
      protection === undefined ? {} : { protection },
    );
    expect(error).toMatchObject({ code: "ldap_protection", offered });
    await expect.poll(() => last).toBeUndefined();
  });

  test.each<[GssapiBind["protection"], string, string]>([
    ["integrity", "07010000", "02010000"],
    ["integrity", "04010000", "04010000"],
    ["privacy", "07010000", "04010000"],
    ["none", "07010000", "01000000"],
    ["none", "06010000", "02010000"],
  ])("gets the weakest of at least %s from its offer %s", async (protection, offer, choice) => {
    let chosen: string | undefined;
    await outcomeOf(
      async (peer) => {
        const agreed = await agree(peer, Buffer.from(offer, "hex"));
        chosen = agreed?.choice.toString("hex");
        peer.socket.destroy();
      },
      { ...(protection && { protection }) },
      undefined,
      { allowCleartext: true },
    );
    expect(chosen).toBe(choice);
  });

  test.each(["", "07", "070100", "0701000000"])("cannot offer %s", async (offer) => {
    const { error } = await outcomeOf((peer) => agree(peer, Buffer.from(offer, "hex")));
    expect(error).toMatchObject({ code: "ldap_protocol" });
  });

  test.each(["04000000", "04000001", "04000009"])("cannot take tokens of %s", async (offer) => {
    const { error } = await outcomeOf((peer) =>
      succeed(peer, undefined, Buffer.from(offer, "hex")),
    );
    expect(error).toMatchObject({ code: "ldap_protocol" });
  });

  test("cannot make an offer that is not signed", async () => {
    const { error } = await outcomeOf((peer) =>
      answer(
        peer,
        (id) => challenge(id, "welcome"),
        (id) => challenge(id, everything),
      ),
    );
    expect(error).toMatchObject({ code: "ldap_gssapi", cause: new Error("The token is broken.") });
  });

  test("cannot ask for ever", async () => {
    let rounds = 0;
    const asking = Object.assign(new ToyContext(), {
      step: () => ({ token: Buffer.from("hello"), established: false }),
    });
    await using server = await startScriptedServer(async (peer) => {
      for (;;) {
        const received = await peer.request();
        if (received === undefined) return;
        rounds += 1;
        peer.send(challenge(idOf(received), "and?"));
      }
    });
    const { bind } = toyBind({ context: () => asking });
    const attempt = connect({ url: server.url, bind });
    await expect(attempt).rejects.toMatchObject({ code: "ldap_protocol" });
    expect(rounds).toBe(10);
  });

  test.each<[string, (id: number) => Uint8Array, string]>([
    ["a search result", (id) => searchDone(id), "ldap_protocol"],
    ["another id", (id) => challenge(id + 1, "welcome"), "ldap_protocol"],
    ["a notice", () => extendedResponse(0, 52, "1.3.6.1.4.1.1466.20036"), "ldap_disconnected"],
    ["far too much", () => Buffer.from("3084ffffffff", "hex"), "ldap_message_too_large"],
    [
      "a challenge of 100 KB",
      (id) => challenge(id, Buffer.alloc(100_000)),
      "ldap_message_too_large",
    ],
    ["garbage", () => Buffer.from("hello"), "ldap_protocol"],
    [
      "a challenge and what it wants taken for protected",
      (id) => Buffer.concat([challenge(id, "welcome"), searchDone(1)]),
      "ldap_protocol",
    ],
  ])("is not answered when it sends %s", async (_, first, code) => {
    const { error } = await outcomeOf((peer) => answer(peer, first));
    expect(error).toMatchObject({ code });
  });

  test.each([
    [7, "", /plugin/],
    [8, "", /without TLS/],
    [49, "", /principal/],
    [49, "80090346: LdapErr: DSID-0C0906B5, data 80090346, v4563", /channel bindings/],
    [50, "", /authorizationId/],
    [53, "", /inside TLS/],
    [80, "", /keytab/],
  ])("and refuses with %d (%s) is explained", async (code, words, advice) => {
    const { error } = await outcomeOf(async (peer) => {
      const agreed = await agree(peer);
      if (agreed !== undefined) peer.send(bindResponse(agreed.id, code, words));
    });
    expect(error).toMatchObject({ resultCode: code, message: expect.stringMatching(advice) });
  });
});

describe("a bind by GSSAPI", () => {
  test.each<[string, Partial<GssapiBind>, Partial<ConnectOptions>, object]>([
    ["without a context", { context: undefined as never }, {}, { path: "bind.context" }],
    ["with another protection", { protection: "some" as never }, {}, { path: "bind.protection" }],
    ["to be unprotected over ldap:", { protection: "none" }, {}, { code: "ldap_cleartext" }],
    ["to a socket without a name", {}, { url: "ldapi://%2Frun%2Fldapi" }, { path: "bind.host" }],
    ["with a name of more parts", { host: "a@b" }, {}, { path: "bind.host" }],
    [
      "as somebody with an endless name",
      { authorizationId: `u:${"x".repeat(2_000)}` },
      {},
      { path: "bind.authorizationId" },
    ],
  ])("%s is refused before anything is sent", async (_, options, connectOptions, expected) => {
    const { bind } = toyBind(options);
    const attempt = connect({ url: "ldap://192.0.2.1", bind, ...connectOptions });
    await expect(attempt).rejects.toMatchObject(expected);
  });

  test("names the service by the host, and says whom to act as", async () => {
    let service: string | undefined;
    let choice: string | undefined;
    await outcomeOf(
      async (peer) => {
        choice = (await agree(peer))?.choice.toString("latin1", 4);
        peer.socket.destroy();
      },
      { authorizationId: "dn:cn=sync" },
    );
    expect(choice).toBe("dn:cn=sync");
    const context = (target: { readonly service: string }) => {
      service = target.service;
      throw new UnavailableError("The agent is being restarted.");
    };
    const { bind } = toyBind({ context });
    await using server = await startScriptedServer(() => {});
    await expect(connect({ url: server.url, bind })).rejects.toThrow(UnavailableError);
    expect(service).toBe("ldap@127.0.0.1");
  });

  test.each([
    [{ major: 0xd0000, minor: -1_765_328_352 }, "credentials_expired", false],
    // The same as an unsigned number.
    [{ major: 0xd0000, minor: 2_529_638_944 }, "credentials_expired", false],
    [{ major: 0xd0000, minor: -1_765_328_377 }, "service_unknown", false],
    [{ major: 0xd0000, minor: -1_765_328_360 }, "credentials_refused", false],
    [{ major: 0xd0000, minor: -1_765_328_347 }, "clock_skew", false],
    [{ major: 0xd0000, minor: -1_765_328_228 }, "kdc_unreachable", true],
    [{ major: 0x70000, minor: 0 }, "no_credentials", false],
    [{ major: 0xb0000, minor: 100_001 }, "credentials_expired", false],
    [{}, "unknown", false],
  ])("that fails with %o is explained as %s", async (codes, reason, retryable) => {
    const failing = Object.assign(new ToyContext(), {
      step: () => Promise.reject(Object.assign(new Error("The library says so."), codes)),
    });
    await using server = await startScriptedServer(() => {});
    const bind: GssapiBind = { method: "gssapi", context: () => failing };
    const attempt = connect({ url: server.url, bind });
    await expect(attempt).rejects.toMatchObject({ code: "ldap_gssapi", reason, retryable });
    expect(failing.disposed).toBe(1);
  });

  test("whose library never answers is given up in time, and the context is not freed at its work", async () => {
    let release: (error: Error) => void = () => {};
    const hanging = Object.assign(new ToyContext(), {
      step: () =>
        new Promise<never>((_, reject) => {
          release = reject;
        }),
    });
    await using server = await startScriptedServer(() => {});
    const bind: GssapiBind = { method: "gssapi", context: () => hanging };
    const attempt = connect({ url: server.url, bind, connectTimeout: 50 });
    await expect(attempt).rejects.toMatchObject({ code: "ldap_connect", reason: "ETIMEDOUT" });
    expect(hanging.disposed).toBe(0);
    release(new Error("At last."));
    await expect.poll(() => hanging.disposed).toBe(1);
  });

  test("repeats no token in an error", async () => {
    const { error } = await outcomeOf((peer) =>
      answer(peer, (id) => challenge(id, "a secret of the server")),
    );
    expect(error).toMatchObject({ code: "ldap_gssapi" });
    expect(inspect(error, { depth: 5 })).not.toContain("a secret of the server");
  });
});
