import { spawn } from "node:child_process";
import { once } from "node:events";
import { UnavailableError } from "concordat";

/** How long Tryton's console may take, in milliseconds. */
const limit = 30_000;

/**
 * Ends the sessions of a user by Tryton's own console. By RPC it cannot be done: a user sees no sessions but its own,
 * so that Tryton leaves those of a user open whom another one disables.
 *
 * @param command how the console is started for this database, such as `trytond-console -c /etc/tryton/trytond.conf -d
 * company`; where Tryton is on another host, with `ssh` before it.
 */
export async function endSessions(
  command: string,
  id: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  if (!/^\d{1,9}$/.test(id)) throw new UnavailableError("There is no such user.");
  const [file = "", ...args] = command.trim().split(/\s+/);
  const running = spawn(file, args, {
    stdio: ["pipe", "pipe", "ignore"],
    signal: AbortSignal.any([signal, AbortSignal.timeout(limit)]),
  });
  const ended = once(running, "close");
  let output = "";
  running.stdout.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(-1_000);
  });
  running.stdin.on("error", () => {});
  running.stdin.end(`pool.get("ir.session").clear([pool.get("res.user")(${id})])
transaction.commit()
print("sessions " + "ended")
`);
  try {
    await ended;
  } catch (cause) {
    throw new UnavailableError("Tryton's console cannot be started, or takes too long.", { cause });
  }
  // It ends with 0, whatever happens in it.
  if (!output.includes("sessions ended")) {
    throw new UnavailableError("Tryton's console has not ended the sessions.");
  }
}
