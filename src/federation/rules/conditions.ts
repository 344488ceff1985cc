import { isIP } from "node:net";
import { isNetwork, Networks } from "../transport/address.js";
import {
  type Comparable,
  type Comparison,
  compareNumber,
  compareValue,
  parseComparison,
} from "./comparators.js";
import type { ContainerFacts, TokenFacts, UserFacts } from "./condition-source.js";
import type { Facts } from "./facts.js";
import { parseDuration, replaceNow } from "./instant.js";
import { readPattern } from "./pattern.js";

/** Whether a condition is fulfilled; `undefined` if nobody can say. */
export type Outcome = boolean | undefined;

/** Decides about the facts. It waits only for what the host has to be asked. */
type Decide = (facts: Facts) => Outcome | Promise<Outcome>;

/** A condition of privacyIDEA. */
interface ConditionType {
  /**
   * What privacyIDEA takes it for when it cannot be checked: a condition about a token, for example, is passed over
   * where there is none.
   */
  readonly uncheckable: boolean | ((value: string) => boolean);
  /** Reads the value that a rule gives it. Throws a `SyntaxError` that says what is wrong with it. */
  readonly read: (value: string) => Decide;
}

/** A condition of a rule. */
export interface Condition {
  readonly name: string;
  readonly decide: Decide;
  /** What privacyIDEA takes it for when it cannot be checked. */
  readonly uncheckable: boolean;
}

/** The names of the 42 conditions of privacyIDEA's event handlers. */
export function conditionNames(): readonly string[] {
  return Object.keys(types);
}

/**
 * Reads a condition.
 *
 * @throws {SyntaxError} there is no such condition, or the value is not one for it.
 */
export function readCondition(name: string, value: string): Condition {
  const type = Object.hasOwn(types, name) ? types[name] : undefined;
  if (type === undefined) throw new SyntaxError("there is no such condition.");
  const { read, uncheckable } = type;
  return {
    name,
    decide: read(value),
    uncheckable: typeof uncheckable === "function" ? uncheckable(value) : uncheckable,
  };
}

/** What privacyIDEA's `is_true` takes for true. */
function isTrue(value: unknown): boolean {
  return [1, "1", true, "True", "true", "TRUE"].some((one) => one === value);
}

function pattern(value: string): ReturnType<typeof readPattern> {
  try {
    return readPattern(value);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new SyntaxError(`it is not a regular expression that can be used: ${error.message}`);
    }
    throw error;
  }
}

function duration(value: string): number {
  const milliseconds = parseDuration(value);
  if (milliseconds === undefined) throw new SyntaxError('it is a duration such as "8h" or "7d".');
  return milliseconds;
}

/** A comparison of a number that the host knows. */
function number(value: string, numberOf: (facts: Facts) => Promise<number | undefined>): Decide {
  const right = parseComparison(value, "number")?.right ?? "";
  if (!/^[+-]?\d+$/.test(right)) {
    throw new SyntaxError('it compares a whole number, such as "<100" or "==3".');
  }
  return async (facts) => {
    const known = await numberOf(facts);
    return known === undefined ? undefined : compareNumber(value, known);
  };
}

/** A comparison of a key, `key == value`, in which `{now}` stands for the present time. */
function keyed(
  value: string,
  ask: (facts: Facts, key: string) => Promise<Comparable | null | undefined>,
): Decide {
  demandKeyed(value);
  return async (facts) => {
    const comparison = parseComparison(replaceNow(value, facts.now));
    if (comparison === undefined) return false;
    const known = await ask(facts, comparison.left);
    if (known === undefined) return undefined;
    return known !== null && compareValue(comparison, known, facts.now);
  };
}

function demandKeyed(value: string): void {
  const comparison: Comparison | undefined = parseComparison(value);
  if (comparison === undefined || comparison.left === "") {
    throw new SyntaxError('it compares a key, such as "name == value".');
  }
  if (/^!?matches$/.test(comparison.comparator)) pattern(comparison.right);
  if (comparison.comparator.endsWith("within_last")) duration(comparison.right);
}

