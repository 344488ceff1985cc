import assert from "node:assert/strict";

/** Asserts that something is so, and says what it was that was required. */
export function assertThat(isSo: unknown, required: string): asserts isSo {
  assert.ok(isSo, required);
}

/**
 * An error that a call is to be refused with: itself, its class, what distinguishes it from others, or what it says.
 */
export type Refusal =
  | (abstract new (
      ...args: never
    ) => Error)
  | ((error: unknown) => boolean)
  | Error
  | RegExp;

/** Asserts that a call is refused. @param of What the call was about, where it is one of several. */
export async function assertRefusal(
  call: Promise<unknown>,
  refusal: Refusal,
  of?: string,
): Promise<void> {
  const about = of === undefined ? "" : ` (${JSON.stringify(of)})`;
  const [expected, isExpected] = expectation(refusal);
  let result: unknown;
  try {
    result = await call;
  } catch (error) {
    if (isExpected(error)) return;
    throw new assert.AssertionError({
      message: `the call is to be refused with ${expected}, not with ${said(error)}${about}`,
      actual: error,
      expected,
      operator: "rejects",
    });
  }
  throw new assert.AssertionError({
    message: `the call is to be refused with ${expected}, and was done${about}`,
    actual: result,
    expected,
    operator: "rejects",
  });
}

function expectation(refusal: Refusal): readonly [string, (error: unknown) => boolean] {
  if (refusal instanceof RegExp) {
    return [`an error that says ${refusal}`, (error) => refusal.test(said(error))];
  }
  if (refusal instanceof Error) return [said(refusal), (error) => error === refusal];
  if (isErrorClass(refusal)) return [refusal.name, (error) => error instanceof refusal];
  return ["the error that belongs to it", refusal];
}

function isErrorClass(
  refusal: Exclude<Refusal, RegExp | Error>,
): refusal is abstract new (
  ...args: never
) => Error {
  return refusal === Error || refusal.prototype instanceof Error;
}

function said(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Runs the check of a requirement; what it fails with says what was required. */
export async function checking<R>(required: string, check: () => Promise<R>): Promise<R> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof assert.AssertionError && !error.message.startsWith("It is required: ")) {
      const { message, stack } = error;
      error.message = `It is required: ${required}. But: ${message}`;
      // The stack has the message as it was.
      if (stack !== undefined) error.stack = stack.replace(message, () => error.message);
    }
    throw error;
  }
}
