import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackage } from "../installed-package.js";

/** The programs of this test, with the built package installed beside them. */
export interface Programs extends AsyncDisposable {
  readonly provider: string;
  readonly consumer: string;
}

export async function installPrograms(): Promise<Programs> {
  const installed = await installPackage();
  const copied = async (name: string): Promise<string> => {
    const path = join(installed.application, `${name}.ts`);
    await cp(fileURLToPath(new URL(`directory-to-scim-${name}.ts`, import.meta.url)), path);
    return path;
  };
  return {
    provider: await copied("provider"),
    consumer: await copied("consumer"),
    [Symbol.asyncDispose]: () => installed[Symbol.asyncDispose](),
  };
}
