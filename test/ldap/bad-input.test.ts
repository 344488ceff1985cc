import {
  type ConnectOptions,
  connect,
  LdapConnectionLostError,
  LdapError,
  LdapMessageTooLargeError,
  LdapProtocolError,
  type SearchMessage,
} from "concordat/ldap";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ber,
  bindResponse,
  entry,
  extendedResponse,
  message,
  type Peer,
  type ScriptedServer,
  searchDone,
  startScriptedServer,
} from "./scripted-server.js";

/** How a search goes with a server that answers it with these chunks, then closes the connection. */
async function outcomeOf(
  chunks: readonly Uint8Array[],
  options: Partial<ConnectOptions> = {},
): Promise<{ readonly messages: readonly SearchMessage[]; readonly error?: unknown }> {
  answer = async (peer) => {
    for (const chunk of chunks) {
      peer.send(chunk);
      // Nagle's algorithm is off, so each chunk leaves in a segment of its own.
      await new Promise((resolve) => setImmediate(resolve));
    }
    peer.socket.end();
  };
  const messages: SearchMessage[] = [];
  await using connection = await connect({ ...options, url: server.url });
  try {
    for await (const batch of connection.search({ base: "", filter: "(cn=*)" })) {
      messages.push(...batch);
    }
    return { messages };
  } catch (error) {
    return { messages, error };
  }
}

let server: ScriptedServer;
let answer: (peer: Peer) => Promise<void>;

