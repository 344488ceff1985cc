/** What a {@link GssContext} is to be made for. */
export interface GssTarget {
  /** The host-based service name of the server, such as `ldap@directory.example.com` (RFC 2743 §4.1). */
  readonly service: string;
  /**
   * What ties the context to the TLS connection under it: `tls-server-end-point:` and the digest of the server's
   * certificate (RFC 5929 §4), the application data of the channel bindings. Windows may demand them. Undefined without
   * TLS, and for a certificate whose signature does not say which digest to take.
   */
  readonly channelBindings?: Uint8Array;
}

/** What a step of the context has come to. */
export interface GssStep {
  /** The token for the other side; empty if there is none. */
  readonly token: Uint8Array;
  /** Whether the context is established: GSS_S_COMPLETE, and not GSS_S_CONTINUE_NEEDED. */
  readonly established: boolean;
}

/** What was in a token of {@link GssContext.wrap}. */
export interface GssMessage {
  /** The message itself; may be empty. */
  readonly message: Uint8Array;
  /** Whether it was encrypted, and not only signed: the `conf_state` of GSS_Unwrap. */
  readonly confidential: boolean;
}

/**
 * One side of a security context (RFC 2743), that of the initiator: the port through which a bind uses Kerberos. It is
 * made for one connection. No two of its methods run at the same time.
 *
 * Adapters over libgssapi and other libraries are in `docs/directories.md`. One that throws errors with the status
 * codes of GSS-API, as `major` and `minor`, has them explained.
 */
export interface GssContext {
  /**
   * Takes a token of the server, empty in the first step, and gives the one to send: GSS_Init_sec_context, with mutual
   * authentication, integrity, and confidentiality where that is wanted.
   */
  step(token: Uint8Array): GssStep | Promise<GssStep>;
  /** Signs a message, and encrypts it if it is to be confidential: GSS_Wrap. */
  wrap(
    message: Uint8Array,
    options: { readonly confidential: boolean },
  ): Uint8Array | Promise<Uint8Array>;
  /** Checks a token of the server: GSS_Unwrap. */
  unwrap(token: Uint8Array): GssMessage | Promise<GssMessage>;
  /**
   * The longest message whose token is no longer than this, in bytes: GSS_Wrap_size_limit. Without this method 256
   * bytes are left for what is put around a message.
   */
  wrapSizeLimit?(tokenSize: number, options: { readonly confidential: boolean }): number;
  /** Frees what the context holds. It is called once, after everything else. */
  [Symbol.dispose]?(): void;
}
