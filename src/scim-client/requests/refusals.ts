import {
  type ConcordatError,
  InvalidValueError,
  MutabilityError,
  NotFoundError,
  TooManyError,
  UniquenessError,
  UnsupportedError,
} from "../../core/index.js";
import {
  InvalidFilterError,
  InvalidPathError,
  InvalidSyntaxError,
  NoTargetError,
} from "../../scim/index.js";
import { ScimResponseError } from "./response-error.js";

/** Whether a service provider says that it does not understand the form of a request. */
function isMisunderstood(error: unknown): error is ConcordatError {
  return (
    error instanceof InvalidSyntaxError ||
    error instanceof InvalidPathError ||
    error instanceof InvalidFilterError ||
    error instanceof NoTargetError
  );
}

/**
 * What a service provider does not understand it will not understand later either, which callers of a repository have
 * to know.
 */
export function asRefusal(error: unknown): unknown {
  return isMisunderstood(error) ? new UnsupportedError(error.message, { cause: error }) : error;
}

/** The status of the response that an error stands for; `undefined` where there was none. */
export function statusOf(error: unknown): number | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  if (error instanceof ScimResponseError) return error.status;
  return cause instanceof ScimResponseError ? cause.status : undefined;
}

/**
 * Whether the same may be done in another form: after every 400, since a `scimType` that says more is optional (RFC
 * 7644 §3.12), and where there is no such method. A name that is taken, and a version that is old, are refused in every
 * form.
 */
export function isOfForm(error: unknown): error is ConcordatError {
  const isKind =
    isMisunderstood(error) ||
    error instanceof InvalidValueError ||
    error instanceof MutabilityError ||
    error instanceof TooManyError ||
    error instanceof UnsupportedError;
  return isKind && [400, 405, 413, 415, 422, 501].includes(statusOf(error) ?? 0);
}

/**
 * Whether a refused change of members may be done in another form, or in part: beside what is of the form, some respond
 * with 409 for a member who is there already, and 404 for one whom they do not know.
 */
export function isOfMembers(error: unknown): error is ConcordatError {
  return isOfForm(error) || error instanceof UniquenessError || error instanceof NotFoundError;
}

/**
 * How many of so many may be sent at once, by an error that says that they were too many: by the number that it names,
 * or by half.
 *
 * @returns `undefined` if it does not say so.
 */
export function smallerThan(count: number, error: unknown): number | undefined {
  const status = statusOf(error);
  if (count < 2 || status === undefined || ![400, 413, 422].includes(status)) return undefined;
  const named = limitIn((error as Error).message, count);
  if (named !== undefined) return named;
  return status === 413 || error instanceof TooManyError ? Math.floor(count / 2) : undefined;
}

/** A number below the count, in a sentence about a limit. */
function limitIn(text: string, count: number): number | undefined {
  const isAboutLimit = /\b(?:max|maximum|most|limit|limited|exceed|exceeds|many|more than|up to)/i;
  if (!isAboutLimit.test(text)) return undefined;
  const numbers = (text.match(/\d{1,9}/g) ?? []).map(Number);
  return numbers.find((number) => number > 0 && number < count);
}
