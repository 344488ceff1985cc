import type { Arguments } from "../arguments.js";
import { type ConcordatConfig, loadConfig, type SyncConfig, syncNamed } from "../config.js";
import type { Output } from "../output.js";

/** What a command works with. */
export interface CommandContext {
  readonly given: Arguments;
  readonly output: Output;
  /** It is aborted when the process is to end. */
  readonly signal: AbortSignal;
  /** Where the process was started. */
  readonly directory: string;
  /** The folder with the templates that come with the package. */
  readonly templates: string;
}

/** A command; it returns the exit code. */
export type Command = (context: CommandContext) => Promise<number>;

/** Loads the configuration for some work, and closes it after that, whatever happens. */
export async function withConfig<R>(
  { given, directory }: CommandContext,
  work: (config: ConcordatConfig) => Promise<R>,
): Promise<R> {
  const config = await loadConfig(given.config, directory);
  try {
    return await work(config);
  } finally {
    await config.close?.();
  }
}

/** The same for the one synchronisation that is meant. */
export async function withSync<R>(
  context: CommandContext,
  work: (sync: SyncConfig) => Promise<R>,
): Promise<R> {
  return await withConfig(context, (config) => work(syncNamed(config, context.given.sync)));
}

/** The same with the application made ready. */
export async function withReadySync<R>(
  context: CommandContext,
  work: (sync: SyncConfig) => Promise<R>,
): Promise<R> {
  return await withSync(context, async (sync) => {
    await sync.prepare?.();
    return await work(sync);
  });
}
