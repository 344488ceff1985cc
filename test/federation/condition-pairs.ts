import type { ChallengeFacts, ContainerFacts, TokenFacts, UserFacts } from "concordat/federation";
import { Random } from "../loss/random.js";

const now = "2026-11-22T12:00:00+00:00";

/** What is known to the conditions, here and there; instants are in ISO 8601. */
export interface KnownFacts {
  readonly now: number;
  readonly address: string;
  readonly role: "admin" | "user";
  readonly user: Required<UserFacts>;
  readonly token: Dated<Required<TokenFacts>>;
  readonly container: Dated<Required<Omit<ContainerFacts, "hasOwner" | "hasToken">>> & {
    readonly serial: string;
    readonly tokens: readonly [];
  };
  readonly challenges: readonly Required<ChallengeFacts>[];
  readonly counters: Readonly<Record<string, number>>;
  readonly answer: object;
}

type Dated<T> = { readonly [K in keyof T]: T[K] extends Date ? string : T[K] };

export const knownFacts: KnownFacts = {
  now: Date.parse(now),
  address: "10.1.2.3",
  role: "admin",
  user: {
    realm: "realm1",
    resolver: "ldap",
    tokenCount: 2,
    containerCount: 1,
    info: {
      mail: "alice@example.com",
      groups: ["staff", "x"],
      one: ["staff"],
      since: "2026-01-01",
      number: "10",
      none: "",
    },
  },
  token: {
    serial: "HOTP1",
    type: "hotp",
    realms: ["realm1", "realm2"],
    resolvers: ["ldap"],
    isLocked: false,
    hasOwner: true,
    isOrphaned: false,
    isInValidityPeriod: true,
    isInContainer: false,
    rolloutState: "",
    otpCounter: 7,
    failCounter: 3,
    authenticationCount: 10,
    authenticationSuccessCount: 8,
    lastAuthentication: "2026-11-22T10:00:00+00:00",
    info: {
      hashlib: "sha1",
      text: "Änne ß, x",
      number: "10",
      negative: "-3",
      spaced: " 10 ",
      fraction: "1.5",
      long: "12345678901234567890",
      none: "",
      day: "2026-11-20",
      naive: "2026-11-22 11:00:00.5",
      aware: "2026-11-22T12:30:00+01:00",
      stamp: "20261122T103000Z",
    },
  },
  container: {
    serial: "SMPH1",
    type: "smartphone",
    states: ["active", "lost"],
    tokens: [],
    realms: ["realm1"],
    resolvers: ["ldap"],
    info: { registration_state: "registered", number: "10" },
    lastAuthentication: "2026-11-22T11:59:00+00:00",
    lastSynchronization: "2026-11-21T12:00:00+00:00",
  },
  challenges: [{ session: "enrollment", isExpired: false }],
  counters: { logins: 1_000, none: 0 },
  answer: {
    detail: { message: "wrong otp value", error: { message: "ERR905: inner" } },
    result: { status: true, value: false, authentication: "REJECT" },
  },
};

/** A condition, and the value that a rule gives it. */
export interface ConditionPair {
  readonly name: string;
  readonly value: string;
}

const truths = ["True", "true", "TRUE", "1", "False", "false", "0", "", "yes", " True"];
const counts = [-3, 0, 1, 2, 3, 7, 8, 10, 11, 999, 1_000].map(String);
const plain = ["==", "!=", "<=", "=<", ">=", "=>", "<", ">", "="];
const quoted = [
  "equals",
  "!equals",
  "contains",
  "!contains",
  "matches",
  "!matches",
  "in",
  "!in",
  "<",
  ">",
  "==",
  "!=",
  "<=",
  ">=",
  "date_before",
  "date_after",
  "date_within_last",
  "!date_within_last",
  "string_contains",
  "!string_contains",
].map((name) => `'${name}'`);
const comparators = [...plain, ...quoted];
const numbers = comparators.flatMap((comparator) =>
  counts.flatMap((count) => [`${comparator}${count}`, ` ${comparator} ${count} `]),
);
const oddNumbers = [
  "",
  " ",
  "abc",
  "1.5",
  "<",
  "3 <",
  "5 < 8",
  "+7",
  "<1_0",
  "٣",
  "==7==7",
  "= =7",
  "0x7",
];
const durations = [
  "30s",
  "2m",
  "1h",
  "3h",
  "1d",
  "2d",
  "1y",
  "-1h",
  "+3h",
  " 3 h ",
  "3",
  "h",
  "",
  "1w",
  "1H",
];
const lists = (one: string, other: string): readonly string[] => [
  one,
  other,
  `${one},${other}`,
  `${other},${one}`,
  `none,${other}`,
  "none",
  "",
  ",",
  `${one},`,
  one.toUpperCase(),
  one.slice(1),
  `${one} ${other}`,
  `${other}, ${one}`,
];
const rights = [
  "sha1",
  "SHA1",
  "sha.*",
  "sha",
  "10",
  "9",
  "11",
  "1",
  "-3",
  "1.5",
  "",
  "0",
  "staff",
  "staff,x",
  "x",
  "sha1, sha256",
  '"sha1",x',
  "änne",
  "Änne ß, x",
  "a,lice@example.com",
  "alice@example.com",
  ".*@example.com",
  "12345678901234567891",
  "12345678901234567890",
  "registered",
  "2026-11-20",
  "2026-11-22T11:00:00.5",
  "2026-11-22T11:00:00Z",
  "2026-11-22 11:30:00+00:00",
  "20261122T113000Z",
  "2026-11",
  "{now}",
  "{now}-30m",
  "{now}+1d",
  "{now}-2d",
  "30m",
  "2h",
  "3d",
  "(",
  "sha1{1}",
  "{current_time}",
  "1000",
  "999",
];
const keyed = (keys: readonly string[]): readonly string[] =>
  keys.flatMap((key) =>
    comparators.flatMap((comparator) =>
      rights.flatMap((right) => [`${key} ${comparator} ${right}`, `${key}${comparator}${right}`]),
    ),
  );
