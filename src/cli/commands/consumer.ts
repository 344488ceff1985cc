import type { Consumer, ConsumerRepository } from "../../repositories/index.js";
import { newConsumer, revokeConsumer, rotateSecret } from "../../sso/index.js";
import type { Arguments } from "../arguments.js";
import { ConfigError, UsageError } from "../errors.js";
import { exitCode } from "../exit-codes.js";
import { type Output, oneLine } from "../output.js";
import { type Command, type CommandContext, withConfig } from "./command.js";

const formats = ["simple-sso", "simple-sso-draft", "http-signature"] as const;

/** `concordat consumer …`: the consumers of a sign-on server. */
export const consumer: Command = async (context) => {
  const [action, operand, ...more] = context.given.operands;
  if (more.length > 0)
    throw new UsageError(`"consumer" does not know what to do with "${more[0]}".`);
  return await withConfig(context, async ({ consumers }) => {
    if (consumers === undefined) throw new ConfigError('The configuration has no "consumers".');
    switch (action) {
      case "create":
        await create(context, consumers, needed(operand, "the name of the site"));
        break;
      case "rotate":
        await rotate(context, consumers, needed(operand, "the key of a consumer"));
        break;
      case "revoke":
        await revoke(context, consumers, needed(operand, "the key of a consumer"));
        break;
      case "list":
        await list(context, consumers);
        break;
      default:
        throw new UsageError('"consumer" is create, rotate, revoke or list.');
    }
    return exitCode.done;
  });
};

async function create(
  { given, output }: CommandContext,
  consumers: ConsumerRepository,
  name: string,
): Promise<void> {
  const { redirect, signOut } = given;
  const format = formats.find((one) => one === (given.format ?? "simple-sso"));
  if (format === undefined) throw new UsageError(`--format is one of ${formats.join(", ")}.`);
  if (redirect.length === 0) throw new UsageError('"consumer create" needs --redirect URL.');
  const made = newConsumer({
    name,
    format,
    redirectUris: redirect,
    ...(signOut === undefined ? {} : { signOutUri: signOut }),
  });
  await consumers.save(made);
  show(output, given, made.key, made.secrets[0]?.value ?? "");
}

async function rotate(
  { given, output, signal }: CommandContext,
  consumers: ConsumerRepository,
  key: string,
): Promise<void> {
  const known = await consumerOf(consumers, key, signal);
  const rotation = given.leaked ? { leaked: true as const } : { at: timeOf(given.at) };
  const { consumer: changed, secret } = rotateSecret(known, rotation);
  await consumers.save(changed);
  show(output, given, key, secret);
  output.note(
    given.leaked
      ? "Every other secret of it is refused from now on."
      : `The site uses it from ${given.at} on; the one before is good until then.`,
  );
}

async function revoke(
  { output, signal }: CommandContext,
  consumers: ConsumerRepository,
  key: string,
): Promise<void> {
  await consumers.save(revokeConsumer(await consumerOf(consumers, key, signal)));
  output.note("Its messages are refused from now on.");
}

async function list(
  { output, signal }: CommandContext,
  consumers: ConsumerRepository,
): Promise<void> {
  for (const { secrets, ...shown } of await consumers.list({ signal })) {
    if (output.isJson) output.json({ ...shown, secrets: secrets.length });
    else {
      const state = shown.isRevoked === true ? ", revoked" : "";
      output.line(`${oneLine(shown.key)}  ${oneLine(shown.name)} (${shown.format}${state})`);
    }
  }
}

/** The settings that a site needs: django-simple-sso's by their names, and as JSON. */
function show(output: Output, { endpoint }: Arguments, key: string, secret: string): void {
  if (output.isJson) {
    output.json({ key, secret, ...(endpoint === undefined ? {} : { endpoint }) });
    return;
  }
  output.line(`SSO_PRIVATE_KEY = ${JSON.stringify(secret)}`);
  output.line(`SSO_PUBLIC_KEY = ${JSON.stringify(key)}`);
  output.line(
    `SSO_SERVER = ${JSON.stringify(endpoint ?? "https://…/ where the sign-on server is")}`,
  );
}

async function consumerOf(
  consumers: ConsumerRepository,
  key: string,
  signal: AbortSignal,
): Promise<Consumer> {
  const known = await consumers.get(key, { signal });
  if (known === undefined)
    throw new UsageError(`There is no consumer with the key "${oneLine(key)}".`);
  return known;
}

function timeOf(text: string | undefined): Date {
  if (text === undefined) throw new UsageError('"consumer rotate" needs --at TIME or --leaked.');
  const at = new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new UsageError("--at is a time such as 2027-01-31T12:00:00Z.");
  return at;
}

function needed(operand: string | undefined, what: string): string {
  if (operand === undefined) throw new UsageError(`"consumer" needs ${what}.`);
  return operand;
}
