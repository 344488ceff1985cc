import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Directory, startDirectory } from "concordat/testing/directory";
import { Application } from "./application.ts";
import { DirectoryChanges } from "./changes.ts";
import { inventedEntries } from "./invented-directory.ts";
import { type LogChoice, type LogPlace, placeLog } from "./log.ts";
import { Publisher } from "./publisher.ts";

/** A company with one directory, and three applications whose users are those of the directory. */
export interface Company extends AsyncDisposable {
  readonly directory: Directory;
  readonly place: LogPlace;
  readonly publisher: Publisher;
  /** Mail and payroll have begun, the wiki has not. */
  readonly applications: readonly [mail: Application, payroll: Application, wiki: Application];
  readonly changes: DirectoryChanges;
}

/** Founds a company, in a temporary folder that goes when it does. */
export async function foundCompany(choice: LogChoice = {}): Promise<Company> {
  /** What ends it, the last first. */
  const endings: (() => Promise<unknown>)[] = [];
  const end = async (): Promise<void> => {
    for (const ending of endings.splice(0).reverse()) await ending();
  };
  const started = <T extends AsyncDisposable>(one: T): T => {
    endings.push(async () => await one[Symbol.asyncDispose]());
    return one;
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), "concordat-many-"));
    endings.push(() => rm(folder, { recursive: true, force: true }));
    // The names of members follow renames and deletions, as in directories that keep references intact.
    const directory = await startDirectory({ refint: "replicated" });
    endings.push(() => directory.stop());
    directory.load(inventedEntries(directory.suffix));
    const place = started(await placeLog(choice, folder));
    const publisher = started(new Publisher(directory, place));
    const open = async (name: string): Promise<Application> =>
      started(await Application.open(name, place, join(folder, `${name}.sqlite`)));
    const applications = [await open("mail"), await open("payroll"), await open("wiki")] as const;
    for (const application of applications.slice(0, 2)) application.start();
    await publisher.caughtUp;
    const changes = new DirectoryChanges(directory);
    return { directory, place, publisher, applications, changes, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
