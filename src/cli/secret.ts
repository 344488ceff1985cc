import { readFileSync, statSync } from "node:fs";
import { ConfigError } from "./errors.js";

/** The longest file that is taken for a secret, in bytes. */
const longest = 64 * 1024;

/** Where a configuration has its secrets from, so that none stands in it. */
export const secret: {
  /**
   * The value of an environment variable.
   *
   * @throws {ConfigError} it is not set, or empty.
   */
  readonly env: (name: string) => string;
  /**
   * What is in a file, such as one that a container mounts or `systemd` gives (`LoadCredential`), without one line end
   * at its end.
   *
   * @throws {ConfigError} it cannot be read, is empty, has more than 64 KiB, or others may read it (its mode).
   */
  readonly file: (path: string) => string;
} = { env, file };

function env(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new ConfigError(`Set the environment variable ${name}.`);
  }
  return value;
}

function file(path: string): string {
  let text: string;
  try {
    const { size, mode } = statSync(path);
    if (size > longest) throw new ConfigError(`The file ${path} is too long for a secret.`);
    // Where every user may read it, it is none. A group may, as containers mount their secrets.
    if (process.platform !== "win32" && (mode & 0o007) !== 0) {
      throw new ConfigError(`All users have access to ${path}; give it the mode 0640 or 0600.`);
    }
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`The secret in ${path} cannot be read.`, { cause });
  }
  const value = text.replace(/\r?\n$/, "");
  if (value === "") throw new ConfigError(`The file ${path} is empty.`);
  return value;
}
