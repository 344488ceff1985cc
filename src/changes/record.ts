import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { endingWithSignal, InvalidValueError } from "../core/index.js";
import type { ChangeBatch, ChangeStream } from "./change.js";
import { lengthOfWholeLines, readLines } from "./read-lines.js";
import {
  InvalidRecordingError,
  longestLine,
  parseHeader,
  printBatch,
  printHeader,
} from "./recording.js";

/** Options of {@link recordChanges}. */
export interface RecordOptions {
  /** Adds to a recording of the same source that exists already. Default `false`: an existing file is refused. */
  readonly append?: boolean | undefined;
}

/** Longer first lines than this are not headers. */
const maxHeaderLength = 64 * 1024;

/**
 * Passes a stream on and writes what it yields to a file, one batch a line (NDJSON), after a line that names the
 * format, its version and the source. A batch is on the disk before it is handed on.
 *
 * The file holds personal data. It is made with mode 0600; a symbolic link, and a file that others may read or write,
 * are refused. Passwords are left out, even if the stream should have any. What is passed on is as it came.
 *
 * A stream that is read again, as after a reconnect, goes on in the same file. It may be read once at a time. What
 * {@link ChangeStream.reread} reads is no part of the stream, and is not recorded.
 *
 * @param path Where the recording is kept.
 * @throws {InvalidValueError} when it is read: the file exists, is a link, or is open to others.
 * @throws {InvalidRecordingError} when it is read: the file to append to is not a recording of this source, or a batch
 * makes a line of more than 64 MiB, which {@link replayChanges} would not read unless asked to.
 */
export function recordChanges(
  stream: ChangeStream,
  path: string,
  options: RecordOptions = {},
): ChangeStream {
  let append = options.append ?? false;
  const recorded = async function* (
    request: Parameters<ChangeStream["read"]>[0],
  ): AsyncGenerator<ChangeBatch, void> {
    request?.signal?.throwIfAborted();
    const file = await openRecording(path, stream.source, append);
    append = true;
    try {
      for await (const batch of stream.read(request)) {
        await writeLine(file, assertReadable(printBatch(batch)));
        yield batch;
      }
    } finally {
      await file.close();
    }
  };
  return {
    source: stream.source,
    ...(stream.mapping !== undefined && { mapping: stream.mapping }),
    ...(stream.reread !== undefined && { reread: stream.reread.bind(stream) }),
    ...(stream.lagBehind !== undefined && { lagBehind: stream.lagBehind.bind(stream) }),
    read: (request) => endingWithSignal(recorded(request), request?.signal),
  };
}

async function openRecording(path: string, source: string, append: boolean): Promise<FileHandle> {
  const created = await create(path);
  if (created === undefined && !append) {
    throw new InvalidValueError("path", `The file "${path}" exists; it is added to with "append".`);
  }
  const file = created ?? (await openExisting(path));
  try {
    if (created === undefined) await assertPrivate(file, path);
    const length = await lengthOfWholeLines(file);
    await assertHeader(file, source, length);
    // A line that a crash has cut was never handed on, so nothing is lost with it.
    await file.truncate(length);
    if (length === 0) await writeLine(file, printHeader(source));
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Makes the file; `undefined` when there is something of that name. */
async function create(path: string): Promise<FileHandle | undefined> {
  try {
    const { O_RDWR, O_APPEND, O_CREAT, O_EXCL } = constants;
    return await open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL, 0o600);
  } catch (error) {
    if (hasCode(error, "EEXIST")) return undefined;
    throw error;
  }
}

async function openExisting(path: string): Promise<FileHandle> {
  try {
    const { O_RDWR, O_APPEND, O_NOFOLLOW } = constants;
    return await open(path, O_RDWR | O_APPEND | O_NOFOLLOW);
  } catch (cause) {
    if (!hasCode(cause, "ELOOP")) throw cause;
    throw new InvalidValueError("path", `"${path}" is a symbolic link.`, { cause });
  }
}

async function assertPrivate(file: FileHandle, path: string): Promise<void> {
  const stats = await file.stat();
  if (!stats.isFile()) throw new InvalidValueError("path", `"${path}" is not a file.`);
  // Windows has no such owners and modes; there the directory's access list decides.
  if (process.platform === "win32") return;
  // Root may write to a file of any user, who would then read what is added.
  if (stats.uid !== process.geteuid?.()) {
    throw new InvalidValueError("path", `"${path}" belongs to another user.`);
  }
  if ((stats.mode & 0o077) !== 0) {
    throw new InvalidValueError("path", `Others have access to "${path}"; give it the mode 0600.`);
  }
}

/**
 * Asserts that the file begins with the header for this source; if there is no whole line, with nothing but part of it.
 */
async function assertHeader(file: FileHandle, source: string, length: number): Promise<void> {
  for await (const { bytes } of readLines(file, maxHeaderLength)) {
    if (length === 0 && Buffer.from(printHeader(source)).indexOf(bytes) === 0) return;
    const recorded = parseHeader(bytes);
    if (recorded === source) return;
    throw new InvalidRecordingError(`The source is "${recorded}", not "${source}".`, { line: 1 });
  }
}

/** Refuses a line that could not be read again, before a part of it is in the file. */
function assertReadable(line: string): string {
  if (Buffer.byteLength(line) <= longestLine) return line;
  throw new InvalidRecordingError(`A batch makes a line of more than ${longestLine} bytes.`);
}

async function writeLine(file: FileHandle, text: string): Promise<void> {
  await file.appendFile(`${text}\n`);
  await file.datasync();
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
