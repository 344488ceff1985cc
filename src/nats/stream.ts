import {
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { InvalidValueError, UnavailableError, UnsupportedError } from "../core/index.js";
import type { NatsChangeLogOptions } from "./options.js";

/** The code of JetStream for a message that expects another last one. */
export const wrongLastSequence = 10071;
/**
 * The code for a message that expects another one to be the last of its subject, while a write that expects the same is
 * under way in a cluster: which of them is right is known once that is done, or its leader is not the leader any more.
 */
export const expectationUnderWay = 10164;
const streamNotFound = 10059;

/**
 * Refuses servers that do not know atomic batches: they take them for single messages, and say nothing.
 *
 * @throws {UnsupportedError} the server is older than 2.12.
 */
export function assertVersion(version: string | undefined): void {
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  if (major > 2 || (major === 2 && minor >= 12)) return;
  throw new UnsupportedError(
    `The NATS server has the version ${version ?? "that it does not say"}. A change log takes 2.12 or later: older ` +
      "ones ignore in silence that records are to be written together.",
  );
}

/** Makes the stream where it is not there, or looks whether it is one of a change log. */
export async function openStream(
  manager: JetStreamManager,
  { stream, replicas = 1, create = true }: NatsChangeLogOptions,
): Promise<void> {
  if (!/^[A-Za-z0-9_-]+$/.test(stream)) {
    throw new InvalidValueError("stream", "it is letters, digits, hyphens and underscores.");
  }
  const config = await configOf(manager, stream);
  if (config !== undefined) {
    assertLike(config);
    return;
  }
  if (!create) throw new UnsupportedError(`There is no stream "${stream}" yet.`);
  await manager.streams.add({
    name: stream,
    subjects: [`${stream}.>`],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    // A limit that is reached refuses what is new, instead of dropping what is there.
    discard: DiscardPolicy.New,
    allow_direct: true,
    allow_atomic: true,
    allow_msg_ttl: true,
  });
}

async function configOf(
  manager: JetStreamManager,
  stream: string,
): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(stream)).config;
  } catch (error) {
    if (codeOf(error) === streamNotFound) return undefined;
    throw error;
  }
}

function assertLike(config: StreamConfig): void {
  const wrong = [
    config.max_msgs_per_subject === 1 ? "" : "max_msgs_per_subject is not 1",
    config.discard === DiscardPolicy.New ? "" : "discard is not new",
    (config.max_age ?? 0) === 0 ? "" : "max_age drops entries that are there",
    config.allow_direct === true ? "" : "allow_direct is not set",
    config.allow_atomic === true ? "" : "allow_atomic is not set",
    config.allow_msg_ttl === true ? "" : "allow_msg_ttl is not set",
  ].filter((text) => text !== "");
  if (wrong.length === 0) return;
  throw new UnsupportedError(
    `The stream "${config.name}" is not one of a change log: ${wrong.join(", ")}.`,
  );
}

/** The code of an error of JetStream. */
export function codeOf(error: unknown): number | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "number" ? code : undefined;
}

/** The error of what the server did not answer, or not as it should. */
export function unavailable(error: unknown, mayBeDone = false): Error {
  if (error instanceof UnavailableError || error instanceof InvalidValueError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new UnavailableError(`The NATS server did not do what it was asked for: ${message}`, {
    cause: error,
    mayBeDone,
  });
}
