import { createRequire } from "node:module";
import type { GssContext, GssMessage, GssStep, GssTarget } from "concordat/ldap";

/**
 * Security contexts by the system's libgssapi, MIT's or Heimdal's, which is called through the npm package `koffi`:
 * prebuilt, so that no compiler is needed. Who the client is, the library finds out: from the keytab that the variable
 * KRB5_CLIENT_KTNAME names, of which it gets and renews tickets by itself, or from the tickets that kinit got.
 *
 * @throws if koffi or the library is not installed, or the name cannot be imported.
 */
export function gssapiContext(target: GssTarget): GssContext {
  library ??= loadLibrary();
  return new KerberosContext(library, target);
}

/** A function of C by koffi: called at once, or in a thread of its own, since it may wait for the network. */
interface Native {
  (...args: unknown[]): number;
  async(...args: [...unknown[], (error: Error | null, result: number) => void]): void;
}

type Library = Readonly<Record<keyof typeof signatures, Native>>;

const libraryNames: Readonly<Record<string, string>> = {
  linux: "libgssapi_krb5.so.2",
  darwin: "/System/Library/Frameworks/GSS.framework/GSS",
};

/** RFC 2744, appendix A. */
const signatures = {
  importName:
    "uint32_t gss_import_name(_Out_ uint32_t *minor, GssBuffer *name, GssOid *type, _Out_ void **result)",
  initSecContext:
    "uint32_t gss_init_sec_context(_Out_ uint32_t *minor, void *credential, _Inout_ void **context, void *name, " +
    "GssOid *mechanism, uint32_t flags, uint32_t time, GssChannelBindings *bindings, GssBuffer *input, " +
    "void *actualMechanism, _Out_ GssBuffer *output, _Out_ uint32_t *actualFlags, void *actualTime)",
  wrap:
    "uint32_t gss_wrap(_Out_ uint32_t *minor, void *context, int confidential, uint32_t quality, GssBuffer *input, " +
    "_Out_ int *isConfidential, _Out_ GssBuffer *output)",
  unwrap:
    "uint32_t gss_unwrap(_Out_ uint32_t *minor, void *context, GssBuffer *input, _Out_ GssBuffer *output, " +
    "_Out_ int *isConfidential, _Out_ uint32_t *quality)",
  wrapSizeLimit:
    "uint32_t gss_wrap_size_limit(_Out_ uint32_t *minor, void *context, int confidential, uint32_t quality, " +
    "uint32_t tokenSize, _Out_ uint32_t *messageSize)",
  displayStatus:
    "uint32_t gss_display_status(_Out_ uint32_t *minor, uint32_t status, int type, GssOid *mechanism, " +
    "_Inout_ uint32_t *position, _Out_ GssBuffer *text)",
  releaseBuffer: "uint32_t gss_release_buffer(_Out_ uint32_t *minor, _Inout_ GssBuffer *buffer)",
  releaseName: "uint32_t gss_release_name(_Out_ uint32_t *minor, _Inout_ void **name)",
  // Of libc, which libgssapi brings along. What koffi itself offers to read memory keeps some of it for each call.
  copy: "void *memcpy(void *to, void *from, size_t length)",
  deleteSecContext:
    "uint32_t gss_delete_sec_context(_Out_ uint32_t *minor, _Inout_ void **context, void *token)",
} as const;

let library: Library | undefined;

function loadLibrary(): Library {
  const koffi = createRequire(import.meta.url)("koffi");
  const name = libraryNames[process.platform];
  if (name === undefined)
    throw new Error(`It is not known how libgssapi is called on ${process.platform}.`);
  const loaded = koffi.load(name);
  koffi.struct("GssBuffer", { length: "size_t", value: "void *" });
  koffi.struct("GssOid", { length: "uint32_t", elements: "void *" });
  koffi.struct("GssChannelBindings", {
    initiatorType: "uint32_t",
    initiator: "GssBuffer",
    acceptorType: "uint32_t",
    acceptor: "GssBuffer",
    applicationData: "GssBuffer",
  });
  const functions = Object.entries(signatures).map(([key, text]) => [key, loaded.func(text)]);
  return Object.fromEntries(functions) as Library;
}

interface GssBuffer {
  readonly length: number | bigint;
  readonly value: unknown;
}

/** The mechanism Kerberos 5 (RFC 4121 §4.1), and names such as `ldap@host` (RFC 2743 §4.1). */
const kerberos = { length: 9, elements: Buffer.from("2a864886f712010202", "hex") };
const hostBasedService = { length: 10, elements: Buffer.from("2a864886f71201020104", "hex") };

/** RFC 2744, appendix A. */
const flags = { mutual: 2, replay: 4, sequence: 8, confidentiality: 16, integrity: 32 } as const;
const wanted =
  flags.mutual | flags.replay | flags.sequence | flags.confidentiality | flags.integrity;
/** Without these the server would not have proved who it is, or messages could be changed, repeated or left out. */
const needed = flags.mutual | flags.replay | flags.sequence | flags.integrity;
const continueNeeded = 1;
/** The bits of a status that say that a call failed; others are about replayed or reordered tokens. */
const errorBits = 0xffff0000;

/** A call of GSS-API failed. The package explains what it can by the codes. */
class GssError extends Error {
  override readonly name = "GssError";
  readonly major: number;
  readonly minor: number;