/** A yes-or-no of the host's. */
function flag(value: string, isSo: (facts: Facts) => Promise<boolean | undefined>): Decide {
  const expected = isTrue(value);
  return async (facts) => {
    const known = await isSo(facts);
    return known === undefined ? undefined : known === expected;
  };
}

/** One of the values of a list with commas. */
function oneOf(
  value: string,
  textsOf: (facts: Facts) => Promise<readonly string[] | undefined>,
): Decide {
  const expected = value.split(",").map((one) => one.trim());
  return async (facts) => {
    const known = await textsOf(facts);
    // Nothing to compare is as good as nothing known: privacyIDEA passes the condition over.
    if (known === undefined || known.length === 0) return undefined;
    return known.some((one) => expected.includes(one));
  };
}

/** Something that the answer says of the result. Before there is an answer nobody knows it. */
function result(member: string, isAsExpected: (said: unknown) => boolean): Decide {
  return ({ body }) => (body === undefined ? undefined : isAsExpected(body.result[member]));
}

function ofUser<K extends keyof UserFacts>(name: K) {
  return async (facts: Facts): Promise<UserFacts[K] | undefined> => (await facts.user())?.[name];
}

function ofToken<K extends keyof TokenFacts>(name: K) {
  return async (facts: Facts): Promise<TokenFacts[K] | undefined> => (await facts.token())?.[name];
}

function ofContainer<K extends keyof ContainerFacts>(name: K) {
  return async (facts: Facts): Promise<ContainerFacts[K] | undefined> =>
    (await facts.container())?.[name];
}

/** A value by its key; `null` if what has values does not have this one. */
function infoOf(all: (facts: Facts) => Promise<Readonly<Record<string, Comparable>> | undefined>) {
  return async (facts: Facts, key: string): Promise<Comparable | null | undefined> => {
    const info = await all(facts);
    if (info === undefined) return undefined;
    return Object.hasOwn(info, key) ? (info[key] ?? null) : null;
  };
}

function singly(text: string | undefined): readonly string[] | undefined {
  return text === undefined ? undefined : [text];
}

/** How long ago something was. What has never been is neither older nor newer than any time. */
function age(
  value: string,
  dated: (facts: Facts) => Promise<{ readonly date: Date | undefined } | undefined>,
  isAsExpected: (age: number, limit: number) => boolean,
): Decide {
  const limit = duration(value);
  return async (facts) => {
    const known = await dated(facts);
    if (known === undefined) return undefined;
    return known.date !== undefined && isAsExpected(facts.now - known.date.getTime(), limit);
  };
}

function containerAge(value: string, name: "lastAuthentication" | "lastSynchronization"): Decide {
  const dated = async (facts: Facts): Promise<{ readonly date: Date | undefined } | undefined> => {
    const container = await facts.container();
    return container === undefined ? undefined : { date: container[name] };
  };
  // The documentation of privacyIDEA says that older ones fulfil it. In fact newer ones do.
  return age(value, dated, (actual, limit) => actual < limit);
}

function tokenAge(value: string): Decide {
  const dated = async (facts: Facts): Promise<{ readonly date: Date | undefined } | undefined> => {
    const token = await facts.token();
    return token === undefined ? undefined : { date: token.lastAuthentication };
  };
  return age(value, dated, (actual, limit) => actual > limit);
}

/** The client's address in one of the networks, and in none that a `!` or `-` excludes. */
function clientIp(value: string): Decide {
  const parts = value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const bare = (part: string): string => part.replace(/^[-!]/, "");
  if (parts.length === 0 || !parts.every((part) => isNetwork(bare(part)))) {
    throw new SyntaxError(
      'it is a list of addresses and networks, such as "10.0.0.0/8, !10.1.2.3".',
    );
  }
  const included = new Networks(parts.filter((part) => bare(part) === part));
  const excluded = new Networks(parts.filter((part) => bare(part) !== part).map(bare));
  return ({ clientAddress }) => {
    if (clientAddress === undefined || isIP(clientAddress) === 0) return undefined;
    return included.has(clientAddress) && !excluded.has(clientAddress);
  };
}

