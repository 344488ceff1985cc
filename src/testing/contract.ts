import assert from "node:assert/strict";
import {
  InvalidValueError,
  type UniquenessError,
  type VersionConflictError,
} from "../core/index.js";
import { checking } from "./assertions.js";

/** One requirement on a repository, for any test runner. */
export interface ContractCase {
  /** The requirement in words, for the name of a test. */
  readonly name: string;
  /** Why the case does not apply, where it does not: what the repository does not declare is not required. */
  readonly skip?: string;
  /**
   * Rejects, with an `AssertionError` of `node:assert` where a requirement is not met; its message says what was
   * required. Each run takes a fresh subject from `make` and disposes of it. A case with `skip` is not to be run, and
   * rejects.
   */
  run(): Promise<void>;
}

/**
 * Makes an empty repository, or another subject of a contract. What it returns is disposed of by its
 * `Symbol.asyncDispose`, if it has one, when a case is over.
 */
export type Make<S> = () => Disposable<S> | Promise<Disposable<S>>;

type Disposable<S> = S & { readonly [Symbol.asyncDispose]?: () => PromiseLike<void> };

/** A requirement as the suites state it. */
export interface Requirement<S> {
  readonly name: string;
  readonly skip?: string | undefined;
  check(subject: S): Promise<void>;
}

/** Uses a subject and disposes of it. */
export async function using<S, R>(make: Make<S>, use: (subject: S) => R | Promise<R>): Promise<R> {
  const subject = await make();
  try {
    return await use(subject);
  } finally {
    await subject[Symbol.asyncDispose]?.();
  }
}

/** The cases of a suite. */
export function toCases<S>(
  make: Make<S>,
  requirements: readonly Requirement<S>[],
): readonly ContractCase[] {
  return requirements.map(({ name, skip, check }) =>
    skip === undefined
      ? { name, run: () => using(make, (subject) => checking(name, () => check(subject))) }
      : {
          name,
          skip,
          run: () => Promise.reject(new Error(`"${name}" does not apply: ${skip}`)),
        },
  );
}

/** Strings that a store must keep apart and give back as they are. */
export const hostileStrings: readonly string[] = [
  "O'Brien",
  'say "hi"',
  "'; DROP TABLE users; --",
  "back\\slash",
  "100%_sure*",
  "line\nfeed\ttab",
  "x y ",
  " x y",
  "😀",
  "e\u0301 is not \u00e9",
  "__proto__",
  "constructor",
  "toString",
  "null",
  "0",
  `long${"x".repeat(1000)}`,
];

/** Strings of 10,000 characters that differ in the last one. Entries in a directory may have such names. */
export const longStrings: readonly string[] = ["a", "b", "\u{1F600}"].map(
  (end) => `${"é,".repeat(5_000)}${end}`,
);

/** Identifiers that no store has given out. */
export const unknownIds: readonly string[] = [
  "00000000-0000-4000-8000-000000000000",
  "",
  "0",
  "-1",
  "nul\u0000byte",
  ...hostileStrings,
];

/** Asserts that a result whose order is not promised has these rows, each once. */
export function assertRows(actual: readonly object[], expected: readonly object[]): void {
  const inOneOrder = (rows: readonly object[]): object[] =>
    rows
      .map((row) => ({ row, key: JSON.stringify(Object.entries(row).sort()) }))
      .sort((one, other) => (one.key < other.key ? -1 : 1))
      .map(({ row }) => row);
  assert.deepEqual(inOneOrder(actual), inOneOrder(expected));
}

/** Asserts that exactly one of some concurrent calls was done, and the others were refused for the reason given. */
export function assertOneWinner(
  results: readonly PromiseSettledResult<unknown>[],
  refusal: typeof UniquenessError | typeof VersionConflictError,
): void {
  const refused = results.filter((result) => result.status === "rejected");
  for (const { reason } of refused) {
    if (!(reason instanceof refusal)) {
      assert.fail(`${refusal.name} was to be expected, not ${String(reason)}`);
    }
  }
  assert.equal(results.length - refused.length, 1, "exactly one call is to be done");
}

/** What was created; `undefined` when the store says that it cannot hold the value. */
export async function unlessInvalid<R>(created: Promise<R>): Promise<R | undefined> {
  try {
    return await created;
  } catch (error) {
    if (error instanceof InvalidValueError) return undefined;
    throw error;
  }
}
