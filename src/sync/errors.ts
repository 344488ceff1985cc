import { ConcordatError } from "../core/index.js";

/** Another runner follows the same stream with the same stores. This one has stopped without changing anything more. */
export class StreamTakenError extends ConcordatError {
  override readonly name = "StreamTakenError";
  override readonly code = "stream_taken";

  constructor(source: string, options?: { cause?: unknown }) {
    super(`Another process applies the changes of "${source}" to the same stores.`, options);
  }
}