  constructor(library: Library, call: string, major: number, minor: number) {
    const text = [
      ...statusText(library, major, 1),
      ...(minor === 0 ? [] : statusText(library, minor, 2)),
    ];
    super(`${call}: ${text.join(" ")}`);
    this.major = major;
    this.minor = minor;
  }
}

class KerberosContext implements GssContext {
  readonly #library: Library;
  readonly #name: [unknown] = [null];
  readonly #context: [unknown] = [null];
  readonly #bindings: Uint8Array | undefined;

  constructor(library: Library, { service, channelBindings }: GssTarget) {
    this.#library = library;
    this.#bindings = channelBindings;
    const minor: [number] = [0];
    const name = bufferOf(Buffer.from(service));
    const major = library.importName(minor, name, hostBasedService, this.#name);
    this.#check("gss_import_name", major, minor);
  }

  async step(token: Uint8Array): Promise<GssStep> {
    const minor: [number] = [0];
    const output: [GssBuffer] = [noBuffer];
    const actualFlags: [number] = [0];
    const input = token.length === 0 ? null : bufferOf(token);
    const bindings = this.#bindings === undefined ? null : bindingsOf(this.#bindings);
    const inUse = { input, bindings };
    underWay.add(inUse);
    // It may ask the key distribution centre, so it is given a thread.
    const major = await new Promise<number>((resolve, reject) => {
      const { initSecContext } = this.#library;
      initSecContext.async(
        ...[minor, null, this.#context, this.#name[0], kerberos, wanted, 0, bindings, input],
        ...[null, output, actualFlags, null],
        (error: Error | null, result: number) => (error === null ? resolve(result) : reject(error)),
      );
    });
    underWay.delete(inUse);
    const reply = this.#take(output);
    this.#check("gss_init_sec_context", major & errorBits, minor);
    const established = (major & continueNeeded) === 0;
    if (established && (actualFlags[0] & needed) !== needed) {
      throw new Error("The mechanism does not authenticate the server or protect messages.");
    }
    return { token: reply, established };
  }

  wrap(message: Uint8Array, { confidential }: { readonly confidential: boolean }): Uint8Array {
    const minor: [number] = [0];
    const isConfidential: [number] = [0];
    const output: [GssBuffer] = [noBuffer];
    const input = bufferOf(message);
    const [context] = this.#context;
    const major = this.#library.wrap(
      ...[minor, context, confidential ? 1 : 0, 0, input, isConfidential, output],
    );
    const token = this.#take(output);
    this.#check("gss_wrap", major, minor);
    if (confidential && isConfidential[0] === 0) throw new Error("gss_wrap did not encrypt.");
    return token;
  }

  unwrap(token: Uint8Array): GssMessage {
    const minor: [number] = [0];
    const isConfidential: [number] = [0];
    const output: [GssBuffer] = [noBuffer];
    const [context] = this.#context;
    const major = this.#library.unwrap(
      ...[minor, context, bufferOf(token), output, isConfidential, [0]],
    );
    const message = this.#take(output);
    // All of the status, for a token that comes again or out of its turn is an attack, too.
    this.#check("gss_unwrap", major, minor);
    return { message, confidential: isConfidential[0] !== 0 };
  }

  wrapSizeLimit(tokenSize: number, { confidential }: { readonly confidential: boolean }): number {
    const minor: [number] = [0];
    const messageSize: [number] = [0];
    const [context] = this.#context;
    const major = this.#library.wrapSizeLimit(
      ...[minor, context, confidential ? 1 : 0, 0, tokenSize, messageSize],
    );
    this.#check("gss_wrap_size_limit", major, minor);
    return messageSize[0];
  }

  [Symbol.dispose](): void {
    if (this.#context[0] !== null) this.#library.deleteSecContext([0], this.#context, null);
    if (this.#name[0] !== null) this.#library.releaseName([0], this.#name);
    this.#context[0] = null;
    this.#name[0] = null;
  }

  #check(call: string, major: number, [minor]: [number]): void {
    if (major !== 0) throw new GssError(this.#library, call, major, minor);
  }

  #take(output: [GssBuffer]): Uint8Array {
    return takeBuffer(this.#library, output);
  }
}

/** What threads read: its bytes must not be collected before they have ended. */
const underWay = new Set<object>();

const noBuffer: GssBuffer = { length: 0, value: null };

function bufferOf(bytes: Uint8Array): GssBuffer {
  return { length: bytes.length, value: bytes };
}

function bindingsOf(applicationData: Uint8Array): object {
  return {
    initiatorType: 0,
    initiator: noBuffer,
    acceptorType: 0,
    acceptor: noBuffer,
    applicationData: bufferOf(applicationData),
  };
}

/** Copies what the library has written, and gives it back to it. */
function takeBuffer(library: Library, [output]: [GssBuffer]): Uint8Array {
  const length = Number(output.length);
  const bytes = new Uint8Array(length);
  if (length > 0) library.copy(bytes, output.value, length);
  library.releaseBuffer([0], output);
  return bytes;
}

/** What a status code means, in the words of the library; it may have several sentences. */
function statusText(library: Library, status: number, type: 1 | 2): string[] {
  const position: [number] = [0];
  const sentences: string[] = [];
  do {
    const text: [GssBuffer] = [noBuffer];
    if (library.displayStatus([0], status, type, kerberos, position, text) !== 0) break;
    sentences.push(Buffer.from(takeBuffer(library, text)).toString("utf8"));
  } while (position[0] !== 0 && sentences.length < 10);
  return sentences;
}
