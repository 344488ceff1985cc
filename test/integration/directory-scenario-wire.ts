import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { BerReader, BerWriter, FilterParser } from "ldapts";

/** A message as it came over the wire. */
export interface WireMessage {
  readonly messageId: number;
  /** The tag of the operation. */
  readonly tag: number;
  readonly operation: Buffer;
  /** By object identifier. */
  readonly controls: ReadonlyMap<string, Buffer>;
}

/** What a search of the recorder asks for. */
export interface RecordedSearch {
  readonly base: string;
  readonly scope?: 0 | 1 | 2;
  readonly filter?: string;
  readonly attributes?: readonly string[];
  readonly sizeLimit?: number;
  readonly typesOnly?: boolean;
  readonly derefAliases?: number;
  readonly sync?: { readonly mode: 1 | 3; readonly cookie?: string; readonly reloadHint?: boolean };
}

const syncRequest = "1.3.6.1.4.1.4203.1.9.1.1";

/**
 * An LDAP client for recordings: it shows every message as it came, in its order. It shares no code with the package,
 * so that an error in the package does not hide itself.
 */
export class WireClient implements AsyncDisposable {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #messages: WireMessage[] = [];
  #wake: (() => void) | undefined;
  #lastId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#wake?.());
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#read();
      this.#wake?.();
    });
  }

  static async connect(target: {
    url: string;
    adminDn: string;
    password: string;
  }): Promise<WireClient> {
    const { hostname, port } = new URL(target.url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    const client = new WireClient(socket);
    await client.next(client.bind(target.adminDn, target.password));
    return client;
  }

  /** Sends a request and returns its message id. */
  request(operation: (writer: BerWriter) => void, controls?: (writer: BerWriter) => void): number {
    const messageId = ++this.#lastId;
    const writer = new BerWriter();
    writer.startSequence();
    writer.writeInt(messageId);
    operation(writer);
    if (controls) {
      writer.startSequence(0xa0);
      controls(writer);
      writer.endSequence();
    }
    writer.endSequence();
    this.#socket.write(writer.buffer);
    return messageId;
  }

  bind(dn: string, password: string): number {
    return this.request((writer) => {
      writer.startSequence(0x60);
      writer.writeInt(3);
      writer.writeString(dn);
      writer.writeString(password, 0x80);
      writer.endSequence();
    });
  }

  search(search: RecordedSearch): number {
    const { sync } = search;
    return this.request(
      (writer) => {
        writer.startSequence(0x63);
        writer.writeString(search.base);
        writer.writeEnumeration(search.scope ?? 2);
        writer.writeEnumeration(search.derefAliases ?? 0);
        writer.writeInt(search.sizeLimit ?? 0);
        writer.writeInt(0);
        writer.writeBoolean(search.typesOnly ?? false);
        FilterParser.parseString(search.filter ?? "(objectClass=*)").write(writer);
        writer.startSequence();
        for (const attribute of search.attributes ?? []) writer.writeString(attribute);
        writer.endSequence();
        writer.endSequence();
      },
      sync && ((writer) => writeSyncRequest(writer, sync)),
    );
  }

  abandon(messageId: number): void {
    this.request((writer) => writer.writeInt(messageId, 0x50));
  }

  cancel(messageId: number): number {
    const value = new BerWriter();
    value.startSequence();
    value.writeInt(messageId);
    value.endSequence();
    return this.extended("1.3.6.1.1.8", value.buffer);
  }

  extended(oid: string, value?: Buffer): number {
    return this.request((writer) => {
      writer.startSequence(0x77);
      writer.writeString(oid, 0x80);
      if (value) writer.writeBuffer(value, 0x81);
      writer.endSequence();
    });
  }

  /** The next message of these requests, or nothing once the connection is closed. */
  async next(...messageIds: number[]): Promise<WireMessage | undefined> {
    for (;;) {
      const at = this.#messages.findIndex(({ messageId }) => messageIds.includes(messageId));
      const [message] = at < 0 ? [] : this.#messages.splice(at, 1);
      if (message || this.#socket.closed) return message;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Stops reading what the server sends. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  #read(): void {
    for (;;) {
      const reader = new BerReader(this.#received);
      if (reader.readSequence() === null || reader.length > reader.remain) return;
      const end = reader.offset + reader.length;
      const messageId = reader.readInt() ?? -1;
      const tag = reader.peek() ?? 0;
      const operation = reader.readString(tag, true) ?? Buffer.alloc(0);
      const controls = new Map<string, Buffer>();
      if (reader.offset < end) {
        reader.readSequence(0xa0);
        while (reader.offset < end) {
          reader.readSequence();
          const oid = reader.readString() ?? "";
          controls.set(oid, reader.readString(0x04, true) ?? Buffer.alloc(0));
        }
      }
      this.#messages.push({ messageId, tag, operation, controls });
      this.#received = this.#received.subarray(end);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }
}

function writeSyncRequest(writer: BerWriter, sync: NonNullable<RecordedSearch["sync"]>): void {
  const value = new BerWriter();
  value.startSequence();
  value.writeEnumeration(sync.mode);
  if (sync.cookie !== undefined) value.writeString(sync.cookie);
  if (sync.reloadHint !== undefined) value.writeBoolean(sync.reloadHint);
  value.endSequence();
  writer.startSequence();
  writer.writeString(syncRequest);
  writer.writeBoolean(true);
  writer.writeBuffer(value.buffer, 0x04);
  writer.endSequence();
}
