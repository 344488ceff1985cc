/** The pieces of a body, as long as they are no more than a limit together. */
export class BodyBuffer {
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a body may have the length that is stated of it (Content-Length), where one is. */
  mayHave(length: string | number | null | undefined): boolean {
    return !(Number(length ?? 0) > this.#maxBytes);
  }

  /** Adds a piece. @returns `false` where the body is too long with it. */
  add(chunk: Uint8Array): boolean {
    this.#size += chunk.length;
    if (this.#size > this.#maxBytes) return false;
    this.#chunks.push(chunk);
    return true;
  }

  /** All of it. */
  bytes(): Buffer {
    const [first] = this.#chunks;
    if (first === undefined || this.#chunks.length > 1) {
      return Buffer.concat(this.#chunks, this.#size);
    }
    return Buffer.isBuffer(first)
      ? first
      : Buffer.from(first.buffer, first.byteOffset, first.byteLength);
  }
}
