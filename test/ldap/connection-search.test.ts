import {
  connect,
  type LdapConnection,
  LdapConnectionClosedError,
  LdapConnectionLostError,
  type LdapSearchRequest,
  type SearchMessage,
  textsOf,
  valuesOf,
} from "concordat/ldap";
import { describe, expect, test } from "vitest";
import {
  ber,
  bindResponse,
  entry,
  extendedResponse,
  idOf,
  message,
  operationOf,
  type Peer,
  requestTag,
  searchDone,
  startScriptedServer,
} from "./scripted-server.js";

const request: LdapSearchRequest = { base: "o=x", filter: "(objectClass=*)" };

async function collect(
  connection: LdapConnection,
  options?: { signal?: AbortSignal },
): Promise<readonly SearchMessage[]> {
  const messages: SearchMessage[] = [];
  for await (const batch of connection.search(request, options)) messages.push(...batch);
  return messages;
}

/** A server that answers each search with what `answer` makes of its id, and keeps the other requests. */
async function searchServer(answer: (id: number, peer: Peer) => void) {
  const others: string[] = [];
  let heard = () => {};
  const server = await startScriptedServer(async (peer) => {
    for (;;) {
      const received = await peer.request();
      if (received === undefined) return;
      if (operationOf(received) === requestTag.search) {
        answer(idOf(received), peer);
      } else {
        others.push(received.toString("hex"));
        heard();
      }
    }
  });
  return Object.assign(server, {
    others,
    /** Waits until so many requests other than searches have come. */
    async received(count: number): Promise<void> {
      while (others.length < count) {
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
    },
  });
}

describe("the messages of a search", () => {
  test("entries, references and intermediate responses come in order, and the end last", async () => {
    const control = ber(0x30, ber(0x04, "1.2.3"), ber(0x01, "\u0001"), ber(0x04, "state"));
    await using server = await searchServer((id, peer) =>
      peer.send(
        entry(id, "cn=é", { cn: ["é", "E"], jpegPhoto: [Buffer.of(0xff, 0xd8)], empty: [] }),
        message(id, ber(0x73, ber(0x04, "ldap://a/"), ber(0x04, "ldap://b/"))),
        message(id, ber(0x79, ber(0x80, "1.3.6"), ber(0x81, "news")), ber(0xa0, control)),
        message(id, ber(0x79)),
        searchDone(id),
      ),
    );
    await using connection = await connect({ url: server.url });
    const messages = await collect(connection);
    expect(messages).toEqual([
      {
        kind: "entry",
        dn: "cn=é",
        attributes: [
          { type: "cn", values: [Buffer.from("é"), Buffer.from("E")] },
          { type: "jpegPhoto", values: [Buffer.of(0xff, 0xd8)] },
          { type: "empty", values: [] },
        ],
        controls: [],
      },
      { kind: "reference", urls: ["ldap://a/", "ldap://b/"] },
      {
        kind: "intermediate",
        oid: "1.3.6",
        value: Buffer.from("news"),
        controls: [{ oid: "1.2.3", critical: true, value: Buffer.from("state") }],
      },
      { kind: "intermediate", controls: [] },
      { kind: "done", controls: [] },
    ]);
  });

  test("attributes are found without regard to case", async () => {
    await using server = await searchServer((id, peer) =>
      peer.send(entry(id, "cn=a", { memberUid: ["a", "b"] }), searchDone(id)),
    );
    await using connection = await connect({ url: server.url });
    const [found] = await collect(connection);
    if (found?.kind !== "entry") throw new Error("There is no entry.");
    expect(textsOf(found.attributes, "MEMBERUID")).toEqual(["a", "b"]);
    expect(valuesOf(found.attributes, "member")).toEqual([]);
  });

  test("components that a later protocol may add are ignored (RFC 4511 §4)", async () => {
    const later = ber(0x9f - 0x18, "later");
    await using server = await searchServer((id, peer) =>
      peer.send(message(id, ber(0x64, ber(0x04, "cn=a"), ber(0x30), later), later), searchDone(id)),
    );
    await using connection = await connect({ url: server.url });
    expect(await collect(connection)).toMatchObject([{ dn: "cn=a" }, { kind: "done" }]);
  });

  test("several searches share a connection, each with its own answers", async () => {
    const waiting: number[] = [];
    await using server = await searchServer((id, peer) => {
      waiting.push(id);
      if (waiting.length < 2) return;
      const [first = 0, second = 0] = waiting;
      peer.send(
        entry(second, "cn=second"),
        entry(first, "cn=first"),
        searchDone(second),
        searchDone(first),
      );
    });
    await using connection = await connect({ url: server.url });
    const [first, second] = await Promise.all([collect(connection), collect(connection)]);
    expect(first).toMatchObject([{ dn: "cn=first" }, { kind: "done" }]);
    expect(second).toMatchObject([{ dn: "cn=second" }, { kind: "done" }]);
  });

  test("what arrived before a failure is delivered before it", async () => {
    await using server = await searchServer((id, peer) => {
      peer.send(entry(id, "cn=a"));
      peer.socket.end();
    });
    await using connection = await connect({ url: server.url });
    const seen: SearchMessage[] = [];
    const reading = (async () => {
      for await (const batch of connection.search(request)) seen.push(...batch);
    })();
    await expect(reading).rejects.toThrow(LdapConnectionLostError);
    expect(seen).toMatchObject([{ dn: "cn=a" }]);
  });
});

describe("a result other than success", () => {
  test("is an error with the code, its name and what the server says", async () => {
    await using server = await searchServer((id, peer) =>
      peer.send(searchDone(id, 32, "dc=com", "no such thing as that person")),
    );
    await using connection = await connect({ url: server.url });
    const error = await collect(connection).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: "LdapResultError",
      code: "ldap_result",
      resultCode: 32,
      resultName: "noSuchObject",
      matchedDn: "dc=com",
      diagnosticMessage: "no such thing as that person",
      retryable: false,
    });
    expect(String(error)).not.toContain("person");
  });

  test("a referral is not followed: where it leads is on the error", async () => {
    await using server = await searchServer((id, peer) =>
      peer.send(
        message(
          id,
          ber(
            0x65,
            Buffer.from("0a010a04000400", "hex"),
            ber(0xa3, ber(0x04, "ldap://elsewhere.example/")),
          ),
        ),
      ),
    );
    await using connection = await connect({ url: server.url });
    await expect(collect(connection)).rejects.toMatchObject({
      resultCode: 10,
      resultName: "referral",
      referrals: ["ldap://elsewhere.example/"],
    });
  });

  test.each([
    [51, "busy", true],
    [52, "unavailable", true],
    [53, "unwillingToPerform", false],
    [4096, "e-syncRefreshRequired", false],
    [9999, "9999", false],
  ])("%d is called %s", async (code, resultName, retryable) => {
    await using server = await searchServer((id, peer) => peer.send(searchDone(id, code)));
    await using connection = await connect({ url: server.url });
    await expect(collect(connection)).rejects.toMatchObject({
      resultCode: code,
      resultName,
      retryable,
    });
  });

  test("leaves the connection usable", async () => {
    await using server = await searchServer((id, peer) =>
      peer.send(searchDone(id, id === 1 ? 53 : 0)),
    );
    await using connection = await connect({ url: server.url });
    await expect(collect(connection)).rejects.toMatchObject({ resultCode: 53 });
    expect(await collect(connection)).toEqual([{ kind: "done", controls: [] }]);
  });
});