beforeAll(async () => {
  server = await startScriptedServer(async (peer) => {
    peer.socket.setNoDelay(true);
    if ((await peer.request()) !== undefined) await answer(peer);
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** An entry with an attribute that has these for its values, and with a control, so that it does not end with them. */
function attributeWith(...values: readonly Buffer[]): Buffer {
  const attribute = ber(0x30, ber(0x04, "cn"), ber(0x31, ...values));
  const entry = ber(0x64, ber(0x04), ber(0x30, attribute));
  return message(1, entry, ber(0xa0, ber(0x30, ber(0x04, "1.2"))));
}

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

describe("an answer that is not LDAP", () => {
  test.each([
    ["garbage", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), /not an LDAP message/],
    ["a TLS alert", bytes("15 0303 0002 0228"), /use ldaps:/],
    ["an indefinite length", bytes("30 80 020101 0000"), /indefinite/],
    ["a length of five octets", bytes("30 85 0100000000"), /in 5 octets/],
    ["a message that is empty", bytes("30 00"), /cut short/],
    ["a message id that is no integer", bytes("30 05 040101 6500"), /tag 0x04 in place of 0x02/],
    ["a message id of nine octets", bytes("30 0d 0209 010000000000000000 6500"), /9 octets/],
    ["a message id below zero", bytes("30 05 0201ff 6500"), /negative/],
    ["a message without an operation", bytes("30 03 020101"), /no operation/],
    ["an operation that only clients send", bytes("30 05 020101 4200"), /no answer to any request/],
    ["an element that is longer than its parent", bytes("30 07 020101 650a 0a01"), /longer than/],
    ["an element without a length", bytes("30 04 020101 65"), /cut short/],
    ["an indefinite length within", bytes("30 09 020101 6580 0a0100 00"), /indefinite/],
    ["a result without a code", bytes("30 05 020101 6500"), /cut short/],
    ["a result code of the wrong type", bytes("30 0c 020101 6507 020100 0400 0400"), /tag 0x02/],
    [
      "a DN that is not UTF-8",
      message(1, ber(0x64, ber(0x04, Buffer.of(0xc3, 0x28)), ber(0x30))),
      /UTF-8/,
    ],
    [
      "a DN in a constructed string",
      message(1, ber(0x64, ber(0x24, ber(0x04)), ber(0x30))),
      /tag 0x24/,
    ],
    [
      "an attribute without a name",
      message(1, ber(0x64, ber(0x04), ber(0x30, ber(0x30, ber(0x04), ber(0x31))))),
      /no name/,
    ],
    [
      "values that are no set",
      message(1, ber(0x64, ber(0x04), ber(0x30, ber(0x30, ber(0x04, "cn"), ber(0x30))))),
      /tag 0x30 in place of 0x31/,
    ],
    [
      "a value that reaches to the end of the message",
      attributeWith(ber(0x04, "a"), Buffer.of(0x04, 10, 0x61)),
      /longer than/,
    ],
    ["a value without a length", attributeWith(ber(0x04, "a"), Buffer.of(0x04)), /cut short/],
    ["a value that is no string", attributeWith(ber(0x04, "a"), ber(0x02, "a")), /tag 0x02/],
    [
      "a control whose criticality is two octets long",
      message(1, ber(0x79), ber(0xa0, ber(0x30, ber(0x04, "1.2"), ber(0x01, "xx")))),
      /boolean/,
    ],
    ["an answer to a request never made", searchDone(2), /never made/],
    ["a bind response to a search", bindResponse(1), /something other/],
    ["an extended response to a search", extendedResponse(1), /something other/],
    ["an entry without a request", entry(0, "cn=a"), /not a notification/],
  ])("%s is a protocol error", async (_, sent, expected) => {
    const { messages, error } = await outcomeOf([entry(1, "cn=a"), sent]);
    expect(error).toBeInstanceOf(LdapProtocolError);
    expect(error).toMatchObject({ code: "ldap_protocol", retryable: false });
    expect(String(error)).toMatch(expected);
    // What came before was in order.
    expect(messages).toMatchObject([{ dn: "cn=a" }]);
  });

  test("a message that ends in the middle is a lost connection", async () => {
    const whole = entry(1, "cn=a", { cn: ["a"] });
    for (const length of [1, 2, 5, 6, 7, whole.length - 1]) {
      const { error } = await outcomeOf([whole.subarray(0, length)]);
      expect(error).toBeInstanceOf(LdapConnectionLostError);
      expect(String(error)).toContain("in the middle of a message");
    }
  });

  test("a server that closes without a word is a lost connection", async () => {
    const { error } = await outcomeOf([]);
    expect(error).toMatchObject({ code: "ldap_connection_lost", retryable: true });
  });
});

describe("the size of a message", () => {
  test("4 GiB are refused as soon as they are announced", async () => {
    const { error } = await outcomeOf([bytes("30 84 ffffffff")]);
    expect(error).toBeInstanceOf(LdapMessageTooLargeError);
    expect(error).toMatchObject({ size: 4_294_967_301, limit: 33_554_432 });
  });

  test("an entry of 10 MB is read, byte by byte the same", async () => {
    const photo = Buffer.alloc(10_000_000, "0123456789");
    const { messages, error } = await outcomeOf([
      entry(1, "cn=a", { photo: [photo] }),
      searchDone(1),
    ]);
    expect(error).toBeUndefined();
    const [found] = messages;
    if (found?.kind !== "entry") throw new Error("There is no entry.");
    expect(photo.equals(found.attributes[0]?.values[0] ?? Buffer.alloc(0))).toBe(true);
  });

  test("an entry longer than maxMessageSize is an error that names the limit", async () => {
    const sent = [entry(1, "cn=a", { photo: [Buffer.alloc(10_000)] }), searchDone(1)];
    const { error } = await outcomeOf(sent, { maxMessageSize: 10_000 });
    expect(error).toMatchObject({
      code: "ldap_message_too_large",
      limit: 10_000,
      retryable: false,
    });
    expect(String(error)).toMatch(/Raise maxMessageSize/);
  });

  test("the limit itself is allowed", async () => {
    const sent = entry(1, "cn=a", { photo: [Buffer.alloc(10_000)] });
    const { messages } = await outcomeOf([sent, searchDone(1)], { maxMessageSize: sent.length });
    expect(messages).toMatchObject([{ dn: "cn=a" }, { kind: "done" }]);
  });
});

describe("properties", () => {
  const stream = Buffer.concat([
    entry(1, "cn=a,o=é", { cn: ["a", ""], photo: [Buffer.alloc(300, 7)], none: [] }),
    bytes("30 0c 020101 7907 8005 312e322e33"),
    message(1, ber(0x73, ber(0x04, "ldap://a/"))),
    entry(1, "", {}),
    searchDone(1),
  ]);

  test("any split of the stream into chunks gives the same messages", async () => {
    const { messages: expected } = await outcomeOf([stream]);
    expect(expected).toHaveLength(5);
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: stream.length - 1 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(cuts, async (positions) => {
        const ends = [...positions.sort((a, b) => a - b), stream.length];
        const chunks = ends.map((end, index) => stream.subarray(ends[index - 1] ?? 0, end));
        expect(await outcomeOf(chunks)).toEqual({ messages: expected });
      }),
    );
  });

  test("the stream byte by byte gives the same messages", async () => {
    const { messages: expected } = await outcomeOf([stream]);
    const chunks = Array.from(stream, (octet) => Buffer.of(octet));
    expect(await outcomeOf(chunks)).toEqual({ messages: expected });
  });

  test("any bytes give messages or an error of this package", async () => {
    const noise = fc.uint8Array({ maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(noise, async (sent) => {
        expect((await outcomeOf([sent])).error).toBeInstanceOf(LdapError);
      }),
    );
  });

  test("a good stream with any octets changed gives messages or an error of this package", async () => {
    const changes = fc.array(fc.tuple(fc.nat(stream.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const damaged = Buffer.from(stream);
        for (const [position, octet] of list) damaged[position] = octet;
        const { error } = await outcomeOf([damaged]);
        if (error !== undefined) expect(error).toBeInstanceOf(LdapError);
      }),
      { numRuns: 500 },
    );
  });
});
