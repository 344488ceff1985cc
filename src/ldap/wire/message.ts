/** A control on a request or a response (RFC 4511 §4.1.11). */
export interface Control {
  /** The object identifier of the control, in dotted decimal. */
  readonly oid: string;
  /** Whether a server that does not know the control must refuse the request. Default: false. */
  readonly critical?: boolean;
  /** The value, in the encoding that the control's specification gives. */
  readonly value?: Uint8Array;
}

/** What to search for (RFC 4511 §4.5.1). Aliases are never dereferenced. */
export interface LdapSearchRequest {
  /** The distinguished name of the entry from which the search starts; `""` is the root DSE. */
  readonly base: string;
  /** The base entry alone, its children, or the base and everything below it. Default: `"sub"`. */
  readonly scope?: "base" | "one" | "sub";
  /** The filter, in the string form of RFC 4515. */
  readonly filter: string;
  /** The attributes to return; default: all user attributes. `"+"` adds the operational ones, `"1.1"` means none. */
  readonly attributes?: readonly string[];
  /** Controls to send with the request. */
  readonly controls?: readonly Control[];
  /** The greatest number of entries to return; 0, the default, sets no limit. */
  readonly sizeLimit?: number;
  /** The longest time the server may take, in seconds; 0, the default, sets no limit. */
  readonly timeLimit?: number;
  /** Return the names of attributes without their values. Default: false. */
  readonly typesOnly?: boolean;
}

/**
 * An attribute of an entry: its description, with options if it has any, and its values as they came.
 *
 * A value is a view of the buffer that it was received in: to keep one for long, keep a copy, or the
 * text, so as not to keep the whole buffer alive.
 */
export interface LdapAttribute {
  /** The attribute description, such as `cn` or `userCertificate;binary`, in the server's spelling. */
  readonly type: string;
  /** The values; none when only types were asked for, or when access to them was refused. */
  readonly values: readonly Uint8Array[];
}

/** An entry that a search found (RFC 4511 §4.5.2). */
export interface SearchEntry {
  readonly kind: "entry";
  /** The distinguished name, in the server's spelling. */
  readonly dn: string;
  /** The attributes that were asked for, as far as the entry has them and the account may read them. */
  readonly attributes: readonly LdapAttribute[];
  /** The controls that came with the entry; empty where there is none. */
  readonly controls: readonly Control[];
}

/** A part of the search is held by another server (RFC 4511 §4.5.3). It is reported, never followed. */
export interface SearchReference {
  readonly kind: "reference";
  /** LDAP URLs, any one of which continues the search. */
  readonly urls: readonly string[];
}

/** News about the search as a whole, as RFC 4533 sends it (RFC 4511 §4.13). */
export interface IntermediateResponse {
  readonly kind: "intermediate";
  /** Which kind of response it is, where the server names it. */
  readonly oid?: string;
  /** The value, in the encoding that the specification of the kind gives; a view of what was received. */
  readonly value?: Uint8Array;
  /** The controls that came with it; empty where there is none. */
  readonly controls: readonly Control[];
}

/** The search is over and succeeded. Any other result is an error that the search throws. */
export interface SearchDone {
  readonly kind: "done";
  /** The controls of the result, such as that of paged results; empty where there is none. */
  readonly controls: readonly Control[];
}

/** An entry that is longer than `maxMessageSize`, where such are ignored: its attributes were not read. */
export interface OversizedEntry {
  readonly kind: "oversized";
  /** The distinguished name, in the server's spelling. */
  readonly dn: string;
  /** The length of its message, in bytes. */
  readonly size: number;
  /** The controls that came with the entry; empty where there is none. */
  readonly controls: readonly Control[];
}

/** What a search yields, in the order in which the server sent it. */
export type SearchMessage =
  | SearchEntry
  | OversizedEntry
  | SearchReference
  | IntermediateResponse
  | SearchDone;

/** An entry with its attributes as they came: where few are read, a view of each value would be most of the work. */
export interface EncodedEntry {
  readonly kind: "entry";
  readonly dn: string;
  readonly attributes: EncodedAttributes;
  readonly controls: readonly Control[];
}

/** The contents of a PartialAttributeList (RFC 4511 §4.5.2): the octets of `bytes` from `start` to before `end`. */
export interface EncodedAttributes {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** What a search yields whose entries are not decoded. */
export type EncodedMessage =
  | EncodedEntry
  | OversizedEntry
  | SearchReference
  | IntermediateResponse
  | SearchDone;