describe("ending a search early", () => {
  test("leaving the loop sends Abandon, and late answers are ignored", async () => {
    await using server = await searchServer((id, peer) => {
      if (id === 1) peer.send(entry(id, "cn=a"), entry(id, "cn=b"));
      else peer.send(entry(1, "cn=late"), searchDone(1), searchDone(id));
    });
    await using connection = await connect({ url: server.url });
    for await (const _ of connection.search(request)) break;
    await server.received(1);
    expect(server.others).toEqual(["3006020102500101"]);
    expect(connection.bufferedBytes).toBe(0);
    expect(await collect(connection)).toEqual([{ kind: "done", controls: [] }]);
  });

  test("a finished search is not abandoned", async () => {
    await using server = await searchServer((id, peer) =>
      peer.send(entry(id, "cn=a"), searchDone(id)),
    );
    const connection = await connect({ url: server.url });
    for await (const _ of connection.search(request)) break;
    await connection.close();
    await server.received(1);
    expect(server.others).toEqual(["30050201024200"]);
  });

  test("return() ends a search that waits for an answer", async () => {
    await using server = await searchServer(() => {});
    await using connection = await connect({ url: server.url });
    const search = connection.search(request);
    const next = search.next();
    await search.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
    await server.received(1);
    expect(server.others).toEqual(["3006020102500101"]);
  });

  test("a signal ends it at once with its reason, and sends Abandon where nothing is known of Cancel", async () => {
    await using server = await searchServer(() => {});
    await using connection = await connect({ url: server.url });
    const abort = new AbortController();
    const next = connection.search(request, { signal: abort.signal }).next();
    abort.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
    await server.received(1);
    expect(server.others).toEqual(["3006020102500101"]);
  });

  test("a signal sends Cancel where the root DSE offers it (RFC 3909)", async () => {
    await using server = await searchServer((id, peer) => {
      if (id === 1) {
        peer.send(entry(id, "", { supportedExtension: ["1.3.6.1.1.8"] }), searchDone(id));
      } else if (id === 4) {
        peer.send(extendedResponse(3), searchDone(2, 118), searchDone(id));
      }
    });
    await using connection = await connect({ url: server.url });
    expect((await connection.readRootDse()).supportedExtensions).toEqual(["1.3.6.1.1.8"]);
    const abort = new AbortController();
    const next = connection.search(request, { signal: abort.signal }).next();
    abort.abort();
    await expect(next).rejects.toMatchObject({ name: "AbortError" });
    await server.received(1);
    expect(server.others).toEqual(["30190201037714800b312e332e362e312e312e3881053003020102"]);
    expect(await collect(connection)).toEqual([{ kind: "done", controls: [] }]);
  });

  test("a search that the server will not cancel is abandoned", async () => {
    let last: Promise<Buffer | undefined> | undefined;
    await using server = await startScriptedServer(async (peer) => {
      await peer.request();
      peer.send(entry(1, "", { supportedExtension: ["1.3.6.1.1.8"] }), searchDone(1));
      await peer.request();
      await peer.request();
      peer.send(extendedResponse(3, 121));
      last = peer.request();
      await last;
      peer.socket.end();
    });
    await using connection = await connect({ url: server.url });
    await connection.readRootDse();
    const abort = new AbortController();
    const next = connection.search(request, { signal: abort.signal }).next();
    abort.abort();
    await expect(next).rejects.toMatchObject({ name: "AbortError" });
    await connection.closed;
    expect((await last)?.toString("hex")).toBe("3006020104500102");
  });

  test("a signal that is aborted already sends nothing", async () => {
    await using server = await searchServer(() => {});
    const connection = await connect({ url: server.url });
    const search = connection.search(request, { signal: AbortSignal.abort() });
    await expect(search.next()).rejects.toMatchObject({ name: "AbortError" });
    expect(await search.next()).toEqual({ done: true, value: undefined });
    await connection.close();
    await server.received(1);
    expect(server.others).toEqual(["30050201014200"]);
  });
});

