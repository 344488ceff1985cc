import type { CallOptions } from "../../repositories/index.js";
import type { Endpoint, Exchange } from "../context.js";
import { endSessionsOf } from "./sessions.js";

/** A change to a resource that is to be written. */
export interface Change {
  readonly endpoint: Endpoint;
  readonly id: string;
  /** The password that came with it, which is written beside it. */
  readonly password: unknown;
  /** Whether it says that the resource is not active. */
  readonly deactivates: boolean;
}

/**
 * Writes a change, and gives a user the password that came with it: both or neither, where the stores have transactions. Where the
 * store takes no password, that is reported. The sessions of a user who is deactivated end then, also where only the password was
 * refused.
 */
export async function writeChange(
  exchange: Exchange,
  { endpoint, id, password, deactivates }: Change,
  write: (repository: Endpoint["repository"], options: CallOptions) => Promise<void>,
): Promise<void> {
  const { type, repository } = endpoint;
  const { record, repositories, signal } = exchange;
  const { users } = repositories;
  const canSet = repository.capabilities.password === "set" && users?.setPassword !== undefined;
  const setsPassword = typeof password === "string" && type.name === "User" && canSet;
  if (password !== undefined && !setsPassword) {
    record.ignored.push({ path: "password", reason: "unsupported" });
  }
  // Who is shut out must not stay signed in because the client went away before the sessions were ended: no signal.
  const options: CallOptions = {
    onIgnored: record.notKept,
    ...(!deactivates && { signal }),
  };
  const isAtOnce = setsPassword && repositories.transaction !== undefined;
  if (isAtOnce) {
    await repositories.transaction?.(async ({ users: bound = users }) => {
      await write(bound, options);
      await bound.setPassword?.(id, password, options);
    });
  } else {
    await write(repository, options);
  }
  try {
    // One part is written, and so the other should be, whoever has gone away: no signal.
    if (setsPassword && !isAtOnce) await users.setPassword?.(id, password);
  } finally {
    if (deactivates) await endSessionsOf(exchange, endpoint, id);
  }
}
