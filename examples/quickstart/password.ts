import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { UsageError } from "./failures.ts";

/**
 * The password for a bind DN: from the environment, or typed in without being shown.
 *
 * @throws {UsageError} there is neither, or the prompt was left.
 */
export async function passwordFor(bindDn: string): Promise<string> {
  const { CONCORDAT_PASSWORD } = process.env;
  if (CONCORDAT_PASSWORD !== undefined && CONCORDAT_PASSWORD !== "") return CONCORDAT_PASSWORD;
  if (!process.stdin.isTTY) {
    throw new UsageError("There is no terminal to ask for the password: set CONCORDAT_PASSWORD.");
  }
  return await askUnseen(`Password of ${bindDn}: `);
}

async function askUnseen(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({
    input: process.stdin,
    output: nowhere,
    terminal: true,
    historySize: 0,
  });
  const left = new AbortController();
  // Ctrl-C and Ctrl-D; without a listener they would leave the question unanswered for ever.
  prompt.once("SIGINT", () => left.abort());
  prompt.once("close", () => left.abort());
  // From here on the terminal shows nothing of what is typed, so only now is the question put. It is an error message
  // of sorts: it is seen even where the output goes to a file.
  process.stderr.write(question);
  try {
    return await prompt.question("", { signal: left.signal });
  } catch (error) {
    if (left.signal.aborted) throw new UsageError("No password was given.");
    throw error;
  } finally {
    prompt.close();
    process.stderr.write("\n");
  }
}
