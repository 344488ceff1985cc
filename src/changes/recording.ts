import * as z from "zod";
import { ConcordatError, secretAttributes } from "../core/index.js";
import type { NewGroup, NewUser } from "../scim/index.js";
import type { ChangeBatch, ManagedAttributes } from "./change.js";

/** A file is not a recording of changes, is damaged, or exceeds a bound. */
export class InvalidRecordingError extends ConcordatError {
  override readonly name = "InvalidRecordingError";
  override readonly code = "invalid_recording";
  /** The line that is not as it should be, counted from 1, where it is one. */
  readonly line?: number;

  constructor(message: string, options?: { cause?: unknown; line?: number }) {
    super(options?.line === undefined ? message : `Line ${options.line}: ${message}`, options);
    if (options?.line !== undefined) this.line = options.line;
  }
}

/** The longest line that is written, and read unless the reader sets another limit, in bytes: 64 MiB. */
export const longestLine: number = 64 * 1024 * 1024;

/** How deep a line may be nested. A batch with all that SCIM allows in a resource is about ten levels deep. */
const maxDepth = 32;

const headerSchema = z.strictObject({
  format: z.literal("concordat-changes"),
  version: z.literal(1),
  source: z.string(),
});

const nameSchema = z.strictObject({
  kind: z.enum(["dn", "uid", "id"]),
  key: z.string(),
  alias: z.literal(true).exactOptional(),
});

const memberSchema = nameSchema.extend({ foreign: z.literal(true).exactOptional() });

const membersSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("all"), members: z.array(memberSchema) }),
  z.strictObject({
    kind: z.literal("delta"),
    add: z.array(memberSchema),
    remove: z.array(memberSchema),
  }),
]);

/** What the attributes mean is for who applies them to judge: a stream that is not recorded is not checked either. */
function attributesSchema<N>(): z.ZodType<ManagedAttributes<N>> {
  return z.custom<ManagedAttributes<N>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "expected an object",
  );
}

const upsertShape = {
  kind: z.literal("upsert"),
  sourceId: z.string(),
  names: z.array(nameSchema),
  stamp: z.string().exactOptional(),
  nameCandidates: z.array(z.string()).exactOptional(),
  complete: z.boolean(),
  members: membersSchema.exactOptional(),
};

const changeSchema = z.discriminatedUnion("kind", [
  z.discriminatedUnion("type", [
    z.strictObject({
      ...upsertShape,
      type: z.literal("User"),
      resource: attributesSchema<NewUser>(),
    }),
    z.strictObject({
      ...upsertShape,
      type: z.literal("Group"),
      resource: attributesSchema<NewGroup>(),
    }),
  ]),
  z.strictObject({
    kind: z.literal("delete"),
    sourceId: z.string(),
    stamp: z.string().exactOptional(),
  }),
  z.strictObject({
    kind: z.literal("present"),
    entries: z.array(
      z.strictObject({
        sourceId: z.string(),
        names: z.array(nameSchema).exactOptional(),
        stamp: z.string().exactOptional(),
      }),
    ),
  }),
  z.strictObject({
    kind: z.literal("unreadable"),
    sourceId: z.string(),
    code: z.string(),
    message: z.string(),
  }),
  z.strictObject({ kind: z.literal("sweep"), stamp: z.string().exactOptional() }),
]);

const batchSchema: z.ZodType<ChangeBatch> = z.strictObject({
  phase: z.enum(["snapshot", "live", "reconcile"]),
  refresh: z.enum(["begins", "continues", "ends"]).exactOptional(),
  changes: z.array(changeSchema),
  checkpoint: z.string().exactOptional(),
});

/** The first line of a recording. */
export function printHeader(source: string): string {
  return JSON.stringify({ format: "concordat-changes", version: 1, source });
}

/** The name of the source, from the first line of a recording. */
export function parseHeader(bytes: Uint8Array): string {
  return parse(headerSchema, bytes, 1).source;
}

/**
 * A batch as a line, without what must not be in a file. What holds of the moment is left out, too: a recording may be
 * replayed more than once, and in part, so that the order of its changes is no longer that of the events.
 */
export function printBatch({ ordered: _, state: __, ...batch }: ChangeBatch): string {
  return JSON.stringify(batch, (key: string, value: unknown) => (isKept(key) ? value : undefined));
}

/** A batch, from a line of a recording. */
export function parseBatch(bytes: Uint8Array, line: number): ChangeBatch {
  return parse(batchSchema, bytes, line);
}

/**
 * Passwords, their hashes and keys are dropped, under the names of SCIM and of what directories have, with options
 * (`userPassword;x-old`) and with the URI of a schema.
 * So is `__proto__`, which no attribute can be called (RFC 7643 §2.1) and which a recording is refused for.
 */
function isKept(key: string): boolean {
  if (key === "__proto__") return false;
  const [name = ""] = key.slice(key.lastIndexOf(":") + 1).split(";", 1);
  const plain = name.toLowerCase();
  return plain !== "password" && !secretAttributes.has(plain);
}

function parse<T>(schema: z.ZodType<T>, bytes: Uint8Array, line: number): T {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The error of JSON.parse quotes the line, so it is not passed on.
    throw new InvalidRecordingError("It is not JSON in UTF-8.", { line });
  }
  assertPlain(value, line, maxDepth);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.map(String).join(".");
  throw new InvalidRecordingError(`${place ? `${place}: ` : ""}${issue?.message}`, { line });
}

/**
 * Refuses what is nested too deep, and keys that would become the prototype of an object into which they are copied.
 */
function assertPlain(value: unknown, line: number, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth === 0) {
    throw new InvalidRecordingError(`It is nested deeper than ${maxDepth} levels.`, { line });
  }
  for (const [key, item] of Object.entries(value)) {
    if (key === "__proto__") {
      throw new InvalidRecordingError('"__proto__" is not the name of an attribute.', { line });
    }
    assertPlain(item, line, depth - 1);
  }
}
