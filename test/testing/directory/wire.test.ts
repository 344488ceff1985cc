import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Directory, startDirectory } from "concordat/testing/directory";
import { Client } from "ldapts";
import { describe, expect, test } from "vitest";
import { makeCertificates } from "../../integration/certificates.js";
import { WireClient } from "../../integration/directory-scenario-wire.js";

/** Sends bytes and returns all that comes back until the server ends the connection, in hexadecimal. */
async function exchange(directory: Directory, ...chunks: string[]): Promise<string> {
  const { hostname, port } = new URL(directory.url);
  const socket = connect(Number(port), hostname);
  const received: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => received.push(chunk));
  await once(socket, "connect");
  for (const chunk of chunks) socket.write(Buffer.from(chunk, "hex"));
  await once(socket, "close");
  return Buffer.concat(received).toString("hex");
}

const bindAnonymously = "300c020101600702010304008000";
const bindSuccess = "300c02010161070a010004000400";
const unbind = "30050201034200";

function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}

describe("bytes on the wire", () => {
  test("a bind and an unbind", async () => {
    await using directory = await startDirectory();
    expect(await exchange(directory, bindAnonymously, unbind)).toBe(bindSuccess);
  });

  test("requests that arrive byte by byte, and several at once", async () => {
    await using directory = await startDirectory();
    const bytes = `${bindAnonymously}${unbind}`.match(/../g) ?? [];
    expect(await exchange(directory, ...bytes)).toBe(bindSuccess);
    const both = `${bindAnonymously}${bindAnonymously}${unbind}`;
    expect(await exchange(directory, both)).toBe(`${bindSuccess}${bindSuccess}`);
  });

  test("a resume: the deletion, the change, and the end", async () => {
    let minute = 0;
    let bytes = 0;
    await using directory = await startDirectory({
      now: () => new Date(Date.UTC(2026, 0, 1, 0, minute++)),
      // The bytes of the first UUID are 0, those of the second 1.
      random: () => Math.floor(bytes++ / 16) / 256,
      entries: [{ dn: "o=x", attributes: { objectClass: "organization", o: "x" } }],
      suffix: "o=x",
      adminDn: "cn=a",
      password: "b",
    });
    const cookie = `rid=000,csn=${directory.entry("o=x")?.entryCSN}`;
    directory.add("cn=y,o=x", { objectClass: "device", cn: "y" });
    directory.delete("cn=y,o=x");
    directory.modify("o=x", { add: { st: "z" } });
    await using client = await WireClient.connect(directory);
    const search = client.search({
      base: "o=x",
      attributes: ["st"],
      sync: { mode: 1, cookie },
    });
    const first = "00000000000040008000000000000000";
    const second = "01010101010141018101010101010101";
    const csns = {
      first: "20260101000000.000000Z#000000#000#000000",
      deleted: "20260101000400.000000Z#000000#000#000000",
      last: "20260101000500.000000Z#000000#000#000000",
    };
    // syncIdSet [3] { cookie, refreshDeletes TRUE, SET { uuid } }
    const gone = hex(`rid=000,csn=${csns.first},delcsn=${csns.deleted}`);
    expect((await client.next(search))?.operation.toString("hex")).toBe(
      `8018${hex("1.3.6.1.4.1.4203.1.9.1.4")}817fa37d0464${gone}` + `0101ff31120410${second}`,
    );
    const changed = await client.next(search);
    expect(changed?.operation.toString("hex")).toBe(
      `0403${hex("o=x")}300b30090402${hex("st")}31030401${hex("z")}`,
    );
    expect(changed?.controls.get("1.3.6.1.4.1.4203.1.9.1.2")?.toString("hex")).toBe(
      `30150a01010410${first}`,
    );
    const done = await client.next(search);
    expect(done?.operation.toString("hex")).toBe("0a010004000400");
    expect(done?.controls.get("1.3.6.1.4.1.4203.1.9.1.3")?.toString("hex")).toBe(
      `3039${"0434"}${hex(`rid=000,csn=${csns.last}`)}0101ff`,
    );
  });
});

