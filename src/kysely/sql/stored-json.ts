import { ConcordatError } from "../../core/index.js";

/**
 * A row holds something else than was written into it. Another program has changed it, or it was damaged: asking again
 * does not help. It says nothing of what is there, since that may be a secret.
 */
export class StoredValueError extends ConcordatError {
  override readonly name = "StoredValueError";
  override readonly code = "stored_value";
  /** The column. */
  readonly column: string;

  constructor(column: string) {
    super(`A row holds in "${column}" what was not written there.`);
    this.column = column;
  }
}

/**
 * What a column holds as JSON. The error of `JSON.parse` quotes the text, in which there may be a secret: it is not
 * passed on.
 *
 * @throws {StoredValueError} it is no JSON, or no object where one was written.
 */
export function decodeJson(column: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new StoredValueError(column);
  }
}

/** The same of an object. */
export function decodeObject(column: string, text: string): object {
  const value = decodeJson(column, text);
  if (typeof value !== "object" || value === null) throw new StoredValueError(column);
  return value;
}
