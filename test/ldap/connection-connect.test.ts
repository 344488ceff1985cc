import { inspect } from "node:util";
import { type ConnectOptions, connect } from "concordat/ldap";
import { describe, expect, test } from "vitest";
import {
  ber,
  bindResponse,
  entry,
  extendedResponse,
  idOf,
  message,
  type Peer,
  searchDone,
  startScriptedServer,
} from "./scripted-server.js";

const password = "Tr0ub4dor&3";
const bind = { method: "simple", dn: "cn=sync,o=x", password } as const;

/** How connecting to a server fails that does this. */
async function failureOf(
  script: (peer: Peer) => void | Promise<void>,
  options: Partial<ConnectOptions> = {},
): Promise<unknown> {
  await using server = await startScriptedServer(script);
  return await failure({ url: server.url, ...options });
}

async function failure(options: ConnectOptions): Promise<unknown> {
  const attempt = connect(options);
  return attempt.then(
    async (connection) => {
      await connection.close();
      return undefined;
    },
    (error: unknown) => error,
  );
}

/** What JavaScript, or a variable of the environment that is not there, makes of a text. */
const missing = undefined as never;

/** An address of a machine that does not exist, since the network is reserved for documentation (RFC 5737). */
const nowhere = "ldap://192.0.2.1";

describe("what is refused before anything is sent", () => {
  test.each<[string, Partial<ConnectOptions>, object]>([
    ["a password in clear text", { bind }, { code: "ldap_cleartext" }],
    [
      "a name without a password, which is an unauthenticated bind (RFC 4513 §5.1.2)",
      { url: "ldaps://192.0.2.1", bind: { ...bind, password: "" } },
      { code: "invalid_value", path: "bind.password" },
    ],
    [
      "a password without a name",
      { url: "ldaps://192.0.2.1", bind: { ...bind, dn: "" } },
      { code: "invalid_value", path: "bind.dn" },
    ],
    [
      "StartTLS where there is TLS already",
      { url: "ldaps://192.0.2.1", startTls: true },
      { code: "invalid_value", path: "startTls" },
    ],
    [
      "a password that was never set",
      { url: "ldaps://192.0.2.1", bind: { ...bind, password: missing } },
      { code: "invalid_value", path: "bind.password" },
    ],
    [
      "a name that was never set",
      { url: "ldaps://192.0.2.1", bind: { ...bind, dn: missing } },
      { code: "invalid_value", path: "bind.dn" },
    ],
    [
      "options of TLS without TLS",
      { tls: { minVersion: "TLSv1.3" } },
      { code: "invalid_value", path: "tls" },
    ],
    [
      "options of TLS for a local socket",
      { url: "ldapi://%2Frun%2Fldapi", tls: {} },
      { code: "invalid_value", path: "tls" },
    ],
    ["a URL that is none", { url: "directory.example" }, { code: "invalid_value", path: "url" }],
    ["another scheme", { url: "https://directory.example" }, { path: "url" }],
    ["a URL with a base", { url: "ldap://directory.example/dc=example" }, { path: "url" }],
    ["a URL with a filter", { url: "ldap://directory.example??sub" }, { path: "url" }],
    ["a URL without a host", { url: "ldap://" }, { path: "url" }],
    ["port 0", { url: "ldap://directory.example:0" }, { path: "url" }],
    ["a socket that is not absolute", { url: "ldapi://ldapi" }, { path: "url" }],
    ["broken percent-encoding", { url: "ldapi://%2" }, { path: "url" }],
    ["no time at all", { connectTimeout: 0 }, { path: "connectTimeout" }],
    ["a limit below zero", { maxMessageSize: -1 }, { path: "maxMessageSize" }],
    ["a mark that is no number", { highWaterMark: Number.NaN }, { path: "highWaterMark" }],
    ["half a millisecond", { probeInterval: 0.5 }, { path: "probeInterval" }],
  ])("%s", async (_, options, expected) => {
    expect(await failure({ url: nowhere, ...options })).toMatchObject(expected);
  });

  const pem = (label: string, text: string) =>
    `-----BEGIN ${label}-----\n${Buffer.from(text).toString("base64")}\n-----END ${label}-----\n`;
  test.each<[string, NonNullable<ConnectOptions["tls"]>]>([
    ["a key that is none", { key: pem("PRIVATE KEY", "very secret") }],
    ["a certificate that is none", { cert: pem("CERTIFICATE", "very secret") }],
    ["a version of TLS that there is not", { minVersion: "TLSv9" as never }],
  ])("%s, which is not repeated", async (_, tls) => {
    const error = await failure({ url: "ldaps://192.0.2.1", tls });
    expect(error).toMatchObject({ code: "invalid_value", path: "tls", cause: expect.any(Error) });
    const secret = Buffer.from("very secret").toString("base64");
    expect(inspect(error, { depth: 5 })).not.toContain(secret);
  });

  test("a URL with credentials, which are not repeated", async () => {
    const error = await failure({ url: `ldaps://cn=sync:${password}@directory.example` });
    expect(error).toMatchObject({ code: "invalid_value", path: "url" });
    expect(String(error)).not.toContain(password);
  });

  test("a signal that is aborted already", async () => {
    const error = await failure({ url: nowhere, signal: AbortSignal.abort(new Error("no more")) });
    expect(error).toEqual(new Error("no more"));
  });
});

