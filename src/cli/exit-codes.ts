/** What the exit codes of the command mean; they are documented in `docs/command.md`. */
export const exitCode = {
  done: 0,
  /** Something went wrong, and the message says what. */
  failed: 1,
  /** The command was called wrongly, or its configuration cannot be used. */
  usage: 2,
  /** More would be taken away than a limit allows, or not what was accepted: an administrator has to look. */
  limit: 3,
  /** Another process has begun to follow the same stream. */
  taken: 4,
} as const;
