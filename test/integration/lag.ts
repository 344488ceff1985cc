import type { ChangeStream, SourceLag } from "concordat/changes";

/** Reads all that there is now. @returns the checkpoint behind it. */
export async function readAll(stream: ChangeStream, after?: string): Promise<string> {
  let last = after;
  for await (const { checkpoint } of stream.read({ after, follow: false })) {
    last = checkpoint ?? last;
  }
  if (last === undefined) throw new Error("There was no checkpoint.");
  return last;
}

/** What a stream says that can say how far its source has gone on. */
export async function lagOf(stream: ChangeStream, checkpoint: string): Promise<SourceLag> {
  if (stream.lagBehind === undefined) throw new Error("This stream cannot say it.");
  return await stream.lagBehind(checkpoint);
}
