import type { Endpoint, Exchange } from "./exchange.js";

/** Gives a user another password, where one was sent and the store can; where it cannot, that is reported. */
export async function setPassword(
  { record, repositories: { users }, signal }: Exchange,
  { type, repository }: Endpoint,
  id: string,
  password: unknown,
): Promise<void> {
  if (password === undefined || type.name !== "User") return;
  const canSet = repository.capabilities.password === "set" && users?.setPassword !== undefined;
  if (typeof password === "string" && canSet) await users.setPassword?.(id, password, { signal });
  else record.ignored.push({ path: "password", reason: "unsupported" });
}
