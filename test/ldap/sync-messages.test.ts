import { LdapProtocolError } from "concordat/ldap";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  readSyncDone,
  readSyncInfo,
  readSyncState,
  syncRequest,
} from "../../src/ldap/wire/sync-messages.js";

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
const state = (hex: string) =>
  readSyncState([{ oid: "1.3.6.1.4.1.4203.1.9.1.2", value: bytes(hex) }]);
const done = (hex: string) =>
  readSyncDone([{ oid: "1.3.6.1.4.1.4203.1.9.1.3", value: bytes(hex) }]);
const info = (hex: string) => readSyncInfo(bytes(hex));

const uuid = "00112233445566778899aabbccddeeff";
const id = "00112233-4455-6677-8899-aabbccddeeff";

describe("Sync Request Control (RFC 4533 §2.2)", () => {
  test("refreshOnly without a cookie", () => {
    expect(syncRequest("refreshOnly")).toEqual({
      oid: "1.3.6.1.4.1.4203.1.9.1.1",
      critical: true,
      value: bytes("3003 0a0101"),
    });
  });

  test("refreshAndPersist with a cookie", () => {
    const control = syncRequest("refreshAndPersist", Buffer.from("rid=000"));
    expect(control.value).toEqual(bytes("300c 0a0103 0407 7269643d303030"));
  });

  test("a long cookie has a long length", () => {
    const value = syncRequest("refreshOnly", Buffer.alloc(300, 0x61)).value ?? Buffer.alloc(0);
    expect(Buffer.from(value.subarray(0, 11))).toEqual(bytes("30820133 0a0101 0482012c"));
    const middling = syncRequest("refreshOnly", Buffer.alloc(200, 0x61)).value ?? Buffer.alloc(0);
    expect(Buffer.from(middling.subarray(0, 9))).toEqual(bytes("3081ce 0a0101 0481c8"));
  });

  test("a cookie without end is not sent", () => {
    expect(() => syncRequest("refreshOnly", Buffer.alloc(10_000))).toThrow(RangeError);
  });
});

describe("Sync State Control (RFC 4533 §2.3)", () => {
  test.each([
    ["00", "present"],
    ["01", "add"],
    ["02", "modify"],
    ["03", "delete"],
  ])("state %s is %s", (code, name) => {
    expect(state(`3015 0a01${code} 0410${uuid}`)).toEqual({ state: name, id });
  });

  test("with a cookie", () => {
    expect(state(`3018 0a0102 0410${uuid} 0401 78`)).toEqual({
      state: "modify",
      id,
      cookie: Buffer.from("x"),
    });
  });

  test("lengths in more octets than they need, as BER allows", () => {
    expect(state(`308400000016 0a0101 048110${uuid}`)).toEqual({ state: "add", id });
  });

  test.each([
    ["a state that does not exist", `3015 0a0104 0410${uuid}`],
    ["a UUID that is too short", `3014 0a0101 040f${uuid.slice(2)}`],
    ["a cut value", `3015 0a0101 0410${uuid.slice(2)}`],
    ["something after the end", `3015 0a0101 0410${uuid} 00`],
    ["a field too many", `3018 0a0101 0410${uuid} 0101ff`],
    ["nothing", ""],
  ])("refuses %s", (_, hex) => {
    expect(() => state(hex)).toThrow(LdapProtocolError);
  });

  test("refuses an entry without the control", () => {
    expect(() => readSyncState([])).toThrow(LdapProtocolError);
  });
});

describe("Sync Done Control (RFC 4533 §2.4)", () => {
  test.each([
    ["3000", { refreshDeletes: false }],
    ["3003 0101ff", { refreshDeletes: true }],
    ["3002 0400", { refreshDeletes: false, cookie: Buffer.alloc(0) }],
    ["3006 0401 78 0101ff", { refreshDeletes: true, cookie: Buffer.from("x") }],
  ])("%s", (hex, expected) => {
    expect(done(hex)).toEqual(expected);
  });

  test("refuses a search that ends without the control", () => {
    expect(() => readSyncDone([])).toThrow(LdapProtocolError);
  });
});

describe("Sync Info Message (RFC 4533 §2.5)", () => {
  test.each([
    ["8001 78", { kind: "newCookie", cookie: Buffer.from("x") }],
    ["a100", { kind: "refreshDelete", refreshDone: true }],
    ["a103 010100", { kind: "refreshDelete", refreshDone: false }],
    ["a203 0401 78", { kind: "refreshPresent", refreshDone: true, cookie: Buffer.from("x") }],
    ["a302 3100", { kind: "idSet", refreshDeletes: false, ids: [] }],
    [
      `a32c 0401 78 0101ff 3124 0410${uuid} 0410${"0f".repeat(16)}`,
      {
        kind: "idSet",
        refreshDeletes: true,
        ids: [id, "0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f"],
        cookie: Buffer.from("x"),
      },
    ],
  ])("%s", (hex, expected) => {
    expect(info(hex)).toEqual(expected);
  });

  test.each([
    ["another choice", "a400"],
    ["no set of ids", "a303 0101ff"],
    ["an id that is none", "a306 3104 0402 6161"],
    ["nothing", ""],
    ["something after the end", "a10000"],
  ])("refuses %s", (_, hex) => {
    expect(() => info(hex)).toThrow(LdapProtocolError);
  });
});

test("whatever the bytes, the outcome is a message or a typed error", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        // Right at the beginning, so that more than the first octet is read.
        fc.uint8Array({ maxLength: 40 }).map((rest) => Buffer.from([0x30, rest.length, ...rest])),
        fc.uint8Array({ maxLength: 40 }).map((rest) => Buffer.from([0xa3, rest.length, ...rest])),
      ),
      (value) => {
        for (const read of [
          () => readSyncState([{ oid: "1.3.6.1.4.1.4203.1.9.1.2", value }]),
          () => readSyncDone([{ oid: "1.3.6.1.4.1.4203.1.9.1.3", value }]),
          () => readSyncInfo(value),
        ]) {
          try {
            read();
          } catch (error) {
            expect(error).toBeInstanceOf(LdapProtocolError);
          }
        }
      },
    ),
  );
});