describe("nobody there", () => {
  test("a host name that does not exist (RFC 6761 §6.4)", async () => {
    expect(await failure({ url: "ldap://directory.invalid" })).toMatchObject({
      code: "ldap_connect",
      reason: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/),
      message: expect.stringContaining("directory.invalid:389"),
    });
  });

  test("a port on which no server listens", async () => {
    const server = await startScriptedServer(() => {});
    await server[Symbol.asyncDispose]();
    expect(await failure({ url: server.url })).toMatchObject({
      code: "ldap_connect",
      reason: "ECONNREFUSED",
      retryable: true,
    });
  });

  test("a socket that is not there", async () => {
    expect(await failure({ url: "ldapi://%2Fnonexistent%2Fldapi" })).toMatchObject({
      code: "ldap_connect",
      reason: "ENOENT",
      message: expect.stringContaining("/nonexistent/ldapi"),
    });
  });

  test.each<[string, Partial<ConnectOptions>]>([
    ["the bind", { allowCleartext: true, bind }],
    ["StartTLS", { startTls: true }],
    ["the TLS handshake", { url: "ldaps" }],
  ])("a server that never answers %s is given up after connectTimeout", async (_, options) => {
    await using server = await startScriptedServer(() => {});
    const url = options.url ? server.url.replace("ldap:", "ldaps:") : server.url;
    const error = await failure({ connectTimeout: 50, ...options, url });
    expect(error).toMatchObject({ code: "ldap_connect", reason: "ETIMEDOUT", retryable: true });
  });

  test("a password that never comes is waited for no longer than connectTimeout", async () => {
    const error = await failureOf(() => {}, {
      connectTimeout: 50,
      allowCleartext: true,
      bind: { ...bind, password: () => new Promise<string>(() => {}) },
    });
    expect(error).toMatchObject({ code: "ldap_connect", reason: "ETIMEDOUT" });
  });

  test("certificates that never come are waited for no longer than connectTimeout", async () => {
    const options: ConnectOptions = {
      url: "ldaps://192.0.2.1",
      connectTimeout: 50,
      tls: () => new Promise(() => {}),
    };
    expect(await failure(options)).toMatchObject({ code: "ldap_connect", reason: "ETIMEDOUT" });
  });

  test("a signal gives up connecting, and the connection is closed", async () => {
    const abort = new AbortController();
    let gone: Promise<unknown> | undefined;
    const error = await failureOf(
      async (peer) => {
        gone = new Promise((resolve) => peer.socket.once("close", resolve));
        await peer.request();
        abort.abort(new Error("never mind"));
      },
      { allowCleartext: true, bind, signal: abort.signal },
    );
    expect(error).toEqual(new Error("never mind"));
    await gone;
  });
});

describe("a bind", () => {
  const options = { allowCleartext: true, bind };

  test.each([
    [49, "invalidCredentials"],
    [48, "inappropriateAuthentication"],
    [32, "noSuchObject"],
  ])("refused with %d is an error of its own, without the password", async (code, resultName) => {
    const error = await failureOf(async (peer) => {
      peer.send(bindResponse(idOf((await peer.request()) ?? Buffer.alloc(0)), code, password));
    }, options);
    expect(error).toMatchObject({ code: "ldap_credentials", resultCode: code, resultName });
    expect(String(error)).not.toContain(password);
  });

  test("refused for another reason is a result", async () => {
    const error = await failureOf(async (peer) => {
      await peer.request();
      peer.send(bindResponse(1, 13));
    }, options);
    expect(error).toMatchObject({ code: "ldap_result", resultName: "confidentialityRequired" });
  });

  test("whose connection breaks is a lost connection", async () => {
    const error = await failureOf(async (peer) => {
      await peer.request();
      peer.socket.destroy();
    }, options);
    expect(error).toMatchObject({ code: "ldap_connection_lost", retryable: true });
  });

  test("answered by something else is a protocol error", async () => {
    const error = await failureOf(async (peer) => {
      await peer.request();
      peer.send(searchDone(1));
    }, options);
    expect(error).toMatchObject({ code: "ldap_protocol" });
  });

  test("takes its password from a function, when the connection is up", async () => {
    let sent: Buffer | undefined;
    const error = await failureOf(
      async (peer) => {
        sent = await peer.request();
        peer.send(bindResponse(1));
      },
      { ...options, bind: { ...bind, password: async () => "later" } },
    );
    expect(error).toBeUndefined();
    expect(sent?.toString("latin1")).toContain("later");
  });

  test.each([
    ["an empty password", ""],
    ["undefined", undefined],
    ["null", null],
  ])("does not take %s from a function either", async (_, password) => {
    let sent: Buffer | undefined;
    const error = await failureOf(
      async (peer) => {
        sent = await peer.request();
      },
      { ...options, bind: { ...bind, password: () => password as string } },
    );
    expect(error).toMatchObject({ code: "invalid_value", path: "bind.password" });
    expect(sent).toBeUndefined();
  });

  test("passes on what its password function throws", async () => {
    const vault = new Error("the vault is closed");
    const password = () => Promise.reject(vault);
    expect(await failureOf(() => {}, { ...options, bind: { ...bind, password } })).toBe(vault);
  });
});

