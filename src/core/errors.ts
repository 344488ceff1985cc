/**
 * The base of every error that this package throws on purpose.
 *
 * Switch on {@link ConcordatError.code}; the message is for people and may change. A message never contains a
 * password, a token, a cookie or a bind credential.
 */
export class ConcordatError extends Error {
  override readonly name: string = "ConcordatError";
  /** What went wrong, as a stable value to switch on. */
  readonly code: string = "concordat";

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
  }
}

/** There is no resource with the id that was named. RFC 7644 §3.12, status 404. */
export class NotFoundError extends ConcordatError {
  override readonly name = "NotFoundError";
  override readonly code = "not_found";
  /** The id that was looked for. */
  readonly id: string;

  constructor(id: string, options?: { cause?: unknown }) {
    super(`There is no resource with the id "${id}".`, options);
    this.id = id;
  }
}

/** A value that must be unique belongs to another resource. RFC 7644 §3.12, scimType `uniqueness`. */
export class UniquenessError extends ConcordatError {
  override readonly name = "UniquenessError";
  override readonly code = "uniqueness";
  /** The SCIM attribute whose value is taken, such as `userName`. */
  readonly attribute: string;
  /** The id of the resource in the way, where the store knows it. */
  readonly resourceId?: string;

  constructor(attribute: string, resourceId?: string, options?: { cause?: unknown }) {
    super(
      `The value of "${attribute}" is taken${resourceId === undefined ? "" : ` by the resource "${resourceId}"`}.`,
      options,
    );
    this.attribute = attribute;
    if (resourceId !== undefined) this.resourceId = resourceId;
  }
}

/** The resource or record is no longer in the version that the caller asked for. RFC 7644 §3.14, status 412. */
export class VersionConflictError extends ConcordatError {
  override readonly name = "VersionConflictError";
  override readonly code = "version_conflict";
}

/** A value is not one that the attribute can hold. RFC 7644 §3.12, scimType `invalidValue`. */
export class InvalidValueError extends ConcordatError {
  override readonly name = "InvalidValueError";
  override readonly code = "invalid_value";
  /** The attribute path, such as `name.givenName`, or the option, that holds the value. */
  readonly path: string;
  /** What is wrong with the value. */
  readonly reason: string;
  /** What else is wrong in the same input, up to a bound. As a rule nothing. */
  readonly others: readonly InvalidValueError[];

  constructor(
    path: string,
    reason: string,
    options: { cause?: unknown; others?: readonly InvalidValueError[] } = {},
  ) {
    const { others = [], ...rest } = options;
    const more = others.length === 0 ? "" : ` (And ${others.length} more.)`;
    super(`"${path}": ${reason}${more}`, rest);
    this.path = path;
    this.reason = reason;
    this.others = others;
  }
}

/** An attribute may not be changed, or not in its present state. RFC 7644 §3.12, scimType `mutability`. */
export class MutabilityError extends ConcordatError {
  override readonly name = "MutabilityError";
  override readonly code = "mutability";
  /** The attribute path that may not be changed. */
  readonly path: string;

  constructor(path: string, message: string, options?: { cause?: unknown }) {
    super(`"${path}": ${message}`, options);
    this.path = path;
  }
}

/** The store or the peer cannot do what was asked, now or later. */
export class UnsupportedError extends ConcordatError {
  override readonly name = "UnsupportedError";
  override readonly code = "unsupported";
}

/** Another runner follows the same stream with the same stores. This one has stopped without changing anything more. */
export class StreamTakenError extends ConcordatError {
  override readonly name = "StreamTakenError";
  override readonly code = "stream_taken";
  /** The name of the stream. */
  readonly source: string;

  constructor(source: string, options?: { cause?: unknown }) {
    super(`Another process applies the changes of "${source}" to the same stores.`, options);
    this.source = source;
  }
}

/** A limit that the caller set, or a documented default, would be exceeded. Nothing was changed. */
export class TooManyError extends ConcordatError {
  override readonly name = "TooManyError";
  override readonly code = "too_many";
  /** The limit that would have been exceeded. */
  readonly limit: number;

  constructor(message: string, limit: number, options?: { cause?: unknown }) {
    super(message, options);
    this.limit = limit;
  }
}

/** The store or the peer is unavailable; the same call may succeed later. */
export class UnavailableError extends ConcordatError {
  override readonly name = "UnavailableError";
  override readonly code = "unavailable";
  /** How long to wait before the next try, in milliseconds, where the other side said so. */
  readonly retryAfter?: number;
  /** Whether what was asked for may have been done all the same, since perhaps only the response was lost. */
  readonly mayBeDone: boolean;

  constructor(
    message: string,
    options?: { cause?: unknown; retryAfter?: number; mayBeDone?: boolean },
  ) {
    super(message, options);
    this.mayBeDone = options?.mayBeDone ?? false;
    if (options?.retryAfter !== undefined) this.retryAfter = options.retryAfter;
  }
}
