import * as concordat from "concordat";
import { DefinitionError, FederationError } from "concordat/federation";
import {
  InvalidFilterError,
  InvalidPathError,
  InvalidSyntaxError,
  NoTargetError,
} from "concordat/scim";
import { ScimResponseError } from "concordat/scim-client";
import { ScimRequestError } from "concordat/scim-server";
import { SignatureError } from "concordat/signing";
import { SignOnError } from "concordat/sso";
import { StreamTakenError } from "concordat/sync";
import { expect, test } from "vitest";

/** What callers switch on. */
test("each kind of error has its code", () => {
  const errors: readonly concordat.ConcordatError[] = [
    new concordat.ConcordatError("message"),
    new concordat.NotFoundError("id"),
    new concordat.UniquenessError("userName"),
    new concordat.VersionConflictError("message"),
    new concordat.InvalidValueError("path", "message"),
    new concordat.MutabilityError("path", "message"),
    new concordat.UnsupportedError("message"),
    new concordat.TooManyError("message", 1),
    new concordat.UnavailableError("message"),
    new InvalidFilterError("message"),
    new InvalidPathError("message"),
    new InvalidSyntaxError("message"),
    new NoTargetError("message"),
    new StreamTakenError("source"),
    new DefinitionError([]),
    new FederationError("unreachable", "server"),
    new ScimRequestError(403, "detail"),
    new ScimResponseError("message", 401),
    new SignOnError("access_denied"),
    new SignatureError({ code: "unknown_key" }),
  ];
  expect(Object.fromEntries(errors.map(({ name, code }) => [name, code]))).toEqual({
    ConcordatError: "concordat",
    NotFoundError: "not_found",
    UniquenessError: "uniqueness",
    VersionConflictError: "version_conflict",
    InvalidValueError: "invalid_value",
    MutabilityError: "mutability",
    UnsupportedError: "unsupported",
    TooManyError: "too_many",
    UnavailableError: "unavailable",
    InvalidFilterError: "invalid_filter",
    InvalidPathError: "invalid_path",
    InvalidSyntaxError: "invalid_syntax",
    NoTargetError: "no_target",
    StreamTakenError: "stream_taken",
    DefinitionError: "definition",
    FederationError: "federation",
    ScimRequestError: "scim_request",
    ScimResponseError: "scim_response",
    SignOnError: "sign_on",
    SignatureError: "signature",
  });
  for (const error of errors) expect(error).toBeInstanceOf(concordat.ConcordatError);
});