describe("back-pressure", () => {
  const highWaterMark = 100_000;
  const photo = Buffer.alloc(1000, 1);
  const count = 20_000;

  /** Sends 20 MB of entries as fast as the client takes them. */
  function flood(id: number, peer: Peer): void {
    let sent = 0;
    const push = () => {
      while (sent < count) {
        sent += 1;
        if (!peer.socket.write(entry(id, `cn=${sent}`, { photo: [photo] }))) {
          peer.socket.once("drain", push);
          return;
        }
      }
      peer.send(searchDone(id));
    };
    push();
  }

  test("a reader that sleeps stops the reading, and then gets every entry", async () => {
    await using server = await searchServer(flood);
    await using connection = await connect({ url: server.url, highWaterMark });
    const search = connection.search(request);
    const first = await search.next();
    let entries = first.value?.length ?? 0;

    // Many more turns of the event loop than it takes to fill the buffer.
    let most = 0;
    for (let turn = 0; turn < 1000; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, connection.bufferedBytes);
    }
    expect(most).toBeGreaterThanOrEqual(highWaterMark);
    // What was read in one go when the mark was passed: at most a chunk of 64 KiB.
    expect(most).toBeLessThan(highWaterMark + 65_536 + 2_000);

    for await (const batch of search) entries += batch.length;
    expect(entries).toBe(count + 1);
    expect(connection.bufferedBytes).toBe(0);
  });

  test("what is read to its end before the rest comes all the same", async () => {
    await using server = await searchServer((id, peer) => {
      if (id === 1) flood(id, peer);
      else peer.send(entry(id, "", { namingContexts: ["o=x"] }), searchDone(id));
    });
    await using connection = await connect({ url: server.url, highWaterMark });
    const search = connection.search(request);
    const first = await search.next();
    while (connection.bufferedBytes < highWaterMark) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await connection.readRootDse()).namingContexts).toEqual(["o=x"]);
    // And then stops again, as before.
    await search.next();
    while (connection.bufferedBytes < highWaterMark) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    let entries = 0;
    for await (const batch of search) entries += batch.length;
    expect(entries).toBeGreaterThan(first.value?.length ?? 0);
  });

  test("a search that is given up lets the others go on", async () => {
    await using server = await searchServer((id, peer) => {
      if (id === 1) flood(id, peer);
      else peer.send(searchDone(id));
    });
    await using connection = await connect({ url: server.url, highWaterMark });
    const search = connection.search(request);
    await search.next();
    while (connection.bufferedBytes < highWaterMark) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await search.return?.();
    expect(await collect(connection)).toEqual([{ kind: "done", controls: [] }]);
  });
});

