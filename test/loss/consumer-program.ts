import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackage } from "../installed-package.js";

/** The consuming program with the built package installed beside it. */
export interface ConsumerProgram extends AsyncDisposable {
  readonly path: string;
}

export async function installConsumer(): Promise<ConsumerProgram> {
  const installed = await installPackage();
  const path = join(installed.application, "consumer.ts");
  await cp(fileURLToPath(new URL("consumer.ts", import.meta.url)), path);
  return { path, [Symbol.asyncDispose]: () => installed[Symbol.asyncDispose]() };
}
