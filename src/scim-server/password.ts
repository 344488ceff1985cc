import type { UserRepository } from "../repositories/index.js";
import type { Endpoint, Exchange } from "./exchange.js";

/**
 * Makes a change, and gives a user the password that came with it: both or neither, where the stores have transactions. Where the
 * store takes no password, that is reported.
 */
export async function changeWithPassword(
  { record, repositories, signal }: Exchange,
  { type, repository }: Endpoint,
  id: string,
  password: unknown,
  change: (repository: Endpoint["repository"]) => Promise<void>,
): Promise<void> {
  const { users } = repositories;
  const canSet = repository.capabilities.password === "set" && users?.setPassword !== undefined;
  if (typeof password !== "string" || type.name !== "User" || !canSet) {
    if (password !== undefined) record.ignored.push({ path: "password", reason: "unsupported" });
    await change(repository);
    return;
  }
  const both = async (bound: UserRepository): Promise<void> => {
    await change(bound);
    await bound.setPassword?.(id, password, { signal });
  };
  if (repositories.transaction === undefined) await both(users);
  else await repositories.transaction(async (bound) => await both(bound.users ?? users));
}
