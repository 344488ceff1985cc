import { createHash, randomBytes } from "node:crypto";
import { operandsOf } from "../arguments.js";
import { exitCode } from "../exit-codes.js";
import type { Command } from "./command.js";

/**
 * `concordat token`: a bearer token of 256 random bits, and its digest, as `bearerTokens` of `scim-server` takes it.
 */
export const token: Command = async ({ given, output }) => {
  operandsOf(given);
  const made = randomBytes(32).toString("base64url");
  const sha256 = createHash("sha256").update(made).digest("hex");
  if (output.isJson) output.json({ token: made, sha256 });
  else {
    output.line(`token   ${made}`);
    output.line(`sha256  ${sha256}`);
    output.note("Give the token to the client, which is shown this once, and keep the digest.");
  }
  return exitCode.done;
};