const patterns = [
  "HOTP",
  "H.*1$",
  "OTP",
  "^wrong",
  "value$",
  "(?i)WRONG",
  "ERR\\d+",
  "ERR905: inner",
  "enroll",
  "rollment",
  "enrollment$",
  "challenge_declined",
  ".*",
  "",
  "a|b",
  "(",
  "otp{1}",
  "[A-Z]{3}",
  "inner|outer",
];

/** Values of a condition, and what part of all the pairs they are. */
const values: Readonly<Record<string, readonly [part: number, values: readonly string[]]>> = {
  client_ip: [
    1,
    [
      "10.1.2.3",
      "10.0.0.0/8",
      "10.1.2.99/24",
      "10.1.2.3, 192.168.0.1",
      "192.168.0.0/16",
      "192.168.0.0/16,10.1.2.3",
      "10.0.0.0/8, !10.1.2.3",
      "10.0.0.0/8, -10.1.2.0/24",
      "!10.1.2.3",
      "!10.9.9.9",
      "",
      ",",
      "10.0.0.0/255.0.0.0",
      "::/0",
      "0.0.0.0/0",
      "example.com",
      "::ffff:10.1.2.3",
    ],
  ],
  realm: [1, lists("realm1", "realm2")],
  resolver: [1, lists("ldap", "sql")],
  user_info: [8, keyed(["mail", "groups", "one", "since", "number", "none", "phone", ""])],
  user_token_number: [2, [...numbers, ...oddNumbers]],
  user_container_number: [2, [...numbers, ...oddNumbers]],
  logged_in_user: [1, ["admin", "user", "", "admin,user", "Admin", "user,admin", " admin"]],
  result_value: [1, truths],
  result_status: [1, truths],
  result_authentication: [
    1,
    ["ACCEPT", "REJECT", "reject", "", "ACCEPT,REJECT", "REJECT ", "DECLINED"],
  ],
  detail_message: [1, patterns],
  detail_error_message: [1, patterns],
  challenge_session: [1, patterns],
  challenge_expired: [1, truths],
  serial: [1, patterns],
  tokenrealm: [1, lists("realm1", "realm3")],
  tokenresolver: [1, lists("ldap", "sql")],
  tokentype: [1, lists("hotp", "totp")],
  token_locked: [1, truths],
  token_has_owner: [1, truths],
  token_is_orphaned: [1, truths],
  token_validity_period: [1, truths],
  token_is_in_container: [1, truths],
  rollout_state: [1, ["", "enrolled", "clientwait", "Enrolled", "enrolled,clientwait"]],
  tokeninfo: [16, keyed([...Object.keys(knownFacts.token.info), "unknown"])],
  last_auth: [1, durations],
  otp_counter: [2, [...numbers, ...oddNumbers]],
  failcounter: [2, [...numbers, ...oddNumbers]],
  count_auth: [2, [...numbers, ...oddNumbers]],
  count_auth_success: [2, [...numbers, ...oddNumbers]],
  count_auth_fail: [2, [...numbers, ...oddNumbers]],
  counter: [4, keyed(["logins", "none", "unknown"])],
  container_state: [1, lists("active", "lost")],
  container_exact_state: [1, [...lists("active", "lost"), "active,active"]],
  container_has_owner: [1, truths],
  container_has_token: [1, truths],
  container_type: [1, ["smartphone", "generic", "", "smartphone,generic", "Smartphone"]],
  container_realm: [1, lists("realm1", "realm2")],
  container_resolver: [1, lists("ldap", "sql")],
  container_info: [4, keyed(["registration_state", "number", "unknown"])],
  container_last_authentication: [1, durations],
  container_last_synchronization: [1, durations],
};

/** Pairs that are among them in any case: what is rare. */
const always: readonly ConditionPair[] = [
  { name: "failcounter", value: "<٣" },
  { name: "failcounter", value: "٣" },
  { name: "container_info", value: "registration_state < {now}" },
];

/** Conditions and values, the same ones each time; all that there are, if as many are asked for. */
export function conditionPairs(count: number): readonly ConditionPair[] {
  const random = new Random(14);
  const parts = Object.values(values).reduce((sum, [part]) => sum + part, 0);
  const chosen = Object.entries(values).flatMap(([name, [part, all]]) =>
    random
      .shuffled(all)
      .slice(0, Math.ceil((count * part) / parts))
      .map((value) => ({ name, value })),
  );
  return [...always, ...chosen];
}
