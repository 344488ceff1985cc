import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A program in Python beside this file, which answers JSON with JSON, a document a line. */
export interface PythonPeer extends AsyncDisposable {
  ask(request: object): Promise<unknown>;
}

/** Starts a program with the interpreter that has what it imports. */
export function startPythonPeer(
  python: string,
  program: string,
  parameters: readonly string[] = [],
): PythonPeer {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(python, [path, ...parameters], { stdio: ["pipe", "pipe", "inherit"] });
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await answers.next();
      if (done === true) throw new Error("The peer has ended.");
      return JSON.parse(value);
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}