describe("the end of a connection", () => {
  test("a Notice of Disconnection is an error with the server's reason (RFC 4511 §4.4.1)", async () => {
    await using server = await searchServer((_, peer) =>
      peer.send(extendedResponse(0, 52, "1.3.6.1.4.1.1466.20036")),
    );
    await using connection = await connect({ url: server.url });
    await expect(collect(connection)).rejects.toMatchObject({
      code: "ldap_disconnected",
      resultCode: 52,
      resultName: "unavailable",
      retryable: true,
    });
    await connection.closed;
    await expect(collect(connection)).rejects.toMatchObject({ code: "ldap_disconnected" });
  });

  test("a notice that the session is not safe is not worth another try", async () => {
    await using server = await searchServer((_, peer) =>
      peer.send(extendedResponse(0, 8, "1.3.6.1.4.1.1466.20036")),
    );
    await using connection = await connect({ url: server.url });
    await expect(collect(connection)).rejects.toMatchObject({ resultCode: 8, retryable: false });
  });

  test("a notification that is not known is ignored (RFC 4511 §4.4)", async () => {
    await using server = await searchServer((id, peer) =>
      peer.send(extendedResponse(0, 0, "1.2.3"), searchDone(id)),
    );
    await using connection = await connect({ url: server.url });
    expect(await collect(connection)).toEqual([{ kind: "done", controls: [] }]);
  });

  test("close() ends searches under way, and later ones never begin", async () => {
    await using server = await searchServer(() => {});
    const connection = await connect({ url: server.url });
    const next = connection.search(request).next();
    const ended = expect(next).rejects.toThrow(LdapConnectionClosedError);
    await connection.close();
    await ended;
    await expect(collect(connection)).rejects.toMatchObject({ code: "ldap_connection_closed" });
    await connection.close();
  });

  test("a server that reads nothing does not keep close() from ending", async () => {
    await using server = await startScriptedServer((peer) => {
      peer.socket.pause();
    });
    const connection = await connect({ url: server.url });
    const filter = `(cn=${"x".repeat(100_000)})`;
    const search = () => connection.search({ base: "", filter }).next();
    const searches = Promise.allSettled(Array.from({ length: 100 }, search));
    await connection.close();
    for (const { status } of await searches) expect(status).toBe("rejected");
  });

  test("closed is fulfilled when the server hangs up, even if nothing is under way", async () => {
    await using server = await startScriptedServer(async (peer) => {
      peer.send(bindResponse(idOf((await peer.request()) ?? Buffer.alloc(0))));
      peer.socket.end();
    });
    const connection = await connect({ url: server.url, bind: { method: "external" } });
    await connection.closed;
    await expect(collect(connection)).rejects.toMatchObject({
      code: "ldap_connection_lost",
      retryable: true,
    });
  });

  test("a server that has gone silent is found out by asking", async () => {
    await using server = await startScriptedServer(() => {});
    await using connection = await connect({ url: server.url, probeInterval: 20 });
    await expect(collect(connection)).rejects.toThrow(/has stopped answering/);
  });

  test("a server that has nothing to say but answers when asked is kept", async () => {
    let probes = 0;
    await using server = await searchServer((id, peer) => {
      if (id === 1) return;
      probes += 1;
      peer.send(entry(id, ""), searchDone(id));
      if (probes === 3) peer.send(searchDone(1));
    });
    await using connection = await connect({ url: server.url, probeInterval: 20 });
    expect(await collect(connection)).toEqual([{ kind: "done", controls: [] }]);
  });
});
