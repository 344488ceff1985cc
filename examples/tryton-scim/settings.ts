import { secret } from "concordat/cli";
import type { TrytonOptions } from "./client.ts";
import type { TrytonGroupOptions } from "./groups.ts";
import { endSessions } from "./sessions.ts";
import type { TrytonUserOptions } from "./users.ts";

/** What the environment says. */
export interface Settings {
  readonly tryton: TrytonOptions;
  readonly users: TrytonUserOptions;
  /** For synchronisation, which fills Tryton's groups by their names. */
  readonly groups: TrytonGroupOptions;
}

/** Reads the environment; `.env.example` says what is in it. */
export function settingsOf(env: NodeJS.ProcessEnv = process.env): Settings {
  const { TRYTON_CONSOLE } = env;
  const hidden = listOf(env["TRYTON_HIDDEN"] ?? "root,admin");
  const namesOfDeleted = env["TRYTON_NAMES_OF_DELETED"] === "refuse" ? "refuse" : "free";
  return {
    tryton: {
      url: secret.env("TRYTON_URL"),
      database: secret.env("TRYTON_DATABASE"),
      login: secret.env("TRYTON_LOGIN"),
      password: secret.env("TRYTON_PASSWORD"),
      language: env["TRYTON_LANGUAGE"] || "en",
      timeout: Number(env["TRYTON_TIMEOUT"] || 30_000),
    },
    users: {
      hidden,
      passwords: env["TRYTON_PASSWORDS"] === "yes",
      namesOfDeleted,
      changesOfInactive: env["TRYTON_CHANGES_OF_INACTIVE"] === "refuse" ? "refuse" : "activate",
      ...(TRYTON_CONSOLE && {
        endSessions: (id, signal) => endSessions(TRYTON_CONSOLE, id, signal),
      }),
    },
    groups: { hidden, hiddenGroups: listOf(env["TRYTON_HIDDEN_GROUPS"] ?? "Administration") },
  };
}

function listOf(text: string): readonly string[] {
  return text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}