/** The session of the only challenge. That one was declined, the answer says as well. */
function challengeSession(value: string): Decide {
  const expected = pattern(value);
  return async (facts) => {
    const isDeclined =
      facts.detail?.["challenge_status"] === "declined" ||
      facts.body?.result["authentication"] === "DECLINED";
    if (isDeclined) return expected.match("challenge_declined");
    const challenges = await facts.challenges();
    if (challenges !== undefined && challenges.length > 1) return false;
    const session = challenges?.[0]?.session;
    return session === undefined ? undefined : expected.match(session);
  };
}

function challengeExpired(value: string): Decide {
  return async (facts) => {
    const challenges = await facts.challenges();
    if (challenges !== undefined && challenges.length > 1) return false;
    const isExpired = challenges?.[0]?.isExpired;
    return isExpired === undefined ? undefined : isExpired === isTrue(value);
  };
}

function detailMessage(value: string): Decide {
  const expected = pattern(value);
  return ({ body, detail }) =>
    body === undefined ? undefined : expected.search(textOf(detail?.["message"]));
}

function matchesNothing(value: string): boolean {
  return pattern(value).search("");
}

/** The message of an error. privacyIDEA looks for it in the detail, where none of its answers has it. */
function detailErrorMessage(value: string): Decide {
  const expected = pattern(value);
  return ({ body, detail }) => {
    if (body === undefined) return undefined;
    const error = recordOf(detail?.["error"]) ?? recordOf(body.result["error"]);
    return expected.search(textOf(error?.["message"]));
  };
}

/** Every state that is named, and, where `isExact`, no other. */
function containerStates(value: string, isExact: boolean): Decide {
  const expected = value.split(",").map((state) => state.trim());
  return async (facts) => {
    const states = (await facts.container())?.states;
    if (states === undefined) return undefined;
    const hasAll = expected.every((state) => states.includes(state));
    return hasAll && (!isExact || states.length === expected.length);
  };
}

/** Tokens that were enrolled by an older release have an empty state. */
function rolloutState(value: string): Decide {
  const named = (state: string): string => (state === "" ? "enrolled" : state);
  return async (facts) => {
    const state = (await facts.token())?.rolloutState;
    return state === undefined ? undefined : named(state) === named(value);
  };
}

function realm(value: string): Decide {
  const expected = value.split(",").map((one) => one.trim().toLowerCase());
  const isOne = (known: string | undefined): Outcome =>
    known === undefined ? undefined : expected.includes(known.toLowerCase());
  return (facts) =>
    facts.knowsUsers
      ? facts.user().then((user) => isOne(user?.realm ?? facts.subject.realm))
      : isOne(facts.subject.realm);
}