describe("bytes that are no request", () => {
  test.each([
    ["garbage", hex("GET / HTTP/1.1\r\n\r\n")],
    ["a length of four gigabytes", "3084ffffffff"],
    ["a length of indefinite form", "3080"],
    ["a length of five bytes", "30850100000000"],
    ["an operation that is not known", "300502010140 00".replace(" ", "")],
    ["an element that reaches beyond its end", "30060201016005ff"],
    ["an empty message", "3000"],
    ["a message id of nine bytes", "300d0209010101010101010101" + "4200"],
    ["a filter nested a thousand deep", nestedFilter(1000)],
  ])("%s: the client is told, and the connection ends", async (_, bytes) => {
    await using directory = await startDirectory();
    const answer = await exchange(directory, bytes);
    // An ExtendedResponse with the message id 0, protocolError, and the name of RFC 4511 §4.4.1.
    expect(answer).toContain("0a0102");
    expect(answer).toMatch(new RegExp(`8a16${hex("1.3.6.1.4.1.1466.20036")}$`));
    expect(await exchange(directory, bindAnonymously, unbind)).toBe(bindSuccess);
  });

  test("a client that goes away in the middle of a request", async () => {
    await using directory = await startDirectory();
    const { hostname, port } = new URL(directory.url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket.write(Buffer.from("3084000000ff0201", "hex"));
    socket.destroy();
    expect(await exchange(directory, bindAnonymously, unbind)).toBe(bindSuccess);
    await expect.poll(() => directory.connections).toBe(0);
  });
});

/** A search whose filter is so many negations of a presence. */
function nestedFilter(depth: number): string {
  let filter: Buffer = Buffer.from("870163", "hex");
  for (let level = 0; level < depth; level++) filter = tlv(0xa2, filter);
  const search = tlv(
    0x63,
    Buffer.concat([
      Buffer.from("0400" + "0a0102" + "0a0100" + "020100" + "020100" + "010100", "hex"),
      filter,
      Buffer.from("3000", "hex"),
    ]),
  );
  return tlv(0x30, Buffer.concat([Buffer.from("020101", "hex"), search])).toString("hex");
}

function tlv(tag: number, content: Buffer): Buffer {
  const header = Buffer.from([tag, 0x82, content.length >> 8, content.length & 0xff]);
  return Buffer.concat([header, content]);
}

describe("TLS", () => {
  test("ldaps and StartTLS, with a certificate of one's own", async () => {
    const temporary = await mkdtemp(join(tmpdir(), "concordat-directory-"));
    const { caFile, certFile, keyFile } = await makeCertificates(temporary);
    const [ca, cert, key] = await Promise.all(
      [caFile, certFile, keyFile].map((file) => readFile(file)),
    );
    await rm(temporary, { recursive: true });
    if (!ca || !cert || !key) throw new Error("There are no certificates.");
    await using directory = await startDirectory({ tls: { cert, key } });

    const secure = new Client({ url: directory.ldapsUrl ?? "", tlsOptions: { ca: ca.toString() } });
    await secure.bind(directory.adminDn, directory.password);
    const found = await secure.search(directory.suffix, { scope: "base", attributes: ["o"] });
    expect(found.searchEntries).toEqual([{ dn: directory.suffix, o: "Example" }]);
    await secure.unbind();

    const upgraded = new Client({ url: directory.url.replace("127.0.0.1", "localhost") });
    await upgraded.startTLS({ ca: ca.toString() });
    await upgraded.bind(directory.adminDn, directory.password);
    const again = await upgraded.search(directory.suffix, { scope: "base", attributes: ["o"] });
    expect(again.searchEntries).toEqual([{ dn: directory.suffix, o: "Example" }]);
    await expect(upgraded.startTLS({ ca: ca.toString() })).rejects.toThrow();
    await upgraded.unbind();

    // What a stranger put behind the request in the clear is not carried out (RFC 4511 §4.14.1).
    const startTls = `301d02010177188016${hex("1.3.6.1.4.1.1466.20037")}`;
    const { hostname, port } = new URL(directory.url);
    const socket = connect(Number(port), hostname);
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("hex");
    });
    socket.write(Buffer.from(`${startTls}${bindAnonymously}`, "hex"));
    await once(socket, "data");
    socket.write(Buffer.from(hex("this is no handshake"), "hex"));
    await once(socket, "close");
    expect(answer).toContain("0a0100");
    expect(answer).not.toContain(bindSuccess);
  });

  test("without a certificate StartTLS is refused", async () => {
    await using directory = await startDirectory();
    expect(directory.ldapsUrl).toBeUndefined();
    const client = new Client({ url: directory.url });
    await expect(client.startTLS({})).rejects.toThrow("TLS is not offered here");
  });
});

describe("a client that does not read", () => {
  test("does not hold up the others, and is given up when too many changes wait", async () => {
    await using directory = await startDirectory({ maxQueuedChanges: 50 });
    const content = { base: directory.suffix, filter: "(objectClass=device)" };
    await using other = await WireClient.connect(directory);
    const live = other.search({ ...content, attributes: ["1.1"], sync: { mode: 3 } });
    await other.next(live);
    await using slow = await WireClient.connect(directory);
    const stuck = slow.search({ ...content, sync: { mode: 3 } });
    await slow.next(stuck);
    slow.pause();
    // More than the buffers of the connection and the queue can hold together.
    for (let number = 0; number < 300; number++) {
      const cn = `big${number}`;
      const dn = `cn=${cn},${directory.suffix}`;
      directory.add(dn, { objectClass: "device", cn, description: "x".repeat(100_000) });
      expect((await other.next(live))?.operation.includes(dn)).toBe(true);
    }
    slow.resume();
    let last = await slow.next(stuck);
    while (last?.tag === 0x64) last = await slow.next(stuck);
    expect(last?.tag).toBe(0x65);
    expect(last?.operation.subarray(0, 3).toString("hex")).toBe("0a0133"); // busy
  });
});
