import type { TokenFacts } from "../condition-source.js";
import type { Facts } from "../facts.js";
import type { ConditionType, Decide } from "./condition-type.js";
import { age, flag, infoOf, keyed, number, oneOf, pattern, singly } from "./values.js";

/** The conditions about a token, and about counters. */
export const tokenConditions: Readonly<Record<string, ConditionType>> = {
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
};

/** Tokens that were enrolled by an older release have an empty state. */
function rolloutState(value: string): Decide {
  const named = (state: string): string => (state === "" ? "enrolled" : state);
  return async (facts) => {
    const state = (await facts.token())?.rolloutState;
    return state === undefined ? undefined : named(state) === named(value);
  };
}

function tokenAge(value: string): Decide {
  const dated = async (facts: Facts): Promise<{ readonly date: Date | undefined } | undefined> => {
    const token = await facts.token();
    return token === undefined ? undefined : { date: token.lastAuthentication };
  };
  return age(value, dated, (actual, limit) => actual > limit);
}

function ofToken<K extends keyof TokenFacts>(name: K) {
  return async (facts: Facts): Promise<TokenFacts[K] | undefined> => (await facts.token())?.[name];
}
