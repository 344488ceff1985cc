import { once } from "node:events";
import { createServer, type Socket } from "node:net";

/** A connection as the scripted server sees it. */
export interface Peer {
  readonly socket: Socket;
  /** The next LDAPMessage that the client sends, whole; undefined when the client has closed the connection. */
  request(): Promise<Buffer | undefined>;
  send(...messages: readonly Uint8Array[]): void;
}

/** A server that does what a test says, right or wrong. */
export interface ScriptedServer extends AsyncDisposable {
  /** `ldap://127.0.0.1:` and the port. */
  readonly url: string;
}

/** Listens on a free port of 127.0.0.1 and runs the script for each connection. */
export async function startScriptedServer(
  script: (peer: Peer) => void | Promise<void>,
): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // A client that gives up resets the connection: that is its right.
    socket.on("error", () => {});
    void script(peerOf(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("It does not listen.");
  return {
    url: `ldap://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function peerOf(socket: Socket): Peer {
  let received: Buffer = Buffer.alloc(0);
  let ended = false;
  let wake = () => {};
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    wake();
  });
  socket.on("close", () => {
    ended = true;
    wake();
  });
  return {
    socket,
    async request() {
      for (;;) {
        const size = received.length < 2 ? Number.POSITIVE_INFINITY : sizeOf(received);
        if (received.length >= size) {
          const message = received.subarray(0, size);
          received = received.subarray(size);
          return message;
        }
        if (ended) return undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    send(...messages) {
      socket.write(Buffer.concat(messages));
    },
  };
}

function sizeOf(message: Buffer): number {
  const first = message[1] ?? 0;
  if (first < 0x80) return 2 + first;
  const octets = first - 0x80;
  if (message.length < 2 + octets) return Number.POSITIVE_INFINITY;
  return 2 + octets + message.readUIntBE(2, octets);
}

/** One BER element: a tag, the length, and the contents. */
export function ber(tag: number, ...contents: readonly (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(contents.map((part) => Buffer.from(part)));
  const { length } = body;
  const header =
    length < 0x80
      ? [tag, length]
      : [tag, 0x84, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255];
  return Buffer.concat([Buffer.from(header), body]);
}

function integer(value: number, tag = 0x02): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeInt32BE(value);
  return ber(tag, octets);
}

/** An LDAPMessage with this operation, and controls where they are given. */
export function message(id: number, operation: Uint8Array, controls?: Uint8Array): Buffer {
  return ber(0x30, integer(id), operation, ...(controls ? [controls] : []));
}

/** A SearchResultEntry. */
export function entry(
  id: number,
  dn: string,
  attributes: Readonly<Record<string, readonly (Uint8Array | string)[]>> = {},
): Buffer {
  const list = Object.entries(attributes).map(([type, values]) =>
    ber(0x30, ber(0x04, type), ber(0x31, ...values.map((value) => ber(0x04, value)))),
  );
  return message(id, ber(0x64, ber(0x04, dn), ber(0x30, ...list)));
}

/** The components of an LDAPResult. */
function ldapResult(code: number, matchedDn: string, diagnosticMessage: string): Buffer {
  return Buffer.concat([integer(code, 0x0a), ber(0x04, matchedDn), ber(0x04, diagnosticMessage)]);
}

/** A SearchResultDone. */
export function searchDone(id: number, code = 0, matchedDn = "", diagnosticMessage = ""): Buffer {
  return message(id, ber(0x65, ldapResult(code, matchedDn, diagnosticMessage)));
}

/** A BindResponse. */
export function bindResponse(id: number, code = 0, diagnosticMessage = ""): Buffer {
  return message(id, ber(0x61, ldapResult(code, "", diagnosticMessage)));
}

/** An ExtendedResponse. */
export function extendedResponse(id: number, code = 0, oid?: string): Buffer {
  const name = oid === undefined ? [] : [ber(0x8a, oid)];
  return message(id, ber(0x78, ldapResult(code, "", ""), ...name));
}

/** The message id of a request. The clients here send few enough for one or two octets. */
export function idOf(request: Buffer): number {
  const length = request[1] ?? 0;
  const start = length < 0x80 ? 2 : 2 + (length - 0x80);
  return request.readIntBE(start + 2, request[start + 1] ?? 1);
}

/** The tag of the operation that a request holds. */
export function operationOf(request: Buffer): number | undefined {
  const length = request[1] ?? 0;
  const start = (length < 0x80 ? 2 : 2 + (length - 0x80)) + 2;
  return request[start + (request[start - 1] ?? 0)];
}

/** The tags of the requests that a script looks at. */
export const requestTag = {
  bind: 0x60,
  unbind: 0x42,
  search: 0x63,
  abandon: 0x50,
  extended: 0x77,
} as const;
