import type {
  CallOptions,
  Consumer,
  NonceRepository,
  SignOnToken,
} from "../../repositories/index.js";
import type { Epoch, KeyRing, KeySource, SigningKey, TimeWindow } from "../../signing/index.js";
import type { Identity } from "../identity.js";
import type { ContentLimits, Members } from "../message.js";
import type { SendOptions } from "../signed-post.js";

/** The name of a wire format. */
export type FormatName = Consumer["format"];

/** One wire format: everything in which it differs from the others, on both sides. */
export interface WireFormat {
  readonly rules: FormatRules;
  /** The server's side. */
  server(options: ServerFormatOptions): ServerFormat;
  /** The client's side. */
  client(options: ClientFormatOptions): ClientFormat;
}

/** What consumers of a format may be registered with. */
export interface FormatRules {
  /** Whether the two sites notify each other of sign-outs. */
  readonly hasSignOut: boolean;
  /**
   * Whether sites have to be `https:`, unless they are on this machine, and secrets to have 32 bytes. Sites that have
   * django-simple-sso are where they are, and have the secrets that they have.
   */
  readonly isStrict: boolean;
  /** Whether the visitors of a consumer may be sent back to a URL. */
  isRegistered(redirectUris: readonly string[], redirectTo: string): boolean;
}

/** What a step is done with beside its request. */
export interface StepOptions extends CallOptions {
  /** The request target as it was received, where the mount knows it. */
  readonly target?: string;
}

/** What a consumer asks, which is known to be its own. */
export interface ConsumerRequest {
  readonly consumer: Consumer;
  readonly members: Members;
  /** Responds in its format. */
  respond(members: Readonly<Record<string, unknown>>): Response;
}

/** The keys of the consumers of a format, by which their messages are verified. */
export interface ConsumerKeySource extends KeySource {
  /** The consumer whose key this is, as it was found. */
  ownerOf(key: SigningKey): Consumer;
}

/** What the server's side of every format is made with. */
export interface ServerFormatOptions extends ContentLimits {
  /** Where the server is. */
  readonly url: URL;
  readonly keys: ConsumerKeySource;
  readonly nonces: NonceRepository;
  /** How far the time of a message may be from now. */
  readonly window?: TimeWindow | undefined;
  /** From when the stamps of `simple-sso` count. Default: `2011`. */
  readonly epoch?: Epoch | undefined;
  readonly now: () => Date;
}

/** What a visitor is sent back to its client with. */
export interface ReturnTrip {
  readonly redirectTo: string;
  readonly state?: string;
  readonly requestToken: string;
  readonly accessToken: string;
}

/** The server's side of a sign-on, in one format. */
export interface ServerFormat {
  /** Whether a consumer's request is in this format, by what shows before its signature is verified. */
  isOf(request: Request): boolean;
  /** @throws {SignOnError} no consumer of the format has signed it. */
  read(request: Request, options: StepOptions): Promise<ConsumerRequest>;
  /** Whether the consumer says where its visitor goes back to. */
  readonly statesRedirect: boolean;
  /** By which parameter visitors bring the request token; and whether the consumer has signed the URL. */
  readonly visit: { readonly parameter: "token" | "request_token"; readonly isSigned: boolean };
  /** The URL at which a visitor is back at the client. */
  returnUrl(trip: ReturnTrip, key: SigningKey, now: Date): string;
  /** The access token of a consumer that asks who has signed in. */
  accessToken(members: Members): string | undefined;
  /**
   * Whether the access token belongs to the sign-on that the consumer asks about, as far as the format says which that
   * is.
   */
  isSameSignOn(members: Members, taken: SignOnToken): boolean;
  /** Whether a consumer can get a user who is not active. */
  readonly tellsInactive: boolean;
  /** How a consumer gets the user who has signed in. */
  verified(taken: SignOnToken, user: object): Readonly<Record<string, unknown>>;
}

/** A sign-on that a client began. */
export interface Begun {
  /** What comes back with the visitor, by which the client knows the browser. */
  readonly state: string;
  readonly requestToken: string;
  /** Where the visitor is sent. */
  readonly authorizeUrl: string;
}

/** What a visitor brings back. */
export interface Returned {
  readonly state: string;
  readonly accessToken: string;
}

/** What the client's side of every format is made with. */
export interface ClientFormatOptions extends SendOptions {
  /** Where the client is. */
  readonly url: URL;
  /** The URL of the server, which ends in a slash. */
  readonly serverUrl: string;
  /** Where visitors come back. */
  readonly returnUrl: string;
  /** The client's own keys. */
  readonly keys: KeyRing;
  readonly nonces: NonceRepository;
  readonly window?: TimeWindow | undefined;
  /** From when the stamps of `simple-sso` count. Default: `2011`. */
  readonly epoch?: Epoch | undefined;
  /** What the server is asked for beside the user, in the formats that can ask. */
  readonly extraData?: unknown;
  readonly now: () => Date;
}

/** The client's side of a sign-on, in one format. */
export interface ClientFormat {
  /** Asks the server for a token to send the visitor with. */
  begin(state: string, options: CallOptions): Promise<Begun>;
  /** Reads the URL at which a visitor is back. */
  read(url: URL, options: CallOptions): Promise<Returned>;
  /** Asks the server who it is. */
  verify(returned: Returned, requestToken: string, options: CallOptions): Promise<Identity>;
  /** Sign-outs, in the formats that have them. */
  readonly signOut?: ClientSignOut;
}

/** How a client and its server notify each other of sign-outs. */
export interface ClientSignOut {
  /** Notifies the server that a session has ended. @throws {SignOnError} the server has not confirmed it. */
  notify(session: string, key: SigningKey, options: CallOptions): Promise<void>;
  /** Reads a notification of the server. @throws {SignOnError} it is not the server that has signed it. */
  read(request: Request, options: StepOptions): Promise<Omit<ConsumerRequest, "consumer">>;
}