const types: Readonly<Record<string, ConditionType>> = {
  // The request and the user.
  client_ip: { uncheckable: true, read: clientIp },
  realm: { uncheckable: false, read: realm },
  resolver: {
    uncheckable: false,
    read: (value) =>
      oneOf(value, async (facts) =>
        singly((await facts.user())?.resolver ?? facts.subject.resolver),
      ),
  },
  user_info: { uncheckable: false, read: (value) => keyed(value, infoOf(ofUser("info"))) },
  user_token_number: { uncheckable: true, read: (value) => number(value, ofUser("tokenCount")) },
  user_container_number: {
    uncheckable: true,
    read: (value) => number(value, ofUser("containerCount")),
  },
  logged_in_user: {
    uncheckable: (value) => value === "user",
    read: (value) => oneOf(value, async (facts) => singly(await facts.role())),
  },
  // The answer.
  result_value: {
    uncheckable: (value) => !isTrue(value),
    read: (value) => result("value", (said) => isTrue(said) === isTrue(value)),
  },
  result_status: {
    uncheckable: (value) => !isTrue(value),
    read: (value) => result("status", (said) => isTrue(said) === isTrue(value)),
  },
  result_authentication: {
    uncheckable: false,
    read: (value) => result("authentication", (said) => said === value),
  },
  detail_message: { uncheckable: matchesNothing, read: detailMessage },
  detail_error_message: { uncheckable: matchesNothing, read: detailErrorMessage },
  // The challenge.
  challenge_session: { uncheckable: true, read: challengeSession },
  challenge_expired: { uncheckable: true, read: challengeExpired },
  // The token.
  serial: {
    uncheckable: true,
    read: (value) => {
      const expected = pattern(value);
      return async (facts) => {
        const known = facts.subject.serial ?? (await facts.token())?.serial;
        return known === undefined ? undefined : expected.match(known);
      };
    },
  },
  tokenrealm: { uncheckable: true, read: (value) => oneOf(value, ofToken("realms")) },
  tokenresolver: { uncheckable: true, read: (value) => oneOf(value, ofToken("resolvers")) },
  tokentype: {
    uncheckable: true,
    read: (value) => oneOf(value, async (facts) => singly(await ofToken("type")(facts))),
  },
  token_locked: { uncheckable: false, read: (value) => flag(value, ofToken("isLocked")) },
  token_has_owner: { uncheckable: true, read: (value) => flag(value, ofToken("hasOwner")) },
  token_is_orphaned: { uncheckable: true, read: (value) => flag(value, ofToken("isOrphaned")) },
  token_validity_period: {
    uncheckable: true,
    read: (value) => flag(value, ofToken("isInValidityPeriod")),
  },
  token_is_in_container: {
    uncheckable: true,
    read: (value) => flag(value, ofToken("isInContainer")),
  },
  rollout_state: { uncheckable: true, read: rolloutState },
  tokeninfo: { uncheckable: true, read: (value) => keyed(value, infoOf(ofToken("info"))) },
  last_auth: {
    uncheckable: true,
    read: tokenAge,
  },
  // Counters.
  otp_counter: { uncheckable: true, read: (value) => number(value, ofToken("otpCounter")) },
  failcounter: { uncheckable: true, read: (value) => number(value, ofToken("failCounter")) },
  count_auth: {
    uncheckable: true,
    read: (value) => number(value, ofToken("authenticationCount")),
  },
  count_auth_success: {
    uncheckable: true,
    read: (value) => number(value, ofToken("authenticationSuccessCount")),
  },
  count_auth_fail: {
    uncheckable: true,
    read: (value) =>
      number(value, async (facts) => {
        const { authenticationCount: all, authenticationSuccessCount: successes } =
          (await facts.token()) ?? {};
        return all === undefined || successes === undefined ? undefined : all - successes;
      }),
  },
  counter: {
    uncheckable: false,
    read: (value) => keyed(value, (facts, name) => facts.counter(name)),
  },
  // The container.
  container_state: { uncheckable: true, read: (value) => containerStates(value, false) },
  container_exact_state: { uncheckable: true, read: (value) => containerStates(value, true) },
  container_has_owner: { uncheckable: true, read: (value) => flag(value, ofContainer("hasOwner")) },
  container_has_token: { uncheckable: true, read: (value) => flag(value, ofContainer("hasToken")) },
  container_type: {
    uncheckable: true,
    read: (value) => async (facts) => {
      const type = (await facts.container())?.type;
      return type === undefined ? undefined : type === value;
    },
  },
  container_realm: { uncheckable: true, read: (value) => oneOf(value, ofContainer("realms")) },
  container_resolver: {
    uncheckable: true,
    read: (value) => oneOf(value, ofContainer("resolvers")),
  },
  container_info: {
    uncheckable: true,
    read: (value) => keyed(value, infoOf(ofContainer("info"))),
  },
  container_last_authentication: {
    uncheckable: true,
    read: (value) => containerAge(value, "lastAuthentication"),
  },
  container_last_synchronization: {
    uncheckable: true,
    read: (value) => containerAge(value, "lastSynchronization"),
  },
};

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null ? { ...value } : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
