import { pythonFloat } from "../../federation/internal.js";

/** A value of Python's JSON: floats are kept apart from whole numbers, which JavaScript's numbers do not. */
export type PythonValue =
  | string
  | number
  | boolean
  | null
  | PythonFloat
  | readonly PythonValue[]
  | { readonly [name: string]: PythonValue };

/** A float of Python, which is printed with a point even where it is whole. */
export class PythonFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Prints a value as `json.dumps` of Python does. */
export function dumps(value: PythonValue): string {
  if (value instanceof PythonFloat) return pythonFloat(value.value);
  if (Array.isArray(value)) return `[${value.map(dumps).join(", ")}]`;
  if (typeof value === "string") return printString(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, member]) => `${printString(name)}: ${dumps(member)}`,
  );
  return `{${members.join(", ")}}`;
}

function printString(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A response of the child before it is signed: the status, and the members in the order in which a child has them. */
export interface ChildAnswer {
  readonly status: number;
  readonly body: { readonly [name: string]: PythonValue };
}

const threadId = 140528016033472;

/** The members of a successful response. */
function success(
  result: { readonly [name: string]: PythonValue },
  detail: { readonly [name: string]: PythonValue } | undefined,
  time: number,
): ChildAnswer {
  return {
    status: 200,
    body: {
      ...(detail === undefined ? {} : { detail: { ...detail } }),
      id: detail === undefined ? 1 : 2,
      jsonrpc: "2.0",
      result,
      time: new PythonFloat(time),
      version: "privacyIDEA unknown",
      versionnumber: "unknown",
    },
  };
}

/** A response to `validate/check` for a token, or for a user who has none that fits. */
export function checked(
  authentication: "ACCEPT" | "REJECT",
  message: string,
  serial: string | undefined,
  time: number,
): ChildAnswer {
  const token = serial === undefined ? {} : { otplen: 6, serial };
  const type = serial === undefined ? {} : { type: "hotp" };
  return success(
    { authentication, status: true, value: authentication === "ACCEPT" },
    { message, ...token, threadid: threadId, ...type },
    time,
  );
}

/** A response to `validate/polltransaction`. */
export function polled(status: "pending" | "accept" | "declined", time: number): ChildAnswer {
  return success(
    { authentication: "REJECT", status: true, value: false },
    { challenge_status: status, threadid: threadId },
    time,
  );
}

/** A response to `validate/triggerchallenge`. */
export function challenged(serial: string, transactionId: string, time: number): ChildAnswer {
  const challenge = { client_mode: "interactive", message: "please enter otp: " };
  return success(
    { authentication: "CHALLENGE", status: true, value: 1 },
    {
      ...challenge,
      messages: [challenge.message],
      multi_challenge: [{ ...challenge, serial, transaction_id: transactionId, type: "hotp" }],
      serial,
      threadid: threadId,
      transaction_id: transactionId,
      transaction_ids: [transactionId],
      type: "hotp",
      preferred_client_mode: "interactive",
    },
    time,
  );
}

/** The response to a successful log-in. */
export function loggedIn(username: string, token: string, time: number): ChildAnswer {
  const value = {
    auth: true,
    log_level: 20,
    realm: "",
    rights: [],
    role: "admin",
    token,
    username,
  };
  return success({ authentication: "ACCEPT", status: true, value }, { threadid: threadId }, time);
}

/** The response to a list of tokens, which has no detail. */
export function listed(serials: readonly string[], time: number): ChildAnswer {
  const tokens = serials.map((serial) => ({ active: true, serial, tokentype: "hotp" }));
  const value = { count: tokens.length, current: 1, next: null, prev: null, tokens };
  return success({ status: true, value }, undefined, time);
}

/** An error, whose detail is null, but for a log-in with a wrong password. */
export function failed(
  status: number,
  code: number,
  message: string,
  time: number,
  detail: null | Readonly<Record<string, never>> = null,
): ChildAnswer {
  return {
    status,
    body: {
      detail,
      id: 1,
      jsonrpc: "2.0",
      result: { error: { code, message }, status: false },
      time: new PythonFloat(time),
      version: "privacyIDEA unknown",
    },
  };
}
