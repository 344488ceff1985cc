import { connect } from "concordat/ldap";
import { describe, expect, test } from "vitest";
import { entry, extendedResponse, searchDone, startScriptedServer } from "./scripted-server.js";
import { outcomeOf, request, toyBind } from "./toy-bind.js";
import { framed, ProtectedPeer, succeed, ToyContext } from "./toy-context.js";

describe("under a security layer", () => {
  /** How a search ends at a server that sends this behind its last answer. */
  async function searchAfter(
    behind: (context: ToyContext) => Uint8Array,
    end = false,
  ): Promise<unknown> {
    const { error } = await outcomeOf(async (peer) => {
      await succeed(peer, behind);
      if (end) peer.socket.end();
    });
    return error;
  }

  test("what is not protected ends the connection", async () => {
    const error = await searchAfter(() => Buffer.concat([entry(1, "cn=forged"), searchDone(1)]));
    expect(error).toMatchObject({ code: "ldap_protocol" });
    expect(String(error)).toContain("did not protect");
  });

  test.each([
    ["of 4 GiB", "ffffffff"],
    ["of a byte more than agreed", "00010001"],
    ["of nothing", "00000000"],
  ])("a token %s ends the connection as soon as it is announced", async (_, header) => {
    expect(await searchAfter(() => Buffer.from(header, "hex"))).toMatchObject({
      code: "ldap_protocol",
    });
  });

  test.each([
    [
      "in its header",
      (context: ToyContext) => framed(context.seal(searchDone(1), true)).subarray(0, 3),
    ],
    [
      "in its middle",
      (context: ToyContext) => framed(context.seal(searchDone(1), true)).subarray(0, 9),
    ],
  ])("a token that is cut off %s is a lost connection", async (_, behind) => {
    const error = await searchAfter(behind, true);
    expect(error).toMatchObject({ code: "ldap_connection_lost", retryable: true });
    expect(String(error)).toContain("in the middle of a token");
  });

  test("a message that is cut off between its tokens is a lost connection", async () => {
    const half = (context: ToyContext) => framed(context.seal(searchDone(1).subarray(0, 5), true));
    expect(await searchAfter(half, true)).toMatchObject({ code: "ldap_connection_lost" });
  });

  test.each<[string, (context: ToyContext) => Uint8Array, string]>([
    [
      "signed but not encrypted",
      (context) => framed(context.seal(searchDone(1), false)),
      "ldap_protocol",
    ],
    ["changed", (context) => framed(context.seal(searchDone(1), true).fill(0, 20)), "ldap_gssapi"],
    [
      "sent again",
      (context) => {
        const token = framed(context.seal(entry(1, "cn=a"), true));
        return Buffer.concat([token, token]);
      },
      "ldap_gssapi",
    ],
    [
      "left out",
      (context) => {
        context.seal(entry(1, "cn=a"), true);
        return framed(context.seal(searchDone(1), true));
      },
      "ldap_gssapi",
    ],
  ])("a token that was %s ends the connection", async (_, behind, code) => {
    expect(await searchAfter(behind)).toMatchObject({ code });
  });

  /** What a search finds whose answers are sent in these pieces, each a token. */
  async function foundIn(
    pieces: readonly Uint8Array[],
    chunkSize: number,
  ): Promise<readonly string[]> {
    let found: readonly string[] = [];
    const { error } = await outcomeOf(
      async (peer) => {
        const agreed = await succeed(peer);
        if (agreed === undefined) return;
        await new Promise((resolve) => peer.socket.once("data", resolve));
        const bytes = Buffer.concat(
          pieces.map((piece) => framed(agreed.context.seal(piece, true))),
        );
        for (let from = 0; from < bytes.length; from += chunkSize) {
          peer.send(bytes.subarray(from, from + chunkSize));
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
      {},
      async (connection) => {
        found = (await connection.searchAll(request)).map(({ dn }) => dn);
      },
    );
    expect(error).toBeUndefined();
    return found;
  }

  const answers = Buffer.concat([entry(1, "cn=a"), entry(1, "cn=b"), searchDone(1)]);

  test("several messages may be in one token", async () => {
    expect(await foundIn([answers], 100_000)).toEqual(["cn=a", "cn=b"]);
  });

  test("a message may be in several tokens, and those in several chunks", async () => {
    const pieces = Array.from(answers, (octet) => Buffer.of(octet));
    expect(await foundIn(pieces, 7)).toEqual(["cn=a", "cn=b"]);
    expect(await foundIn(pieces, 100_000)).toEqual(["cn=a", "cn=b"]);
  });

  test("a token that holds nothing is no end", async () => {
    expect(await foundIn([Buffer.alloc(0), answers], 100_000)).toEqual(["cn=a", "cn=b"]);
  });

  test("what comes with the last answer is not lost", async () => {
    const { error } = await outcomeOf(
      (peer) =>
        succeed(peer, (context) =>
          framed(context.seal(extendedResponse(0, 52, "1.3.6.1.4.1.1466.20036"), true)),
        ),
      {},
      (connection) => connection.searchAll(request),
    );
    expect(error).toMatchObject({ code: "ldap_disconnected" });
  });

  test("what is sent is split at the server's maximum, and in order", async () => {
    let peerOf: ProtectedPeer | undefined;
    const filter = `(|${"(cn=abcdefgh)".repeat(200)})`;
    const { error, context } = await outcomeOf(
      async (peer) => {
        const agreed = await succeed(peer, undefined, Buffer.from("07000100", "hex"));
        if (agreed === undefined) return;
        const under = new ProtectedPeer(peer, agreed);
        peerOf = under;
        await expect.poll(() => under.text.length).toBeGreaterThan(2 * 200 * 10);
        under.send(Buffer.concat([searchDone(1), searchDone(2)]));
      },
      {},
      async (connection) => {
        await Promise.all([1, 2].map(() => connection.searchAll({ base: "o=x", filter })));
      },
    );
    expect(error).toBeUndefined();
    expect(Math.max(...(peerOf?.tokens ?? []))).toBeLessThanOrEqual(256);
    expect(context.made.length).toBeGreaterThan(10);
  });

  test("closing takes leave of the server, under the layer too, and after what was asked before", async () => {
    let under: ProtectedPeer | undefined;
    const { error } = await outcomeOf(
      async (peer) => {
        const agreed = await succeed(peer);
        if (agreed !== undefined) under = new ProtectedPeer(peer, agreed);
      },
      {},
      async (connection) => {
        connection
          .search(request)
          .next()
          .catch(() => {});
        await connection.close();
        const unbind = Buffer.from("0201024200", "hex");
        await expect.poll(() => under?.text.subarray(-unbind.length)).toEqual(unbind);
      },
    );
    expect(error).toBeUndefined();
    expect(under?.text.includes("o=x")).toBe(true);
  });

  test("no more is read than somebody takes", async () => {
    const messages = 2_000;
    const large = entry(1, "cn=a", { description: ["x".repeat(10_000)] });
    let sent = 0;
    const { error } = await outcomeOf(
      async (peer) => {
        const agreed = await succeed(peer);
        if (agreed === undefined) return;
        const write = () => {
          while (sent < messages) {
            sent += 1;
            if (!peer.socket.write(framed(agreed.context.seal(large, true)))) break;
          }
          if (sent === messages) peer.send(framed(agreed.context.seal(searchDone(1), true)));
          else peer.socket.once("drain", write);
        };
        await new Promise((resolve) => peer.socket.once("data", resolve));
        write();
      },
      {},
      async (connection) => {
        const search = connection.search(request);
        let count = (await search.next()).value?.length ?? 0;
        for (let turn = 0; turn < 2_000; turn += 1) {
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect(connection.bufferedBytes).toBeLessThan(300_000);
        expect(sent).toBeLessThan(messages);
        for await (const batch of search) count += batch.length;
        expect(count).toBe(messages + 1);
      },
      { highWaterMark: 100_000 },
    );
    expect(error).toBeUndefined();
  });

  test("a library that fails to protect what is sent ends the connection", async () => {
    const context = new ToyContext();
    const wrap = context.wrap.bind(context);
    context.wrap = (text, options) => {
      // The first token is the choice in the bind.
      if (context.made.length > 0) throw new Error("No key is left.");
      return wrap(text, options);
    };
    await using server = await startScriptedServer(async (peer) => {
      await succeed(peer);
    });
    const { bind } = toyBind({ context: () => context });
    await using connection = await connect({ url: server.url, bind });
    const error: unknown = await connection.searchAll(request).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ldap_gssapi", cause: new Error("No key is left.") });
  });
});