describe("StartTLS", () => {
  const agreed = extendedResponse(1, 0, "1.3.6.1.4.1.1466.20037");

  test("is asked for before anything else (RFC 4511 §4.14.1)", async () => {
    let first: Buffer | undefined;
    await failureOf(
      async (peer) => {
        first = await peer.request();
        peer.socket.end();
      },
      { startTls: true, bind },
    );
    expect(first?.toString("hex")).toBe(
      `301d02010177188016${Buffer.from("1.3.6.1.4.1.1466.20037").toString("hex")}`,
    );
  });

  test.each([
    ["a whole message", Buffer.concat([agreed, bindResponse(2)])],
    ["part of a message", Buffer.concat([agreed, bindResponse(2).subarray(0, 4)])],
    ["one octet", Buffer.concat([agreed, Buffer.of(0x30)])],
  ])("is given up when %s comes with the answer", async (_, sent) => {
    const seen: Buffer[] = [];
    const error = await failureOf(
      async (peer) => {
        await peer.request();
        peer.socket.on("data", (chunk: Buffer) => seen.push(chunk));
        peer.send(sent);
      },
      { startTls: true, bind },
    );
    expect(error).toMatchObject({ code: "ldap_protocol" });
    expect(String(error)).toContain("unencrypted bytes");
    // Not even a handshake was begun.
    expect(Buffer.concat(seen)).toHaveLength(0);
  });

  test("never takes what comes between the answer and TLS for an answer to the bind", async () => {
    let sent = Buffer.alloc(0);
    const error = await failureOf(
      async (peer) => {
        await peer.request();
        peer.send(agreed);
        peer.socket.on("data", (chunk: Buffer) => {
          if (sent.length === 0) peer.send(bindResponse(2));
          sent = Buffer.concat([sent, chunk]);
        });
      },
      { startTls: true, bind },
    );
    expect(error).toMatchObject({ code: "ldap_tls" });
    expect(sent.includes(password)).toBe(false);
  });

  test("that the server does not offer is a result", async () => {
    const error = await failureOf(
      async (peer) => {
        await peer.request();
        peer.send(extendedResponse(1, 2));
      },
      { startTls: true },
    );
    expect(error).toMatchObject({ code: "ldap_result", resultName: "protocolError" });
  });

  test.each([
    ["another operation", bindResponse(1), "ldap_protocol"],
    ["another id", extendedResponse(2), "ldap_protocol"],
    ["an entry", entry(1, "cn=a"), "ldap_protocol"],
    ["an intermediate response", message(1, ber(0x79)), "ldap_protocol"],
    ["a notice", extendedResponse(0, 52, "1.3.6.1.4.1.1466.20036"), "ldap_disconnected"],
    ["garbage", Buffer.from("hello"), "ldap_protocol"],
    ["far too much", Buffer.from("3084ffffffff", "hex"), "ldap_message_too_large"],
  ])("answered by %s is an error", async (_, sent, code) => {
    const error = await failureOf(
      async (peer) => {
        await peer.request();
        peer.send(sent);
      },
      { startTls: true },
    );
    expect(error).toMatchObject({ code });
  });

  test("whose connection ends is a lost connection", async () => {
    const error = await failureOf(
      async (peer) => {
        await peer.request();
        peer.socket.end();
      },
      { startTls: true },
    );
    expect(error).toMatchObject({ code: "ldap_connection_lost", retryable: true });
  });
});

describe("ldaps:", () => {
  test("to a server that does not speak TLS is a TLS error", async () => {
    await using server = await startScriptedServer((peer) => {
      peer.socket.once("data", () => peer.send(searchDone(1)));
    });
    expect(await failure({ url: server.url.replace("ldap:", "ldaps:") })).toMatchObject({
      code: "ldap_tls",
      retryable: false,
    });
  });

  test("to a server that hangs up during the handshake may succeed later", async () => {
    await using server = await startScriptedServer((peer) => {
      peer.socket.once("data", () => peer.socket.destroy());
    });
    expect(await failure({ url: server.url.replace("ldap:", "ldaps:") })).toMatchObject({
      code: "ldap_tls",
      reason: "ECONNRESET",
      retryable: true,
    });
  });
});
